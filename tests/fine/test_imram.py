"""IMRAM against numbers of its authors' code, and against its equations in a loop over captions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from ficoitr.errors import FileFormatError, OptionError, ShapeError
from ficoitr.models.fine import imram_similarity, tiles
from ficoitr.models.fine.checkpoints import published_states
from ficoitr.models.fine.imram import IMRAMConfig
from ficoitr.models.fine.imram_attention import Memory
from ficoitr.models.fine.imram_networks import IMRAMNetwork
from ficoitr.models.fine.models import IMRAMOptions
from ficoitr.models.fine.recipe import TripletRecipe
from ficoitr.models.fine.scoring import PairScorer
from ficoitr.models.fine.words import Tokens, Words
from ficoitr.models.training import Batch
from ficoitr.models.training.config import preset_names, read_config

MODES = ("text", "image", "full")
Arrays = dict[str, Tensor]


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


# Of float64 numbers.
exact = partial(close, rtol=1e-9, atol=1e-11)


@pytest.fixture(scope="module")
def arrays(golden: Path) -> Arrays:
    with np.load(golden / "IMRAM" / "golden.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


@pytest.fixture(scope="module")
def state(golden: Path) -> Arrays:
    return load_file(golden / "IMRAM" / "state_dict.safetensors")


def published(state: Arrays, **options: Any) -> IMRAMNetwork:
    """The network of the golden numbers, from what the authors' checkpoint would hold."""
    weights = {f"module.{name}": one for name, one in state.items()}
    return IMRAMNetwork.from_published(published_states(weights, "imram"), **options)


def encoded(network: IMRAMNetwork, arrays: Arrays) -> tuple[Tensor, Words]:
    tokens = Tokens(arrays["captions"], arrays["lengths"])
    return network.encode_images(arrays["images"]), network.encode_texts(tokens)


def their_name(name: str) -> str:
    side, _, rest = name.partition(".")
    return {"image": f"img_enc.{rest}", "text": f"txt_enc.{rest}", "similarity": rest}[side]


def test_golden_encoders(arrays: Arrays, state: Arrays) -> None:
    network = published(state)
    images, texts = encoded(network, arrays)
    close(images, arrays["img_emb"])
    close(texts.states, arrays["cap_emb"])
    shuffled = arrays["unsorted/perm"]
    tokens = Tokens(arrays["captions"][shuffled], arrays["lengths"][shuffled])
    close(network.encode_texts(tokens).states, arrays["unsorted/cap_emb"])


def test_golden_scores(arrays: Arrays, state: Arrays) -> None:
    images, texts = arrays["img_emb"], Words(arrays["cap_emb"], arrays["lengths"])
    seen = 0
    for key, expected in arrays.items():
        kind, *parts = key.split("/")
        if kind not in {"sim", "sim_step"}:
            continue
        mode, steps, norm, sharpness, *step = parts
        network = published(
            state,
            mode=mode,
            steps=int(steps.removeprefix("K")),
            lambda_softmax=float(sharpness.removeprefix("lam")),
            normalise=norm == "norm",
        )
        if step:
            found = network.similarity.step_scores(images, texts)
            assert found.shape[:2] == (1, 3)
            close(found[0, int(step[0].removeprefix("step")) - 1], expected)
        else:
            close(network.score(images, texts), expected)
        seen += 1
    assert seen == 78
    network = published(state)
    close(network.score(images[:4], texts), arrays["sim_rect/full"])
    doubled = Words(texts.states.double(), texts.lengths)
    close(network.score(images.double(), doubled), arrays["sim_f64in/full"])


@pytest.mark.parametrize("direction", ["t2i", "i2t"])
def test_golden_memory(arrays: Arrays, state: Arrays, direction: str) -> None:
    memory = published(state).similarity.memory("text" if direction == "t2i" else "image")
    query, attended = arrays[f"mem/{direction}/query"], arrays[f"mem/{direction}/attended"]
    before = query @ memory.of_query.T + (attended @ memory.of_context.T + memory.bias)
    close(Memory.apply(query, before), arrays[f"mem/{direction}/updated"])


@pytest.mark.parametrize("kind", ["max", "sum"])
@pytest.mark.parametrize("mode", MODES)
def test_golden_training(arrays: Arrays, state: Arrays, mode: str, kind: str) -> None:
    network = published(state, mode=mode)
    recipe = TripletRecipe(network, IMRAMConfig(hardest_negatives=kind == "max"))
    batch = batch_of(arrays)
    images, texts = recipe.encode(batch)
    scores = network.score(images, texts)
    close(scores.T, arrays[f"train_score_T/{mode}/{kind}"])
    loss = recipe.triplet_loss(scores, batch)
    if f"loss/{mode}/{kind}" in arrays:
        close(loss, arrays[f"loss/{mode}/{kind}"])
    torch.autograd.backward(loss)
    for name, parameter in network.named_parameters():
        expected = arrays[f"gradnorm/{mode}/{kind}/{their_name(name)}"]
        if expected.isnan():
            assert parameter.grad is None
        else:
            assert parameter.grad is not None
            close(parameter.grad.norm(), expected, rtol=1e-4)


