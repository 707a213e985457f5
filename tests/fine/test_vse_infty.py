"""VSE-infinity against numbers of its authors' code, and what those cannot show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.fine.gpo import GPO
from ficoitr.models.fine.losses import triplet_loss
from ficoitr.models.fine.models import VSEInfinityOptions
from ficoitr.models.fine.vse_infty import VSEInftyConfig, VSEInftyRecipe, drop_regions, drop_tokens
from ficoitr.models.fine.vse_infty_networks import VSEInftyNetwork
from ficoitr.models.fine.words import Tokens
from ficoitr.models.training import Batch, train
from ficoitr.models.training.config import preset_names, read_config

NETWORKS = {"img_enc": "image", "txt_enc": "text"}
SMALL = VSEInftyConfig(width=16, word_width=8, rank_width=8, rank_hidden=4)
MASK = 29


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


@pytest.fixture
def arrays(golden: Path) -> dict[str, Tensor]:
    with np.load(golden / "VSEINFTY" / "golden.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


@pytest.fixture
def network(golden: Path) -> VSEInftyNetwork:
    state = load_file(golden / "VSEINFTY" / "state_dict.safetensors")
    return VSEInftyNetwork.from_published(
        [
            {key.removeprefix(f"{part}."): one for key, one in state.items() if key.startswith(f"{part}.")}
            for part in NETWORKS
        ]
    )


def test_golden_outputs(network: VSEInftyNetwork, arrays: dict[str, Tensor]) -> None:
    expected = {key.removeprefix("eval/"): one for key, one in arrays.items() if key.startswith("eval/")}
    regions, region_lengths = arrays["images"], arrays["image_lengths"]
    tokens = Tokens(arrays["captions"], arrays["lengths"])
    images, texts = network.encode_images(regions, region_lengths), network.encode_texts(tokens)
    close(images, expected.pop("img_emb"))
    close(texts, expected.pop("cap_emb"))
    close(network.score(images, texts), expected.pop("sim"))
    close(network.image.gpool.weights(region_lengths), expected.pop("img_pool_weights"))
    close(network.text.gpool.weights(tokens.lengths), expected.pop("cap_pool_weights"))
    close(network.image.project(regions), expected.pop("region_features_before_pool"))
    close(network.image(regions, region_lengths), expected.pop("pooled_before_norm"))
    assert not expected


@pytest.mark.parametrize(("kind", "hardest"), [("train_max", True), ("train_sum", False)])
def test_golden_training(network: VSEInftyNetwork, arrays: dict[str, Tensor], kind: str, hardest: bool) -> None:
    expected = {key.removeprefix(f"{kind}/"): one for key, one in arrays.items() if key.startswith(f"{kind}/")}
    network.train()
    images = network.encode_images(arrays["images"], arrays["image_lengths"])
    texts = network.encode_texts(Tokens(arrays["captions"], arrays["lengths"]))
    scores = network.score(images, texts)
    close(scores, expected.pop("sim"))
    loss = triplet_loss(scores, margin=0.2, hardest=hardest)
    close(loss, expected.pop("loss"))
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    theirs = {ours: name for name, ours in NETWORKS.items()}
    for name, gradient in zip(parameters, gradients, strict=True):
        side, _, rest = name.partition(".")
        norm = expected.pop(f"gradnorm/{theirs[side]}.{rest}")
        if gradient is None:
            # Nothing passes through this layer.
            assert rest.startswith("mlp.bns.1.")
            assert norm.isnan()
        elif rest == "mlp.layers.0.bias":
            # The normalisation that follows takes any shift away again: the true gradient is 0.
            assert max(gradient.norm(), norm) < 1e-6
        else:
            close(gradient.norm(), norm, rtol=1e-4)
    assert not expected


def test_pooling_is_a_weighted_sum_of_ranks() -> None:
    torch.manual_seed(0)
    pool = GPO(8, 4)
    values, lengths = torch.randn(4, 6, 5), torch.tensor([3, 6, 1, 3])
    weights, pooled = pool.weights(lengths), pool(values, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = pool.weights(lengths[row : row + 1])[0]
        close(weights[row, :length], alone)
        assert not weights[row, length:].any()
        assert alone.sum().item() == pytest.approx(1)
        ranked = np.sort(values[row, :length].numpy(), axis=0)[::-1].copy()
        close(pooled[row], alone @ torch.from_numpy(ranked))
    # What lies behind the end of a set is never read, whatever it is.
    values[0, 3:] = torch.nan
    close(pool(values, lengths)[0], pooled[0])


def test_neither_order_nor_padding_matters(network: VSEInftyNetwork, arrays: dict[str, Tensor]) -> None:
    ids, lengths, regions = arrays["captions"], arrays["lengths"], arrays["images"]
    whole = network.encode_texts(Tokens(ids, lengths))
    shuffled = torch.tensor([3, 0, 5, 1, 4, 2])
    close(network.encode_texts(Tokens(ids[shuffled], lengths[shuffled])), whole[shuffled])
    padded = torch.nn.functional.pad(ids, (0, 4), value=7)
    close(network.encode_texts(Tokens(padded, lengths)), whole)
    close(network.encode_images(regions.flip(1)), network.encode_images(regions))
    close(network.encode_images(regions[:1]), network.encode_images(regions)[:1])


def test_regions_of_another_width_are_refused(network: VSEInftyNetwork) -> None:
    for shape in ((2, 8, 47), (2, 48), (2, 0, 48)):
        with pytest.raises(ShapeError, match=r"Expected \(n_images, n_regions, 48\)"):
            network.encode_images(torch.zeros(shape))


def test_other_checkpoints_are_refused(network: VSEInftyNetwork) -> None:
    image, text = network.image.state_dict(), network.text.state_dict()
    linear = {name: one for name, one in image.items() if not name.startswith("mlp.")}
    with pytest.raises(FileFormatError, match=r"some\.pth: .*it lacks 'mlp\.layers\.0\.weight'"):
        VSEInftyNetwork.from_published([linear, text], path=Path("some.pth"))
    bert = {"bert.embeddings.word_embeddings.weight": torch.zeros(5, 3)}
    with pytest.raises(FileFormatError, match=r"no matrix 'embed\.weight'.*VSE-infinity's published code"):
        VSEInftyNetwork.from_published([image, bert])


def test_published_sizes() -> None:
    network = VSEInftyConfig().network(2048, 8482)
    assert network.widths == (2048, 8482)
    again = VSEInftyNetwork(*network.widths, **network.sizes)
    shapes = {name: one.shape for name, one in network.state_dict().items()}
    assert shapes == {name: one.shape for name, one in again.state_dict().items()}
    assert shapes["image.mlp.layers.1.weight"] == (1024, 512)
    assert shapes["text.rnn.weight_hh_l0_reverse"] == (3072, 1024)


def test_regions_are_left_out_as_often_as_asked() -> None:
    torch.manual_seed(0)
    regions = torch.arange(1, 4001).view(500, 8, 1).float().expand(-1, -1, 3)
    left, lengths = drop_regions(regions, 0.2)
    # 4,000 draws: four standard deviations are 0.025.
    assert lengths.sum().item() / 4000 == pytest.approx(0.8, abs=0.025)
    assert left.shape[1] == lengths.max()
    for row, length in enumerate(lengths.tolist()):
        values = left[row, :length, 0]
        assert torch.isin(values, regions[row, :, 0]).all()
        assert (values.diff() > 0).all()
        assert not left[row, length:].any()
    assert (drop_regions(regions, 0.999)[1] == 1).any()
    assert drop_regions(regions, 0.999)[1].min() == 1
    assert torch.equal(drop_regions(regions, 0.0)[0], regions)


def test_tokens_are_disturbed_as_often_as_asked() -> None:
    torch.manual_seed(0)
    n_words = 100_000
    # Tokens tell their place; the rows of the vocabulary above them are never in the captions.
    tokens = Tokens(torch.arange(10).repeat(2000, 1), torch.tensor([10, 6]).repeat(1000))
    found = drop_tokens(tokens, 0.2, mask=n_words - 1, n_words=n_words)
    total, places = tokens.lengths.sum().item(), found.mask
    ids = found.ids[places]
    masked, replaced = (ids == n_words - 1).sum().item(), ((ids >= 10) & (ids < n_words - 1)).sum().item()
    # 16,000 tokens: four standard deviations are 0.0095, 0.0044 and 0.0086.
    assert masked / total == pytest.approx(0.10, abs=0.0095)
    assert replaced / total == pytest.approx(0.02, abs=0.0044)
    assert 1 - found.lengths.sum().item() / total == pytest.approx(0.08, abs=0.0086)
    for row in range(200):
        own = found.ids[row, : int(found.lengths[row])]
        own = own[own < 10]
        assert (own.diff() > 0).all()
        assert own.numel() == 0 or own.max() < tokens.lengths[row]
    assert not found.ids[~places].any()
    untouched = drop_tokens(tokens, 0.0, mask=n_words - 1, n_words=n_words)
    assert torch.equal(untouched.lengths, tokens.lengths)
    assert torch.equal(untouched.ids[untouched.mask], tokens.ids[tokens.mask])


def test_a_caption_never_loses_all_tokens() -> None:
    torch.manual_seed(0)
    tokens = Tokens.of([[1, 2]] * 3000)
    found = drop_tokens(tokens, 0.999, mask=MASK, n_words=30)
    assert found.lengths.min() == 1
    # 40% of 40% lose both at first, and keep the first.
    assert ((found.lengths == 1) & (found.ids[:, 0] == 1)).float().mean().item() == pytest.approx(0.16, abs=0.04)


class Pairs:
    """Twenty images of six regions, each with a caption of its own words."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(3)
        self.regions = torch.randn(20, 6, 10, generator=generator)
        self.captions = [[1, 4 + row, 4 + (row * 7) % 20, 2] for row in range(20)]

    def __len__(self) -> int:
        return 20

    def batch(self, rows: np.ndarray, device: torch.device) -> Batch:
        chosen = torch.from_numpy(rows).to(device)
        texts = Tokens.of([self.captions[row] for row in rows])
        return Batch(chosen, chosen, self.regions.to(device)[chosen], texts.to(device))


