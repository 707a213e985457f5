"""WebDataset shards: those of the library itself, and the way there and back."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.data.hashing import wiki
from ficoitr.data.webdataset import TarImages, load, write_webdataset
from ficoitr.errors import FileFormatError, OptionError, OutputError


@pytest.mark.parametrize("name", ["coco338", "flickr8k"])
def test_each_split_of_real_photos_is_read_back_as_it_was(test_data: Path, tmp_path: Path, name: str) -> None:
    dataset = load_dataset(test_data / name)
    write_webdataset(dataset, tmp_path / "shards", images_per_shard=90)
    shards = sorted((tmp_path / "shards").glob("*.tar"))
    sizes = [len(dataset.split(split).image_ids) for split in dataset.split_names]
    assert len(shards) == sum(-(-size // 90) for size in sizes)
    back = load(tmp_path / "shards")
    assert back.name == dataset.name
    assert isinstance(back.images, TarImages)
    for split in dataset.split_names:
        found, expected = back.split(split), dataset.split(split)
        assert found.digest() == expected.digest()
        assert found.images.digest() == expected.images.digest()
        np.testing.assert_array_equal(np.asarray(found.images[95]), np.asarray(expected.images[95]))
    again = pickle.loads(pickle.dumps(back.images))  # noqa: S301 -- our own
    assert again.encoded(3) == back.images.encoded(3)


def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path) -> None:
    dataset = load_dataset("scenes", train=4, validation=2, test=2)
    for folder in ("one", "two"):
        write_webdataset(dataset, tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["test-000000.tar", "train-000000.tar", "validation-000000.tar", "webdataset.json"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_library_reads_our_shards(test_data: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    dataset = load_dataset(test_data / "coco338").split("test")
    write_webdataset(dataset, tmp_path / "shards", images_per_shard=30)
    urls = [str(path) for path in sorted((tmp_path / "shards").glob("*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pilrgb").to_tuple("jpg", "json"))
    assert len(samples) == 100
    for row, (_, fields) in enumerate(samples):
        assert fields["image_id"] == dataset.image_ids[row]
        assert fields["captions"] == list(dataset.texts[5 * row : 5 * row + 5])
        assert fields["labels"] == [dataset.category_names[label] for label in np.flatnonzero(dataset.categories[row])]
    np.testing.assert_array_equal(np.asarray(samples[99][0]), np.asarray(dataset.images[99]))


def test_we_read_shards_of_the_library(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    for split, colours in (("train", ("red", "lime", "blue")), ("val", ("white",))):
        (tmp_path / split).mkdir()
        pattern = str(tmp_path / split / "part-%04d.tar")
        with webdataset.ShardWriter(pattern, maxcount=2, verbose=0) as writer:
            for number, colour in enumerate(colours):
                image = Image.new("RGB", (2, 2), colour)
                caption = f"{colour}\n\nnumber {number}\n"
                writer.write({"__key__": f"below/{split}{number}", "png": image, "txt": caption, "cls": number % 2})
    dataset = load(tmp_path)
    assert dataset.image_ids == ("below/train0", "below/train1", "below/train2", "below/val0")
    assert dataset.texts[:4] == ("red", "number 0", "lime", "number 1")
    assert dataset.splits.tolist() == ["train", "train", "train", "validation"]
    assert dataset.category_names == ("0", "1")
    assert dataset.categories.argmax(axis=1).tolist() == [0, 1, 0, 0]
    assert [image.getpixel((0, 0)) for image in dataset.images][2:] == [(0, 0, 255), (255, 255, 255)]
    assert dataset.images.name(3) == "val0.png"


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, format="PNG")
    return buffer.getvalue()


def shard(path: Path, *members: tuple[str, bytes | str | dict[str, object]]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            data = json.dumps(content) if isinstance(content, dict) else content
            data = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_the_layout_of_img2dataset(tmp_path: Path) -> None:
    # The caption stands in both; numbers begin again in each shard; other members are none of ours.
    for number in (0, 1):
        shard(
            tmp_path / f"0000{number}.tar",
            ("__meta__.json", {"written": "by somebody"}),
            ("000000000.JPG", png()),
            ("000000000.json", {"caption": "two\nlines", "url": "x", "width": 2}),
            ("000000000.txt", "two\nlines"),
            ("000000000.seg.png", png()),
        )
    dataset = load(tmp_path)
    assert dataset.image_ids == ("00000/000000000", "00001/000000000")
    assert dataset.texts == ("two\nlines", "two\nlines")
    assert (dataset.splits, dataset.categories) == (None, None)


def test_splits_of_shards_and_of_samples(tmp_path: Path) -> None:
    shard(tmp_path / "coco-val-000.tar", ("a.png", png()), ("a.txt", "a"))
    shard(
        tmp_path / "coco-train-000.tar",
        ("b.png", png()),
        ("b.json", {"captions": ["b"], "caption_ids": [4], "split": "retrieval", "labels": ["x", "y"]}),
        ("constrain.png", png()),
        ("constrain.txt", "c"),
    )
    dataset = load(tmp_path)
    assert dict(zip(dataset.image_ids, dataset.splits.tolist(), strict=True)) == {
        "a": "validation",
        "b": "retrieval",
        "constrain": "train",
    }
    assert dataset.text_ids == ("4", "constrain#0", "a#0")
    assert dataset.categories.tolist() == [[True, True], [False, False], [False, False]]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.png", png())], "s.tar, a: the image 'a' has no caption"),
        ([("a.png", png()), ("a.txt", "\n")], "s.tar, a: the image 'a' has no caption"),
        ([("a.png", png()), ("a.txt", "a"), ("b.txt", "b")], "s.tar, b: this sample has no image"),
        ([("a.png", png()), ("a.jpg", png())], "s.tar, a.jpg: the sample 'a' has two images"),
        ([("a.png", png()), ("b.png", png()), ("a.txt", "a")], "s.tar, a.txt: the sample 'a' is continued"),
        ([("a.png", png()), ("a.json", "{")], "s.tar, a.json: the member is not JSON"),
        ([("a.png", png()), ("a.json", "[1]")], "s.tar, a.json: the member is not JSON"),
        ([("a.png", png()), ("a.txt", b"\xff")], "s.tar, a.txt: the member is not TXT in UTF-8"),
        ([("a.png", png()), ("a.json", {"caption": {"raw": "a"}})], "s.tar, a: 'captions' holds"),
        ([("a.txt", "a"), ("a.json", {"caption": "a", "caption_ids": [1, 2]})], "s.tar, a: .* differ in number"),
        (
            [("a.json", {"caption": "a", "split": "test"}), ("b.json", {"caption": "b"})],
            "s.tar, b: this image has no split",
        ),
        ([("README", "nothing")], "s.tar: the shard holds no sample"),
    ],
)
def test_samples_that_cannot_be_read(tmp_path: Path, members: list[tuple[str, bytes | str]], message: str) -> None:
    shard(tmp_path / "s.tar", *members)
    with pytest.raises(FileFormatError, match=message):
        load(tmp_path)


def test_damaged_shards(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"there is no shard. Expected \*.tar"):
        load(tmp_path)
    path = shard(tmp_path / "s.tar", ("a.png", b"no picture"), ("a.txt", "a"))
    whole = path.read_bytes()
    dataset = load(tmp_path)
    with pytest.raises(FileFormatError, match=r"s.tar, a.png: the image cannot be decoded"):
        dataset.images[0]
    path.write_bytes(whole[:515])
    with pytest.raises(FileFormatError, match=r"s.tar, a.png: the shard ends within this image"):
        dataset.images[0]
    path.write_bytes(gzip.compress(whole))
    with pytest.raises(FileFormatError, match=r"s.tar: the shard is damaged or no plain tar file"):
        load(tmp_path)
    path.write_bytes(whole[:1030])
    with pytest.raises(FileFormatError, match=r"s.tar"):
        load(tmp_path)
    path.unlink()
    with pytest.raises(FileFormatError, match=r"s.tar, a.png: the shard cannot be read"):
        dataset.images[0]


def test_a_shard_that_was_lost_is_missed(tmp_path: Path) -> None:
    write_webdataset(load_dataset("scenes", train=4, validation=2, test=2), tmp_path / "shards", images_per_shard=2)
    (tmp_path / "shards" / "train-000001.tar").unlink()
    with pytest.raises(FileFormatError, match=r"webdataset.json: .*Expected 8"):
        load(tmp_path / "shards")
    card = json.loads((tmp_path / "shards" / "webdataset.json").read_text())
    (tmp_path / "shards" / "webdataset.json").write_text(json.dumps({**card, "schema": "ficoitr.webdataset/2"}))
    with pytest.raises(FileFormatError, match=r"the schema is 'ficoitr.webdataset/2'"):
        load(tmp_path / "shards")


def test_other_splits_labels_and_no_pixels(test_data: Path, tmp_path: Path) -> None:
    dataset = load_dataset("scenes", train=4, validation=2, test=2)
    whole = replace(dataset, splits=None, category_source="query2label(0.5)")
    write_webdataset(whole, tmp_path / "whole")
    assert load(tmp_path / "whole").digest() == whole.digest()
    folds = replace(dataset, splits=np.array(["test-1"] * 4 + ["test-2"] * 4))
    write_webdataset(folds, tmp_path / "folds")
    assert load(tmp_path / "folds").digest() == folds.digest()
    captions = load_dataset(test_data / "coco5k")
    write_webdataset(captions, tmp_path / "captions")
    back = load(tmp_path / "captions")
    assert back.digest() == captions.digest()
    assert not back.has_pixels
    with pytest.raises(OptionError, match=r"no words.*parquet"):
        write_webdataset(wiki(test_data / "wiki"), tmp_path / "features")
    with pytest.raises(OptionError, match="1 or more"):
        write_webdataset(whole, tmp_path / "none", images_per_shard=0)
    with pytest.raises(OutputError, match="is not replaced"):
        write_webdataset(whole, tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["captions", "folds", "whole"]