@pytest.mark.parametrize("mode", ["text", "image"])
def test_golden_steps(arrays: Arrays, state: Arrays, mode: str) -> None:
    network = published(state, mode=mode)
    recipe = TripletRecipe(network, IMRAMConfig())
    losses = torch.stack([recipe.step(batch_of(arrays))["loss"].detach() for _ in range(5)])
    # The steps of Adam add up the rounding of five gradients.
    close(losses, arrays[f"train5/{mode}/losses"], rtol=1e-4)
    for name, parameter in network.named_parameters():
        close(parameter.norm(), arrays[f"train5/{mode}/param_norm/{their_name(name)}"], rtol=1e-4)


def batch_of(arrays: Arrays) -> Batch:
    rows = torch.arange(len(arrays["images"]))
    return Batch(rows, rows, arrays["images"], Tokens(arrays["captions"], arrays["lengths"]))


def one_by_one(network: IMRAMNetwork, images: Tensor, texts: Words) -> Tensor:
    """The equations as they are written, caption by caption, with [q; c] put together and c written down."""
    similarity = network.similarity
    columns = []
    for states, length in zip(texts.states, texts.lengths.tolist(), strict=True):
        words = states[:length].expand(len(images), -1, -1)
        total = images.new_zeros(len(images))
        for asking, base, context, output, gate in (
            ("text", words, images, similarity.linear_t2i, similarity.gate_t2i),
            ("image", images, words, similarity.linear_i2t, similarity.gate_i2t),
        ):
            if similarity.mode not in {asking, "full"}:
                continue
            query = base
            for _ in range(similarity.steps):
                products = F.leaky_relu(query @ context.mT, 0.1)
                products = products / (products.norm(dim=1, keepdim=True) + 1e-8)
                attended = torch.softmax(similarity.attention.lambda_softmax * products, dim=2) @ context
                total = total + F.cosine_similarity(base, attended, dim=2).mean(dim=1)
                both = torch.cat([query, attended], dim=2)
                share = torch.sigmoid(gate(both))
                query = share * query + (1 - share) * torch.tanh(output(both))
                if similarity.normalise:
                    query = query / (query.norm(dim=2, keepdim=True) + 1e-8)
        columns.append(total)
    return torch.stack(columns, dim=1)


def random_case(
    mode: str = "full", steps: int = 3, *, normalise: bool = False, n_images: int = 4, n_texts: int = 7
) -> tuple[IMRAMNetwork, Tensor, Words]:
    torch.manual_seed(steps)
    network = IMRAMConfig(width=12, word_width=6, mode=mode, steps=steps, normalise=normalise).network(10, 30).double()
    images = network.encode_images(torch.randn(n_images, 5, 10).double())
    lengths = torch.randint(1, 9, (n_texts,))
    lengths[0] = 1
    texts = network.encode_texts(Tokens(torch.randint(30, (n_texts, 9)), lengths))
    return network, images.detach(), Words(texts.states.detach(), lengths)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("mode", MODES)
def test_what_is_saved_changes_nothing(mode: str, steps: int, normalise: bool) -> None:
    network, images, texts = random_case(mode, steps, normalise=normalise)
    expected = one_by_one(network, images, texts)
    with torch.no_grad():
        exact(network.score(images, texts), expected)
    images.requires_grad_()
    texts.states.requires_grad_()
    weights = [one for name, one in network.similarity.named_parameters() if used(name, mode) and steps > 1]
    wanted = [images, texts.states, *weights]
    scores = network.score(images, texts)
    exact(scores, expected)
    # A sum of unequal shares, of which no gradient is 0 by symmetry.
    shares = torch.linspace(0.5, 2, scores.numel()).view(scores.shape)
    found = torch.autograd.grad((scores * shares).sum(), wanted)
    theirs = torch.autograd.grad((one_by_one(network, images, texts) * shares).sum(), wanted)
    for one, other in zip(found, theirs, strict=True):
        exact(one, other)


def used(name: str, mode: str) -> bool:
    return mode == "full" or ("t2i" in name) == (mode == "text")


