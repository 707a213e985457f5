"""VSE++ against numbers of its authors' code, and what it must not stumble over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.fine.losses import triplet_loss
from ficoitr.models.fine.models import VSEPPOptions
from ficoitr.models.fine.recipe import TripletRecipe
from ficoitr.models.fine.vsepp import VSEPPConfig
from ficoitr.models.fine.vsepp_networks import VSEPPNetwork
from ficoitr.models.fine.words import Tokens
from ficoitr.models.training import Batch
from ficoitr.models.training.config import preset_names, read_config

NETWORKS = {"img_enc": "image", "txt_enc": "text"}
# How the authors' variants are set: what the network computes, and how it learns.
VARIANTS: dict[str, dict[str, Any]] = {
    "vsepp": {},
    "vse0": {"image_norm": False, "hardest_negatives": False},
    "order0": {
        "similarity": "order",
        "absolute": True,
        "margin": 0.05,
        "hardest_negatives": False,
        "learning_rate": 1e-3,
    },
    "orderpp": {"similarity": "order"},
}


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


def published(folder: Path, **options: Any) -> tuple[VSEPPNetwork, dict[str, Tensor]]:
    """The small model of the golden numbers, and its arrays."""
    state = load_file(folder / "state_dict.safetensors")
    states = [
        {key.removeprefix(f"{part}."): one for key, one in state.items() if key.startswith(f"{part}.")}
        for part in NETWORKS
    ]
    with np.load(folder / "golden.npz") as file:
        arrays = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}
    return VSEPPNetwork.from_published(states, **options), arrays


def batch_of(images: Tensor, tokens: Tokens) -> Batch:
    rows = torch.arange(len(images))
    return Batch(rows, rows, images, tokens)


def test_golden(golden: Path) -> None:
    with np.load(golden / "VSEPP" / "golden.npz") as file:
        variants = [name for name in VARIANTS if f"{name}/sim" in file.files]
    # The folder need not hold all that its description names.
    assert {"vsepp", "vse0"} <= set(variants)
    for variant in variants:
        compare(golden, variant)


def compare(golden: Path, variant: str) -> None:
    """Compare all arrays of a variant: embeddings, scores, loss, gradients, and the losses of five steps."""
    config = VSEPPConfig(**VARIANTS[variant])
    options = {name: getattr(config, name) for name in ("similarity", "image_norm", "absolute")}
    network, arrays = published(golden / "VSEPP", **options)
    expected = {key.removeprefix(f"{variant}/"): one for key, one in arrays.items() if key.startswith(f"{variant}/")}
    tokens = Tokens(arrays["captions"], arrays["lengths"])
    batch = batch_of(arrays["images"], tokens)
    images, texts = network.encode_images(batch.images), network.encode_texts(tokens)
    close(images, expected.pop("img_emb"))
    close(texts, expected.pop("cap_emb"))
    close(network.score(images, texts), expected.pop("sim"))
    recipe = TripletRecipe(network, config)
    loss = recipe.losses(batch)["loss"]
    close(loss, expected.pop("loss"))
    for name, norm in gradient_norms(network, loss).items():
        close(norm, expected.pop(f"gradnorm/{name}"), rtol=1e-4)
    steps = torch.stack([recipe.step(batch)["loss"].detach() for _ in range(5)])
    close(steps, expected.pop("train5_losses"))
    assert not expected


def gradient_norms(network: VSEPPNetwork, loss: Tensor) -> dict[str, Tensor]:
    """Norms of the gradients, by the golden numbers' names."""
    theirs = {ours: name for name, ours in NETWORKS.items()}
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(loss, list(parameters.values()))
    return {
        f"{theirs[name.partition('.')[0]]}.{name.partition('.')[2]}": one.norm()
        for name, one in zip(parameters, gradients, strict=True)
    }


def test_order_scores_are_the_formula_and_their_gradients_are_numbers() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(5, 7, generator=generator).requires_grad_()
    texts = torch.rand(4, 7, generator=generator)
    # A text that no coordinate puts above an image: the norm is 0, where a root has no derivative.
    texts[2] = 0
    network = VSEPPNetwork(3, 5, width=7, word_width=2, similarity="order")
    scores = network.score(images, texts)
    expected = [
        [-(sum(max(0.0, t - v) ** 2 for t, v in zip(text, image, strict=True)) ** 0.5) for text in texts.tolist()]
        for image in images.tolist()
    ]
    close(scores, torch.tensor(expected))
    assert (scores[:, 2] == 0).all()
    scores.sum().backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()


def test_absolute_values_come_last(golden: Path) -> None:
    network, arrays = published(golden / "VSEPP")
    absolute, _ = published(golden / "VSEPP", absolute=True)
    tokens = Tokens(arrays["captions"], arrays["lengths"])
    assert (arrays["vsepp/img_emb"] < 0).any()
    assert torch.equal(absolute.encode_images(arrays["images"]), network.encode_images(arrays["images"]).abs())
    assert torch.equal(absolute.encode_texts(tokens), network.encode_texts(tokens).abs())


def test_order_scores_of_many_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    network = VSEPPNetwork(3, 5, width=7, word_width=2, similarity="order")
    images, texts = torch.rand(11, 7), torch.rand(4, 7)
    whole = network.score(images, texts)
    monkeypatch.setattr("ficoitr.models.fine.vsepp_networks._MOST_NUMBERS", 4 * 7 * 3)
    assert torch.equal(network.score(images, texts), whole)
    assert network.score(images[:0], texts).shape == (0, 4)


