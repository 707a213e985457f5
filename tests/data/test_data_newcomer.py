"""What a newcomer fell over: each once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.data import StoredFeatures, load_dataset
from ficoitr.errors import OptionError
from ficoitr.models import load_model
from ficoitr.models.features import extract_features


def test_features_of_one_name_on_both_sides_are_told_apart(test_data: Path) -> None:
    wiki = load_dataset("wiki", test_data / "wiki")
    image, text = (extract_features(wiki, "roph", modality=side) for side in ("image", "text"))
    assert (image.shape[1], text.shape[1]) == (128, 100)
    with pytest.raises(OptionError, match="images and texts both have features 'roph'"):
        extract_features(wiki, "roph")
    train = wiki.split("train")
    model = load_model("cca", config={"dimensions": 8, "features": "roph", "text_features": "roph", "kernel": "linear"})
    model.fit(train)
    images, texts = model.encode_images(train).values, model.encode_texts(train).values
    assert not np.allclose(images, texts)


def test_a_transparent_picture_is_white_in_every_form(tmp_path: Path) -> None:
    (tmp_path / "own" / "images").mkdir(parents=True)
    Image.new("RGBA", (3, 3), (0, 0, 0, 0)).save(tmp_path / "own" / "images" / "a.png")
    (tmp_path / "own" / "captions.csv").write_text("image,caption\na.png,nothing\n")
    for form in ("parquet", "huggingface", "webdataset", "folder"):
        target = tmp_path / form
        done = CliRunner().invoke(
            application, ["data", "convert", str(tmp_path / "own"), "--to", form, "--output", str(target)]
        )
        assert done.exit_code == 0, done.output
        assert load_dataset(target).images[0].getpixel((1, 1)) == (255, 255, 255), form


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    shades = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(shades).save(tmp_path / "images" / "a.png")
    (tmp_path / "captions.csv").write_text("image,caption\na.png,shades\n")
    pixels = np.asarray(load_dataset(tmp_path).images[0])
    assert pixels[..., 0].ravel().tolist() == list(range(256))


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("coco5k", {"imagse": "x"}, r"has no option 'imagse'.*Did you mean 'images'"),
        ("coco338", {"pixels": []}, "pixels"),
        ("flickr30k_text", {"language": []}, "language"),
        ("flickr8k", {"captions": 7}, "captions: the value is 7. Expected '1000' or 'all'"),
    ],
)
def test_options_of_a_wrong_kind_are_the_user_s_mistake(
    test_data: Path, name: str, options: dict[str, object], says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        load_dataset(test_data / name, **options)


def test_a_number_stands_for_its_text(test_data: Path) -> None:
    assert len(load_dataset("flickr8k", test_data / "flickr8k", captions=1000).image_ids) == 1000


def test_names_that_are_none(test_data: Path) -> None:
    for name in (None, 5, ""):
        with pytest.raises(OptionError, match="the name is"):
            load_dataset(name)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="is a folder already"):
        load_dataset(test_data / "wiki", test_data / "wiki")
    with pytest.raises(OptionError, match="is generated, and read from no folder"):
        load_dataset("scenes", test_data)


def test_a_dataset_prints_as_one_line() -> None:
    dataset = load_dataset("scenes", train=4, validation=0, test=2)
    assert repr(dataset) == "Dataset('scenes': 6 images, 30 texts, 24 categories)"
    assert repr(replace(dataset.split("test"), categories=None, category_names=())) == (
        "Dataset('scenes', test: 2 images, 10 texts)"
    )


def test_stored_features_print_shortly() -> None:
    assert len(repr(StoredFeatures.of(np.zeros((1000, 50))))) < 100
