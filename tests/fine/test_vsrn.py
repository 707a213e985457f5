"""VSRN against numbers of its authors' code, and what those cannot show."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.fine.models import VSRNOptions
from ficoitr.models.fine.vsrn import VSRNConfig, VSRNRecipe
from ficoitr.models.fine.vsrn_captions import caption_targets
from ficoitr.models.fine.vsrn_networks import VSRNNetwork, over_regions
from ficoitr.models.fine.words import Tokens
from ficoitr.models.training import Batch, TrainingConfig, train
from ficoitr.models.training.config import preset_names, read_config

CONFIG = VSRNConfig(
    width=64, word_width=32, caption_hidden=24, caption_word_width=20, caption_dropout=0, caption_longest=14
)
PARTS = {"img_enc": "image", "txt_enc": "text", "caption_model": "captions"}
SMALL = VSRNConfig(width=16, word_width=8, caption_hidden=12, caption_word_width=10)


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


class Case:
    """The golden numbers, and a recipe that stands before the first step."""

    def __init__(self, golden: Path) -> None:
        with np.load(golden / "VSRN" / "golden_f30k.npz") as file:
            self.arrays = {name: torch.from_numpy(np.asarray(file[name])) for name in file.files}
        weights = load_file(golden / "VSRN" / "state_dict_f30k.safetensors")
        self.states = {part: _under(weights, part) for part in PARTS}
        self.network = VSRNNetwork.from_published([self.states["img_enc"], self.states["txt_enc"]])
        self.recipe = self.recipe_of(CONFIG)
        self.tokens = Tokens(self["captions"], self["lengths"])
        rows = torch.arange(6)
        self.batch = Batch(rows, rows, self["images"], self.tokens)

    def __getitem__(self, name: str) -> Tensor:
        return self.arrays[name]

    def recipe_of(self, config: VSRNConfig) -> VSRNRecipe:
        recipe = VSRNRecipe(copy.deepcopy(self.network), config)
        assert recipe.captions is not None
        recipe.captions.load_state_dict(self.states["caption_model"])
        return recipe


def _under(arrays: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{prefix}."): one for name, one in arrays.items() if name.startswith(f"{prefix}.")}


def values_of(recipe: VSRNRecipe, *, buffers: bool) -> dict[str, torch.nn.Parameter | Tensor]:
    """All tensors of a recipe that training changes, by the golden numbers' names."""
    modules = {"image": recipe.network.image, "text": recipe.network.text, "captions": recipe.captions}
    found: dict[str, Any] = {}
    for part, ours in PARTS.items():
        module = modules[ours]
        assert module is not None
        named = [*module.named_parameters(), *(module.named_buffers() if buffers else [])]
        found |= {f"{part}.{name}": one for name, one in named if not name.endswith("num_batches_tracked")}
    return found


@pytest.fixture
def case(golden: Path) -> Case:
    return Case(golden)


def test_each_step_of_reasoning(case: Case) -> None:
    image = case.network.image
    regions = image.fc(case["images"])
    close(regions, case["eval/after_fc"])
    for number in range(1, 5):
        regions = image.get_submodule(f"Rs_GCN_{number}")(regions)
        close(regions, case[f"eval/after_gcn{number}"])
    close(over_regions(regions), case["eval/GCN_img_emd"])
    close(image.img_rnn(over_regions(regions))[1][0], case["eval/rnn_last_hidden"])


def test_embeddings_and_scores(case: Case) -> None:
    images, regions = case.network.encode_regions(case["images"])
    texts = case.network.encode_texts(case.tokens)
    close(regions, case["eval/GCN_img_emd"])
    close(images, case["eval/img_emb"])
    close(texts, case["eval/cap_emb"])
    scores = case.network.score(images, texts)
    close(scores, case["eval/sim"])
    close((scores + case["ensemble/model2_sim"]) / 2, case["ensemble/mean_sim"])


def test_captions_are_cut_and_padded(case: Case) -> None:
    for ids, lengths, labels, masks in (
        (case["captions"], case["lengths"], case["caption_labels"], case["caption_masks"]),
        (
            case["long_caption_tokens"][None],
            torch.tensor([18]),
            case["long_caption_label"][None],
            case["long_caption_mask"][None],
        ),
    ):
        read, targets, counted = caption_targets(Tokens(ids, lengths), 14)
        width = min(ids.shape[1], 13)
        assert read.shape == targets.shape == counted.shape == (len(ids), width)
        assert torch.equal(read, labels[:, :width])
        assert torch.equal(targets, labels[:, 1 : width + 1])
        assert torch.equal(counted, masks[:, 1 : width + 1].bool())
        # What is left out of the published 13 steps does not count there, either.
        assert not masks[:, width + 1 : 14].any()


