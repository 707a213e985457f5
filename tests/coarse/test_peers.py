"""DCMH, DJSRH, JDSH and DGCPN: steps against their equations, training, what comes of it, and resuming."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ficoitr
from ficoitr.data import load_dataset
from ficoitr.errors import CategoryError, OptionError
from ficoitr.models.coarse.dcmh import DCMHConfig, DCMHRecipe
from ficoitr.models.coarse.dgcpn import DGCPNConfig, DGCPNRecipe
from ficoitr.models.coarse.djsrh import DJSRHConfig, DJSRHRecipe
from ficoitr.models.coarse.gram_losses import coherence_losses
from ficoitr.models.coarse.jdsh import JDSHConfig, JDSHRecipe
from ficoitr.models.coarse.peers import DCMH, DGCPN, DJSRH, JDSH
from ficoitr.models.coarse.similarity_targets import SimilarityDistribution
from ficoitr.models.training import FeaturePairs, Recipe, train
from ficoitr.models.training.config import preset_names, read_config

MODELS = {"dcmh": DCMH, "djsrh": DJSRH, "jdsh": JDSH, "dgcpn": DGCPN}
CONFIGS = {"dcmh": DCMHConfig, "djsrh": DJSRHConfig, "jdsh": JDSHConfig, "dgcpn": DGCPNConfig}
TRAINING = {"epochs": 4, "batch_size": 50, "drop_last": False, "save_seconds": 0}
NAMES = pytest.mark.parametrize("name", list(MODELS))
CPU = torch.device("cpu")


def small(name: str, **settings: Any) -> Any:
    chosen = {"bits": 16, "hidden": 32, "training": TRAINING, **settings}
    return read_config(CONFIGS[name], name, preset="small", settings=chosen)


def pairs_of_topics(n_pairs: int = 302, n_topics: int = 6) -> FeaturePairs:
    """Pairs whose images and texts are noisy views of a few topics; the last batch of 50 holds two."""
    generator = np.random.default_rng(0)
    topics = generator.integers(n_topics, size=n_pairs)
    views = [generator.normal(size=(n_topics, width))[topics] for width in (20, 30)]
    images, texts = (np.maximum(one + generator.normal(size=one.shape), 0).astype(np.float32) for one in views)
    return FeaturePairs(images, texts, np.arange(n_pairs), np.eye(n_topics, dtype=bool)[topics])


def recipe_of(name: str, config: Any, pairs: FeaturePairs) -> Recipe:
    torch.manual_seed(0)
    return MODELS[name](**config.model_dump())._recipe(config.network(20, 30), pairs, 0)


def tensors_of(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, (list, tuple)) else ()
    return [tensor for one in inner for tensor in tensors_of(one)]


@NAMES
def test_an_interrupted_training_comes_to_the_same_weights(name: str, tmp_path: Path) -> None:
    config, pairs = small(name), pairs_of_topics()
    expected = recipe_of(name, config, pairs)
    train(expected, pairs, config.training)
    # In the middle of the third epoch, which trains DCMH's images once more.
    interrupted = recipe_of(name, config, pairs)
    step, taken = interrupted.step, []

    def stopping(batch):
        taken.append(batch)
        if len(taken) == 17:
            raise KeyboardInterrupt
        return step(batch)

    interrupted.step = stopping
    with pytest.raises(KeyboardInterrupt):
        train(interrupted, pairs, config.training, folder=tmp_path)
    found = recipe_of(name, config, pairs)
    train(found, pairs, config.training, folder=tmp_path)
    states = tensors_of(expected.state_dict()), tensors_of(found.state_dict())
    assert len(states[0]) == len(states[1]) > 8
    assert all(torch.equal(one, other) for one, other in zip(*states, strict=True))


@NAMES
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_which_pairs_are_alike(name: str, precision: str) -> None:
    # DCMH has a network wait while the other is trained, and begins with random codes.
    epochs = 80 if name == "dcmh" else 20
    settings = {"training": {**TRAINING, "epochs": epochs, "precision": precision}}
    config, pairs = small(name, **settings, **({"neighbours": 30} if name == "dgcpn" else {})), pairs_of_topics()
    batch = pairs.batch(np.arange(len(pairs)), CPU)
    values = []
    for trained in (False, True):
        recipe = recipe_of(name, config, pairs)
        if trained:
            train(recipe, pairs, config.training)
        with torch.no_grad():
            codes = [recipe.network.encode_images(batch.images), recipe.network.encode_texts(batch.texts)]
        evaluation = ficoitr.evaluate(
            *(ficoitr.HashCodes.from_values(one.numpy()) for one in codes),
            captions_per_image=1,
            categories=pairs.labels,
            resamples=0,
        )
        values.append(evaluation["category.i2t.mAP@N"].value)
    assert values[0] < 0.35
    assert values[1] > 0.6


@NAMES
def test_two_pairs_are_a_batch(name: str) -> None:
    config, pairs = small(name), pairs_of_topics(2)
    recipe = recipe_of(name, config, pairs)
    before = copy.deepcopy(recipe.weights())
    train(recipe, pairs, config.training)
    assert any(not torch.equal(one, before[key]) for key, one in recipe.weights().items())


@pytest.fixture(scope="module")
def wiki(test_data: Path):
    return load_dataset("wiki", test_data / "wiki")


@NAMES
def test_real_pairs(name: str, wiki, tmp_path: Path) -> None:
    """Trained on Wikipedia's articles it leaves chance, .12, clearly; codes differ, and are saved and loaded."""
    options = read_config(MODELS[name].config_class, name, preset="small", settings={"bits": 32, "hidden": 128})
    choice = {"features": "sift", "text_features": "lda"}
    model = MODELS[name](**{**options.model_dump(), **choice}).fit(wiki.split("train"), seed=1)
    test = wiki.split("test")
    evaluation = ficoitr.evaluate(
        model.encode_images(test),
        model.encode_texts(test),
        text_to_image=test.text_to_image,
        categories=test.categories,
        resamples=0,
    )
    found = {direction: evaluation[f"category.{direction}.mAP@N"].value for direction in ("i2t", "t2i")}
    assert found["i2t"] > 0.2
    assert found["t2i"] > 0.16
    for values in (model.image_values(test).values, model.text_values(test).values):
        assert len(np.unique(values >= 0, axis=0)) > 150
        # No bit is the same in all but a few.
        shares = (values >= 0).mean(axis=0)
        assert np.minimum(shares, 1 - shares).mean() > 0.1
    model.save(tmp_path / "model.safetensors")
    loaded = MODELS[name].load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.encode_images(test).words, model.encode_images(test).words)


