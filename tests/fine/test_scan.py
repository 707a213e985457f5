"""SCAN against numbers of its authors' code, and what it must not stumble over."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ficoitr.errors import FileFormatError, OptionError, ShapeError, ValuesError
from ficoitr.models.fine.attention import Attention, attend
from ficoitr.models.fine.grouping import groups, ungrouped
from ficoitr.models.fine.models import SCANOptions
from ficoitr.models.fine.recipe import TripletRecipe
from ficoitr.models.fine.regions import RegionEncoder, unit
from ficoitr.models.fine.scan import SCANConfig
from ficoitr.models.fine.scan_networks import SCANNetwork
from ficoitr.models.fine.scan_scores import StackedAttention
from ficoitr.models.fine.words import Tokens, Words
from ficoitr.models.training import Batch
from ficoitr.models.training.config import preset_names, read_config

NETWORKS = {"img_enc": "image", "txt_enc": "text"}
LAMBDAS = {"t2i": {"lambda_softmax": 9.0, "lambda_lse": 6.0}, "i2t": {"lambda_softmax": 4.0, "lambda_lse": 5.0}}
NORMS = ("clipped_l2norm", "l2norm", "softmax", "clipped", "no_norm")
AGGREGATIONS = ("LogSumExp", "Mean", "Max", "Sum")


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


class Golden:
    """The small model of the golden numbers, and its arrays."""

    def __init__(self, folder: Path) -> None:
        state = load_file(folder / "SCAN" / "state_dict.safetensors")
        self.states = [
            {key.removeprefix(f"{part}."): one for key, one in state.items() if key.startswith(f"{part}.")}
            for part in NETWORKS
        ]
        with np.load(folder / "SCAN" / "golden.npz") as file:
            self.arrays = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
        self.tokens = Tokens(self["captions"], self["lengths"])
        self.words = Words(self["cap_emb"], self["lengths"])

    def __getitem__(self, key: str) -> Tensor:
        return self.arrays[key]

    def part(self, prefix: str) -> dict[str, Tensor]:
        return {key.removeprefix(prefix): one for key, one in self.arrays.items() if key.startswith(prefix)}

    def network(self, direction: str, **options: Any) -> SCANNetwork:
        return SCANNetwork.from_published(self.states, direction=direction, **{**LAMBDAS[direction], **options})

    def batch(self) -> Batch:
        rows = torch.arange(len(self["images"]))
        return Batch(rows, rows, self["images"], self.tokens)


@pytest.fixture
def scan(golden: Path) -> Golden:
    return Golden(golden)


def similarity(direction: str, aggregation: str, norm: str, **lambdas: float) -> StackedAttention:
    given = {**LAMBDAS[direction], **lambdas}
    return StackedAttention(direction, aggregation, Attention(norm, given["lambda_softmax"]), given["lambda_lse"])


def test_encodings(scan: Golden) -> None:
    network = scan.network("t2i")
    close(network.encode_images(scan["images"]), scan["img_emb"])
    words = network.encode_texts(scan.tokens)
    close(words.states, scan["cap_emb"])
    assert torch.equal(words.lengths, scan["lengths"])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("direction", ["t2i", "i2t"])
@pytest.mark.parametrize("differentiable", [False, True])
def test_scores(scan: Golden, direction: str, aggregation: str, norm: str, differentiable: bool) -> None:
    expected = scan[f"sim/{direction}/{aggregation}/{norm}"]
    images = scan["img_emb"].clone().requires_grad_(differentiable)
    scored = similarity(direction, aggregation, norm)
    close(scored.score(images, scan.words), expected)
    # Each image with four of the texts, each text with four of the images.
    generator = torch.Generator().manual_seed(0)
    listed = torch.stack([torch.randperm(6, generator=generator)[:4] for _ in range(6)])
    texts = Words(scan.words.states[listed.flatten()], scan.words.lengths[listed.flatten()])
    close(scored.score_lists(images, texts), expected.gather(1, listed))
    close(scored.score_lists(images[listed.flatten()], scan.words), expected.T.gather(1, listed))


def test_scores_with_other_options(scan: Golden) -> None:
    sharper = similarity("i2t", "LogSumExp", "clipped_l2norm", lambda_lse=20.0)
    close(sharper.score(scan["img_emb"], scan.words), scan["sim/i2t/LogSumExp_lambda20/clipped_l2norm"])
    for direction in ("t2i", "i2t"):
        scored = similarity(direction, "LogSumExp", "clipped_l2norm")
        close(scored.score(scan["img_emb"][:4], scan.words), scan[f"sim_rect/{direction}/LogSumExp"])
        in_full = Words(scan.words.states.double(), scan.words.lengths)
        exact = scored.score(scan["img_emb"].double(), in_full)
        assert exact.dtype == torch.float64
        close(exact, scan[f"sim_f64/{direction}/LogSumExp"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("direction", ["t2i", "i2t"])
def test_attended_contexts(scan: Golden, direction: str) -> None:
    length = int(scan["lengths"][2])
    regions, words = scan["img_emb"], scan["cap_emb"][2, :length].expand(6, -1, -1)
    queries, contexts = (words, regions) if direction == "t2i" else (regions, words)
    attended, weights = attend(queries, contexts, Attention(lambda_softmax=LAMBDAS[direction]["lambda_softmax"]))
    close(attended, scan[f"attn_cap2/{direction}/weighted_context"])
    close(weights, scan[f"attn_cap2/{direction}/attn_T"])


@pytest.mark.parametrize("aggregation", ["LogSumExp", "Mean"])
@pytest.mark.parametrize("direction", ["t2i", "i2t"])
def test_losses_gradients_and_steps(scan: Golden, direction: str, aggregation: str) -> None:
    for hardest in (False, True):
        config = SCANConfig(
            direction=direction, aggregation=aggregation, hardest_negatives=hardest, **LAMBDAS[direction]
        )
        case = f"{direction}/{aggregation}/{'max' if hardest else 'sum'}"
        network = scan.network(direction, aggregation=aggregation)
        recipe = TripletRecipe(network, config)
        loss = recipe.losses(scan.batch())["loss"]
        close(loss, scan[f"loss/{case}"])
        gradients = named(network, torch.autograd.grad(loss, list(network.parameters())))
        norms = scan.part(f"gradnorm/{case}/")
        assert set(norms) == set(gradients)
        for name, norm in norms.items():
            close(gradients[name].norm(), norm, rtol=1e-4)
        total = torch.stack([one.norm() for one in gradients.values()]).norm()
        close(total, scan[f"total_gradnorm/{case}"], rtol=1e-4)
        for name, gradient in scan.part(f"grad/{case}/").items():
            close(gradients[name], gradient, rtol=1e-4)
    steps = torch.stack([recipe.step(scan.batch())["loss"].detach() for _ in range(5)])
    close(steps, scan[f"train5/{direction}/{aggregation}/losses"])
    weights = named(network, list(network.parameters()))
    for name, norm in scan.part(f"train5/{direction}/{aggregation}/param_norm/").items():
        close(weights[name].norm(), norm)


def named(network: SCANNetwork, tensors: Any) -> dict[str, Tensor]:
    """Tensors of all parameters by the golden numbers' names."""
    theirs = {ours: name for name, ours in NETWORKS.items()}
    names = [name for name, _ in network.named_parameters()]
    return {
        f"{theirs[name.partition('.')[0]]}.{name.partition('.')[2]}": one
        for name, one in zip(names, tensors, strict=True)
    }