def make_recipe(**changes: Any) -> VSEInftyRecipe:
    torch.manual_seed(5)
    config = SMALL.model_copy(update=changes)
    return VSEInftyRecipe(config.network(10, MASK + 1), config)


def test_it_learns_and_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    config = SMALL.training.model_copy(update={"epochs": 30, "batch_size": 10, "device": "cpu", "save_seconds": 0.0})
    pairs = Pairs()
    # The sum over all negatives, to the end: networks as small as these do not learn from the hardest alone.
    changes = {"learning_rate": 1e-2, "warmup_epochs": 100, "region_drop": 0.1, "token_drop": 0.1}
    whole = make_recipe(**changes)
    trained = train(whole, pairs, config, seed=1, folder=tmp_path / "whole")
    assert isinstance(whole.optimiser, torch.optim.AdamW)
    assert trained.history[-1]["loss"] < 0.3 * trained.history[0]["loss"]

    stopped = make_recipe(**changes)

    class StoppedError(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if what.startswith("epoch 7") and done == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(stopped, pairs, config, seed=1, folder=tmp_path / "stopped", progress=stop)
    again = make_recipe(**changes)
    train(again, pairs, config, seed=1, folder=tmp_path / "stopped")
    for name, one in whole.weights().items():
        assert torch.equal(one, again.weights()[name]), name


def test_the_first_epoch_sums_over_all_negatives() -> None:
    recipe = make_recipe(region_drop=0.0, token_drop=0.0)
    batch = Pairs().batch(np.arange(8), torch.device("cpu"))
    for epoch, hardest in ((0, False), (1, True)):
        recipe.start_epoch(epoch)
        scores = recipe.network.score(*recipe.encode(batch))
        close(recipe.losses(batch)["loss"], triplet_loss(scores, margin=0.2, hardest=hardest))


def test_presets() -> None:
    assert set(preset_names("vse-infinity")) == {"flickr30k", "coco", "small", "small-flickr8k"}
    for dataset in ("flickr30k", "coco"):
        assert read_config(VSEInfinityOptions, "vse-infinity", preset=dataset) == VSEInfinityOptions()