def test_what_the_padding_holds_is_never_read(case: Case) -> None:
    ids = torch.where(case.tokens.mask, case.tokens.ids, 99)
    for found, expected in zip(
        caption_targets(Tokens(ids, case["lengths"]), 14), caption_targets(case.tokens, 14), strict=True
    ):
        assert torch.equal(found, expected)
    assert torch.equal(case.network.encode_texts(Tokens(ids, case["lengths"])), case.network.encode_texts(case.tokens))


def test_training_mode(case: Case) -> None:
    recipe = case.recipe
    recipe.network.train()
    images, regions = recipe.network.encode_regions(case["images"])
    close(images, case["train/img_emb"], atol=2e-6)
    close(recipe.network.encode_texts(case.tokens), case["train/cap_emb"])
    close(regions, case["train/GCN_img_emd"])
    assert recipe.captions is not None
    states = recipe.captions.states(regions, case["caption_labels"][:, :13])
    close(F.log_softmax(recipe.captions.decoder.out(states), dim=2), case["train/caption_logprobs"])
    after = values_of(recipe, buffers=True)
    compared = [name for name in case.arrays if name.startswith("train/after1fwd/")]
    assert len(compared) == 10
    for name in compared:
        close(after[name.removeprefix("train/after1fwd/")], case[name])


@pytest.mark.parametrize("negatives", ["max", "sum"])
def test_losses_and_gradients(case: Case, negatives: str) -> None:
    recipe = case.recipe_of(CONFIG.model_copy(update={"hardest_negatives": negatives == "max"}))
    recipe.network.train()
    losses = recipe.losses(case.batch)
    close(losses["triplet"], case[f"train/{negatives}/retrieval_loss"])
    close(losses["caption"], case[f"train/{negatives}/caption_loss"])
    losses["loss"].backward()
    for name, one in values_of(recipe, buffers=False).items():
        assert one.grad is not None
        close(one.grad.norm(), case[f"train/{negatives}/gradnorm/{name}"], rtol=1e-4)


@pytest.mark.parametrize(("steps", "trace"), [(2, "as_written"), (1, "dedup")])
def test_five_steps(case: Case, steps: int, trace: str) -> None:
    assert VSRNConfig().caption_steps == 2
    recipe = case.recipe_of(CONFIG.model_copy(update={"caption_steps": steps}))
    recipe.start_epoch(0)
    losses = [recipe.step(case.batch) for _ in range(5)]
    prefix = f"train5/{trace}"
    for name, golden_name in (("triplet", "Le_retrieval"), ("caption", "Le_caption"), ("loss", "Le")):
        close(torch.stack([one[name] for one in losses]), case[f"{prefix}/{golden_name}"], rtol=1e-4)
    assert recipe.captions is not None
    listed = len(list(recipe.network.parameters())) + steps * len(list(recipe.captions.parameters()))
    assert listed == case[f"{prefix}/n_params_in_list"]
    for name, one in values_of(recipe, buffers=True).items():
        expected = case[f"{prefix}/param_norm/{name}"]
        if ".W.0.bias" in name or name.endswith("running_mean"):
            # Batch normalisation takes these biases away again: their gradient is 0 but for rounding, of which Adam
            # makes steps of the learning rate; the running means follow them.
            assert abs(one.norm() - expected) <= 2 * 5 * recipe.config.learning_rate * len(one) ** 0.5
        else:
            close(one.norm(), expected)


@pytest.mark.parametrize("variant", ["flickr30k", "coco"])
def test_names_and_shapes_are_those_of_the_published_files(golden: Path, variant: str) -> None:
    short = "f30k" if variant == "flickr30k" else variant
    parts = json.loads((golden / "VSRN" / f"checkpoint_keys_fullsize_{short}.json").read_text())["parts"]
    config = read_config(VSRNConfig, "vsrn", preset=variant)
    n_words = parts["model[1]=txt_enc"]["embed.weight"][0][0]
    with torch.device("meta"):
        network = config.network(2048, n_words)
        captions = config.caption_branch(2048, n_words)
    for module, part in (
        (network.image, "model[0]=img_enc"),
        (network.text, "model[1]=txt_enc"),
        (captions, "NOT SAVED caption_model"),
    ):
        found = {name: [list(one.shape), str(one.dtype)[6:]] for name, one in module.state_dict().items()}
        assert found == parts[part]


