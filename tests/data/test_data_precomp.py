"""Regions with captions: SCAN's folders, and bottom-up attention's own files; written here as those are."""

from __future__ import annotations

import base64
import json
import os
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ficoitr.data.precomp import load
from ficoitr.data.regions import add_regions, read_regions
from ficoitr.errors import FileFormatError, IdentifierError, InputError, OptionError, OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ficoitr.data import Dataset


def regions(n_images: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n_images, 36, 8)).astype(np.float32)


def captions(name: str, n: int) -> str:
    return "".join(f"A caption, number {number} of {name}: a “quoted” café\n" for number in range(n))


def write(root: Path, split: str, n_images: int, *, repeated: bool = False, ids: Sequence[str] | None = None) -> None:
    values = regions(n_images, seed=len(split))
    np.save(root / f"{split}_ims.npy", values.repeat(5, axis=0) if repeated else values)
    (root / f"{split}_caps.txt").write_text(captions(split, 5 * n_images), encoding="utf-8")
    if ids is not None:
        (root / f"{split}_ids.txt").write_text("".join(f"{one}\n" for one in ids))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As Flickr30K's: only the dev split repeats its images."""
    root = tmp_path / "f30k_precomp"
    root.mkdir()
    write(root, "train", 4, ids=("7", "5", "3", "1"))
    write(root, "dev", 3, repeated=True, ids=("0", "2", "4"))
    write(root, "test", 2, ids=("6", "8"))
    return root


def check(dataset: Dataset, split: str, file: str, n_images: int) -> None:
    part = dataset.split(split)
    assert part.image_features["regions"].shape == (n_images, 36, 8)
    np.testing.assert_array_equal(part.image_features["regions"][:], regions(n_images, seed=len(file)))
    assert part.texts == tuple(captions(file, 5 * n_images).splitlines())
    assert part.text_to_image.tolist() == np.repeat(np.arange(n_images), 5).tolist()


def test_repetition_is_found_for_every_file(folder: Path) -> None:
    dataset = load(folder)
    assert dataset.name == "f30k_precomp"
    check(dataset, "train", "train", 4)
    check(dataset, "validation", "dev", 3)
    check(dataset, "test", "test", 2)
    assert dataset.image_ids == ("7", "5", "3", "1", "0", "2", "4", "6", "8")
    assert dataset.text_ids[:6] == ("7#0", "7#1", "7#2", "7#3", "7#4", "5#0")
    assert all(isinstance(part, np.memmap) for part in dataset.image_features["regions"].parts)
    assert dataset.has_words
    with pytest.raises(InputError, match=r"no pixels.*regions"):
        dataset.images[0]


def test_a_file_of_its_own_decides_not_its_name(tmp_path: Path) -> None:
    write(tmp_path, "train", 3, repeated=True)
    write(tmp_path, "dev", 4)
    dataset = load(tmp_path)
    check(dataset, "train", "train", 3)
    check(dataset, "validation", "dev", 4)
    assert dataset.image_ids == ("train-0", "train-1", "train-2", "dev-0", "dev-1", "dev-2", "dev-3")


def test_more_rows_than_one_block(tmp_path: Path) -> None:
    root = tmp_path / "coco" / "precomp"
    root.mkdir(parents=True)
    write(root, "dev", 1_100, repeated=True)
    dataset = load(root)
    assert dataset.name == "coco_precomp"
    check(dataset, "validation", "dev", 1_100)
    values = regions(1_100).repeat(5, axis=0)
    values[5_403, 0, 2] += 1
    np.save(root / "dev_ims.npy", values)
    with pytest.raises(FileFormatError, match="rows 5400 to 5404 differ"):
        load(root)


def test_the_first_validation_images(folder: Path) -> None:
    dataset = load(folder, validation_images=2)
    part = dataset.split("validation")
    assert part.image_ids == ("0", "2")
    np.testing.assert_array_equal(part.image_features["regions"][:], regions(3, seed=3)[:2])
    assert part.texts == tuple(captions("dev", 10).splitlines())
    check(dataset, "test", "test", 2)


def test_which_test_split(folder: Path) -> None:
    write(folder, "testall", 5, ids=("6", "8", "10", "12", "14"))
    check(load(folder), "test", "testall", 5)
    check(load(folder, test="test"), "test", "test", 2)
    (folder / "testall_caps.txt").unlink()
    with pytest.raises(FileFormatError, match=r"testall_caps\.txt: the file does not exist"):
        load(folder)


