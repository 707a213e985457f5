"""UCCH against numbers of its authors' code, and against its equations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ficoitr
from ficoitr import HashCodes
from ficoitr.errors import FileFormatError, OptionError
from ficoitr.models.coarse import ucch_losses
from ficoitr.models.coarse.models import UCCHOptions
from ficoitr.models.coarse.ucch import UCCHConfig, UCCHRecipe
from ficoitr.models.coarse.ucch_losses import (
    bank_logits,
    batch_logits,
    binary_keys,
    contrastive_loss,
    moved_rows,
    ranking_loss,
)
from ficoitr.models.coarse.ucch_networks import UCCHNetwork
from ficoitr.models.training import Batch, FeaturePairs, TrainingConfig, train
from ficoitr.models.training.clipping import clipped_step, gradient_norm
from ficoitr.models.training.config import preset_names, read_config
from golden.formula import fill, formula

LR = 1e-4
CASES = {
    "small_mir": UCCHConfig(bits=16, hidden=40, negatives=7),
    "small_default_layers_4_1": UCCHConfig(
        bits=8, hidden=40, negatives=5, image_layers=4, text_layers=1, contrastive_weight=0.9, shift=1.0
    ),
}


class Recorded(UCCHRecipe):
    """Negatives as they were recorded."""

    negatives: Tensor

    def draw_negatives(self, batch):
        assert len(batch) == len(self.negatives)
        return self.negatives[:, 1:]


class Case:
    """One golden file: its arrays as tensors, and a recipe that stands where it begins."""

    def __init__(self, golden: Path, name: str) -> None:
        with np.load(golden / "UCCH" / f"{name}.npz") as file:
            self.arrays = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
        self.config = CASES[name]
        checkpoint = {f"{side}_model_state_dict": self.part(f"init/{side}/") for side in ("image", "text")}
        self.network = UCCHNetwork.from_published(checkpoint)
        self.recipe = Recorded(self.network, len(self["in/images"]), self.config)
        self.recipe.bank.fill(self["init/memory"])
        lines = (golden / "UCCH" / f"param_order_{name}.txt").read_text().split()
        self.names = [line.replace("/", ".") for line in lines]

    def __getitem__(self, key: str) -> Tensor:
        return self.arrays[key]

    def part(self, prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): one for key, one in self.arrays.items() if key.startswith(prefix)}

    def batch(self, step: int) -> Batch:
        rows = self[f"step{step}/idx"]
        self.recipe.negatives = self.arrays.get(f"step{step}/neg_idx", torch.empty(0, 0))
        # A step before, in and after the warm-up epoch.
        self.recipe.start_epoch(int(self[f"step{step}/epoch_minus_warmup"]) + self.config.warmup_epochs)
        return Batch(rows, rows, self["in/images"][rows], self["in/texts"][rows])

    @property
    def steps(self) -> range:
        return range(sum(key.endswith("/idx") for key in self.arrays))


@pytest.fixture(params=CASES)
def case(golden: Path, request: pytest.FixtureRequest) -> Case:
    return Case(golden, request.param)


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


def signs(values: Tensor) -> Tensor:
    return torch.where(values >= 0, 1, -1).to(torch.int8)


def test_sizes_come_from_the_checkpoint(case: Case) -> None:
    assert [name for name, _ in case.network.named_parameters()] == case.names
    fresh = case.config.network(24, 18)
    assert {k: v.shape for k, v in fresh.state_dict().items()} == {
        k: v.shape for k, v in case.network.state_dict().items()
    }


def test_outputs_before_training(case: Case) -> None:
    for side, found in (
        ("img", case.network.encode_images(case["in/images"])),
        ("txt", case.network.encode_texts(case["in/texts"])),
    ):
        close(found, case[f"eval0/h_{side}"])
        assert found.abs().min() > 1e-6
        assert torch.equal(signs(found), case[f"eval0/code_{side}"])


def test_steps(case: Case) -> None:
    temperature = case["params_buffer"][1] / case.config.bits**0.5
    assert temperature.item() == pytest.approx(case.config.temperature)
    assert case["params_buffer"][4].item() == pytest.approx(case.config.momentum)
    for number in case.steps:
        batch = case.batch(number)
        expected = case.part(f"step{number}/")
        images, texts = case.network.encode_images(batch.images), case.network.encode_texts(batch.texts)
        close(images, expected["out/h_img"])
        close(texts, expected["out/h_txt"])
        losses = case.recipe.losses(images, texts, batch)
        close(losses["contrastive"], expected["out/Lc"])
        close(losses["ranking"], expected["out/Lr"])
        close(losses["loss"], expected["out/loss"])
        # The images are judged by "l", the texts by "ab".
        for name, output in (("l", images), ("ab", texts)):
            logits, positives = logits_of(case, output, (images + texts) / 2, number)
            close(logits, expected[f"out/out_{name}"].squeeze(2))
            close(contrastive_loss(logits[None], positives), expected[f"out/nce_{name}"])
        parameters = list(case.network.parameters())
        gradients = torch.autograd.grad(losses["loss"], parameters)
        for name, gradient in zip(case.names, gradients, strict=True):
            if number == 0:
                close(gradient, expected[f"grad/{name.replace('.', '/', 1)}"], rtol=1e-4)
        close(torch.stack([one.norm() for one in gradients]), expected["gradnorm_unclipped"], rtol=1e-4)

        stepped = case.recipe.step(batch)
        close(stepped["loss"], expected["out/loss"])
        close(stepped["gradient_norm"], expected["total_gradnorm"], rtol=1e-4)
        close(case.recipe.bank.rows, expected["memory_after"])
        for name, parameter in zip(case.names, parameters, strict=True):
            after = expected[f"after/{name.replace('.', '/', 1)}"]
            # Where a gradient is all but 0, Adam's step has the sign of its rounding.
            close(parameter, after, rtol=0, atol=2 * LR * (number + 1))
            assert (parameter - after).abs().median() < 1e-6


def logits_of(case: Case, output: Tensor, keys: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Logits in the order of the golden file: the positive first."""
    zeros = torch.zeros(len(output), dtype=torch.long)
    if not case.recipe.warming_up:
        chosen = case[f"step{number}/neg_idx"]
        return bank_logits(output, case.recipe.bank.keys, chosen, case.config.temperature), zeros
    logits = batch_logits(output, keys, case.config.temperature)
    order = torch.stack([torch.tensor([i, *(j for j in range(len(output)) if j != i)]) for i in range(len(output))])
    return logits.gather(1, order), zeros


