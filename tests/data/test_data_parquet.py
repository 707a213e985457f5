"""The one form on disk: what is read back is what was written, and nothing else is taken for it."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.data import Dataset, StoredFeatures, load_dataset
from ficoitr.data.folder_writing import write_folder
from ficoitr.data.hashing import HashingDataset, mirflickr25k, wiki
from ficoitr.data.images import FileImages, MemoryImages
from ficoitr.data.parquet import ParquetImages, load, save_dataset
from ficoitr.data.parquet.writing import _GROUP_BYTES
from ficoitr.errors import FileFormatError, InputError, OptionError, OutputError


def assert_same(found: Dataset, expected: Dataset) -> None:
    assert found.digest() == expected.digest()
    assert (found.name, found.image_ids, found.text_ids) == (expected.name, expected.image_ids, expected.text_ids)
    np.testing.assert_array_equal(found.text_to_image, expected.text_to_image)
    assert found.has_words == expected.has_words
    if expected.has_words:
        assert tuple(found.texts) == tuple(expected.texts)
    else:
        assert found.texts == expected.texts  # the reason, too
    np.testing.assert_array_equal(found.categories, expected.categories)
    assert (found.category_names, found.category_source) == (expected.category_names, expected.category_source)
    np.testing.assert_array_equal(found.splits, expected.splits)
    assert (found.split_name, type(found)) == (expected.split_name, type(expected))
    for stored, kept in (
        (found.image_features, expected.image_features),
        (found.text_features, expected.text_features),
    ):
        assert {name: one.digest() for name, one in stored.items()} == {
            name: one.digest() for name, one in kept.items()
        }


@pytest.mark.parametrize("images", ["bytes", "files"])
@pytest.mark.parametrize("name", ["coco338", "flickr8k"])
def test_real_photos_are_read_back_byte_for_byte(test_data: Path, tmp_path: Path, name: str, images: str) -> None:
    dataset = load_dataset(test_data / name)
    save_dataset(dataset, tmp_path / "saved", images=images)
    back = load(tmp_path / "saved", verify=True)
    assert_same(back, dataset)
    assert isinstance(back.images, ParquetImages if images == "bytes" else FileImages)
    assert back.images.digest() == dataset.images.digest()
    for row in (0, 7, len(dataset.images) - 1):
        np.testing.assert_array_equal(np.asarray(back.images[row]), np.asarray(dataset.images[row]))
    # The form of the one can be saved as the other again.
    other = "files" if images == "bytes" else "bytes"
    save_dataset(back.split("test"), tmp_path / "again", images=other)
    assert_same(load(tmp_path / "again", verify=True), dataset.split("test"))


@pytest.mark.parametrize("name", ["coco5k", "flickr30k_text"])
def test_captions_without_photos(test_data: Path, tmp_path: Path, name: str) -> None:
    dataset = load_dataset(test_data / name)
    save_dataset(dataset, tmp_path / "saved")
    back = load(tmp_path / "saved", verify=True)
    assert_same(back, dataset)
    assert back.images == dataset.images


@pytest.mark.parametrize(("folder", "loader"), [("wiki", wiki), ("mirflickr25k_dcmh", mirflickr25k)])
def test_features_without_photos_and_words(test_data: Path, tmp_path: Path, folder: str, loader: object) -> None:
    dataset = loader(test_data / folder)
    save_dataset(dataset, tmp_path / "saved")
    back = load(tmp_path / "saved", verify=True)
    assert_same(back, dataset)
    assert back.images == dataset.images
    assert isinstance(back, HashingDataset)
    # What is searched holds what is trained on.
    part = "retrieval" if "retrieval" in dataset.split_names else "train"
    assert back.split(part).image_ids == dataset.split(part).image_ids
    name, features = next(iter(back.text_features.items()))
    assert isinstance(features.parts[0], np.memmap)
    np.testing.assert_array_equal(features[5:9], dataset.text_features[name][5:9])


def test_what_is_drawn_becomes_png(tmp_path: Path) -> None:
    dataset = load_dataset("scenes", train=6, validation=3, test=3).split("train")
    for images in ("bytes", "files"):
        save_dataset(dataset, tmp_path / images, images=images)
        back = load(tmp_path / images, verify=True)
        assert back.split_name == "train"
        assert back.digest() == dataset.digest()
        for found, expected in zip(back.images, dataset.images, strict=True):
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


class Negative(FileImages):
    """Files whose pixels are changed when they are read."""

    def __getitem__(self, row: int, /) -> Image.Image:
        return super().__getitem__(row).point(lambda value: 255 - value)


def made(**changes: object) -> Dataset:
    """Three images, texts out of order, an image without a label, a label without an image."""
    dataset = Dataset(
        name="made",
        images=MemoryImages(tuple(Image.new("RGB", (3, 2), colour) for colour in ("red", "green", "blue"))),
        image_ids=("a/1.x", "A/1.X", "ü\n"),
        texts=("one\ntwo", "", " \u2028 three", "four", "one\ntwo"),
        text_ids=("t0", "t1", "t2", "t3", "t4"),
        text_to_image=np.array([2, 0, 1, 0, 2]),
        categories=np.array([[True, False, True], [False, False, False], [False, False, True]]),
        category_names=("z", "unused", "a;b"),
        category_source="query2label(0.5)",
        splits=np.array(["test", "test-2", "train"]),
        image_features={"a/b": StoredFeatures.of(np.arange(12.0).reshape(3, 2, 2))},
        text_features={"A_B": StoredFeatures.of(np.ones((2, 4), np.float16), np.zeros((3, 4), np.float16))},
    )
    return replace(dataset, **changes)


@pytest.mark.parametrize("images", ["bytes", "files"])
def test_odd_names_and_orders(tmp_path: Path, images: str) -> None:
    save_dataset(made(), tmp_path / "saved", images=images)
    back = load(tmp_path / "saved", verify=True)
    assert_same(back, made())
    assert [image.getpixel((0, 0)) for image in back.images] == [(255, 0, 0), (0, 128, 0), (0, 0, 255)]
    np.testing.assert_array_equal(back.image_features["a/b"][:], np.arange(12.0).reshape(3, 2, 2))
    assert back.images.take(np.array([2, 0]))[1].getpixel((0, 0)) == (255, 0, 0)
    if images == "files":
        assert len({path.name.casefold() for path in (tmp_path / "saved" / "images").iterdir()}) == 3


def test_without_labels_splits_and_images(tmp_path: Path) -> None:
    bare = made(categories=None, category_names=(), category_source="", splits=None)
    save_dataset(bare, tmp_path / "saved", images="none")
    back = load(tmp_path / "saved")
    assert_same(back, bare)
    with pytest.raises(InputError, match="saved without its images"):
        back.images[0]


def test_pixels_that_a_source_changes_are_written_as_they_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    Image.new("RGB", (2, 2)).save(path)
    dataset = made(images=Negative((path, path, path)))
    save_dataset(dataset, tmp_path / "saved")
    assert load(tmp_path / "saved").images[1].getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("images", ["bytes", "files"])
def test_duckdb_reads_it(test_data: Path, tmp_path: Path, images: str) -> None:
    dataset = load_dataset(test_data / "coco338")
    save_dataset(dataset, tmp_path / "saved", images=images)
    saved = tmp_path / "saved"
    database = duckdb.connect()
    for name in ("images", "texts"):
        database.read_parquet(str(saved / f"{name}.parquet")).create_view(name)
    dogs = database.sql("""
        SELECT texts.id, texts.text FROM texts JOIN images ON images.id = texts.image_id
        WHERE list_contains(images.labels, 'dog') AND images.split = 'train'
    """).fetchall()
    train = dataset.split("train")
    with_dog = train.categories[train.text_to_image, train.category_names.index("dog")]
    expected = {
        (text_id, text) for text_id, text, kept in zip(train.text_ids, train.texts, with_dog, strict=True) if kept
    }
    assert len(expected) > 10
    assert set(dogs) == expected
    if images == "bytes":
        sizes = database.sql("SELECT octet_length(image.bytes) FROM images").fetchall()
        assert [size for (size,) in sizes] == [path.stat().st_size for path in dataset.images.paths]


@pytest.mark.parametrize("images", ["bytes", "files"])
def test_hugging_face_reads_it(test_data: Path, tmp_path: Path, images: str, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    dataset = load_dataset(test_data / "coco338")
    save_dataset(dataset, tmp_path / "saved", images=images)
    monkeypatch.chdir(tmp_path / "saved")  # the paths of files are relative
    rows = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "saved" / "images.parquet"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert isinstance(rows.features["image"], datasets.Image)
    assert len(rows) == 338
    assert rows[40]["id"] == dataset.image_ids[40]
    assert rows[40]["labels"] == [dataset.category_names[label] for label in np.flatnonzero(dataset.categories[40])]
    np.testing.assert_array_equal(np.asarray(rows[40]["image"].convert("RGB")), np.asarray(dataset.images[40]))
    # README.md says which tables there are.
    texts = datasets.load_dataset(str(tmp_path / "saved"), "texts", cache_dir=str(tmp_path / "cache"))["train"]
    assert texts["text"][:] == list(dataset.texts)


def test_no_more_of_the_pixels_is_read_than_their_neighbours(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(256, size=(60, 200, 300, 3), dtype=np.uint8)
    images = MemoryImages(tuple(map(Image.fromarray, noise)))
    rows = tuple(map(str, range(60)))
    dataset = Dataset("noise", images, rows, rows, rows, np.arange(60))
    save_dataset(dataset, tmp_path / "saved")
    table = pq.ParquetFile(tmp_path / "saved" / "images.parquet")
    size = len(noise[0].tobytes())
    assert table.num_row_groups >= 60 * size // (_GROUP_BYTES + size)
    back = load(tmp_path / "saved")
    before = pa.total_allocated_bytes()
    order = np.random.default_rng(1).permutation(60)
    for row in order.tolist():
        np.testing.assert_array_equal(np.asarray(back.images[row]), noise[row])
    assert pa.total_allocated_bytes() - before <= 3 * (_GROUP_BYTES + size)
    # Several threads, and another process, see the same.
    copied = pickle.loads(pickle.dumps(back.images))  # noqa: S301 -- our own
    with ThreadPoolExecutor(4) as pool:
        for row, image in zip(order, pool.map(lambda row: np.asarray(copied[row]), order.tolist()), strict=True):
            np.testing.assert_array_equal(image, noise[row])


def changed(folder: Path, **values: object) -> None:
    card = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps({**card, **values}))


def rewrite(folder: Path, file: str, column: str, values: list[object]) -> None:
    """Change a table, and the size that the card knows of it, so that only its content can tell."""
    table = pq.read_table(folder / file)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values, table.schema.field(column).type)), folder / file)
    files = json.loads((folder / "dataset.json").read_text())["files"]
    changed(folder, files={**files, file: {**files[file], "size": (folder / file).stat().st_size}})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "dataset.json").unlink(), "dataset.json: the file does not exist"),
        (lambda folder: (folder / "dataset.json").write_text("[1]"), "dataset.json: .*Expected"),
        (lambda folder: changed(folder, schema="ficoitr.dataset/2"), "the schema is .*dataset/2.*later version"),
        (lambda folder: changed(folder, schema="other/1"), "the schema is 'other/1'. Expected ficoitr.dataset/1"),
        (lambda folder: changed(folder, images="three"), "dataset.json, images: expected 'int'"),
        (lambda folder: changed(folder, images=4), "images.parquet: the file has 3 rows. Expected 4"),
        (lambda folder: changed(folder, digest="0" * 64), "dataset.json: the dataset has another digest"),
        (lambda folder: changed(folder, category_names=["z"]), "images.parquet: the label 'a;b' is unknown"),
        (lambda folder: (folder / "texts.parquet").unlink(), "texts.parquet: the file does not exist"),
        (lambda folder: (folder / "images.parquet").write_bytes(b"PAR1"), r"images.parquet: the file has 4 bytes"),
        (
            lambda folder: (folder / "texts.parquet").write_bytes(b"x" * (folder / "texts.parquet").stat().st_size),
            "texts.parquet: the file is damaged, or not parquet",
        ),
        (
            lambda folder: rewrite(folder, "texts.parquet", "text", ["1", "2", "3", "4", "5"]),
            "texts.parquet: the file has the SHA-256 .* it was changed",
        ),
        (
            lambda folder: rewrite(folder, "texts.parquet", "image_row", [2, 0, 1, 0, 9]),
            "texts.parquet: image_row 9 does not exist. Expected rows of images.parquet, from 0 to 2",
        ),
        (
            lambda folder: rewrite(folder, "texts.parquet", "image_row", [2, 0, 1, 1, 2]),
            "texts.parquet: image_id and image_row of row 3 are different images",
        ),
        (
            lambda folder: rewrite(folder, "images.parquet", "id", ["ü\n", "ü\n", "ü\n"]),
            "image_id and image_row of row",
        ),
        (
            lambda folder: rewrite(folder, "texts.parquet", "id", ["t0", "t0", "t2", "t3", "t4"]),
            "text_ids: 't0' stands in rows 0 and 1",
        ),
        (lambda folder: (folder / "images" / "a_1.x.png").unlink(), r"image file images/a_1.x.png does not exist"),
        (
            lambda folder: (folder / "features" / "images" / "a_b.npy").write_bytes(b""),
            "a_b.npy: the file has 0 bytes",
        ),
    ],
)
def test_what_is_not_as_it_was_written_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    save_dataset(made(), tmp_path / "saved", images="files")
    damage(tmp_path / "saved")
    with pytest.raises(FileFormatError, match=message):
        load(tmp_path / "saved")


def test_a_changed_image_is_found(tmp_path: Path) -> None:
    save_dataset(made(), tmp_path / "files", images="files")
    Image.new("RGB", (3, 2), "white").save(tmp_path / "files" / "images" / "a_1.x.png")
    load(tmp_path / "files")
    with pytest.raises(FileFormatError, match="an image is not as it was written"):
        load(tmp_path / "files", verify=True)
    save_dataset(made(), tmp_path / "bytes")
    path = tmp_path / "bytes" / "images.parquet"
    content = bytearray(path.read_bytes())
    content[content.index(b"IHDR") + 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"images.parquet: the file has the SHA-256"):
        load(tmp_path / "bytes", verify=True)
    # Without reading all it is noticed when the image is asked for.
    with pytest.raises(FileFormatError, match=r"images.parquet, row 0: the image cannot be read .*CRC"):
        load(tmp_path / "bytes").images[0]


def test_a_changed_feature_is_found(tmp_path: Path) -> None:
    save_dataset(made(), tmp_path / "saved")
    path = tmp_path / "saved" / "features" / "texts" / "A_B.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"A_B.npy: the file has the SHA-256"):
        load(tmp_path / "saved", verify=True)


def test_nothing_is_left_of_a_write_that_failed(tmp_path: Path) -> None:
    gone = made(images=FileImages((tmp_path / "none.png",) * 3))
    with pytest.raises(FileFormatError, match=r"none.png: the image file cannot be read"):
        save_dataset(gone, tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OptionError, match="'bytes', 'files' or 'none'"):
        save_dataset(made(), tmp_path / "saved", images="pixels")  # type: ignore[arg-type]
    (tmp_path / "saved").mkdir()
    save_dataset(made(), tmp_path / "saved")  # an empty folder gives way
    with pytest.raises(OutputError, match="is not replaced"):
        save_dataset(made(), tmp_path / "saved")
    assert_same(load(tmp_path / "saved"), made())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="writing failed"):
        save_dataset(made(), tmp_path / "file" / "saved")


_SLOW = """
import sys, time
from ficoitr.data import load_dataset
from ficoitr.data.parquet import save_dataset
def slowly(what, done, total):
    print(what, flush=True)
    time.sleep(60)