def test_what_texts_are_beside_it_and_padding_do_not_matter() -> None:
    network, images, texts = random_case()
    with torch.no_grad():
        whole = network.score(images, texts)
        order = torch.tensor([3, 6, 0, 5, 1, 4, 2])
        exact(network.score(images, Words(texts.states[order], texts.lengths[order])), whole[:, order])
        wide = F.pad(texts.states, (0, 0, 0, 4))
        spoilt = wide.masked_fill(~Words(wide, texts.lengths).mask[..., None], torch.nan)
        exact(network.score(images, Words(spoilt, texts.lengths)), whole)
        exact(network.score(images[2:3], texts), whole[2:3])
        exact(network.score(images, Words(texts.states[4:5], texts.lengths[4:5])), whole[:, 4:5])
        assert network.score(images[:0], texts).shape == (0, 7)
        assert network.score(images, Words(texts.states[:0], texts.lengths[:0])).shape == (4, 0)


@pytest.mark.parametrize("numbers", [1, 400, 2000])
def test_tiles_do_not_matter(monkeypatch: pytest.MonkeyPatch, numbers: int) -> None:
    network, images, texts = random_case(n_images=6, n_texts=11)
    wanted = list(network.similarity.parameters())
    whole = network.score(images, texts)
    gradients = torch.autograd.grad(whole.square().sum(), wanted)
    recomputed = []
    monkeypatch.setattr(imram_similarity, "_PREPARED", 4)
    monkeypatch.setattr(tiles, "_CPU_NUMBERS", numbers)
    monkeypatch.setattr(tiles, "_KEPT_NUMBERS", 0)
    plain = tiles.checkpoint
    monkeypatch.setattr(tiles, "checkpoint", lambda *a, **k: recomputed.append(1) or plain(*a, **k))
    again = network.score(images, texts)
    exact(again, whole)
    for one, other in zip(torch.autograd.grad(again.square().sum(), wanted), gradients, strict=True):
        exact(one, other)
    assert len(recomputed) > 1
    with torch.no_grad():
        exact(network.score(images, texts), whole)


def test_blocks_and_lists_are_cut_from_all_scores() -> None:
    network, images, texts = random_case()
    with torch.no_grad():
        whole = network.score(images, texts).numpy()
    scorer = PairScorer(network, images, texts, dtype="float64", most_images=3, most_texts=2)
    np.testing.assert_allclose(scorer.matrix(), whole, rtol=1e-9)
    listed = np.array([[6, 0, 2], [1, 5, 4], [3, 2, 1], [0, 1, 6]])
    np.testing.assert_allclose(scorer.lists(listed, "i2t"), np.take_along_axis(whole, listed, axis=1), rtol=1e-9)


def test_mixed_precision_does_not_reach_the_scores() -> None:
    network, images, texts = random_case()
    expected = one_by_one(network, images, texts)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = network.float().score(images, texts)
    assert found.dtype == torch.float32
    close(found, expected)


def test_other_checkpoints_are_refused(state: Arrays) -> None:
    states = published_states(state, "imram")
    build = partial(IMRAMNetwork.from_published, path=Path("some.tar"))
    with pytest.raises(FileFormatError, match=r"some\.tar: there are 2 networks"):
        build(states[:2])
    with pytest.raises(FileFormatError, match=r"no matrix 'fc_local\.weight'.*IMRAM's published code"):
        build([states[1], states[1], states[2]])
    with pytest.raises(FileFormatError, match=r"'linear_t2i\.weight' has the shape \(3, 128\)"):
        build([states[0], states[1], {**states[2], "linear_t2i.weight": torch.zeros(3, 128)}])


def test_regions_of_another_width_are_refused() -> None:
    network = IMRAMConfig(width=8, word_width=4).network(6, 10)
    with pytest.raises(ShapeError, match=r"\(2, 5, 7\)"):
        network.encode_images(torch.rand(2, 5, 7))


def test_sizes_rebuild_the_network() -> None:
    network, images, texts = random_case("image", 2, normalise=True)
    again = IMRAMNetwork(*network.widths, **network.sizes).double()
    again.load_state_dict(network.state_dict())
    assert (again.widths, again.sizes) == ((10, 30), network.sizes)
    assert torch.equal(again.score(images, texts), network.score(images, texts))


def test_published_sizes() -> None:
    with torch.device("meta"):
        network = IMRAMConfig().network(2048, 8481)
    assert sum(one.numel() for one in network.parameters()) == 21_182_124


def test_presets() -> None:
    configs = {name: read_config(IMRAMOptions, "imram", preset=name) for name in preset_names("imram")}
    assert configs["flickr30k"] == IMRAMOptions()
    coco = configs["coco-text"]
    found = (coco.mode, coco.steps, coco.lambda_softmax, coco.learning_rate, coco.training.epochs, coco.decay_every)
    assert found == ("text", 3, 11.0, 5e-4, 20, 10)
    assert (configs["flickr30k-script"].mode, configs["flickr30k-script"].steps) == ("image", 1)
    assert "small" in configs
    with pytest.raises(OptionError, match="mode is 'vse'"):
        read_config(IMRAMOptions, "imram", settings={"mode": "vse"})