def test_ranking_loss(golden: Path) -> None:
    with np.load(golden / "UCCH" / "crl_loss.npz") as file:
        arrays = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
    images, texts = arrays.pop("a"), arrays.pop("b")
    assert len(arrays) == 18
    for name, expected in arrays.items():
        margin, shift, temperature = (float(part[1:]) for part in name.split("_")[1:])
        close(ranking_loss(images, texts, margin=margin, shift=shift, temperature=temperature), expected)


def test_full_size(golden: Path) -> None:
    network = UCCHConfig().network(4096, 1386)
    fill(network.image, 1)
    fill(network.text, 51)
    expected = np.load(golden / "UCCH" / "fullsize_eval.npz")
    close(network.image.fc[0].weight.flatten()[:8], torch.from_numpy(expected["first_weights"]))
    with torch.no_grad():
        images = network.encode_images(torch.from_numpy(formula((3, 4096), 301)))
        texts = network.encode_texts(torch.from_numpy((formula((3, 1386), 302) > 0.5).astype(np.float32)))
    close(images, torch.from_numpy(expected["h_img"]))
    close(texts, torch.from_numpy(expected["h_txt"]))
    listed = (golden / "UCCH" / "state_dict_keys.txt").read_text()
    for key, tensor in network.state_dict().items():
        assert f"{key.split('.', 1)[1]} {tuple(tensor.shape)}" in listed