def test_the_coco_variant_is_its_equations() -> None:
    torch.manual_seed(0)
    network = VSRNNetwork(7, 20, width=6, word_width=4, variant="coco").double().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    image, regions = network.image, torch.randn(3, 5, 7).double()
    for row, one in zip(network.encode_images(regions), regions, strict=True):
        # Columns are channels; one image at a time, in another order than the network's.
        x = one @ image.fc.weight.T + image.fc.bias
        x = x / x.square().sum(dim=0).sqrt()
        for number in range(1, 5):
            block = image.get_submodule(f"Rs_GCN_{number}")
            maps = {
                name: torch.stack(
                    [getattr(block, name).weight[:, :, 0] @ region + getattr(block, name).bias for region in x]
                )
                for name in ("theta", "phi", "g")
            }
            heard = torch.stack(
                [sum(maps["theta"][i] @ maps["phi"][j] / 5 * maps["g"][j] for j in range(5)) for i in range(5)]
            )
            scale, shift = block.W[1].weight / (1 + block.W[1].eps) ** 0.5, block.W[1].bias
            x = x + (heard @ block.W[0].weight[:, :, 0].T + block.W[0].bias) * scale + shift
        x = x / x.square().sum(dim=0).sqrt()
        h = torch.zeros(6).double()
        gru = image.img_rnn
        for region in x:
            inner = (gru.weight_ih_l0 @ region + gru.bias_ih_l0).split(6)
            outer = (gru.weight_hh_l0 @ h + gru.bias_hh_l0).split(6)
            reset, update = (inner[0] + outer[0]).sigmoid(), (inner[1] + outer[1]).sigmoid()
            h = (1 - update) * (inner[2] + reset * outer[2]).tanh() + update * h
        close(row, h / h.norm(), rtol=1e-6)


@pytest.mark.parametrize("variant", ["flickr30k", "coco"])
def test_any_order_and_number_and_regions_of_zeros(variant: Any) -> None:
    torch.manual_seed(0)
    network = VSRNNetwork(9, 20, width=6, word_width=4, variant=variant)
    regions, tokens = torch.randn(4, 5, 9), Tokens.of([[1, 2], [1, 5, 6, 7, 2], [1, 8, 2], [1, 5, 6, 2]])
    regions[2] = 0
    images, known = network.encode_regions(regions)
    assert images.isfinite().all()
    (images.sum() + known.sum()).backward()
    assert all(one.grad.isfinite().all() for one in network.image.parameters())
    network.eval()
    images, texts = network.encode_images(regions), network.encode_texts(tokens)
    for row in range(4):
        close(network.encode_images(regions[row : row + 1])[0], images[row])
        length = tokens.lengths[row : row + 1]
        alone = Tokens(tokens.ids[row : row + 1, : int(length)], length)
        close(network.encode_texts(alone)[0], texts[row])
    assert not torch.allclose(network.encode_images(regions.flip(1))[0], images[0])
    for wrong in (regions[..., :8], regions[:, 0], regions[:, :0]):
        with pytest.raises(ShapeError, match=r"\(n_images, n_regions, 9\)"):
            network.encode_images(wrong)


def test_building_from_published_weights() -> None:
    for variant in ("flickr30k", "coco"):
        made = SMALL.model_copy(update={"variant": variant}).network(9, 30)
        states = [made.image.state_dict(), made.text.state_dict()]
        network = VSRNNetwork.from_published(states)
        assert (network.sizes, network.widths) == (made.sizes, (9, 30))
        assert network.sizes == {"width": 16, "word_width": 8, "variant": variant}
        assert not network.training
        assert all(one.requires_grad for one in network.parameters())
        assert all(torch.equal(one, made.state_dict()[name]) for name, one in network.state_dict().items())
    path = Path("model_best.pth.tar")
    for side, name, what in (
        (0, "fc.weight", "no matrix 'fc.weight'"),
        (0, "Rs_GCN_3.W.1.running_var", "lacks 'Rs_GCN_3.W.1.running_var'"),
        (1, "rnn.bias_hh_l0", "lacks 'rnn.bias_hh_l0'"),
    ):
        broken = [dict(one) for one in states]
        del broken[side][name]
        with pytest.raises(FileFormatError, match=f"model_best.*{what}"):
            VSRNNetwork.from_published(broken, path=path)
    with pytest.raises(FileFormatError, match="holds 'embed\\.bias'"):
        VSRNNetwork.from_published([states[0], {**states[1], "embed.bias": torch.zeros(3)}])
    with pytest.raises(FileFormatError, match=r"'rnn.weight_hh_l0' has the shape \(48, 17\)"):
        VSRNNetwork.from_published([states[0], {**states[1], "rnn.weight_hh_l0": torch.zeros(48, 17)}])


