"""Datasets of Hugging Face's library: the layouts that the Hub has, and the way there and back."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.data.hashing import wiki
from ficoitr.data.huggingface import HuggingFaceImages, from_huggingface, load, to_huggingface, write_huggingface
from ficoitr.errors import FileFormatError, IdentifierError, OptionError, OutputError

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", ["coco338", "flickr8k"])
def test_each_split_of_real_photos_is_read_back_as_it_was(test_data: Path, tmp_path: Path, name: str) -> None:
    dataset = load_dataset(test_data / name)
    write_huggingface(dataset, tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    back = load(tmp_path / "saved")
    assert (back.name, back.split_names) == (dataset.name, dataset.split_names)
    assert isinstance(back.images, HuggingFaceImages)
    for split in dataset.split_names:
        found, expected = back.split(split), dataset.split(split)
        assert found.digest() == expected.digest()
        assert found.images.digest() == expected.images.digest()
        np.testing.assert_array_equal(np.asarray(found.images[5]), np.asarray(expected.images[5]))
        assert found.images.name(5) == expected.images.paths[5].name


def test_hugging_face_itself_reads_what_is_written(test_data: Path, tmp_path: Path) -> None:
    dataset = load_dataset(test_data / "coco338")
    write_huggingface(dataset, tmp_path / "saved")
    data = datasets.load_from_disk(str(tmp_path / "saved"))
    assert {split: len(part) for split, part in data.items()} == {"train": 238, "test": 100}
    row, test = data["test"][3], dataset.split("test")
    np.testing.assert_array_equal(np.asarray(row["image"].convert("RGB")), np.asarray(test.images[3]))
    assert row["captions"] == list(test.texts[15:20])
    labels = data["test"].features["labels"].feature
    assert [labels.int2str(one) for one in row["labels"]] == [
        test.category_names[label] for label in np.flatnonzero(test.categories[3])
    ]


def test_drawn_pictures_are_written_as_png(tmp_path: Path) -> None:
    dataset = load_dataset("scenes", train=4, validation=2, test=2)
    data = to_huggingface(dataset, cache=tmp_path)
    back = from_huggingface(data)
    for split in dataset.split_names:
        found, expected = back.split(split), dataset.split(split)
        assert found.digest() == expected.digest()
        for one, other in zip(found.images, expected.images, strict=True):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_without_splits_and_with_splits_of_other_names(tmp_path: Path) -> None:
    dataset = load_dataset("scenes", train=4, validation=2, test=2)
    whole = replace(dataset, splits=None, category_source="query2label(0.5)")
    back = from_huggingface(to_huggingface(whole))
    assert back.splits is None
    assert back.category_source == "query2label(0.5)"
    assert back.digest() == whole.digest()
    folds = replace(dataset, splits=np.array(["test-1", "test-2"] * 4))
    write_huggingface(folds, tmp_path / "folds")
    assert load(tmp_path / "folds").digest() == folds.digest()


def test_captions_alone(test_data: Path) -> None:
    dataset = load_dataset(test_data / "coco5k")
    back = from_huggingface(to_huggingface(dataset))
    assert back.digest() == dataset.digest()
    assert not back.has_pixels
    assert "no column of images, only image_id, captions" in back.images.reason


def png(colour: str) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(buffer, format="PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def table(**columns: Any) -> Any:
    data = datasets.Dataset.from_dict(columns)
    return data.cast_column("image", datasets.Image()) if "image" in columns else data


PICTURES = [png("red"), png("lime"), png("blue")]


@pytest.mark.parametrize(
    "columns",
    [
        {"caption": ["r", "g", "b"]},
        {"captions": [["r"], ["g"], ["b"]]},
        {"text": ["r", "g", "b"], "label": [0, 1, 2]},
        {"sentences": [{"raw": "r", "tokens": ["r"]}, {"raw": "g", "tokens": ["g"]}, {"raw": "b", "tokens": ["b"]}]},
        {"sentences": [[{"raw": "r"}], [{"raw": "g"}], [{"raw": "b"}]]},
        {"caption_0": ["r", "g", "b"]},
    ],
)
def test_captions_are_found(columns: dict[str, Any]) -> None:
    dataset = from_huggingface(table(image=PICTURES, **columns))
    assert dataset.texts == ("r", "g", "b")
    assert dataset.image_ids == ("0", "1", "2")
    assert [image.getpixel((0, 0)) for image in dataset.images] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    assert dataset.splits is None


def test_numbered_captions_keep_their_order() -> None:
    columns = {f"caption_{number}": [f"r{number}", None if number == 3 else f"g{number}"] for number in range(11)}
    dataset = from_huggingface(table(image=PICTURES[:2], **columns))
    assert dataset.texts[:11] == tuple(f"r{number}" for number in range(11))
    assert len(dataset.texts) == 21


def test_the_layout_of_karpathys_splits_on_the_hub() -> None:
    # Flickr30K there: one part "test", a column of splits, sentence ids beside the captions.
    data = table(
        image=PICTURES,
        caption=[["a", "b"], ["c"], ["d"]],
        sentids=[[0, 1], [2], [3]],
        split=["restval", "val", "test"],
        filename=["1.jpg", "2.jpg", "3.jpg"],
    )
    dataset = from_huggingface(datasets.DatasetDict({"test": data}), name="flickr30k")
    assert dataset.splits.tolist() == ["train", "validation", "test"]
    assert dataset.text_ids == ("0", "1", "2", "3")
    assert dataset.image_ids == ("1.jpg", "2.jpg", "3.jpg")


def test_several_rows_an_image() -> None:
    data = table(
        image=[PICTURES[0], PICTURES[1], PICTURES[0]],
        caption=["r1", "g1", "r2"],
        image_id=[7, 8, 7],
        labels=[["x"], [], ["y"]],
    )
    dataset = from_huggingface(data)
    assert dataset.image_ids == ("7", "8")
    assert dataset.texts == ("r1", "r2", "g1")
    assert dataset.category_names == ("x", "y")
    assert dataset.categories.tolist() == [[True, True], [False, False]]
    assert dataset.images[1].getpixel((0, 0)) == (0, 255, 0)
    assert dataset.images.take(np.array([1]))[0].getpixel((0, 0)) == (0, 255, 0)


def test_numbers_that_begin_again_in_each_part() -> None:
    data = datasets.DatasetDict(
        {
            "train": table(image=PICTURES[:2], caption=["r", "g"], id=[0, 1]),
            "test": table(image=PICTURES[2:], caption=["b"], id=[0]),
        }
    )
    dataset = from_huggingface(data)
    assert dataset.image_ids == ("train/0", "train/1", "test/0")
    assert dataset.splits.tolist() == ["train", "train", "test"]
    assert dataset.split("test").images[0].getpixel((0, 0)) == (0, 0, 255)


def test_class_labels_of_one_each() -> None:
    names = datasets.ClassLabel(names=["cat", "ant", "dog"])
    data = table(image=PICTURES, caption=["r", "g", "b"], label=[2, 0, -1]).cast_column("label", names)
    dataset = from_huggingface(data)
    assert dataset.category_names == ("cat", "ant", "dog")
    assert dataset.categories.tolist() == [[False, False, True], [True, False, False], [False, False, False]]
    # Boxes are no labels, unless somebody says so.
    boxes = table(image=PICTURES, caption=["r", "g", "b"], labels=[{"box": [1]}, {"box": [2]}, {"box": [3]}])
    assert from_huggingface(boxes).categories is None


def test_columns_by_name_and_images_in_files(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), "red").save(tmp_path / "red.png")
    data = datasets.Dataset.from_dict({"shot": [str(tmp_path / "red.png")], "said": ["r"], "caption": ["other"]})
    dataset = from_huggingface(data, image="shot", captions="said")
    assert dataset.texts == ("r",)
    assert dataset.images[0].getpixel((0, 0)) == (255, 0, 0)
    (tmp_path / "red.png").unlink()
    with pytest.raises(FileFormatError, match=r"row 0: the image file .*red.png cannot be read"):
        dataset.images[0]


def test_what_cannot_be_taken() -> None:
    data = table(image=PICTURES, words=["r", "g", "b"])
    with pytest.raises(OptionError, match=r"no column of captions was found. Expected one of the columns image, words"):
        from_huggingface(data)
    with pytest.raises(OptionError, match=r"captions: there is no column 'word'.*one of image, words.*'words'"):
        from_huggingface(data, captions="word")
    with pytest.raises(FileFormatError, match="row 1: the image '1' has no caption"):
        from_huggingface(table(image=PICTURES, caption=["r", None, "b"]), name="mine")
    with pytest.raises(FileFormatError, match="row 0: the field 'caption' holds '3'"):
        from_huggingface(table(image=PICTURES, caption=[3, 4, 5]))
    with pytest.raises(FileFormatError, match="row 1: the image 7 is in the split 'test' here and in 'train' above"):
        from_huggingface(table(image_id=[7, 7], caption=["r", "g"], split=["train", "test"]))
    with pytest.raises(FileFormatError, match="1 captions but 2 identifiers in 'sentids'"):
        from_huggingface(table(caption=["r"], sentids=[[1, 2]]))
    with pytest.raises(IdentifierError, match="the text id '1' is used again"):
        from_huggingface(table(caption=["r", "g"], sentids=[1, 1]))
    with pytest.raises(FileFormatError, match="has no rows"):
        from_huggingface(datasets.Dataset.from_dict({"caption": []}))
    with pytest.raises(OptionError, match=r"this is a IterableDataset.*streaming=False"):
        from_huggingface(data.to_iterable_dataset())
    with pytest.raises(FileFormatError, match="row 1: the image cannot be decoded"):
        from_huggingface(table(image=[PICTURES[0], {"bytes": b"no", "path": None}], caption=["a", "b"])).images[1]


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    data = table(image=PICTURES, caption=["r", "g", "b"])
    (tmp_path / "mine" / "data").mkdir(parents=True)
    data.select([0, 1]).to_parquet(str(tmp_path / "mine" / "data" / "train-00000-of-00001.parquet"))
    data.select([2]).to_parquet(str(tmp_path / "mine" / "data" / "test-00000-of-00001.parquet"))
    dataset = load(tmp_path / "mine")
    assert dataset.name == "mine"
    assert dataset.splits.tolist() == ["train", "train", "test"]
    assert dataset.split("test").images[0].getpixel((0, 0)) == (0, 0, 255)


def test_folders_that_cannot_be_read_or_written(test_data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="empty: Hugging Face's datasets cannot read it"):
        load(tmp_path / "empty")
    with pytest.raises(OptionError, match="root or hub"):
        load()
    dataset = load_dataset("scenes", train=2, validation=1, test=1)
    (tmp_path / "empty" / "file").touch()
    with pytest.raises(OutputError, match="is not replaced"):
        write_huggingface(dataset, tmp_path / "empty")
    with pytest.raises(OptionError, match=r"no words.*parquet"):
        write_huggingface(wiki(test_data / "wiki"), tmp_path / "features")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