def test_mean_average_precision(golden: Path) -> None:
    """Cut at rank K, over the hits found there, queries without any left out."""
    with np.load(golden / "UCCH" / "map.npz") as file:
        arrays = dict(file)
    queries, candidates = len(arrays["q"]), len(arrays["r"])
    fraction = arrays["hamming_fraction"]
    assert np.array_equal(fraction, (256 - arrays["q"].astype(int) @ arrays["r"].T) / 512)
    for key in ("map_k0", "map_k1", "map_k5"):
        k = int(key.removeprefix("map_k"))
        found = ficoitr.evaluate(
            HashCodes.from_values(np.concatenate([arrays["q"], np.ones_like(arrays["r"])])),
            HashCodes.from_values(np.concatenate([np.ones_like(arrays["q"]), arrays["r"]])),
            text_to_image=np.arange(queries + candidates),
            categories=np.concatenate([arrays["ql"], arrays["rl"]]),
            queries=queries,
            protocol="ucch",
            category_k=[k or "N"],
            denominator="retrieved_skip",
            # Some distances are equal; so few candidates numpy sorts in a stable way.
            ties="index",
            resamples=0,
        )
        assert found[f"category.i2t.mAP@{k or 'N'}"].value == pytest.approx(float(arrays[key]), abs=1e-6), key