def test_names_of_other_projects(folder: Path) -> None:
    (folder / "train_ims.npy").rename(folder / "train_feat.npy")
    (folder / "test_ids.txt").rename(folder / "test_imgids.txt")
    (folder / "dev_ids.txt").write_text("".join(f"{one}\n" * 5 for one in (0, 2, 4)))
    dataset = load(folder)
    check(dataset, "train", "train", 4)
    assert dataset.image_ids == ("7", "5", "3", "1", "0", "2", "4", "6", "8")


def change_array(name: str, change: object) -> object:
    def apply(root: Path) -> None:
        np.save(root / name, change(np.load(root / name)))

    return apply


def change_text(name: str, change: object) -> object:
    def apply(root: Path) -> None:
        (root / name).write_bytes(change((root / name).read_bytes()))

    return apply


def change_last(values: np.ndarray) -> np.ndarray:
    values[14, 35, 7] += 1
    return values


BAD_FOLDERS = {
    "rows of no kind": (
        change_array("train_ims.npy", lambda values: values[:3]),
        r"train_ims\.npy: there are 3 rows, and 20 captions in .*train_caps\.txt",
    ),
    "as many rows as captions that differ": (
        change_array("train_ims.npy", lambda _: np.random.default_rng(0).random((20, 36, 8))),
        r"train_ims\.npy: .*the rows 0 to 4 differ",
    ),
    "a repetition with a slip in its last region": (
        change_array("dev_ims.npy", change_last),
        r"dev_ims\.npy: .*the rows 10 to 14 differ",
    ),
    "a caption less": (
        change_text("dev_caps.txt", lambda text: text[: text[:-1].rindex(b"\n") + 1]),
        r"dev_ims\.npy: there are 15 rows, and 14 captions",
    ),
    "an empty caption": (
        change_text("test_caps.txt", lambda text: text.replace(b"A caption, number 3", b"\n", 1)),
        r"test_caps\.txt, line 4: the caption is empty",
    ),
    "captions in Latin-1": (
        change_text("test_caps.txt", lambda text: text.replace("é".encode(), b"\xe9", 1)),
        r"test_caps\.txt, line 1: the byte 0xe9 is not UTF-8",
    ),
    "no captions": (lambda root: (root / "test_caps.txt").unlink(), r"test_caps\.txt: the file does not exist"),
    "no features": (lambda root: (root / "test_ims.npy").unlink(), r"test_ims\.npy: the file does not exist"),
    "features cut off": (
        change_text("test_ims.npy", lambda content: content[:-100]),
        r"test_ims\.npy: the array cannot be read.*cut off",
    ),
    "features that are text": (
        lambda root: (root / "test_ims.npy").write_text("x"),
        r"test_ims\.npy: the array cannot",
    ),
    "one vector an image": (
        change_array("test_ims.npy", lambda values: values[:, 0]),
        r"test_ims\.npy: the array is of type float32 and shape \(2, 8\)",
    ),
    "whole numbers": (
        change_array("test_ims.npy", lambda values: values.astype(np.int64)),
        r"test_ims\.npy: the array is of type int64",
    ),
    "other regions": (
        change_array("test_ims.npy", lambda values: values[:, :10]),
        r"the regions of test have the shape \(10, 8\). Expected \(36, 8\), as in train",
    ),
    "an id less": (change_text("test_ids.txt", lambda _: b"6\n"), r"test_ids\.txt: there are 1 ids. Expected 2"),
    "an id of another split": (
        change_text("test_ids.txt", lambda _: b"6\n3\n"),
        r"test_ids\.txt, line 2: the id '3' is listed again.*train_ids\.txt, line 3",
    ),
    "an id twice": (
        change_text("train_ids.txt", lambda _: b"7\n5\n7\n1\n"),
        r"line 3: the id '7' is listed again.*line 1",
    ),
    "ids for captions that do not repeat": (
        change_text("test_ids.txt", lambda _: b"6\n6\n6\n6\n8\n8\n8\n8\n8\n8\n"),
        r"test_ids\.txt, line 5: the id is '8'. Expected '6'",
    ),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_bad_folders(folder: Path, case: str) -> None:
    change, message = BAD_FOLDERS[case]
    change(folder)
    with pytest.raises((FileFormatError, IdentifierError), match=message) as caught:
        load(folder)
    assert str(caught.value).startswith(str(folder))


def test_bad_options(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"test: 'all' is unknown. Expected 'testall' or 'test'"):
        load(folder, test="all")
    with pytest.raises(OptionError, match="validation_images: 0 were asked for"):
        load(folder, validation_images=0)
    with pytest.raises(FileFormatError, match="no split is in this folder"):
        load(tmp_path)


def line(identifier: object, values: np.ndarray, boxes: np.ndarray, /, **changes: object) -> bytes:
    fields = {
        "image_id": identifier, "image_w": 640, "image_h": 480, "num_boxes": len(values),
        "boxes": base64.b64encode(boxes.astype("<f4").tobytes()).decode(),
        "features": base64.b64encode(values.astype("<f4").tobytes()).decode(),
        **changes,
    }  # fmt: skip
    return "\t".join(str(field) for field in fields.values()).encode() + b"\r\n"


IDS = ("30", "10", "20")
# As wide as the real ones: a line is longer than the 131,072 characters that the csv module takes for a field.
VALUES = np.random.default_rng(1).random((3, 36, 2048)).astype(np.float32)
BOXES = np.random.default_rng(2).uniform(0, 480, (3, 36, 4)).astype(np.float32)
LINES = tuple(line(*parts) for parts in zip(IDS, VALUES, BOXES, strict=True))


@pytest.fixture
def tsv(tmp_path: Path) -> Path:
    path = tmp_path / "trainval_36.tsv"
    path.write_bytes(b"".join(LINES))
    return path


def test_regions_in_the_order_that_is_asked_for(tsv: Path, tmp_path: Path) -> None:
    found = read_regions(tsv, tmp_path / "cache", ids=("10", "30"))
    assert found.ids == ("10", "30")
    np.testing.assert_array_equal(found.features, VALUES[[1, 0]])
    np.testing.assert_array_equal(found.boxes, BOXES[[1, 0]])
    assert found.sizes.tolist() == [[640, 480]] * 2
    assert isinstance(found.features, np.memmap)


def test_all_regions_of_several_files(tmp_path: Path) -> None:
    paths = [tmp_path / "train.tsv.0", tmp_path / "train.tsv.1"]
    paths[0].write_bytes(LINES[0])
    paths[1].write_bytes(LINES[1] + LINES[2].replace(b"\r\n", b"\n"))
    found = read_regions(paths, tmp_path / "cache")
    assert found.ids == IDS
    np.testing.assert_array_equal(found.features, VALUES)


def test_the_cache_is_used_while_nothing_changes(tsv: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    read_regions(tsv, cache, ids=IDS)
    written = (cache / "features.npy").stat().st_ino
    read_regions(tsv, cache, ids=IDS)
    assert (cache / "features.npy").stat().st_ino == written
    # Another order is another array, and another file of the same length has another time.
    np.testing.assert_array_equal(read_regions(tsv, cache, ids=IDS[::-1]).features, VALUES[::-1])
    tsv.write_bytes(line("30", VALUES[2], BOXES[0]) + LINES[1] + LINES[2])
    os.utime(tsv, ns=(1, 1))
    np.testing.assert_array_equal(read_regions(tsv, cache, ids=IDS).features, VALUES[[2, 1, 2]])
    (cache / "features.npy").unlink()
    np.testing.assert_array_equal(read_regions(tsv, cache, ids=IDS).features, VALUES[[2, 1, 2]])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", tsv.name]


def test_a_file_an_image(tmp_path: Path) -> None:
    folder = tmp_path / "regions"
    folder.mkdir()
    np.save(folder / "30.npy", VALUES[0])
    np.savez_compressed(folder / "10.npz", feat=VALUES[1])
    np.savez(folder / "20.npz", features=VALUES[2], bbox=BOXES[2])
    found = read_regions(folder, tmp_path / "cache", ids=IDS)
    np.testing.assert_array_equal(found.features, VALUES)
    assert found.boxes is None
    assert found.sizes is None


def test_regions_join_a_dataset(folder: Path, tsv: Path, tmp_path: Path) -> None:
    dataset = load(folder).split("train").select(np.arange(3))
    joined = add_regions(dataset, tsv, tmp_path / "cache", ids=IDS)
    assert joined.image_features["regions"].shape == (3, 36, 2048)
    part = joined.select(np.array([2, 0]))
    np.testing.assert_array_equal(part.image_features["regions"][:], VALUES[[2, 0]])
    np.testing.assert_array_equal(part.image_features["boxes"][:], BOXES[[2, 0]])
    with pytest.raises(IdentifierError, match=r"trainval_36\.tsv: of 3 images 3 are missing, the first is '7'"):
        add_regions(dataset, tsv, tmp_path / "cache")


def other_line(**changes: object) -> bytes:
    return line("40", VALUES[0], BOXES[0], **changes)


NAN = VALUES[0].copy()
NAN[3, 4] = np.nan
# The fourth line of the file, and the error.
BAD_LINES = {
    "an id twice": (LINES[0], "line 4: the image '30' is there again.*line 1"),
    "five fields": (b"40\t640\t480\t36\tabc\r\n", "line 4: the line has 5 fields. Expected 6, with tabs: image_id"),
    "an empty line": (b"\r\n", "line 4: the line has 1 fields"),
    "ten regions": (other_line(num_boxes=10), "line 4: the image has 10 regions. Expected 36.*10 to 100"),
    "no number of regions": (other_line(num_boxes="many"), "line 4: num_boxes is b'many'"),
    "a width below 0": (other_line(image_w=-1), "line 4: image_w is b'-1'"),
    "a header": (b"image_id\timage_w\timage_h\tnum_boxes\tboxes\tfeatures\r\n", "line 4: image_w is b'image_w'"),
    "no id": (line("", VALUES[0], BOXES[0]), "line 4: the image id is b''"),
    "an id of another alphabet": (line("Bild-ü", VALUES[0], BOXES[0]), "line 4: the image id is"),
    "damaged base64": (other_line(features="ab*d"), "line 4: features is no base64"),
    "base64 cut off": (other_line()[:-7], "line 4: features is no base64|line 4: features has"),
    "features of fewer regions": (
        other_line(features=base64.b64encode(VALUES[0, :35].tobytes()).decode()),
        "line 4: features has 286,720 bytes. Expected a multiple of 144",
    ),
    "shorter features": (
        other_line(features=base64.b64encode(VALUES[0, :, :1024].tobytes()).decode()),
        r"line 4: the features have the shape \(36, 1024\). Expected \(36, 2048\)",
    ),
    "no features": (other_line(features=""), "line 4: features has 0 bytes"),
    "boxes of three numbers": (
        other_line(boxes=base64.b64encode(BOXES[0, :, :3].tobytes()).decode()),
        "line 4: boxes has 432 bytes. Expected 576",
    ),
    "NaN": (line("40", NAN, BOXES[0]), "line 4: features holds NaN"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_bad_lines_of_regions(tsv: Path, tmp_path: Path, case: str) -> None:
    content, message = BAD_LINES[case]
    with tsv.open("ab") as file:
        file.write(content)
    identifiers = [*IDS, *(one for one in (content.split(b"\t")[0].decode(),) if one not in IDS)]
    with pytest.raises((FileFormatError, IdentifierError), match=f"^{re.escape(str(tsv))}, (?:{message})"):
        read_regions(tsv, tmp_path / "cache", ids=identifiers)
    assert [path.name for path in tmp_path.iterdir()] == [tsv.name]


def test_bad_files_of_regions(tsv: Path, tmp_path: Path) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "regions"
    with pytest.raises(IdentifierError, match="of 2 images 1 are missing, the first is '50'"):
        read_regions(tsv, cache, ids=("10", "50"))
    with pytest.raises(IdentifierError, match="ids: '10' is asked for twice"):
        read_regions(tsv, cache, ids=("10", "30", "10"))
    with pytest.raises(IdentifierError, match="no image is asked for"):
        read_regions(tsv, cache, ids=())
    with pytest.raises(FileFormatError, match=r"x\.tsv: the file does not exist"):
        read_regions(tmp_path / "x.tsv", cache)
    folder.mkdir()
    with pytest.raises(FileFormatError, match=r"the folder has no \.npy or \.npz"):
        read_regions(folder, cache)
    with pytest.raises(FileFormatError, match="this is no file"):
        read_regions([tsv, folder], cache)
    for name, content, message in (
        ("10.npy", VALUES[0, :10], r"10\.npy: the image has 10 regions"),
        ("10.npy", VALUES, r"10\.npy: the array is of type float32 and shape \(3, 36, 2048\)"),
        ("10.npy", NAN, r"10\.npy: the array holds NaN"),
    ):
        np.save(folder / name, content)
        with pytest.raises(FileFormatError, match=message):
            read_regions(folder, cache)
    (folder / "10.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(FileFormatError, match=r"10\.npy: the array cannot be read"):
        read_regions(folder, cache)
    np.save(folder / "40.npy", VALUES[0])
    with pytest.raises(FileFormatError, match=r"40\.npy: there are no boxes. Expected as those before"):
        read_regions([tsv, folder / "40.npy"], cache)
    assert not cache.exists()


def test_a_cache_takes_no_other_folder_s_place(tsv: Path, tmp_path: Path) -> None:
    cache = tmp_path / "photos"
    cache.mkdir()
    (cache / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match="photos: something else is there"):
        read_regions(tsv, cache)
    with pytest.raises(OutputError, match="cannot write here"):
        read_regions(tsv, tmp_path / "no" / "cache")
    assert (cache / "holiday.jpg").exists()
    (cache / "holiday.jpg").unlink()
    read_regions(tsv, cache)
    assert json.loads((cache / "regions.json").read_text())["ids"] == list(IDS)
