"""SGRAF against numbers of its authors' code, and against its equations in a loop over captions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.fine import tiles
from ficoitr.models.fine.attention import attend
from ficoitr.models.fine.checkpoints import published_states
from ficoitr.models.fine.models import SGRAFOptions
from ficoitr.models.fine.recipe import TripletRecipe
from ficoitr.models.fine.regions import unit
from ficoitr.models.fine.sgraf import SGRAFConfig
from ficoitr.models.fine.sgraf_networks import SGRAFNetwork
from ficoitr.models.fine.words import Tokens, Words
from ficoitr.models.training import Batch
from ficoitr.models.training.config import preset_names, read_config

MODULES = ("SGR", "SAF")
THEIRS = {"image": "img_enc", "text": "txt_enc", "similarity": "sim_enc"}
Arrays = dict[str, Tensor]


def close(found: Tensor, expected: Tensor, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    torch.testing.assert_close(found.detach(), expected.to(found.dtype), rtol=rtol, atol=atol)


# Of float64 numbers.
exact = partial(close, rtol=1e-9, atol=1e-11)


@pytest.fixture(scope="module")
def arrays(golden: Path) -> Arrays:
    with np.load(golden / "SGRAF" / "golden.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


def states_of(golden: Path, module: str) -> tuple[dict[str, Tensor], ...]:
    state = load_file(golden / "SGRAF" / f"state_dict_{module}.safetensors")
    parts = [
        {name.removeprefix(f"{part}."): one for name, one in state.items() if name.startswith(f"{part}.")}
        for part in THEIRS.values()
    ]
    return published_states(parts, "sgraf")


def their_name(name: str) -> str:
    side, _, rest = name.partition(".")
    return f"{THEIRS[side]}.{rest}"


@pytest.mark.parametrize("module", MODULES)
def test_golden_scores(golden: Path, arrays: Arrays, module: str) -> None:
    network = SGRAFNetwork.from_published(states_of(golden, module))
    assert (network.similarity.module, network.similarity.regions) == (module, 36)
    images = network.encode_images(arrays["images"])
    texts = network.encode_texts(Tokens(arrays["captions"], arrays["lengths"]))
    close(images, arrays[f"{module}/img_emb"])
    close(texts.states, arrays[f"{module}/cap_emb"])
    close(network.score(images, texts), arrays[f"{module}/eval_sim"])
    close(network.similarity.v_global_w(images), arrays[f"{module}/img_global"])
    whole = network.similarity.t_global_w(texts.states, texts.lengths, texts.mask)
    close(whole[:1], arrays[f"{module}/cap_global_0"])
    close(whole[5:], arrays[f"{module}/cap_global_5"])
    asking = texts.states[2, :9].expand(6, -1, -1)
    attended, _ = attend(asking, images, network.similarity.attention)
    close(unit(attended), arrays[f"{module}/scan_attn_cap2"])


@pytest.mark.parametrize("kind", ["max", "sum"])
@pytest.mark.parametrize("module", MODULES)
def test_golden_training(golden: Path, arrays: Arrays, module: str, kind: str) -> None:
    network = SGRAFNetwork.from_published(states_of(golden, module), dropout=0.0).train()
    recipe = TripletRecipe(network, SGRAFConfig(hardest_negatives=kind == "max"))
    expected = {
        name.removeprefix(f"{module}/train_{kind}/"): one
        for name, one in arrays.items()
        if name.startswith(f"{module}/train_{kind}/")
    }
    rows = torch.arange(6)
    batch = Batch(rows, rows, arrays["images"], Tokens(arrays["captions"], arrays["lengths"]))
    scores = network.score(*recipe.encode(batch))
    close(scores, expected.pop("sim"))
    loss = recipe.triplet_loss(scores, batch)
    close(loss, expected.pop("loss"))
    torch.autograd.backward(loss)
    for name, parameter in network.named_parameters():
        theirs = expected.pop(f"gradnorm/{their_name(name)}")
        # What is added to all that a softmax or a normalisation sees has no gradient but for rounding; the keys' bias
        # takes no part in ours.
        found = torch.zeros(()) if parameter.grad is None else parameter.grad.norm()
        assert parameter.grad is not None or "graph_key_w.bias" in name
        close(found, theirs, rtol=1e-4, atol=2e-6)
    for name, buffer in network.named_buffers():
        if "running" in name:
            close(buffer, expected.pop(f"after1fwd/{their_name(name)}"))
    assert not expected


def one_by_one(network: SGRAFNetwork, images: Tensor, texts: Words) -> Tensor:
    """The equations as they are written, caption by caption, with modules of torch where there are some."""
    part = network.similarity
    whole_images = part.v_global_w(images)
    columns = []
    for states, length in zip(texts.states, texts.lengths.tolist(), strict=True):
        words = states[:length][None]
        whole_text = part.t_global_w(words)
        asking = words.expand(len(images), -1, -1)
        products = F.leaky_relu(asking @ images.mT, 0.1)
        products = products / (products.norm(dim=1, keepdim=True) + 1e-8)
        attended = unit(torch.softmax(part.attention.lambda_softmax * products, dim=2) @ images)
        words_with = unit(part.sim_tranloc_w((attended - asking) ** 2))
        wholes = unit(part.sim_tranglo_w((whole_images - whole_text) ** 2))
        nodes = torch.cat([wholes[:, None], words_with], dim=1)
        if part.module == "SGR":
            for step in part.SGR_module:
                fit = torch.softmax(step.graph_query_w(nodes) @ step.graph_key_w(nodes).mT, dim=2)
                nodes = torch.relu(step.sim_graph_w(fit @ nodes))
            vectors = nodes[:, 0]
        else:
            found = part.SAF_module
            gates = torch.sigmoid(found.bn(found.attn_sim_w(nodes).mT))
            weights = gates / (gates.abs().sum(dim=2, keepdim=True) + 1e-8)
            vectors = unit((weights @ nodes).squeeze(1))
        columns.append(torch.sigmoid(part.sim_eval_w(vectors)))
    return torch.cat(columns, dim=1)


def random_case(module: str, *, n_images: int = 5, n_texts: int = 7, **options: Any) -> tuple[SGRAFNetwork, Any, Words]:
    torch.manual_seed(3)
    config = SGRAFConfig(
        module=module, width=12, word_width=6, similarity_width=8, regions=4, **{"dropout": 0.0, **options}
    )
    network = config.network(10, 30).double()
    for one in network.modules():
        if isinstance(one, nn.BatchNorm1d):
            # What a first training step would hardly have moved.
            nn.init.uniform_(one.get_buffer("running_mean"), -0.2, 0.2)
            nn.init.uniform_(one.get_buffer("running_var"), 0.5, 1.5)
        if isinstance(one, nn.Linear):
            nn.init.uniform_(one.bias, -0.3, 0.3)
    lengths = torch.randint(1, 9, (n_texts,)).sort(descending=True).values
    images = network.encode_images(torch.randn(n_images, 4, 10).double()).detach()
    texts = network.encode_texts(Tokens(torch.randint(30, (n_texts, 9)), lengths))
    return network, images, Words(texts.states.detach(), lengths)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("module", MODULES)
def test_what_is_saved_changes_nothing(module: str, training: bool) -> None:
    network, images, texts = random_case(module)
    network.train(training)
    before = {name: one.clone() for name, one in network.state_dict().items()}
    expected = one_by_one(network, images, texts)
    moved = {name: one.clone() for name, one in network.state_dict().items()}
    wanted = [one for name, one in network.similarity.named_parameters() if "graph_key_w.bias" not in name]
    shares = torch.linspace(0.5, 2, expected.numel()).view(expected.shape)
    theirs = torch.autograd.grad((expected * shares).sum(), wanted)
    network.load_state_dict(before)
    found = network.score(images, texts)
    exact(found, expected)
    for name, one in network.state_dict().items():
        exact(one, moved[name])
    for one, other in zip(torch.autograd.grad((found * shares).sum(), wanted), theirs, strict=True):
        exact(one, other)
    network.load_state_dict(before)
    with torch.no_grad():
        exact(network.score(images, texts), expected)


def test_filtered_scores_of_a_batch_hang_on_all_its_images() -> None:
    network, images, texts = random_case("SAF")
    with torch.no_grad():
        # The regions' own normalisation hangs on the batch, too.
        network.similarity.v_global_w.eval()
        network.similarity.SAF_module.train()
        network.similarity.training = True
        assert not torch.allclose(network.score(images[:3], texts), network.score(images, texts)[:3], atol=1e-5)
        exact(network.eval().score(images[:3], texts), network.score(images, texts)[:3])


@pytest.mark.parametrize("module", MODULES)
def test_what_texts_are_beside_it_and_padding_do_not_matter(module: str) -> None:
    network, images, texts = random_case(module)
    order = torch.tensor([3, 6, 0, 5, 1, 4, 2])
    wide = F.pad(texts.states, (0, 0, 0, 4))
    spoilt = wide.masked_fill(~Words(wide, texts.lengths).mask[..., None], torch.nan)
    start = {name: one.clone() for name, one in network.state_dict().items()}
    for training in (True, False):
        network.train(training)
        network.load_state_dict(start)
        with torch.no_grad():
            whole = network.score(images, texts)
            moved = {name: one.clone() for name, one in network.state_dict().items()}
            network.load_state_dict(start)
            exact(network.score(images, Words(texts.states[order], texts.lengths[order])), whole[:, order])
            # The authors sort their batches: the running moments do not hang on how this one came.
            if len(set(texts.lengths.tolist())) == len(texts):
                for name, one in network.state_dict().items():
                    exact(one, moved[name])
            exact(network.score(images, Words(spoilt, texts.lengths)), whole)
    with torch.no_grad():
        exact(network.score(images[2:3], texts), whole[2:3])
        assert network.score(images[:0], texts).shape == (0, 7)
        assert network.score(images, Words(texts.states[:0], texts.lengths[:0])).shape == (5, 0)


def test_running_moments_are_those_of_the_longest_texts_first() -> None:
    network, _, _ = random_case("SAF")
    part = network.similarity.SAF_module
    moments = torch.tensor([[1.0, 2.0, 4.0], [0.5, 0.25, 0.125]])
    mean, variance = part.bn.running_mean.item(), part.bn.running_var.item()
    for column, nodes in ((1, 9), (2, 5), (0, 3)):
        number = 6 * nodes
        mean = 0.9 * mean + 0.1 * moments[0, column].item()
        variance = 0.9 * variance + 0.1 * moments[1, column].item() * number / (number - 1)
    part.remember(moments, 6, torch.tensor([3, 9, 5]))
    assert part.bn.running_mean.item() == pytest.approx(mean, rel=1e-6)
    assert part.bn.running_var.item() == pytest.approx(variance, rel=1e-6)
    assert part.bn.num_batches_tracked.item() == 3


@pytest.mark.parametrize("numbers", [1, 300, 2000])
@pytest.mark.parametrize("module", MODULES)
def test_tiles_do_not_matter(monkeypatch: pytest.MonkeyPatch, module: str, numbers: int) -> None:
    network, images, texts = random_case(module, n_images=6, n_texts=11)
    network.train()
    start = {name: one.clone() for name, one in network.state_dict().items()}
    wanted = [one for name, one in network.similarity.named_parameters() if "graph_key_w.bias" not in name]
    whole = network.score(images, texts)
    gradients = torch.autograd.grad(whole.square().sum(), wanted)
    moved = {name: one.clone() for name, one in network.state_dict().items()}
    monkeypatch.setattr(tiles, "_CPU_NUMBERS", numbers)
    monkeypatch.setattr(tiles, "_KEPT_NUMBERS", 0)
    network.load_state_dict(start)
    again = network.score(images, texts)
    exact(again, whole)
    for one, other in zip(torch.autograd.grad(again.square().sum(), wanted), gradients, strict=True):
        exact(one, other)
    # Tiles that are computed again for the gradients move the running moments once.
    for name, one in network.state_dict().items():
        exact(one, moved[name])
    network.eval()
    with torch.no_grad():
        exact(network.score(images, texts), one_by_one(network, images, texts))


def test_dropout_is_that_of_training() -> None:
    network, images, texts = random_case("SGR", dropout=0.4)
    tokens = Tokens.of([[1, 7, 2], [1, 2]])
    with torch.no_grad():
        assert not torch.equal(network.encode_texts(tokens).states, network.encode_texts(tokens).states)
        assert not torch.equal(network.score(images, texts), network.score(images, texts))
        network.eval()
        assert torch.equal(network.encode_texts(tokens).states, network.encode_texts(tokens).states)
        assert torch.equal(network.score(images, texts), network.score(images, texts))


def test_other_checkpoints_are_refused(golden: Path) -> None:
    states = states_of(golden, "SGR")
    build = partial(SGRAFNetwork.from_published, path=Path("some.tar"))
    with pytest.raises(FileFormatError, match=r"some\.tar: there are 2 networks"):
        build(states[:2])
    with pytest.raises(FileFormatError, match=r"no matrix 'sim_tranloc_w\.weight'.*SGRAF's published code"):
        build([states[0], states[1], states[0]])
    lacking = {name: one for name, one in states[2].items() if name != "SGR_module.1.graph_key_w.bias"}
    with pytest.raises(FileFormatError, match=r"lacks 'SGR_module\.1\.graph_key_w\.bias'"):
        build([states[0], states[1], lacking])


def test_another_number_of_regions_is_refused() -> None:
    network, images, texts = random_case("SGR")
    with pytest.raises(ShapeError, match=r"\(5, 3, 12\).*as many as the network was built for"):
        network.score(images[:, :3], texts)
    assert SGRAFConfig(width=8, regions=49).network(6, 10).similarity.regions == 49


@pytest.mark.parametrize("module", MODULES)
def test_sizes_rebuild_the_network(module: str) -> None:
    network, images, texts = random_case(module)
    again = SGRAFNetwork(*network.widths, **network.sizes).double()
    again.load_state_dict(network.state_dict())
    assert (again.widths, again.sizes) == ((10, 30), network.sizes)
    with torch.no_grad():
        assert torch.equal(again.eval().score(images, texts), network.eval().score(images, texts))


def test_published_sizes() -> None:
    for module, similarity in (("SGR", 5_319_755), ("SAF", 4_727_886)):
        with torch.device("meta"):
            network = SGRAFConfig(module=module).network(2048, 8481)
        sides = (network.image, network.text, network.similarity)
        counts = [sum(one.numel() for one in side.parameters()) for side in sides]
        assert counts == [2_098_176, 10_691_244, similarity]


def test_presets() -> None:
    configs = {name: read_config(SGRAFOptions, "sgraf", preset=name) for name in preset_names("sgraf")}
    assert configs["flickr30k"] == SGRAFOptions()
    found = {
        name: (one.module, one.training.epochs, one.decay_every, one.learning_rate) for name, one in configs.items()
    }
    assert found["flickr30k"] == ("SGR", 40, 30, 2e-4)
    assert found["flickr30k-saf"] == ("SAF", 30, 20, 2e-4)
    assert found["coco"] == ("SGR", 20, 10, 2e-4)
    assert found["coco-saf"] == ("SAF", 20, 10, 2e-4)
    assert {"small", "small-saf"} <= set(found)
