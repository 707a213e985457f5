"""DADH against numbers of its authors' code, and against its equations."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ficoitr
from coarse.test_ucch import close, pairs_of_topics, signs
from ficoitr import HashCodes
from ficoitr.errors import CategoryError, FileFormatError
from ficoitr.models.coarse.dadh import DADHRecipe
from ficoitr.models.coarse.dadh_config import DADHConfig
from ficoitr.models.coarse.dadh_losses import (
    cosine_distances,
    cross_modal_triplet_loss,
    fake_loss,
    gradient_penalty,
    label_projection,
    rank_weights,
    real_loss,
    triplet_loss,
)
from ficoitr.models.coarse.dadh_networks import DADHDiscriminators, DADHGenerator
from ficoitr.models.training import Batch, FeaturePairs, TrainingConfig, train
from ficoitr.models.training.config import preset_names, read_config
from golden.formula import fill, formula

LR = 5e-5
RANK_SCALE = 12.1  # 10 · 1.1², within the published triplet term
# Batch normalisation takes a constant off again: these gradients are 0, and Adam steps by the sign of their rounding.
BEFORE_NORMALISATION = {f"{side}_module.{layer}.bias" for side in ("image", "text") for layer in (0, 3, 6)}


class Recorded(DADHRecipe):
    """Mixing coefficients as they were recorded: of the features, then of the codes."""

    recorded: list[Tensor]

    def draw_mixing(self, real):
        mixing = self.recorded.pop(0)
        assert mixing.shape == real.shape
        return mixing


class Case:
    """The golden file: its arrays as tensors, and a recipe that stands where it begins."""

    def __init__(self, golden: Path) -> None:
        with np.load(golden / "DADH" / "small_alpha10.npz") as file:
            self.arrays = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
        self.config = DADHConfig(bits=16, hidden=64)
        generator = DADHGenerator.from_published(self.part("init/gen/"))
        discriminators = DADHDiscriminators(bits=16, hidden=64)
        discriminators.load_state_dict(self.part("init/dis/"))
        self.recipe = Recorded(generator, discriminators, self["in/labels"], self.config)
        self.recipe.codes.copy_(self["in/B0"])
        self.names = (golden / "DADH" / "gen_param_order.txt").read_text().split()

    def __getitem__(self, key: str) -> Tensor:
        return self.arrays[key]

    def part(self, prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): one for key, one in self.arrays.items() if key.startswith(prefix)}

    def batch(self, step: int) -> Batch:
        rows = self[f"step{step}/ind"]
        self.recipe.recorded = [self[f"step{step}/gp_alpha_{name}"] for name in ("feature", "hash")]
        return Batch(rows, rows, self["in/images"][rows], self["in/texts"][rows], self["in/labels"][rows])


@pytest.fixture
def case(golden: Path) -> Case:
    return Case(golden)


@torch.no_grad()
def compare_outputs(generator: DADHGenerator, case: Case, prefix: str, *, atol: float) -> None:
    generator.eval()
    for side, encode in (("img", generator.encode_images), ("txt", generator.encode_texts)):
        found = encode(case["in/images" if side == "img" else "in/texts"])
        close(found, case[f"{prefix}/h_{side}"], atol=atol)
        if f"{prefix}/code_{side}" in case.arrays:
            sure = found.abs() > 1e-6
            assert torch.equal(signs(found)[sure], case[f"{prefix}/code_{side}"][sure])


def compare_weights(case: Case, prefix: str, *, steps: int) -> None:
    for part, network, rate in (
        ("gen", case.recipe.generator, LR),
        ("dis", case.recipe.discriminators, LR),
    ):
        expected = case.part(f"{prefix}/{part}/")
        assert list(network.state_dict()) == list(expected)
        for name, found in network.state_dict().items():
            if not found.is_floating_point():
                assert torch.equal(found, expected[name]), name
            elif "running" in name:
                # The mean of what a bias without a gradient is added to.
                close(found, expected[name], rtol=1e-5, atol=2 * rate * steps)
            else:
                close(found, expected[name], rtol=0, atol=2 * rate * steps)
                if name not in BEFORE_NORMALISATION:
                    assert (found - expected[name]).abs().median() < 1e-6, name


def test_outputs_before_training(case: Case) -> None:
    assert [name for name, _ in case.recipe.generator.named_parameters()] == case.names
    compare_outputs(case.recipe.generator, case, "eval0", atol=1e-6)
    with torch.no_grad():
        close(case.recipe.generator.image_module(case["in/images"]), case["eval0/f_img"])
        close(case.recipe.generator.text_module(case["in/texts"]), case["eval0/f_txt"])


def test_triplets(case: Case) -> None:
    """The weights, the mask and the distances of the first step; both of the former hold a factor of 1.1."""
    labels = case["in/labels"][case["step0/ind"]]
    shared = labels @ labels.T
    weights = 1.1 * (rank_weights(shared)[:, :, None] - rank_weights(shared)[:, None])
    mask = 1.1 * ((shared > 0)[:, :, None] & (shared == 0)[:, None])
    close(weights, case["step0/triplet_weight"])
    close(mask, case["step0/triplet_mask"])
    close(cosine_distances(case["step0/out/h_i"], case["step0/out/h_t"]), case["step0/cos_distance_i2t"])


def test_steps(case: Case) -> None:
    recipe, config = case.recipe, case.config
    for number in range(4):
        batch, expected = case.batch(number), case.part(f"step{number}/")
        # After a step, biases without a gradient differ by rounding, and so does all that follows, ever so little.
        tolerance = {"rtol": 1e-5, "atol": 1e-6} if number == 0 else {"rtol": 2e-5, "atol": 5e-6}
        generator, judges = (
            copy.deepcopy(recipe.generator).train(),
            copy.deepcopy(recipe.discriminators),
        )
        features = {"i": generator.image_module(batch.images), "t": generator.text_module(batch.texts)}
        outputs = {"i": generator.hash_images(features["i"]), "t": generator.hash_texts(features["t"])}
        for side in ("i", "t"):
            close(features[side], expected[f"out/f_{side}"], **tolerance)
            close(outputs[side], expected[f"out/h_{side}"], **tolerance)
        close(outputs["t"], expected["out/h_t_detach"], **tolerance)
        for name, judge, real, fake in (
            ("feature", judges.feature_dis, features["i"], features["t"]),
            ("hash", judges.hash_dis, outputs["i"], outputs["t"]),
        ):
            close(real_loss(judge(real)), expected[f"out/D_real_{name}"], **tolerance)
            close(fake_loss(judge(fake)), expected[f"out/D_fake_{name}"], **tolerance)
            penalty = 10 * gradient_penalty(judge, real, fake, expected[f"gp_alpha_{name}"])
            close(penalty, expected[f"out/{name}_gradient_penalty"], **tolerance)
        labels = case["in/labels"][batch.rows]
        weights, positive = rank_weights(labels @ labels.T), labels @ labels.T > 0
        distances = cosine_distances(outputs["i"], outputs["t"])
        for name, one in (("i2t", distances), ("t2i", distances.T)):
            found = RANK_SCALE * triplet_loss(one, positive, weights, margin=0.4)
            close(found, expected[f"out/tri_{name}"], **tolerance)
        for side in ("i", "t"):
            distance = (recipe.codes[batch.rows] - outputs[side]).square().sum()
            close(distance, expected[f"out/{side}_ql"], **tolerance)

        losses = recipe.step(batch)
        close(RANK_SCALE * losses["triplet"], expected["out/weighted_cos_tri"], **tolerance)
        close(losses["quantization"], expected["out/loss_quant"], **tolerance)
        close(losses["adversarial_features"], expected["out/loss_adver_feature"], **tolerance)
        close(losses["adversarial_codes"], expected["out/loss_adver_hash"], **tolerance)
        close(losses["loss"], expected["out/err"], **tolerance)
        for name, key in (("features", "feature"), ("codes", "hash")):
            parts = ("D_real_{}", "D_fake_{}", "{}_gradient_penalty")
            total = sum(expected[f"out/{part.format(key)}"] for part in parts)
            close(losses[f"discriminator_{name}"], total, **tolerance)
        compare_gradients(case, number, config.hidden)
        if number == 0:
            compare_weights(case, "after_step0", steps=1)
        if number % 2:
            compare_epoch(case, number // 2)
    compare_weights(case, "final", steps=4)
    # In evaluation those biases count, since the running means lag behind them.
    compare_outputs(recipe.generator, case, "final_eval", atol=1e-3)
    recipe.load_weights(case.part("final/gen/"))
    compare_outputs(recipe.generator, case, "final_eval", atol=1e-6)


def compare_gradients(case: Case, number: int, hidden: int) -> None:
    recipe = case.recipe
    for part, network, names in (
        ("gen", recipe.generator, case.names),
        ("dis_feature", recipe.discriminators.feature_dis, None),
        ("dis_hash", recipe.discriminators.hash_dis, None),
    ):
        parameters = dict(network.named_parameters())
        assert all(one.grad is not None for one in parameters.values())
        norms = case[f"step{number}/gradnorm/{part}"]
        for (name, parameter), norm in zip(parameters.items(), norms, strict=True):
            assert isinstance(parameter.grad, Tensor)
            # Where the true gradient is 0, rounding is all there is.
            atol = 2e-3 if name in BEFORE_NORMALISATION else 1e-6
            close(parameter.grad.norm(), norm, rtol=1e-4, atol=atol)
            if number == 0:
                key = f"gen/{name}" if names else f"dis/{part.removeprefix('dis_')}_dis.{name}"
                close(parameter.grad, case[f"step0/grad/{key}"], rtol=1e-4, atol=max(atol, 1e-5 * float(norm)))


def compare_epoch(case: Case, epoch: int) -> None:
    recipe, expected = case.recipe, case.part(f"epoch{epoch}/")
    close(recipe.image_outputs, expected["H_i"], atol=5e-6, rtol=2e-5)
    close(recipe.text_outputs, expected["H_t"], atol=5e-6, rtol=2e-5)
    projection = label_projection(case["in/labels"], recipe.codes, ridge=case.config.ridge)
    close(projection, expected["P"])
    recipe.end_epoch(epoch)
    values = case["in/labels"] @ projection + 0.5e-5 * (expected["H_i"] + expected["H_t"])
    sure = values.abs() > 1e-6
    assert sure.float().mean() > 0.9
    assert torch.equal(recipe.codes[sure], expected["B"][sure])
    assert set(recipe.codes.unique().tolist()) <= {-1.0, 1.0}
    rates = {name: one.param_groups[0]["lr"] for name, one in recipe.optimisers.items()}
    assert rates["generator"] == pytest.approx(expected["lr_after"].item())
    assert rates["features"] == rates["codes"] == LR


def test_full_size(golden: Path) -> None:
    generator, discriminators = DADHConfig().networks(4096, 1386)
    fill(generator, 1).eval()
    fill(discriminators, 101)
    expected = {key: torch.from_numpy(one) for key, one in np.load(golden / "DADH" / "fullsize_eval.npz").items()}
    close(generator.image_module[0].weight.flatten()[:8], expected["first_weights"])
    with torch.no_grad():
        images = generator.image_module(torch.from_numpy(formula((3, 4096), 301)))
        texts = generator.text_module(torch.from_numpy((formula((3, 1386), 302) > 0.6).astype(np.float32)))
        # Sums of thousands: the recorded features, of up to 7, are 5e-6 away from those of float64.
        close(images, expected["f_img"], atol=1e-5)
        close(texts, expected["f_txt"], atol=1e-5)
        close(generator.hash_images(images), expected["h_img"], atol=5e-6)
        close(generator.hash_texts(texts), expected["h_txt"], atol=5e-6)
        close(discriminators.feature_dis(images)[:, 0], expected["dis_feature"], atol=5e-6)
        close(discriminators.hash_dis(generator.hash_images(images))[:, 0], expected["dis_hash"], atol=5e-6)
    listed = (golden / "DADH" / "state_dict_keys.txt").read_text()
    for network in (generator, discriminators):
        for key, tensor in network.state_dict().items():
            assert f"{key} {tuple(tensor.shape)} {tensor.dtype}" in listed


def test_mean_average_precision(golden: Path) -> None:
    """Over the first K hits wherever they are, queries without any counting as 0."""
    with np.load(golden / "DADH" / "map.npz") as file:
        arrays = dict(file)
    queries, candidates = len(arrays["q"]), len(arrays["r"])
    assert np.array_equal(arrays["hamming"], (256 - arrays["q"].astype(int) @ arrays["r"].T) / 2)
    keys = [key for key in arrays if key.startswith("map_k")]
    assert len(keys) == 3
    for key in keys:
        cutoff = key.removeprefix("map_k").replace("None", "N")
        found = ficoitr.evaluate(
            HashCodes.from_values(np.concatenate([arrays["q"], np.ones_like(arrays["r"])])),
            HashCodes.from_values(np.concatenate([np.ones_like(arrays["q"]), arrays["r"]])),
            text_to_image=np.arange(queries + candidates),
            categories=np.concatenate([arrays["ql"], arrays["rl"]]),
            queries=queries,
            protocol="dcmh",
            category_k=[cutoff],
            denominator="first",
            ties="index",
            resamples=0,
        )
        assert found[f"category.i2t.mAP@{cutoff}"].value == pytest.approx(float(arrays[key]), abs=1e-6), key


def every_triplet(distances: Tensor, positive: Tensor, weights: Tensor | None, margin: float) -> Tensor:
    """The same sum, over all n³ of them."""
    hinges = (distances[..., :, None] - distances[..., None, :] + margin).clamp(min=0)
    valid = positive[..., :, None] & ~positive[..., None, :]
    if weights is not None:
        hinges = hinges * weights[..., :, None]
    return (hinges * valid).sum()


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
@pytest.mark.parametrize("n_rows", [1, 2, 37])
def test_sorted_triplets_are_all_triplets(weighted: bool, share: float, n_rows: int) -> None:
    generator = torch.Generator().manual_seed(0)
    distances = torch.rand(2, n_rows, n_rows, generator=generator, dtype=torch.float64, requires_grad=True)
    positive = torch.rand(2, n_rows, n_rows, generator=generator) < share
    weights = torch.rand(2, n_rows, n_rows, generator=generator, dtype=torch.float64) if weighted else None
    found = triplet_loss(distances, positive, weights, margin=0.1)
    expected = every_triplet(distances, positive, weights, 0.1)
    torch.testing.assert_close(found, expected)
    assert (expected > 0) == (0 < share < 1 and n_rows > 2) or n_rows < 37
    one, other = (torch.autograd.grad(each, distances)[0] for each in (found, expected))
    torch.testing.assert_close(one, other)


def test_rows_without_labels_are_no_anchors() -> None:
    torch.manual_seed(0)
    images, texts = torch.randn(2, 4, 8)
    images.requires_grad_()
    labels = torch.tensor([[1.0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]])
    loss = cross_modal_triplet_loss(images, texts, labels, margin=0.4)
    weights = rank_weights(labels @ labels.T)
    assert torch.isfinite(loss)
    assert torch.equal(weights[3], torch.zeros(4))
    assert torch.isfinite(torch.autograd.grad(loss, images)[0]).all()
    without = [cosine_distances(images, texts)[:3], cosine_distances(texts, images)[:3]]
    mask = (labels @ labels.T > 0)[:3]
    expected = sum(every_triplet(one, mask, weights[:3], 0.4) for one in without)
    torch.testing.assert_close(loss, expected)


def test_no_logit_makes_a_loss_infinite() -> None:
    logits = torch.tensor([-200.0, 200.0], requires_grad=True)
    assert real_loss(logits).item() == fake_loss(logits).item() == 100.0
    (slopes,) = torch.autograd.grad(real_loss(logits), logits)
    assert slopes.tolist() == [-0.5, 0.0]


def test_published_options() -> None:
    assert DADHConfig.from_published(alpha=1).triplet_weight == pytest.approx(1.1)
    assert not DADHConfig.from_published(alpha=1).rank_weighted
    ablation = DADHConfig.from_published(beta=0, bits=16)
    assert (ablation.quantization_weight, ablation.bits) == (0.1, 16)
    assert ablation.triplet_weight == pytest.approx(10 * 10 * 0.1**2)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_checkpoints_name_their_sizes(dropout: float) -> None:
    network = DADHGenerator(12, 9, bits=8, hidden=32, dropout=dropout)
    found = DADHGenerator.from_published(network.state_dict())
    assert str(found) == str(network)
    assert ("image_module.4.running_mean" in found.state_dict()) == (dropout == 0)
    for checkpoint in ({}, {"image_module.0.weight": torch.ones(3)}, {**network.state_dict(), "more": torch.ones(1)}):
        with pytest.raises(FileFormatError, match="no weights of DADH"):
            DADHGenerator.from_published(checkpoint)


def batch_statistics(recipe: DADHRecipe) -> list[Tensor]:
    return [one for name, one in recipe.generator.text_module.state_dict().items() if "running" in name]


def test_the_second_pass_is_counted_without_being_computed() -> None:
    torch.manual_seed(0)
    images, texts, labels = torch.randn(20, 12), torch.rand(20, 9), torch.ones(20, 2)
    batch = Batch(torch.arange(20), torch.arange(20), images, texts)
    config = DADHConfig(bits=8, hidden=32)
    recipe = DADHRecipe(*config.networks(12, 9), labels, config)
    twice = copy.deepcopy(recipe.generator).train()
    for _ in range(2):
        twice.text_module(texts)
    once = DADHRecipe(
        copy.deepcopy(recipe.generator),
        recipe.discriminators,
        labels,
        DADHConfig(**{**dict(config), "second_text_pass": False}),
    )
    once.step(batch)
    recipe.step(batch)
    expected = [one for name, one in twice.text_module.state_dict().items() if "running" in name]
    for found, other, single in zip(batch_statistics(recipe), expected, batch_statistics(once), strict=True):
        close(found, other)
        assert not torch.allclose(found, single, atol=1e-4)


def pairs_with_labels() -> tuple[FeaturePairs, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    pairs, topics = pairs_of_topics()
    labels = topics[:, None] == np.arange(topics.max() + 1)
    labels[::29] = False
    return pairs, topics, labels


CONFIG = DADHConfig(
    bits=16,
    hidden=64,
    learning_rate=1e-3,
    dropout=0.2,
    training=TrainingConfig(epochs=4, batch_size=50, save_seconds=0),
)


def run(config: DADHConfig = CONFIG, recipe_class: type[DADHRecipe] = DADHRecipe, **options: Any) -> DADHRecipe:
    torch.manual_seed(0)
    pairs, _, labels = pairs_with_labels()
    recipe = recipe_class(*config.networks(20, 30), labels, config)
    train(recipe, pairs, config.training, **options)
    return recipe


class Stopping(DADHRecipe):
    """Stops in the middle of its third epoch."""

    steps = 0

    def step(self, batch):
        self.steps += 1
        if self.steps == 16:
            raise KeyboardInterrupt
        return super().step(batch)


def test_an_interrupted_training_comes_to_the_same_weights(tmp_path: Path) -> None:
    expected = run()
    with pytest.raises(KeyboardInterrupt):
        run(recipe_class=Stopping, folder=tmp_path)
    found = run(folder=tmp_path)
    assert all(torch.equal(one, found.weights()[name]) for name, one in expected.weights().items())
    assert torch.equal(expected.codes, found.codes)
    assert found.optimisers["generator"].param_groups[0]["lr"] == pytest.approx(8e-4)


@pytest.mark.parametrize("options", [{}, {"precision": "bfloat16"}, {"dropout": 0.3, "mixing": "row"}])
def test_it_learns_categories(options: dict[str, Any]) -> None:
    precision = options.pop("precision", "float32")
    values = []
    for epochs in (1, 15):
        training = TrainingConfig(epochs=epochs, batch_size=50, precision=precision)
        rate = 3e-3 if epochs > 1 else 1e-9
        recipe = run(DADHConfig(bits=16, hidden=64, learning_rate=rate, training=training, **options))
        recipe.generator.eval()
        pairs, topics, _ = pairs_with_labels()
        batch = pairs.batch(np.arange(len(pairs)), torch.device("cpu"))
        with torch.no_grad():
            codes = [recipe.generator.encode_images(batch.images), recipe.generator.encode_texts(batch.texts)]
        evaluation = ficoitr.evaluate(
            *(HashCodes.from_values(one.numpy()) for one in codes), captions_per_image=1, categories=topics, resamples=0
        )
        values.append(evaluation["category.i2t.mAP@N"].value)
    assert values[0] < 0.35
    assert values[1] > 0.75


def test_training_without_labels_is_refused() -> None:
    with pytest.raises(CategoryError, match="no training pair has a label"):
        DADHRecipe(*CONFIG.networks(20, 30), np.zeros((300, 4), dtype=bool), CONFIG)


def test_presets() -> None:
    assert preset_names("dadh") == ("mirflickr25k", "nus-wide-tc21", "small")
    configs = {name: read_config(DADHConfig, "dadh", preset=name) for name in preset_names("dadh")}
    assert configs["mirflickr25k"] == DADHConfig() == DADHConfig.from_published()
    assert (configs["nus-wide-tc21"].learning_rate, configs["nus-wide-tc21"].dropout) == (1e-5, 0.5)
    assert configs["small"].hidden < 2048