def naive(images: Tensor, texts: Words, scored: StackedAttention) -> Tensor:
    """Every pair by itself, by the equations."""
    rows = [
        [by_hand(image, texts.states[j, : texts.lengths[j]], scored) for j in range(len(texts))] for image in images
    ]
    return torch.tensor(rows, dtype=images.dtype)


def by_hand(regions: Tensor, words: Tensor, scored: StackedAttention) -> float:
    queries, contexts = (words, regions) if scored.direction == "t2i" else (regions, words)
    raw = queries @ contexts.T
    clipped = torch.where(raw > 0, raw, 0.1 * raw)
    normed = clipped / (clipped.square().sum(dim=0).sqrt() + 1e-8)
    weights = (scored.attention.lambda_softmax * normed).exp()
    attended = (weights / weights.sum(dim=1, keepdim=True)) @ contexts
    cosines = (queries * attended).sum(dim=1) / (queries.norm(dim=1) * attended.norm(dim=1)).clamp(min=1e-8)
    return math.log((scored.lambda_lse * cosines).exp().sum()) / scored.lambda_lse


@pytest.mark.parametrize("direction", ["t2i", "i2t"])
@pytest.mark.parametrize("lambda_softmax", [4.0, 50.0])
def test_tiles_groups_and_garbage_in_the_padding(
    direction: str, lambda_softmax: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(5, 7, 12, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, 10, (40,), generator=generator)
    words = Words(torch.randn(40, 11, 12, generator=generator, dtype=torch.float64), lengths)
    words.states[~words.mask] = torch.nan
    scored = similarity(direction, "LogSumExp", "clipped_l2norm", lambda_softmax=lambda_softmax)
    expected = naive(images, words, scored)
    close(scored.score(images, words), expected, rtol=1e-9, atol=1e-9)
    monkeypatch.setattr("ficoitr.models.fine.scan_scores._CPU_TILE", 300)
    monkeypatch.setattr("ficoitr.models.fine.scan_scores._COLUMNS", 30)
    close(scored.score(images, words), expected, rtol=1e-9, atol=1e-9)
    close(scored.score(images[:1], words), expected[:1], rtol=1e-9, atol=1e-9)
    listed = torch.arange(40)
    close(scored.score_lists(images, words), expected.flatten()[listed // 8 * 40 + listed].view(5, 8), rtol=1e-9)
    assert scored.score(images, Words(words.states[:0], lengths[:0])).shape == (5, 0)


@pytest.mark.parametrize("direction", ["t2i", "i2t"])
@pytest.mark.parametrize("norm", NORMS)
def test_gradients_are_those_of_the_scores(direction: str, norm: str) -> None:
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    states = torch.randn(3, 4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([2, 4, 1])
    scored = similarity(direction, "Mean", norm)
    assert torch.autograd.gradcheck(lambda v, e: scored.score(v, Words(e, lengths)), (images, states))
    pairs = torch.autograd.gradcheck(lambda v, e: scored.score_lists(v[:1], Words(e, lengths)), (images, states))
    assert pairs


def test_items_of_zeros_score_numbers_with_gradients() -> None:
    for direction in ("t2i", "i2t"):
        scored = similarity(direction, "LogSumExp", "clipped_l2norm")
        images = torch.zeros(2, 3, 4, requires_grad=True)
        states = torch.zeros(2, 5, 4, requires_grad=True)
        scores = scored.score(images, Words(states, torch.tensor([5, 3])))
        counts = torch.tensor([[5.0, 3.0], [5.0, 3.0]]) if direction == "t2i" else torch.full((2, 2), 3.0)
        close(scores, counts.log() / scored.lambda_lse)
        with torch.no_grad():
            close(scored.score(images, Words(states, torch.tensor([5, 3]))), scores)
        scores.sum().backward()
        assert torch.isfinite(images.grad).all()
        assert torch.isfinite(states.grad).all()


@pytest.mark.parametrize("least", [1, 3, 100])
@pytest.mark.parametrize("most", [None, 4])
def test_groups_hold_every_caption_once(least: int, most: int | None) -> None:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 6, (23,), generator=generator)
    words = Words(torch.rand(23, 8, 2, generator=generator), lengths)
    found = list(groups(words, least=least, most=most))
    rows = [group.rows for group in found]
    assert sorted(torch.cat(rows).tolist()) == list(range(23))
    for group in found:
        own = lengths[group.rows]
        assert group.states.shape[1] == own.max()
        assert (group.mask is None) == bool((own == own.max()).all())
        assert most is None or len(own) <= most
        assert least > 1 or group.mask is None
        for row, states in zip(group.rows.tolist(), group.states, strict=True):
            close(states[: lengths[row]], words.states[row, : lengths[row]])
            assert not states[lengths[row] :].any()
    assert torch.equal(ungrouped([one[None] for one in rows], rows, dim=1)[0], torch.arange(23))


def test_neither_the_order_of_captions_nor_padding_matters(scan: Golden) -> None:
    network = scan.network("t2i")
    images, words = network.encode_images(scan["images"]), network.encode_texts(scan.tokens)
    whole = network.score(images, words)
    shuffled = torch.tensor([3, 0, 5, 1, 4, 2])
    longer = torch.nn.functional.pad(scan["captions"][shuffled], (0, 3), value=77)
    again = network.encode_texts(Tokens(longer, scan["lengths"][shuffled]))
    close(network.score(images, again), whole[:, shuffled])
    close(network.score(images[:1], words), whole[:1])


def test_norms_that_never_ran_are_refused() -> None:
    for norm in ("l1norm", "clipped_l1norm"):
        message = rf"raw_feature_norm: the norm '{norm}' has no definition: .*NameError.*Expected one of clipped_l2norm"
        with pytest.raises(OptionError, match=message):
            Attention(norm)
        with pytest.raises(OptionError, match="NameError"):
            read_config(SCANConfig, "scan", settings={"raw_feature_norm": norm})
    with pytest.raises(OptionError, match=r"'l2nrm' is not known.*Did you mean 'l2norm'"):
        Attention("l2nrm")
    with pytest.raises(OptionError, match=r"aggregation: 'mean' is not known.*Did you mean 'Mean'"):
        StackedAttention(aggregation="mean")
    with pytest.raises(OptionError, match="direction: 't2t'"):
        StackedAttention(direction="t2t")


def test_bad_inputs(scan: Golden) -> None:
    network = scan.network("t2i")
    with pytest.raises(ShapeError, match=r"features of shape \(6, 8, 47\).*\(n_images, n_regions, 48\)"):
        network.encode_images(scan["images"][:, :, :47])
    with pytest.raises(ShapeError, match=r"\(6, 0, 48\)"):
        network.encode_images(scan["images"][:, :0])
    with pytest.raises(ValuesError, match=r"a token of caption 1 is number 100 .* 0 to 99.*vocabulary"):
        network.encode_texts(Tokens.of([[1, 99, 2], [1, 100, 2]]))
    with pytest.raises(ShapeError, match=r"\(6, 8, 63\) and words of shape \(6, 11, 64\)"):
        network.score(scan["img_emb"][..., :63], scan.words)
    with pytest.raises(ShapeError, match="4 images and 6 texts"):
        network.score_lists(scan["img_emb"][:4], scan.words)


def test_other_checkpoints_are_refused(scan: Golden) -> None:
    image, text = scan.states
    with pytest.raises(FileFormatError, match=r"some\.tar: .*no matrix 'fc\.weight'"):
        SCANNetwork.from_published([text, image], path=Path("some.tar"))
    with pytest.raises(FileFormatError, match=r"bn\.weight"):
        SCANNetwork.from_published([{**image, "bn.weight": torch.ones(1)}, text])
    with pytest.raises(FileFormatError, match="bias_hh_l0_reverse"):
        SCANNetwork.from_published(
            [image, {name: one for name, one in text.items() if name != "rnn.bias_hh_l0_reverse"}]
        )


def test_published_keys_and_sizes(golden: Path) -> None:
    published = json.loads((golden / "SCAN" / "checkpoint_keys_fullsize.json").read_text())
    network = SCANConfig().network(2048, 8481)
    for side, name in (("image", "model[0]=img_enc"), ("text", "model[1]=txt_enc")):
        state = network.get_submodule(side).state_dict()
        assert {key: list(one.shape) for key, one in state.items()} == {
            key: shape for key, (shape, _) in published["parts"][name].items()
        }
        assert sum(one.numel() for one in state.values()) == published["n_params"][name]


@pytest.mark.parametrize(
    "options",
    [
        {"weight_norm": True, "image_norm": False, "raw_feature_norm": "softmax"},
        {"bidirectional": False, "layers": 2, "text_norm": False, "direction": "i2t", "aggregation": "Max"},
    ],
)
def test_sizes_and_weights_rebuild_the_network(options: dict[str, Any]) -> None:
    network = SCANConfig(width=6, word_width=4, **options).network(9, 12)
    told = ("image_norm", "text_norm", "direction", "aggregation", "raw_feature_norm")
    states = [network.image.state_dict(), network.text.state_dict()]
    published = SCANNetwork.from_published(states, **{name: network.sizes[name] for name in told})
    again = SCANNetwork(*network.widths, **network.sizes)
    again.load_state_dict(network.state_dict())
    regions, tokens = torch.rand(2, 3, 9), Tokens.of([[1, 5, 2], [1, 2]])
    expected = network.score(network.encode_images(regions), network.encode_texts(tokens))
    for other in (published, again):
        assert (other.widths, other.sizes) == ((9, 12), network.sizes)
        assert torch.equal(other.score(other.encode_images(regions), other.encode_texts(tokens)), expected)


def test_weight_normalised_regions_are_those_of_torch() -> None:
    ours = RegionEncoder(5, 4, weight_norm=True)
    theirs = torch.nn.utils.weight_norm(torch.nn.Linear(5, 4), dim=None)
    assert list(ours.linear.state_dict()) == list(theirs.state_dict())
    ours.linear.load_state_dict(theirs.state_dict())
    regions = torch.rand(2, 3, 5)
    close(ours(regions), unit(theirs(regions)))


def test_scores_stay_float32_in_mixed_precision(scan: Golden) -> None:
    network = scan.network("t2i")
    with torch.autocast("cpu", torch.bfloat16):
        images, words = network.encode_images(scan["images"]), network.encode_texts(scan.tokens)
        scores = network.score(images, words)
    assert scores.dtype == torch.float32
    close(scores, scan["sim/t2i/LogSumExp/clipped_l2norm"], rtol=0, atol=0.05)
    close(scores, similarity("t2i", "LogSumExp", "clipped_l2norm").score(images, words))


def test_presets() -> None:
    names = {
        f"{dataset}{kind}" for dataset in ("flickr30k", "coco") for kind in ("", "-t2i-avg", "-i2t-lse", "-i2t-avg")
    }
    assert set(preset_names("scan")) == {*names, "small", "small-flickr8k"}
    assert read_config(SCANOptions, "scan", preset="flickr30k") == SCANOptions()
    coco = read_config(SCANOptions, "scan", preset="coco-i2t-lse")
    assert (coco.lambda_softmax, coco.lambda_lse, coco.learning_rate) == (4.0, 20.0, 5e-4)
    assert (coco.training.epochs, coco.decay_every, coco.training.batch_size) == (20, 10, 128)