@pytest.mark.parametrize("n_rows", [5, 4000])
@pytest.mark.parametrize("numbers_at_once", [1, 48, 1 << 22])
def test_bank_logits_are_inner_products_with_signs(
    n_rows: int, numbers_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many samples' keys are gathered at once."""
    monkeypatch.setattr(ucch_losses, "_NUMBERS_AT_ONCE", numbers_at_once)
    torch.manual_seed(0)
    bank, chosen = torch.randn(n_rows, 6), torch.randint(n_rows, (3, 4))
    outputs = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    expected = torch.stack(
        [torch.stack([torch.sign(bank[chosen[i]]).double() @ outputs[m, i] for i in range(3)]) for m in range(2)]
    ) / (0.9 * 6**0.5)
    found = bank_logits(outputs, binary_keys(bank).double(), chosen, 0.9)
    torch.testing.assert_close(found, expected)
    weights = torch.randn(2, 3, 4, dtype=torch.float64)
    one, other = (torch.autograd.grad((each * weights).sum(), outputs)[0] for each in (found, expected))
    torch.testing.assert_close(one, other)


def test_clipping_is_torch_s() -> None:
    torch.manual_seed(0)
    for scale in (0.01, 10.0):
        steps = []
        for clip in (lambda one: clipped_step(one, 1.0), clipped_by_torch):
            parameters = [nn.Parameter(torch.full((3, 4), 2.0)), nn.Parameter(torch.ones(4))]
            optimiser = torch.optim.Adam(parameters, lr=0.1, weight_decay=0.1, fused=True)
            for step in range(1, 4):
                for parameter in parameters:
                    parameter.grad = scale * step * torch.linspace(-1, 2, parameter.numel()).view_as(parameter)
                norm = clip(optimiser)
            steps.append((norm, *parameters))
        for one, other in zip(*steps, strict=True):
            close(one, other.detach())


def clipped_by_torch(optimiser: torch.optim.Optimizer) -> Tensor:
    norm = nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
    optimiser.step()
    return norm


def test_the_norm_of_a_hundred_million_gradients() -> None:
    parameter = nn.Parameter(torch.empty(10_000, 10_000))
    parameter.grad = torch.full((1, 1), 0.1).expand(10_000, 10_000)
    assert gradient_norm([parameter]).item() == pytest.approx(1000, rel=1e-5)


def test_the_bank_of_the_paper_s_text() -> None:
    torch.manual_seed(0)
    rows, images, texts = torch.randn(3, 2, 5)
    found = moved_rows(rows, images, texts, momentum=0.4, normalise=False)
    torch.testing.assert_close(found, 0.4 * rows + 0.3 * (images + texts))


def test_the_sign_of_zero_is_plus_one() -> None:
    assert binary_keys(torch.tensor([0.0, -0.0, 1e-9, -1e-9])).tolist() == [1, 1, 1, -1]


@pytest.mark.parametrize(
    ("checkpoint", "says"),
    [
        ({"image_model_state_dict": {}}, "there is no text_model_state_dict"),
        ({f"{side}_model_state_dict": {"1.fc.0.weight": torch.ones(2, 2)} for side in ("image", "text")}, "not pixels"),
        (
            {
                "image_model_state_dict": {"fc.0.weight": torch.ones(8, 2)},
                "text_model_state_dict": {"fc.0.weight": torch.ones(4, 2)},
            },
            "do not fit together",
        ),
    ],
)
def test_other_checkpoints_are_refused(checkpoint: dict[str, Any], says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        UCCHNetwork.from_published(checkpoint)


def pairs_of_topics(n_pairs: int = 300, n_topics: int = 6) -> tuple[FeaturePairs, np.ndarray[Any, Any]]:
    """Pairs whose images and texts are noisy views of a few topics."""
    generator = np.random.default_rng(0)
    topics = generator.integers(n_topics, size=n_pairs)
    views = [generator.normal(size=(n_topics, width))[topics] for width in (20, 30)]
    images, texts = (np.maximum(one + generator.normal(size=one.shape), 0).astype(np.float32) for one in views)
    return FeaturePairs(images, texts, np.arange(n_pairs)), topics


CONFIG = UCCHConfig(
    bits=16,
    hidden=32,
    negatives=50,
    learning_rate=1e-3,
    milestones=(2,),
    training=TrainingConfig(epochs=4, batch_size=50, drop_last=True, save_seconds=0),
)


def run(config: UCCHConfig = CONFIG, recipe_class: type[UCCHRecipe] = UCCHRecipe, **options: Any) -> UCCHRecipe:
    torch.manual_seed(0)
    pairs, _ = pairs_of_topics()
    recipe = recipe_class(config.network(20, 30), len(pairs), config)
    train(recipe, pairs, config.training, **options)
    return recipe


class Stopping(UCCHRecipe):
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
    assert torch.equal(expected.bank.rows, found.bank.rows)
    assert torch.equal(expected.bank.keys, found.bank.keys)
    assert found.optimiser.param_groups[0]["lr"] == pytest.approx(1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns_which_pairs_are_alike(precision: str) -> None:
    training = CONFIG.training.model_copy(update={"epochs": 15, "precision": precision})
    config = CONFIG.model_copy(update={"training": training, "milestones": ()})
    pairs, topics = pairs_of_topics()
    batch = pairs.batch(np.arange(len(pairs)), torch.device("cpu"))
    values = []
    for epochs in (0, 15):
        torch.manual_seed(0)
        recipe = UCCHRecipe(config.network(20, 30), len(pairs), config)
        if epochs:
            train(recipe, pairs, config.training)
        with torch.no_grad():
            codes = [recipe.network.encode_images(batch.images), recipe.network.encode_texts(batch.texts)]
        evaluation = ficoitr.evaluate(
            *(HashCodes.from_values(one.numpy()) for one in codes), captions_per_image=1, categories=topics, resamples=0
        )
        values.append(evaluation["category.i2t.mAP@N"].value)
    assert values[0] < 0.35
    assert values[1] > 0.8


def test_presets() -> None:
    assert preset_names("ucch") == ("mirflickr25k", "nus-wide-tc10", "coco", "iapr-tc12", "small", "small-scenes")
    configs = {name: read_config(UCCHOptions, "ucch", preset=name) for name in preset_names("ucch")}
    assert configs["mirflickr25k"] == configs["nus-wide-tc10"] == UCCHOptions()
    assert (configs["coco"].contrastive_weight, configs["coco"].shift) == (0.6, 7.0)
    assert (configs["iapr-tc12"].contrastive_weight, configs["iapr-tc12"].shift) == (0.9, 1.0)
    assert configs["small"].hidden < 1024
    with pytest.raises(OptionError, match="Did you mean 'shift'"):
        read_config(UCCHConfig, "ucch", settings=["shft=1"])
