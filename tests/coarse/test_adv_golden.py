"""ADV against numbers of its authors' code."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import ficoitr
from ficoitr import HashCodes
from ficoitr.models.coarse.adv import ADVRecipe
from ficoitr.models.coarse.adv_checkpoints import PublishedADV, published_networks, read_published
from ficoitr.models.coarse.adv_config import ADVConfig
from ficoitr.models.coarse.adv_losses import (
    adversarial_image_loss,
    adversarial_text_loss,
    angular_loss,
    rephrased_loss,
    triplet_loss,
)
from ficoitr.models.coarse.adv_networks import RegionEncoder, median_codes
from ficoitr.models.coarse.adv_tokens import ADVTexts
from ficoitr.models.features.tokens import TokenFeatures
from ficoitr.models.training import Batch
from golden.formula import fill, formula

LR = 1e-4
NETWORKS = {"img_enc": "image", "txt_enc": "text", "concept_enc": "concept"}
CONFIG = ADVConfig(bits=64, hidden=32, heads=4, inner=48, dropout=0, rephrased=True, adversarial=True)


def arrays_of(golden: Path, name: str) -> dict[str, Tensor]:
    with np.load(golden / "ADV" / f"{name}.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


def states_of(golden: Path) -> list[dict[str, Tensor]]:
    arrays = arrays_of(golden, "rerank_weights")
    return [
        {key.removeprefix(f"{name}/"): one for key, one in arrays.items() if key.startswith(f"{name}/")}
        for name in NETWORKS
    ]


@pytest.fixture
def published(golden: Path, tmp_path: Path) -> PublishedADV:
    """The small model, through a file as the authors' code writes it."""
    path = tmp_path / "checkpoint_3.pth.tar"
    options = argparse.Namespace(final_dims=64, max_words=12, txt_stru="cnn", resume="")
    content = {"epoch": 4, "model": states_of(golden), "best_rsum": 1.5, "opt": options, "Eiters": 7}
    torch.save(content, path)
    found = read_published(path, bits=64, image_encoder="regions", heads=4, bert_heads=4)
    assert (found.epoch, found.options["max_words"]) == (4, 12)
    return found


