"""The authors' checkpoints, as files, through the one way in: `load_model`, then `encode`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ficoitr
from coarse.test_adv_golden import states_of
from ficoitr.data import Dataset, StoredFeatures
from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.errors import FileFormatError, OptionError, ShapeError, ValuesError
from ficoitr.models.coarse.adv_inputs import BertInput
from ficoitr.models.coarse.adv_networks import ADVNetwork, PixelEncoder, TextEncoder

Array = np.ndarray[Any, Any]


def dataset_of(images: Array, texts: Array | list[str]) -> Dataset:
    """Pairs of features, or of features and words."""
    n_pairs = len(images)
    words = isinstance(texts, list)
    return Dataset(
        name="features",
        images=AbsentImages(n_pairs, "Only features are known"),
        texts=tuple(texts) if words else AbsentTexts(n_pairs, "Only features are known"),
        image_ids=tuple(f"i{row}" for row in range(n_pairs)),
        text_ids=tuple(f"t{row}" for row in range(n_pairs)),
        text_to_image=np.arange(n_pairs),
        image_features={"given": StoredFeatures.of(images)},
        text_features={} if words else {"given": StoredFeatures.of(np.asarray(texts))},
    )


def arrays(golden: Path, name: str) -> dict[str, Array]:
    with np.load(golden / f"{name}.npz") as file:
        return {key: file[key] for key in file.files}


def part(values: dict[str, Array], prefix: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): torch.from_numpy(one) for key, one in values.items() if key.startswith(prefix)}


@pytest.fixture
def ucch(golden: Path, tmp_path: Path) -> tuple[Path, dict[str, Array]]:
    values = arrays(golden, "UCCH/small_mir")
    content = {f"{side}_model_state_dict": part(values, f"init/{side}/") for side in ("image", "text")}
    # The authors' figures are numbers of numpy.
    content |= {"Avg": np.float64(0.7), "Img2Txt": np.float32(0.7), "epoch": 3, "optimizer_state_dict": {"state": {}}}
    torch.save(content, tmp_path / "vgg11_16_best_checkpoint.t7")
    return tmp_path / "vgg11_16_best_checkpoint.t7", values


@pytest.fixture
def dadh(golden: Path, tmp_path: Path) -> tuple[Path, dict[str, Array]]:
    values = arrays(golden, "DADH/small_alpha10")
    torch.save(part(values, "init/gen/"), tmp_path / "GEN_module.pth")
    return tmp_path / "GEN_module.pth", values


def test_ucch(ucch: tuple[Path, dict[str, Array]], tmp_path: Path) -> None:
    path, values = ucch
    data = dataset_of(values["in/images"], values["in/texts"])
    model = ficoitr.load_model("ucch", checkpoint=path, config={"bits": 16})
    assert (model.config.bits, model.config.hidden, model.config.image_layers) == (16, 40, 3)
    for side, found in (("img", model.image_values(data)), ("txt", model.text_values(data))):
        np.testing.assert_allclose(found.values, values[f"eval0/h_{side}"], rtol=1e-5, atol=1e-6)
    # Saved here, it is a model as any other.
    model.save(tmp_path / "own.safetensors")
    again = ficoitr.load_model("ucch", checkpoint=tmp_path / "own.safetensors")
    np.testing.assert_array_equal(again.encode_texts(data).words, model.encode_texts(data).words)
    narrow = dataset_of(values["in/images"][:, :7], values["in/texts"])
    with pytest.raises(ShapeError, match=r"no image features of the shape \(24,\).*among given of shape \(7,\)"):
        model.encode_images(narrow)
    with pytest.raises(ShapeError, match=r"have the shape \(7,\).*Expected \(24,\)"):
        ficoitr.load_model("ucch", checkpoint=path, config={"features": "given"}).encode_images(narrow)


def test_dadh(dadh: tuple[Path, dict[str, Array]]) -> None:
    path, values = dadh
    with pytest.raises(OptionError, match="image_mean and image_deviation"):
        ficoitr.load_model("dadh", checkpoint=path)
    model = ficoitr.load_model("dadh", checkpoint=path, config={"image_mean": 2.0, "image_deviation": 0.5})
    # The golden features have been scaled before.
    data = dataset_of(values["in/images"] * 0.5 + 2, values["in/texts"])
    for side, found in (("img", model.image_values(data)), ("txt", model.text_values(data))):
        np.testing.assert_allclose(found.values, values[f"eval0/h_{side}"], rtol=1e-4, atol=1e-5)


def adv_file(golden: Path, folder: Path, **changes: Any) -> Path:
    options = argparse.Namespace(final_dims=64, max_words=12)
    content = {"epoch": 4, "model": states_of(golden), "best_rsum": 1.5, "opt": options, "Eiters": 7, **changes}
    torch.save(content, folder / "model_best.pth.tar")
    return folder / "model_best.pth.tar"


def vocabulary_of(size: int, folder: Path) -> Path:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "car", "##s", ","]
    path = folder / "vocab.txt"
    path.write_text("\n".join([*words, *(f"word{n}" for n in range(size - len(words)))]) + "\n", encoding="utf-8")
    return path


def test_adv(golden: Path, tmp_path: Path) -> None:
    from transformers import BertTokenizer

    values = arrays(golden, "ADV/rerank_epoch0")
    path = adv_file(golden, tmp_path)
    size = len(states_of(golden)[1]["bert.embeddings.word_embeddings.weight"])
    words = vocabulary_of(size, tmp_path)
    asked = {"heads": 4, "bert_heads": 4, "bits": 64}
    with pytest.raises(OptionError, match=r"Expected the option vocabulary"):
        ficoitr.load_model("adv", checkpoint=path, config=asked)
    model = ficoitr.load_model("adv", checkpoint=path, config={**asked, "vocabulary": str(words)})
    assert (model.config.max_tokens, model.config.concepts) == (12, True)
    texts = ["A red car", "cars, cars, CARS", "", "word3 strange", "a " * 40]
    data = dataset_of(values["in/roi"], texts)
    np.testing.assert_allclose(model.image_values(data).values, values["out/img"], rtol=1e-4, atol=1e-5)
    # Words are cut up as another library does it.
    other = BertTokenizer(str(words))
    encoded = other(texts, padding="max_length", truncation=True, max_length=12, return_tensors="pt")
    text_input = model._inputs[1]
    assert isinstance(text_input, BertInput)
    with torch.no_grad():
        states = text_input.encoder.network(encoded["input_ids"], encoded["attention_mask"].bool())
    tokens = text_input(data).take(np.arange(5))
    torch.testing.assert_close(tokens.states, states)
    assert torch.equal(tokens.mask, encoded["attention_mask"].bool())
    model.save(tmp_path / "own.safetensors")
    again = ficoitr.load_model("adv", checkpoint=tmp_path / "own.safetensors")
    np.testing.assert_array_equal(again.text_values(data).values, model.text_values(data).values)
    short = tmp_path / "short.txt"
    short.write_text("[PAD]\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"lacks \[CLS\]"):
        ficoitr.load_model("adv", checkpoint=path, config={**asked, "vocabulary": str(short)})


def test_adv_without_bert_takes_states_that_the_dataset_brings(golden: Path, tmp_path: Path) -> None:
    values = arrays(golden, "ADV/rerank_epoch0")
    image, text, concept = states_of(golden)
    own = {name: one for name, one in text.items() if not name.startswith("bert.")}
    path = adv_file(golden, tmp_path, model=[image, own, concept])
    model = ficoitr.load_model("adv", checkpoint=path, config={"heads": 4})
    data = dataset_of(values["in/roi"], values["out/bert_last"])
    np.testing.assert_allclose(model.text_values(data).values, values["out/cap"], rtol=1e-4, atol=1e-5)


def test_the_screening_model(tmp_path: Path) -> None:
    from ficoitr.data import load_dataset

    torch.manual_seed(0)
    network = ADVNetwork(PixelEncoder(16), TextEncoder(384, 16, channels=8))
    content = {"epoch": 1, "model": [network.image.state_dict(), network.text.state_dict()]}
    path = tmp_path / "checkpoint_1.pth.tar"
    torch.save(content, path)
    model = ficoitr.load_model("adv", checkpoint=path, config={"text_features": "minilm-tokens"})
    test = load_dataset("scenes", train=0, validation=0, test=3).split("test")
    assert model.inputs == "pixels, minilm-tokens"
    assert model.encode_images(test).bits == 16
    assert len(model.encode_texts(test)) == 15
    model.save(tmp_path / "own.safetensors")
    again = ficoitr.load_model("adv", checkpoint=tmp_path / "own.safetensors")
    np.testing.assert_array_equal(again.image_values(test).values, model.image_values(test).values)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        (name, other)
        for name in ("ucch", "dadh", "adv")
        for other in ("ucch", "dadh", "adv", "numbers")
        if name != other
    ],
)
def test_checkpoints_of_other_models_are_refused(
    name: str, other: str, ucch: Any, dadh: Any, golden: Path, tmp_path: Path
) -> None:
    torch.save([1, 2], tmp_path / "numbers.pth")
    files = {"ucch": ucch[0], "dadh": dadh[0], "numbers": tmp_path / "numbers.pth"}
    path = files[other] if other in files else adv_file(golden, tmp_path)
    with pytest.raises(FileFormatError) as caught:
        ficoitr.load_model(name, checkpoint=path)
    assert name.upper() in str(caught.value)


def test_what_a_checkpoint_must_be(ucch: Any, dadh: Any, golden: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"bits is 16.*Expected 64, as asked for"):
        ficoitr.load_model("ucch", checkpoint=ucch[0], config={"bits": 64})
    with pytest.raises(OptionError, match=r"bits is 16.*Expected 128"):
        ficoitr.load_model("dadh", checkpoint=dadh[0], config={"bits": 128, "image_mean": 0.0, "image_deviation": 1.0})
    with pytest.raises(OptionError, match="has no setting 'bit'"):
        ficoitr.load_model("ucch", checkpoint=ucch[0], config={"bit": 16})
    with pytest.raises(OptionError, match="learnt from training texts"):
        ficoitr.load_model("ucch", checkpoint=ucch[0], config={"text_features": "bag-of-words"})
    with pytest.raises(FileFormatError, match="no such file"):
        ficoitr.load_model("ucch", checkpoint=tmp_path / "nothing.t7")
    damaged = tmp_path / "damaged.t7"
    damaged.write_bytes(ucch[0].read_bytes()[:700])
    with pytest.raises(FileFormatError, match="or it is damaged"):
        ficoitr.load_model("ucch", checkpoint=damaged)


def test_a_value_that_is_no_number(ucch: Any) -> None:
    path, values = ucch
    images = values["in/images"].copy()
    images[4, 2] = np.nan
    with pytest.raises(ValuesError, match="the features of image 4 hold a value that is no number"):
        ficoitr.load_model("ucch", checkpoint=path).encode_images(dataset_of(images, values["in/texts"]))


def test_what_the_authors_networks_do_not_do_is_refused(ucch: Any, golden: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"image_scaling is 'none'.*Expected 'each'"):
        ficoitr.load_model("ucch", checkpoint=ucch[0], config={"image_scaling": "each"})
    values = states_of(golden)
    own = {name: one for name, one in values[1].items() if not name.startswith("bert.")}
    path = adv_file(golden, tmp_path, model=[values[0], own, values[2]])
    for name, value in (("ignore_padding", True), ("text_sharpness", 300.0), ("image_sharpness", 300.0)):
        with pytest.raises(OptionError, match=name):
            ficoitr.load_model("adv", checkpoint=path, config={"heads": 4, name: value})


def test_a_file_of_our_own_is_never_taken_for_one_of_torch(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from ficoitr.models.features.weights import written_by_torch

    first_bytes = set()
    for length in range(0, 300, 8):
        save_file({"a": torch.ones(1)}, tmp_path / "a.safetensors", metadata={"x": "y" * length})
        first_bytes.add((tmp_path / "a.safetensors").read_bytes()[0])
        assert not written_by_torch(tmp_path / "a.safetensors")
    assert 0x80 in first_bytes
    for archive in (True, False):
        torch.save({"a": torch.ones(1)}, tmp_path / "a.pth", _use_new_zipfile_serialization=archive)
        assert written_by_torch(tmp_path / "a.pth")