class Topics:
    """Pairs whose images and captions each are of one of ten topics: noisy regions, and the topic's words."""

    def __init__(self, n_pairs: int) -> None:
        generator = np.random.default_rng(0)
        topics = np.arange(n_pairs) % 10
        centres = generator.normal(size=(10, 4, 12))
        self.images = (centres[topics] + 0.3 * generator.normal(size=(n_pairs, 4, 12))).astype(np.float32)
        noise = generator.integers(24, 40, size=(n_pairs, 2))
        self.texts = [
            [1, 4 + topic, one, 14 + topic, other, 2][: 6 - topic % 2]
            for topic, (one, other) in zip(topics.tolist(), noise.tolist(), strict=True)
        ]

    def __len__(self) -> int:
        return len(self.texts)

    def batch(self, rows: Any, device: torch.device) -> Batch:
        found, images = torch.from_numpy(rows), torch.from_numpy(self.images[rows])
        tokens = Tokens.of([self.texts[row] for row in rows])
        return Batch(found, found, images.to(device), tokens.to(device))


TRAINED = SMALL.model_copy(
    update={
        "learning_rate": 5e-3,
        "hardest_negatives": False,
        "training": TrainingConfig(epochs=6, batch_size=10, device="cpu"),
    }
)


def recipe_of(config: VSRNConfig) -> VSRNRecipe:
    torch.manual_seed(0)
    return VSRNRecipe(config.network(12, 40), config)


@pytest.mark.parametrize("variant", ["flickr30k", "coco"])
def test_it_learns_to_rank_and_to_caption(variant: Any) -> None:
    recipe = recipe_of(TRAINED.model_copy(update={"variant": variant}))
    pairs = Topics(100)
    trained = train(recipe, pairs, TRAINED.training)
    assert trained.history[-1]["caption"] < 0.7 * trained.history[0]["caption"]
    recipe.network.eval()
    batch = pairs.batch(np.arange(10), torch.device("cpu"))
    with torch.no_grad():
        scores = recipe.network.score(
            recipe.network.encode_images(batch.images), recipe.network.encode_texts(batch.texts)
        )
    assert (scores.argmax(dim=1) == torch.arange(10)).sum() >= 8
    assert (scores.argmax(dim=0) == torch.arange(10)).sum() >= 8


def test_a_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
    config = TRAINED.training.model_copy(update={"epochs": 2, "save_seconds": 0.0})
    pairs, whole = Topics(40), recipe_of(TRAINED)
    train(whole, pairs, config)

    class Stopped(Exception):  # noqa: N818 (no error: how a start ends)
        pass

    def stop(_: str, done: int, __: int) -> None:
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        train(recipe_of(TRAINED), pairs, config, folder=tmp_path, progress=stop)
    second = recipe_of(TRAINED)
    train(second, pairs, config, folder=tmp_path)
    assert second.captions is not None
    assert whole.captions is not None
    for one, other in ((whole.network, second.network), (whole.captions, second.captions)):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_weights_are_those_of_retrieval() -> None:
    recipe = recipe_of(SMALL)
    other = VSRNNetwork(12, 40, **recipe.network.sizes)
    other.load_state_dict(recipe.weights())
    assert all(name.startswith(("image.", "text.")) for name in recipe.weights())


def test_without_captions() -> None:
    config = SMALL.model_copy(update={"caption_weight": 0.0})
    recipe, batch = recipe_of(config), Topics(10).batch(np.arange(10), torch.device("cpu"))
    assert recipe.captions is None
    assert set(recipe.step(batch)) == {"loss", "gradient_norm"}
    state = recipe.state_dict()
    assert set(state) == {"network", "optimiser", "epoch"}
    recipe_of(config).load_state_dict(state)


def test_the_weight_of_captions_and_the_learning_rate() -> None:
    batch = Topics(10).batch(np.arange(10), torch.device("cpu"))
    recipe = recipe_of(SMALL.model_copy(update={"caption_weight": 0.5}))
    losses = recipe.losses(batch)
    close(losses["loss"], losses["triplet"] + losses["caption"] / 2)
    recipe.start_epoch(10)
    assert recipe.caption_optimiser is not None
    for optimiser in (recipe.optimiser, recipe.caption_optimiser):
        assert optimiser.param_groups[0]["lr"] == pytest.approx(2e-5)


def test_16_bits() -> None:
    batch = Topics(20).batch(np.arange(20), torch.device("cpu"))
    expected = recipe_of(TRAINED).losses(batch)
    with torch.autocast("cpu", torch.bfloat16):
        found = recipe_of(TRAINED).step(batch)
    for name in ("triplet", "caption"):
        assert found[name].dtype == torch.float32
        close(found[name], expected[name], rtol=0.05)


def test_presets() -> None:
    assert preset_names("vsrn") == ("flickr30k", "coco", "small", "small-flickr8k")
    configs = {name: read_config(VSRNOptions, "vsrn", preset=name) for name in preset_names("vsrn")}
    assert configs["flickr30k"] == VSRNOptions()
    assert configs["coco"] == VSRNOptions(variant="coco", decay_every=15)
    assert configs["small"].width < 2048