@NAMES
def test_presets(name: str) -> None:
    configs = {preset: read_config(CONFIGS[name], name, preset=preset) for preset in preset_names(name)}
    assert configs["mirflickr25k"] == CONFIGS[name]()
    assert configs["small"].hidden < 1024
    assert configs["small"].training.epochs <= 30
    with pytest.raises(OptionError, match="has no setting 'image_shar'"):
        read_config(CONFIGS[name], name, settings=["image_shar=1"])


def test_the_settings_of_other_datasets() -> None:
    djsrh = {name: read_config(DJSRHConfig, "djsrh", preset=name) for name in ("nus-wide-tc10", "wiki")}
    assert (djsrh["nus-wide-tc10"].image_share, djsrh["wiki"].image_share) == (0.6, 0.3)
    assert djsrh["wiki"].training.epochs == 200
    jdsh = read_config(JDSHConfig, "jdsh", preset="nus-wide-tc10")
    assert (jdsh.image_similarity, jdsh.text_similarity, jdsh.mutual_similarity) == (0.4, 0.3, 0.3)
    assert jdsh.distribution is not None
    assert jdsh.distribution.highest == 0.75


def test_dcmh_takes_turns() -> None:
    """An epoch changes one network; codes are set after both; the learning rate falls with each round."""
    config, pairs = small("dcmh", optimiser="sgd", learning_rate=0.1), pairs_of_topics()
    recipe = recipe_of("dcmh", config, pairs)
    assert isinstance(recipe, DCMHRecipe)
    rows = np.arange(len(pairs))
    for epoch, changed in enumerate(("image", "text", "image", "text")):
        before = copy.deepcopy(recipe.state_dict())
        recipe.start_epoch(epoch)
        assert recipe.optimisers["image"].param_groups[0]["lr"] == pytest.approx([0.1, 0.050_000_5][epoch // 2])
        recipe.step(pairs.batch(rows[:50], CPU))
        recipe.end_epoch(epoch)
        for side in ("image", "text"):
            same = [torch.equal(one, before["network"][key]) for key, one in recipe.weights().items() if side in key]
            assert any(same) == (side != changed)
            buffer = recipe.outputs[side]
            assert torch.equal(buffer[50:], before["outputs"][side][50:])
            assert torch.equal(buffer[:50], before["outputs"][side][:50]) == (side != changed)
        if epoch % 2:
            total = recipe.outputs["image"] + recipe.outputs["text"]
            assert torch.equal(recipe.codes, torch.where(total >= 0, 1.0, -1.0))
        else:
            assert torch.equal(recipe.codes, before["codes"])


@pytest.mark.parametrize("balance", ["latest", "extrapolated"])
def test_a_step_of_dcmh_is_that_of_its_equation(balance: str) -> None:
    """The same step by automatic differentiation of the whole objective, written out anew."""
    config = small("dcmh", optimiser="sgd", learning_rate=0.5, balance=balance)
    pairs = pairs_of_topics()
    recipe = recipe_of("dcmh", config, pairs)
    rows = np.array([5, 100, 3, 7])
    network = copy.deepcopy(recipe.network)
    batch = pairs.batch(rows, CPU)
    values = network.encode_images(batch.images)
    images, texts = recipe.outputs["image"].clone(), recipe.outputs["text"]
    others = torch.tensor([i for i in range(len(pairs)) if i not in rows])
    elsewhere = images[others].sum(dim=0)
    if balance == "extrapolated":
        elsewhere = images.sum(dim=0) + len(pairs) / 4 * (values - images[rows]).sum(dim=0).detach()
        elsewhere = elsewhere - values.sum(dim=0).detach()
    loss = config.quantization_weight * (recipe.codes[rows] - values).square().sum()
    loss = loss + config.balance_weight * (elsewhere + values.sum(dim=0)).square().sum()
    for i, row in enumerate(rows):
        for j in range(len(pairs)):
            angle = values[i] @ texts[j] / 2
            similar = float((pairs.labels[row] & pairs.labels[j]).any())
            loss = loss - (similar * angle - torch.log1p(torch.exp(angle)))
    loss = loss / (4 * len(pairs))
    torch.autograd.backward(loss)
    recipe.start_epoch(0)
    losses = recipe.step(batch)
    assert losses["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    for one, other in zip(recipe.network.image.parameters(), network.image.parameters(), strict=True):
        torch.testing.assert_close(one, other - 0.5 * other.grad)


def test_dcmh_without_labels() -> None:
    config, pairs = small("dcmh"), pairs_of_topics()
    pairs.labels[::2] = False
    recipe = recipe_of("dcmh", config, pairs)
    train(recipe, pairs, config.training)
    assert all(torch.isfinite(one).all() for one in tensors_of(recipe.state_dict()))
    pairs.labels[:] = False
    with pytest.raises(CategoryError, match="no training pair has a label"):
        recipe_of("dcmh", config, pairs)
    scenes = load_dataset("scenes", train=10, validation=0, test=2).split("train")
    with pytest.raises(CategoryError, match="'dcmh' learns from labels"):
        DCMH().fit(replace(scenes, categories=None, category_names=()))


def test_a_batch_of_dgcpn_takes_three_steps() -> None:
    """Both networks, then the images' against the texts' signs, then the reverse."""
    config = small("dgcpn", optimiser="sgd", momentum=0.0, weight_decay=0.0, neighbours=20)
    config = config.model_copy(update={"image_learning_rate": 0.1, "text_learning_rate": 0.2})
    pairs = pairs_of_topics()
    recipe = recipe_of("dgcpn", config, pairs)
    assert isinstance(recipe, DGCPNRecipe)
    network, batch = copy.deepcopy(recipe.network), pairs.batch(np.arange(9), CPU)
    rates = {"image": 0.1, "text": 0.2}
    for learning in (("image", "text"), ("image",), ("text",)):
        codes = [network.image(batch.images).tanh(), network.text(batch.texts).tanh()]
        codes = [one if side in learning else one.detach().sign() for side, one in zip(rates, codes, strict=True)]
        parts = coherence_losses(*codes, recipe.target(batch), pair_target=1.5)
        network.zero_grad()
        torch.autograd.backward(sum(parts.values()))
        with torch.no_grad():
            for side in learning:
                for parameter in network.get_submodule(side).parameters():
                    parameter -= rates[side] * parameter.grad
    recipe.step(batch)
    for one, other in zip(recipe.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_sharpening_leaves_the_signs() -> None:
    config, pairs = small("djsrh"), pairs_of_topics()
    recipe = recipe_of("djsrh", config, pairs)
    assert isinstance(recipe, DJSRHRecipe)
    recipe.start_epoch(8)
    assert recipe.sharpness == 3
    batch = pairs.batch(np.arange(40), CPU)
    plain = recipe.network.encode_images(batch.images)
    sharp = recipe.network.encode_images(batch.images, recipe.sharpness)
    torch.testing.assert_close(sharp, torch.tanh(3 * torch.atanh(plain)))
    assert torch.equal(plain >= 0, sharp >= 0)


def test_jdsh_measures_what_it_trains_on() -> None:
    pairs = pairs_of_topics()
    recipe = recipe_of("jdsh", small("jdsh"), pairs)
    assert isinstance(recipe, JDSHRecipe)
    measured = recipe.distribution
    assert -1 <= measured.lowest < measured.mode < measured.highest <= 1
    given = SimilarityDistribution(mode=0, left_scale=1, right_scale=1, lowest=-1, highest=1)
    recipe = recipe_of("jdsh", small("jdsh").model_copy(update={"distribution": given}), pairs)
    assert recipe.distribution == given
    # No similarity lies 2 below or 4 above: nothing is weighted.
    batch = pairs.batch(np.arange(30), CPU)
    torch.testing.assert_close(recipe.target(batch), 1.47 * recipe._similarities(batch))