def test_regions_are_averaged(golden: Path) -> None:
    network, _ = published(golden / "VSEPP")
    regions = torch.rand(6, 5, 48)
    close(network.encode_images(regions), network.encode_images(regions.mean(dim=1)))
    with pytest.raises(ShapeError, match=r"features of shape \(6, 5, 47\).*Expected \(n_images, 48\)"):
        network.encode_images(regions[:, :, :47])
    with pytest.raises(ShapeError, match=r"\(6, 0, 48\)"):
        network.encode_images(regions[:, :0])


def test_neither_the_order_of_captions_nor_padding_matters(golden: Path) -> None:
    network, arrays = published(golden / "VSEPP")
    ids, lengths = arrays["captions"], arrays["lengths"]
    whole = network.encode_texts(Tokens(ids, lengths))
    shuffled = torch.tensor([3, 0, 5, 1, 4, 2])
    close(network.encode_texts(Tokens(ids[shuffled], lengths[shuffled])), whole[shuffled])
    for row, length in enumerate(lengths.tolist()):
        alone = network.encode_texts(Tokens(ids[row : row + 1, :length], lengths[row : row + 1]))
        close(alone[0], whole[row])


def test_other_checkpoints_are_refused(golden: Path) -> None:
    network, _ = published(golden / "VSEPP")
    image, text = network.image.state_dict(), network.text.state_dict()
    pixels = {**image, "cnn.features.0.weight": torch.zeros(1)}
    with pytest.raises(FileFormatError, match=r"some\.tar: .*it holds 'cnn\.features\.0\.weight'"):
        VSEPPNetwork.from_published([pixels, text], path=Path("some.tar"))
    with pytest.raises(FileFormatError, match=r"no matrix 'embed\.weight'.*VSE\+\+'s published code"):
        VSEPPNetwork.from_published([image, image])
    both = {**text, **{f"{name}_reverse": one for name, one in text.items() if name.startswith("rnn.")}}
    with pytest.raises(FileFormatError, match="reverse"):
        VSEPPNetwork.from_published([image, both])


def test_sizes_rebuild_the_network() -> None:
    config = VSEPPConfig(width=6, word_width=4, similarity="order", image_norm=False, absolute=True)
    network = config.network(9, 12)
    again = VSEPPNetwork(*network.widths, **network.sizes)
    again.load_state_dict(network.state_dict())
    assert (again.widths, again.sizes) == ((9, 12), network.sizes)
    tokens = Tokens.of([[1, 5, 2], [1, 2]])
    assert torch.equal(again.encode_texts(tokens), network.encode_texts(tokens))


def test_published_sizes() -> None:
    network = VSEPPConfig().network(2048, 8481)
    counts = [sum(one.numel() for one in side.parameters()) for side in (network.image, network.text)]
    assert counts == [2_098_176, 6_617_772]


def test_presets() -> None:
    assert set(preset_names("vsepp")) == {"flickr30k", "coco", "vse0", "order0", "orderpp", "small", "small-flickr8k"}
    for variant in ("vse0", "order0", "orderpp"):
        assert read_config(VSEPPOptions, "vsepp", preset=variant) == VSEPPOptions(**VARIANTS[variant])
    for dataset in ("flickr30k", "coco"):
        assert read_config(VSEPPOptions, "vsepp", preset=dataset) == VSEPPOptions()


@pytest.mark.parametrize("hardest", [True, False])
def test_triplet_loss_is_the_sum_over_queries(hardest: bool) -> None:
    scores = torch.rand(5, 5, generator=torch.Generator().manual_seed(1))
    owners = torch.tensor([0, 1, 0, 2, 2])
    negatives = owners[:, None] != owners
    total = 0.0
    for one in range(5):
        own = scores[one, one]
        others = [other for other in range(5) if negatives[one, other]]
        of_image = [max(0.0, float(0.2 + scores[one, other] - own)) for other in others]
        of_text = [max(0.0, float(0.2 + scores[other, one] - own)) for other in others]
        total += max(of_image) + max(of_text) if hardest else sum(of_image) + sum(of_text)
    found = triplet_loss(scores, margin=0.2, hardest=hardest, negatives=negatives)
    assert found.item() == pytest.approx(total, rel=1e-6)
    with pytest.raises(ShapeError, match=r"scores of shape \(5, 4\)"):
        triplet_loss(scores[:, :4], margin=0.2)


def test_the_own_pair_is_never_a_negative() -> None:
    scores = torch.eye(3)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert triplet_loss(scores, margin=0.2, negatives=everything, hardest=False) == 0
    # Without a negative, nothing is lost.
    assert triplet_loss(scores, margin=2.0, negatives=~everything) == 0


def test_recipe_follows_its_configuration() -> None:
    torch.manual_seed(0)
    config = VSEPPConfig(width=8, word_width=4, warmup_epochs=2, same_image_negatives=False, decay_every=3)
    network = config.network(6, 10)
    recipe = TripletRecipe(network, config)
    rows = torch.arange(4)
    batch = Batch(rows, torch.tensor([0, 0, 1, 2]), torch.rand(4, 6), Tokens.of([[1, 2], [1, 4, 2], [1, 5], [9]]))
    scores = network.score(*recipe.encode(batch))
    negatives = batch.image_rows[:, None] != batch.image_rows
    for epoch, hardest, rate in ((0, False, 2e-4), (1, False, 2e-4), (2, True, 2e-4), (3, True, 2e-5)):
        recipe.start_epoch(epoch)
        assert recipe.optimiser.param_groups[0]["lr"] == pytest.approx(rate)
        expected = triplet_loss(scores, margin=0.2, hardest=hardest, negatives=negatives)
        close(recipe.losses(batch)["loss"], expected)
    before = [one.detach().clone() for one in network.parameters()]
    stepped = recipe.step(batch)
    assert set(stepped) == {"loss", "gradient_norm"}
    assert any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
