"""The loaders on real data: the facts of each dataset."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path


def test_coco338(test_data: Path) -> None:
    dataset = load_dataset("coco338", test_data / "coco338")
    assert len(dataset.images) == 338
    assert np.bincount(dataset.text_to_image).tolist() == [5] * 338
    assert dataset.categories.shape == (338, 80)
    entries = json.loads((test_data / "coco338" / "coco338.json").read_text())
    row = 200
    assert dataset.image_ids[row] == str(entries[row]["image_id"])
    assert [dataset.category_names[label] for label in np.flatnonzero(dataset.categories[row])] == sorted(
        entries[row]["labels"]
    )
    assert dataset.text_ids[5 * row] == str(entries[row]["caption_ids"][0])
    test = dataset.split("test")
    assert test.image_ids == tuple(str(entry["image_id"]) for entry in entries[-100:])
    assert test.texts[:5] == tuple(entries[-100]["captions"])
    assert len(dataset.split("train").images) == 238
    assert load_dataset(test_data / "coco338").digest() == dataset.digest()


def test_flickr8k(test_data: Path) -> None:
    root = test_data / "flickr8k"
    dataset = load_dataset("flickr8k", root)
    files = sorted(path.name for path in (root / "images").iterdir())
    assert dataset.image_ids == tuple(files)
    assert np.bincount(dataset.text_to_image).tolist() == [5] * 1000
    assert dataset.split("test").image_ids == tuple(files[-200:])
    assert dataset.split("train").image_ids == tuple(files[:-200])
    assert dataset.categories is None
    token = dict(line.split("\t") for line in (root / "text" / "Flickr8k.token.txt").read_text().splitlines())
    for text_id, text in zip(dataset.text_ids, dataset.texts, strict=True):
        assert token[text_id].split() == text.split()


def test_flickr8k_official_splits(test_data: Path) -> None:
    dataset = load_dataset("flickr8k", test_data / "flickr8k", splits="official")
    sizes = {name: len(dataset.split(name).images) for name in dataset.split_names}
    assert sizes == {"train": 753, "validation": 113, "test": 125}


def test_real_images_are_decoded(test_data: Path) -> None:
    image = load_dataset(test_data / "coco338").split("test").images[0]
    assert image.mode == "RGB"
    assert max(image.size) <= 256


def test_a_folder_of_real_photos_says_what_its_source_says(test_data: Path, tmp_path: Path) -> None:
    source = load_dataset("coco338", test_data / "coco338").select(np.arange(20))
    (tmp_path / "images").mkdir()
    with (tmp_path / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "caption", "split", "labels"))
        for text, row in zip(source.texts, source.text_to_image, strict=True):
            name = f"{source.image_ids[row]}.jpg"
            source.images[row].save(tmp_path / "images" / name)
            labels = [source.category_names[label] for label in np.flatnonzero(source.categories[row])]
            writer.writerow((name, text, "val" if row < 5 else "train", ";".join(labels)))
    dataset = load_dataset(tmp_path)
    assert dataset.name == tmp_path.name
    assert dataset.texts == tuple(text.strip() for text in source.texts)
    np.testing.assert_array_equal(dataset.text_to_image, source.text_to_image)
    used = source.categories.any(axis=0)
    assert dataset.category_names == tuple(np.array(source.category_names)[used].tolist())
    np.testing.assert_array_equal(dataset.categories, source.categories[:, used])
    assert len(dataset.split("validation").images) == 5


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "images" / "below").mkdir(parents=True)
    for name in ("a.png", "b.png", "below/c.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / "images" / name)
    return tmp_path


def test_csv_with_quotes_line_breaks_and_byte_order_mark(photos: Path) -> None:
    (photos / "captions.csv").write_bytes(
        '\ufeffimage,labels,caption\r\nb.png,x|y,"one, ""two""\nthree"\r\n'
        "below/c.png,,Käse \u2028 neu\r\n\r\n"
        "a.png,y,plain\r\nb.png,z,again\r\n".encode()
    )
    dataset = load_dataset("folder", photos)
    assert dataset.image_ids == ("b.png", "below/c.png", "a.png")
    assert dataset.texts == ('one, "two"\nthree', "again", "Käse \u2028 neu", "plain")
    assert dataset.text_ids == ("b.png#0", "b.png#1", "below/c.png#0", "a.png#0")
    assert dataset.categories.tolist() == [[True, True, True], [False] * 3, [False, True, False]]
    assert dataset.splits is None


def test_a_split_named_once_holds_for_all_rows_of_an_image(photos: Path) -> None:
    (photos / "captions.csv").write_text(
        "image,caption,split\na.png,x,dev\na.png,y,\nb.png,z,retrieval\nbelow/c.png,z,train\n"
    )
    assert load_dataset(photos).splits.tolist() == ["validation", "retrieval", "train"]


def karpathy(**changes: object) -> dict[str, object]:
    entry = {
        "filename": "a.png",
        "filepath": "",
        "split": "restval",
        "cocoid": 17,
        "sentences": [{"raw": " A cat. ", "sentid": 4}, {"raw": "A dog.", "sentid": 9}],
    }
    return {**entry, **changes}


def test_karpathy(photos: Path) -> None:
    second = karpathy(filename="c.png", filepath="below", split="val", sentences=[{"raw": "B", "sentid": 1}])
    del second["cocoid"]
    content = {"dataset": "coco", "images": [karpathy(), second]}
    (photos / "dataset_coco.json").write_text(json.dumps(content))
    dataset = load_dataset(photos)
    assert dataset.name == "coco"
    assert dataset.image_ids == ("17", "c.png")
    assert dataset.texts == ("A cat.", "A dog.", "B")
    assert dataset.text_ids == ("4", "9", "1")
    assert dataset.splits.tolist() == ["train", "validation"]
    shutil.move(photos / "images", photos / "photos")
    assert load_dataset("karpathy", photos, images="photos").digest() == dataset.digest()


def coco_instances() -> dict[str, object]:
    return {
        "images": [{"id": 17}, {"id": 18}],
        "categories": [{"id": 1, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": [{"image_id": 17, "category_id": 3}, {"image_id": 17, "category_id": 1}],
    }


def write_coco(folder: Path, instances: dict[str, object]) -> None:
    second = karpathy(filename="c.png", filepath="below", split="test", cocoid=18)
    second["sentences"] = [{"raw": "B", "sentid": 1}]
    (folder / "dataset_coco.json").write_text(json.dumps({"dataset": "coco", "images": [karpathy(), second]}))
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / "instances_val2014.json").write_text(json.dumps(instances))


def test_karpathy_with_the_categories_of_coco(photos: Path) -> None:
    write_coco(photos, coco_instances())
    dataset = load_dataset(photos)
    assert dataset.category_names == ("cat", "dog")
    assert dataset.categories.tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": [{"id": 17}], "annotations": []}, "lists the image '18'"),
        ({"annotations": [{"image_id": 17, "category_id": 9}]}, "category 9 is not among"),
        ({"annotations": [{"image_id": 99, "category_id": 1}]}, "99"),
        ({"categories": [{"id": 1}]}, r"categories\[0\]: .*missing required field 'name'"),
    ],
)
def test_categories_that_do_not_fit(photos: Path, changes: dict[str, object], message: str) -> None:
    write_coco(photos, {**coco_instances(), **changes})
    with pytest.raises(FileFormatError, match=message):
        load_dataset(photos)


def test_karpathy_with_the_first_texts_of_an_image(photos: Path) -> None:
    write_coco(photos, coco_instances())
    dataset = load_dataset(photos, texts_per_image=1)
    assert (dataset.texts, dataset.text_ids) == (("A cat.", "B"), ("4", "1"))
    with pytest.raises(OptionError, match="at least 1"):
        load_dataset(photos, texts_per_image=0)


def test_coco_variants_by_name(tmp_path: Path) -> None:
    (tmp_path / "images" / "val2014").mkdir(parents=True)
    images = []
    for row in range(2203):
        split = ("test", "train", "restval", "val")[row % 4] if row < 400 else "test"
        sentences = [{"raw": f"text {row} {number}", "sentid": 10 * row + number} for number in range(5 + (row == 400))]
        images.append(
            {"filename": f"{row}.jpg", "filepath": "val2014", "cocoid": row, "split": split, "sentences": sentences}
        )
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": images, "dataset": "coco"}))
    whole = load_dataset("coco", tmp_path, pixels="none")
    assert (whole.name, len(whole.texts)) == ("coco", 5 * 2203 + 1)
    first_five = load_dataset("coco-25000", tmp_path, pixels="none")
    assert (first_five.name, len(first_five.texts)) == ("coco-25000", 5 * 2203)
    assert set(whole.texts) - set(first_five.texts) == {"text 400 5"}
    folds = load_dataset("coco-1k5", tmp_path, pixels="none")
    sizes = {name: len(folds.split(name).image_ids) for name in folds.split_names}
    assert sizes == {"test-1": 1000, "test-2": 903, "train": 200, "validation": 100}
    test = whole.split("test").image_ids
    assert folds.split("test-1").image_ids == test[:1000]
    assert folds.split("test-2").image_ids == test[1000:]
    # An option of the user's goes before that of the name.
    assert len(load_dataset("coco-25000", tmp_path, pixels="none", texts_per_image=2).texts) == 2 * 2203


def test_damaged_packed_files(tmp_path: Path) -> None:
    (tmp_path / "captions_val2017.json.gz").write_bytes(b"no gzip")
    with pytest.raises(FileFormatError, match=r"captions_val2017.json.gz: the file cannot be unpacked"):
        load_dataset(tmp_path)
    (tmp_path / "captions_val2017.json.gz").write_bytes(gzip.compress(b'{"images": [], "annotations": [')[:-4])
    with pytest.raises(FileFormatError, match="cannot be unpacked"):
        load_dataset(tmp_path)
    (tmp_path / "captions_val2017.json.gz").write_bytes(gzip.compress(b'{"images": [],\n "annotations": ['))
    with pytest.raises(FileFormatError, match="line 2: the file is not JSON"):
        load_dataset(tmp_path)