class Case:
    """One golden step: its arrays, and a recipe that stands before it."""

    def __init__(self, golden: Path, published: PublishedADV, epoch: int) -> None:
        self.arrays = arrays_of(golden, f"rerank_epoch{epoch}")
        self.network = published.network
        self.bert = published.bert
        for layer in self.network.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
        self.network.image.layer.attention["self"]._dropout = 0.0
        self.recipe = ADVRecipe(self.network, CONFIG)
        self.recipe.start_epoch(epoch)
        for group in self.recipe.optimiser.param_groups:
            assert group["lr"] == pytest.approx(LR * 0.1 ** (epoch // 10))
            # The golden step took the first epoch's rate in both.
            group["lr"] = LR
        variants = ADVTexts(self.tokens("input"), self.tokens("rephrase"), self.tokens("adv"))
        rows = torch.arange(5)
        self.batch = Batch(rows, rows, self["in/roi"], variants, self["in/concept"])

    def __getitem__(self, key: str) -> Tensor:
        return self.arrays[key]

    def tokens(self, kind: str) -> TokenFeatures:
        """What the frozen encoder makes of the tokens of one kind of text."""
        ids, mask = self[f"in/{kind}_ids"], self[f"in/{kind}_mask"].bool()
        with torch.no_grad():
            states = self.bert(ids.flatten(0, -2), mask.flatten(0, -2))
        return TokenFeatures(states.view(*ids.shape, -1), mask)

    def named(self, prefix: str) -> dict[str, Tensor]:
        """Arrays of trainable tensors, by the names of our network."""
        found = {}
        for key, one in self.arrays.items():
            if key.startswith(f"{prefix}/"):
                network, name = key.removeprefix(f"{prefix}/").split("/")
                found[f"{NETWORKS[network]}.{name}"] = one
        assert found.keys() == dict(self.network.named_parameters()).keys()
        return found


@pytest.fixture(params=[0, 21])
def case(golden: Path, published: PublishedADV, request: pytest.FixtureRequest) -> Case:
    return Case(golden, published, request.param)


def test_outputs(case: Case) -> None:
    texts = case.batch.texts
    close(texts.own.states, case["out/bert_last"])
    codes = {
        "img": case.network.encode_images(case.batch.images),
        "cap": case.network.encode_texts(texts.own),
        "rephrase": case.network.encode_texts(texts.rephrased),
        "adv": case.network.encode_texts(texts.adversarial),
    }
    for name, found in codes.items():
        close(found, case[f"out/{name}"])
    close(case.network.concept(codes["cap"]).sigmoid(), case["out/concept_pred"])
    for name in ("img", "cap"):
        # The bit of the median is -1e-7 times the sharpness.
        sure = case[f"out/{name}"].abs() > 1e-6
        assert sure.float().mean() >= 63 / 64
        assert torch.equal((codes[name] >= 0)[sure], case[f"out/sign_{name}"][sure] > 0)
        assert ((codes[name] >= 0).sum(dim=1) == 32).all()
    bits = [(codes[name] >= 0).numpy() for name in ("img", "cap")]
    assert np.array_equal((bits[0][:, None] != bits[1]).sum(axis=-1), case["out/hamming"].numpy())


def test_losses_and_step(case: Case) -> None:
    losses = case.recipe.losses(case.batch)
    close(losses["triplet"], case["loss/Loss1"])
    close(losses["rephrased"], case["loss/rep_Loss"])
    close(losses["adversarial"], case["loss/adv_Loss"])
    close(losses["concepts"], case["loss/concept_Loss"])
    close(losses["norms"], case["loss/l2_reg_unscaled"])
    close(losses.get("angular", torch.zeros(())), case["loss/Loss2"])
    close(losses["loss"], case["loss/total"])

    parameters = dict(case.network.named_parameters())
    gradients = dict(zip(parameters, torch.autograd.grad(losses["loss"], parameters.values()), strict=True))
    norms, heads = case.named("gradnorm"), case.named("grad_head")
    for name, gradient in gradients.items():
        # Shifting all keys alike changes no attention: the true gradient of their bias is 0.
        atol = 1e-6 if name.endswith("key.bias") else 1e-5 * float(norms[name])
        close(gradient.norm(), norms[name], rtol=1e-4, atol=atol)
        close(gradient.flatten()[:64], heads[name], rtol=1e-4, atol=atol)
    total = torch.stack([one.norm() for one in gradients.values()]).norm()
    close(total, case["clip/true_total_norm"], rtol=1e-4)
    assert case["clip/norm_returned_by_official_call"] == 0

    stepped = case.recipe.step(case.batch)
    close(stepped["loss"], case["loss/total"])
    assert "gradient_norm" not in stepped
    expected, sums, lengths = case.named("after_head"), case.named("after_sum"), case.named("after_l2")
    for name, parameter in parameters.items():
        # Where a gradient is all but 0, Adam's step has the sign of its rounding.
        close(parameter.flatten()[:64], expected[name], rtol=0, atol=2.001 * LR)
        if name.endswith("key.bias"):
            continue
        values = parameter.detach().double()
        assert abs(values.sum() - sums[name]) < 5e-4, name
        assert abs(values.norm() - lengths[name]) < 2e-4, name
        assert (parameter.flatten()[:64] - expected[name]).abs().median() < 1e-6


def test_true_clipping(case: Case) -> None:
    case.recipe.config = CONFIG.model_copy(update={"clip_norm": 2.0})
    stepped = case.recipe.step(case.batch)
    close(stepped["gradient_norm"], case["clip/true_total_norm"], rtol=1e-4)
    gradients = torch.stack([one.grad.norm() for one in case.network.parameters()])
    assert gradients.norm().item() == pytest.approx(2.0, rel=1e-4)


def test_loss_functions(golden: Path) -> None:
    arrays = arrays_of(golden, "losses")
    images, texts, rephrased, adversarial = (arrays.pop(name) for name in ("im", "s", "rephrase", "adv"))
    assert len(arrays) == 11
    for name, expected in arrays.items():
        kind, _, option = name.partition("_")
        margin = float(name.rpartition("_m")[2]) if re.search(r"_m-?\d", name) else 0.0
        if kind == "contrastive":
            found = triplet_loss(images, texts, margin=margin, hardest="True" in option)
        elif kind == "angular":
            found = angular_loss(images, texts, hardest="True" in option)
        elif kind == "rephrase":
            found = rephrased_loss(images, rephrased)
        elif option.startswith("img"):
            found = adversarial_image_loss(images, texts, adversarial, margin=margin)
        else:
            found = adversarial_text_loss(texts, adversarial, margin=margin)
        close(found, expected)


def test_screening_head(golden: Path) -> None:
    arrays = arrays_of(golden, "screen_head")
    codes = median_codes(arrays["x"], 10.0)
    close(codes, arrays["code"])
    signs = arrays["sign"]
    assert (signs == 0).sum(dim=1).tolist() == [1, 0, 10, 0]
    sure = (codes.abs() > 1e-6) | (codes == 0)
    assert torch.equal((codes >= 0)[sure], (signs >= 0)[sure])
    # Beneath every 0 there is a median that swallowed what should have lowered the bit; there is no third sign.
    assert (codes >= 0).sum(dim=1).tolist() == [33, 32, 33, 0]


def test_full_size_region_network(golden: Path) -> None:
    config = ADVConfig(bits=2048)
    network = config.network(2048, 768, n_concepts=2000)
    assert isinstance(network.image, RegionEncoder)
    listed = (golden / "ADV" / "state_dict_keys_img_full.txt").read_text().splitlines()
    assert [f"{name} {tuple(one.shape)}" for name, one in network.image.state_dict().items()] == listed
    fill(network.image, 201)
    arrays = arrays_of(golden, "fullsize_img_eval")
    close(network.image.layer.attention["self"].query.weight.flatten()[:8], arrays["first_weights"])
    with torch.no_grad():
        codes = network.eval().encode_images(torch.from_numpy(formula((2, 36, 2048), 301)))
    close(codes, arrays["code"])


def test_the_weights_are_those_of_the_formula(golden: Path) -> None:
    states = states_of(golden)
    network, bert = published_networks(states, heads=4, bert_heads=4)
    assert bert is not None
    for part, seed in zip(network.children(), (201, 251, 281), strict=True):
        before = {name: one.clone() for name, one in part.state_dict().items()}
        for name, one in fill(part, seed).state_dict().items():
            close(one, before[name], rtol=0, atol=1e-7)
    listed = re.findall(r"^(\w+) (\S+) (\(.*\))$", (golden / "ADV/state_dict_keys_small.txt").read_text(), re.MULTILINE)
    for part, (name, state) in zip(("image", "text", "concept"), zip(NETWORKS, states, strict=True), strict=True):
        own = {key: str(tuple(one.shape)) for key, one in network.get_submodule(part).state_dict().items()}
        assert own == {key: shape for net, key, shape in listed if net == name and not key.startswith("bert.")}
        assert state.keys() >= own.keys()
    config = json.loads((golden / "ADV" / "bert_config_small.json").read_text())
    assert len(bert.encoder.layer) == config["num_hidden_layers"]


def test_recall(golden: Path) -> None:
    """Recall of distances without ties, and Hamming distances, by this package's own evaluation."""
    with np.load(golden / "ADV" / "recall.npz") as file:
        arrays: dict[str, Any] = dict(file)
    found = ficoitr.evaluate(scores=-arrays["dist"], captions_per_image=5, k=tuple(arrays["ks"].tolist()), resamples=0)
    for direction in ("i2t", "t2i"):
        values = [found[f"instance.{direction}.R@{k}"].value for k in arrays["ks"]]
        assert values == pytest.approx(arrays[direction].tolist())
    images, texts = arrays["img"].astype(int), arrays["cap"].astype(int)
    assert np.array_equal((64 - images @ texts.T) / 2, arrays["hamming_of_img_cap"])
    # A 0 counted as half a bit; with two signs it counts as a whole one or as none.
    codes = [HashCodes.from_values(one >= 0).unpack() for one in (images, texts)]
    distances = (codes[0][:, None] != codes[1]).sum(axis=-1)
    zeros = (images == 0).sum(axis=1)[:, None] + (texts == 0).sum(axis=1)
    assert (np.abs(distances - arrays["hamming_of_img_cap"]) <= zeros / 2).all()
    whole = arrays["img"][:, None] * arrays["cap"] != 0
    kept = ((codes[0][:, None] != codes[1]) & whole).sum(axis=-1) + (~whole).sum(axis=-1) / 2
    assert np.array_equal(kept, arrays["hamming_of_img_cap"])