save_dataset(load_dataset("scenes", train=4, validation=2, test=2), sys.argv[1], progress=slowly)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_write_leaves_nothing_in_its_place(tmp_path: Path, number: signal.Signals) -> None:
    target = tmp_path / "saved"
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW, str(target)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing images\n"
        # The other process is alive: its folder is not taken for a leftover.
        save_dataset(made(), target)
        assert len(list(tmp_path.iterdir())) == 2
        os.kill(process.pid, number)
    assert_same(load(target), made())
    save_dataset(made(), tmp_path / "other")
    assert len(list(tmp_path.iterdir())) == (2 if number == signal.SIGINT else 3)
    for path in list(target.rglob("*"))[::-1]:
        path.rmdir() if path.is_dir() else path.unlink()
    save_dataset(made(), target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "saved"]


def test_a_plain_folder(test_data: Path, tmp_path: Path) -> None:
    dataset = load_dataset(test_data / "coco338")
    write_folder(dataset, tmp_path / "plain")
    back = load_dataset("folder", tmp_path / "plain")
    assert back.texts == tuple(text.strip() for text in dataset.texts)
    assert back.images.digest() == dataset.images.digest()
    np.testing.assert_array_equal(back.splits, dataset.splits)
    used = dataset.categories.any(axis=0)
    np.testing.assert_array_equal(back.categories, dataset.categories[:, used])
    with pytest.raises(OptionError, match="cannot hold the split 'test-2'"):
        write_folder(made(), tmp_path / "odd")
    with pytest.raises(OptionError, match="cannot hold the label 'a;b'"):
        write_folder(made(splits=None), tmp_path / "odd")
    with pytest.raises(OptionError, match="has no pixels"):
        write_folder(load_dataset(test_data / "coco5k"), tmp_path / "odd")


def test_the_command(test_data: Path, tmp_path: Path) -> None:

    def convert(*arguments: str) -> object:
        return CliRunner().invoke(application, ["data", "convert", *arguments])

    source, expected = str(test_data / "coco338"), load_dataset(test_data / "coco338").split("test")
    for form in ("parquet", "huggingface", "webdataset", "folder"):
        done = convert(source, "--split", "test", "--to", form, "--output", str(tmp_path / form))
        assert done.exit_code == 0, done.output
        assert "Wrote 100 images and 500 texts" in done.output
    assert_same(load(tmp_path / "parquet"), expected)
    assert load_dataset("folder", tmp_path / "folder").images.digest() == expected.images.digest()
    wrong = convert(source, "--to", "folder", "--images", "none", "--output", str(tmp_path / "x"))
    assert isinstance(wrong.exception, OptionError)
    assert not (tmp_path / "x").exists()


def test_listing_and_loading_other_forms_needs_no_arrow() -> None:
    code = (
        "import sys, ficoitr.data, ficoitr.cli.convert, ficoitr.data.parquet, ficoitr.data.huggingface\n"
        "import ficoitr.data.webdataset\n"
        "print([name for name in ('pyarrow', 'datasets', 'torch', 'webdataset') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
