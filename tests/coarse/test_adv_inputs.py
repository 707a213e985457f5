"""What ADV reads: pixels, tokens, texts made of texts, and published checkpoints."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from coarse.test_adv import topical_pairs
from ficoitr.errors import FileFormatError, ShapeError, ValuesError
from ficoitr.models.coarse.adv_checkpoints import read_published
from ficoitr.models.coarse.adv_config import ADVConfig
from ficoitr.models.coarse.adv_networks import PixelEncoder, TextEncoder
from ficoitr.models.coarse.adv_pixels import ScreeningPixels, varied
from ficoitr.models.coarse.adv_tokens import (
    EncodedTexts,
    LinkedTokens,
    StoredTokens,
)
from ficoitr.models.coarse.adversarial_captions import ExchangedWords, exchanged_words
from ficoitr.models.coarse.resnet import ResNet50
from ficoitr.models.features.tokens import FrozenTextEncoder
from golden.formula import fill

CPU = torch.device("cpu")


def test_pairs_and_tokens() -> None:
    pairs, _ = topical_pairs()
    batch = pairs.batch(np.array([4, 5]), CPU)
    assert batch.image_rows.tolist() == [2, 2]
    assert torch.equal(batch.texts.rephrased.states[:, 0], batch.texts.own.states.flip(0))
    assert batch.texts.adversarial.present.tolist() == [[True, False]] * 2
    assert batch.labels is not None
    states = np.zeros((3, 4, 5), dtype=np.float32)
    with pytest.raises(ShapeError, match="out of range"):
        StoredTokens(states, np.array([1, 5, 2]))
    tokens = StoredTokens(states, np.array([1, 4, 2]))
    with pytest.raises(ShapeError, match="does not exist"):
        LinkedTokens(tokens, np.array([[3]]))
    states[2, 0, 0] = np.inf
    with pytest.raises(ValuesError, match="text 2"):
        tokens.take(np.array([0, 2]), CPU)


def test_minilm_is_a_frozen_text_encoder() -> None:
    """The mean of its states over tokens, padded to a fixed length, is the sentence vector that needs no padding."""
    from ficoitr.models.features.minilm import MiniLM

    minilm = MiniLM()
    texts = ["a red car by a tree", "two dogs", "a boat " * 40]
    encoder = FrozenTextEncoder(minilm._network, minilm._tokenizer)
    found = encoder(texts)
    assert found.states.shape == (3, 32, 384)
    assert found.mask.sum(dim=1).tolist() == [8, 4, 32]
    cut = EncodedTexts(texts, encoder, max_tokens=6).take(np.array([[2, 0], [-1, 1]]))
    assert cut.states.shape == (2, 2, 6, 384)
    assert cut.mask.sum(dim=2).tolist() == [[6, 6], [0, 4]]
    torch.testing.assert_close(cut.states[0, 1], found.states[0, :6])
    assert not any(one.requires_grad for one in minilm._network.parameters())
    means = (found.states * found.mask[..., None]).sum(dim=1) / found.mask.sum(dim=1, keepdim=True)
    expected = torch.from_numpy(MiniLM()(texts[:2]))
    torch.testing.assert_close(torch.nn.functional.normalize(means, dim=1)[:2], expected, atol=1e-5, rtol=1e-4)


def test_resnet_is_that_of_another_library() -> None:
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[32, 64, 128, 256], depths=[3, 4, 6, 3])
    other, own = ResNetModel(config).eval(), ResNet50(10, divisor=8).eval()
    fill(own, 1)
    ours = {key: one for key, one in own.state_dict().items() if not key.startswith("fc.")}
    keys = [key for key in ours if not key.startswith("layer")]
    for stage, blocks in enumerate(config.depths, start=1):
        for block in range(blocks):
            inside = [key for key in ours if key.startswith(f"layer{stage}.{block}.")]
            # The other one names a block's shortcut before its convolutions.
            keys += sorted(inside, key=lambda key: "downsample" not in key)
    assert len(keys) == 318
    other.load_state_dict(dict(zip(other.state_dict(), (ours[key] for key in keys), strict=True)))
    pixels = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = own.fc(other(pixels).pooler_output.flatten(start_dim=1))
        torch.testing.assert_close(own(pixels), expected, rtol=1e-4, atol=1e-5)


def test_the_full_resnet_has_the_names_and_sizes_of_torchvision() -> None:
    with torch.device("meta"):
        network = ResNet50(1000)
    names = network.state_dict()
    assert len(names) == 320
    assert sum(one.numel() for one in network.parameters()) == 25_557_032
    assert names["layer4.2.conv3.weight"].shape == (2048, 512, 1, 1)
    assert names["layer1.0.downsample.1.running_var"].shape == (256,)


def test_pixels_of_the_screening_model() -> None:
    image = Image.new("RGB", (640, 300), (255, 0, 51))
    pixels = ScreeningPixels([image, image.resize((10, 10))])
    assert pixels.shape == (2, 3, 256, 256)
    found = pixels[np.array([1, 0])]
    expected = (np.array([1, 0, 0.2]) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found, np.broadcast_to(expected[:, None, None], found.shape), rtol=1e-5)


def test_varied_pixels() -> None:
    torch.manual_seed(0)
    noise = np.random.default_rng(0).integers(256, size=(30, 40, 3), dtype=np.uint8)
    pixels = torch.from_numpy(ScreeningPixels([Image.fromarray(noise)] * 40, side=32)[np.arange(40)])
    same = varied(pixels, contrast=0.0)
    mirrored = [not torch.allclose(one, other, atol=1e-5) for one, other in zip(same, pixels, strict=True)]
    assert 10 < sum(mirrored) < 30
    for one, other, flipped in zip(same, pixels, mirrored, strict=True):
        torch.testing.assert_close(one, other.flip(2) if flipped else other, atol=1e-5, rtol=0)
    spread = varied(pixels, contrast=0.4).std(dim=(1, 2, 3)) / pixels.std(dim=(1, 2, 3))
    assert 0.6 < spread.min() < 0.75
    assert 1.15 < spread.max() < 1.4


def checkpoint(**changes: Any) -> dict[str, Any]:
    network = ADVConfig(bits=16, hidden=32, heads=4, inner=48, channels=8).network(24, 20)
    states = [dict(network.image.state_dict()), dict(network.text.state_dict())]
    for name, value in changes.pop("image", {}).items():
        states[0][name] = value
    for name in changes.pop("without", ()):
        states[1].pop(name)
    return {"epoch": 1, "model": states, "opt": argparse.Namespace(), **changes}


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        (checkpoint(), {"bits": 64}, "16 bits.*Expected 64 bits"),
        (checkpoint(), {"image_encoder": "pixels"}, "reads regions"),
        (checkpoint(), {"heads": 5}, "does not divide into 5.*Pass heads"),
        (checkpoint(model={"a": torch.ones(1)}), {}, "no list"),
        (checkpoint(model=[{"a": torch.ones(1)}]), {}, "no list"),
        (checkpoint(without=["mapping.bias"]), {}, "lacks 'mapping.bias'"),
        (checkpoint(without=["mapping.weight"]), {}, "text network lacks 'mapping.weight'"),
        (checkpoint(image={"fc.weight": torch.ones(1)}), {}, "holds 'fc.weight'"),
        (checkpoint(image={"mapping2.weight": torch.ones(3, 32)}), {}, r"the shape \(3, 32\)"),
        (checkpoint(opt=Path("a")), {}, "no checkpoint"),
    ],
)
def test_other_checkpoints_are_refused(tmp_path: Path, content: Any, options: dict[str, Any], says: str) -> None:
    path = tmp_path / "checkpoint_0.pth.tar"
    torch.save(content, path)
    with pytest.raises(FileFormatError, match=says):
        read_published(path, **{"heads": 4, **options})


def test_a_checkpoint_without_bert_and_concepts(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_0.pth.tar"
    content = checkpoint()
    torch.save(content, path)
    found = read_published(path, heads=4)
    assert (found.bert, found.network.concept, found.network.bits) == (None, None, 16)
    assert torch.equal(found.network.text.mapping.weight, content["model"][1]["mapping.weight"])
    assert all(one.requires_grad for one in found.network.parameters())


def test_a_checkpoint_of_the_screening_model(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint_0.pth.tar"
    image, text = PixelEncoder(16), TextEncoder(20, 16, channels=8)
    assert "backbone.layer1.0.downsample.0.weight" in image.state_dict()
    torch.save(checkpoint(model=[image.state_dict(), text.state_dict()]), path)
    found = read_published(path, bits=16, image_encoder="pixels").network.eval()
    pixels = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(found.encode_images(pixels), image.eval()(pixels))


def test_exchanged_words() -> None:
    texts = ["An apple on the table.", "Two dogs in a park", "three cats and a dog", "a running man by the park"] * 3
    owners = np.arange(12) // 2
    words = ExchangedWords.fit(texts)
    assert words.nouns == ("apple", "cats", "dog", "dogs", "man", "park", "table")
    found = exchanged_words(texts, owners, number=4, words=words)
    for row, text in enumerate(texts):
        said = set(" ".join(texts[one] for one in np.flatnonzero(owners == owners[row])).lower().split())
        altered = [found.texts[one] for one in found.rows[row] if one >= 0]
        assert len(altered) == len(set(altered)) > 0
        for other in altered:
            pairs = [(a, b) for a, b in zip(text.split(), other.split(), strict=True) if a != b]
            articles = [pair for pair in pairs if {one.lower() for one in pair} <= {"a", "an"}]
            (pair,) = [pair for pair in pairs if pair not in articles]
            assert pair[1].lower() not in said
            assert "a apple" not in other.lower()
            assert "an dog" not in other.lower()
    assert words.altered("It rains", avoid=set(), number=3) == []
    assert words.altered("a dog", avoid=set(), number=3, seed=4) == words.altered(
        "a dog", avoid=set(), number=3, seed=4
    )
