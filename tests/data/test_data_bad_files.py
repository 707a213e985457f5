"""Files of datasets that cannot be used: each has its own error, with file and line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from ficoitr.data import load_dataset
from ficoitr.errors import FileFormatError, IdentifierError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "image,caption,split,labels\n"

BAD_CSV = {
    "empty": (b"", r"captions.csv: the file is empty"),
    "header only": (HEADER.encode(), "lists no image"),
    "no caption column": (b"image,text\na.png,x\n", r"line 1: the header is 'image,text'.*image,caption"),
    "unknown column": (b"image,caption,lables\na.png,x,y\n", "line 1: the header"),
    "repeated column": (b"image,caption,image\na.png,x,y\n", "line 1: the header"),
    "unquoted comma": (
        b"image,caption\nb.png,y\na.png,one, two\n",
        r"line 3: the row has 3 fields.*double quotes",
    ),
    "missing field": (b"image,caption\na.png\n", "line 2: the row has 1 fields"),
    "open quote": (b'image,caption\na.png,"x\n', "line 2: the file is not CSV"),
    "line after a quoted break": (b'image,caption\na.png,"x\ny"\nb.png\n', "line 4: the row has 1 fields"),
    "latin-1": (
        "image,caption\na.png,x\nb.png,K\xe4se\n".encode("latin-1"),
        "line 3: the byte 0xe4 is not UTF-8",
    ),
    "utf-16": ("image,caption\na.png,x\n".encode("utf-16"), "line 1: the byte 0xff is not UTF-8"),
    "empty caption": (b"image,caption\na.png, \n", "line 2: the caption of 'a.png' is empty"),
    "no image": (b"image,caption\n,x\n", "line 2: the image '' is no path"),
    "image elsewhere": (
        b"image,caption\n../captions.csv,x\n",
        "line 2: the image '../captions.csv' is no path",
    ),
    "image not there": (
        b"image,caption\na.png,x\nc.png,x\n",
        r"line 3: the image file .*c.png does not exist",
    ),
    "image without caption": (b"image,caption\na.png,x\n", r"captions.csv: the image .*b.png has no caption"),
    "unknown split": (
        b"image,caption,split\na.png,x,tset\n",
        r"line 2: the split 'tset' is unknown.*validation",
    ),
    "two splits": (
        b"image,caption,split\na.png,x,test\na.png,y,train\n",
        "line 3: 'a.png' is in the split 'train'",
    ),
    "no split": (b"image,caption,split\na.png,x,test\nb.png,y,\n", "line 3: this image has no split"),
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (2, 2)).save(tmp_path / "images" / name)
    return tmp_path


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_captions_csv(photos: Path, case: str) -> None:
    content, message = BAD_CSV[case]
    (photos / "captions.csv").write_bytes(content)
    with pytest.raises(FileFormatError, match=f"(?s){message}"):
        load_dataset("folder", photos)


def test_no_captions_csv(photos: Path) -> None:
    with pytest.raises(FileFormatError, match=r"captions.csv: the file does not exist"):
        load_dataset("folder", photos)


def test_a_folder_in_place_of_the_file(photos: Path) -> None:
    (photos / "captions.csv").mkdir()
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_dataset("folder", photos)


def entry(**changes: object) -> dict[str, object]:
    sentences = [{"raw": "x", "sentid": 1}]
    return {"filename": "a.png", "split": "test", "sentences": sentences, **changes}


BAD_KARPATHY = {
    "not json": ('{"images": [\n', FileFormatError, "line 2: the file is not JSON"),
    "a list": ("[]", FileFormatError, "expected 'object', got 'array'.*Karpathy's JSON"),
    "no entry": ('{"images": []}', FileFormatError, "lists no image"),
    "an entry that is a text": ('{"images": ["x"]}', FileFormatError, r"images\[0\]: expected 'object', got 'str'"),
    "no sentences": ({"sentences": []}, FileFormatError, r"images\[0\]: the image 'a.png' has no caption"),
    "no sentence id": (
        {"sentences": [{"raw": "x"}]},
        FileFormatError,
        r"images\[0\].sentences\[0\]: .*missing required field 'sentid'",
    ),
    "empty sentence": ({"sentences": [{"raw": " ", "sentid": 1}]}, FileFormatError, "is empty"),
    "unknown split": ({"split": "tset"}, FileFormatError, r"images\[0\]: the split 'tset'"),
    "image not there": ({"filename": "c.png"}, FileFormatError, r"images\[0\]: the image file .*c.png"),
}


@pytest.mark.parametrize("case", BAD_KARPATHY)
def test_bad_karpathy_json(photos: Path, case: str) -> None:
    content, error, message = BAD_KARPATHY[case]
    text = content if isinstance(content, str) else json.dumps({"images": [entry(**content)]})
    (photos / "dataset_x.json").write_text(text)
    with pytest.raises(error, match=message):
        load_dataset("karpathy", photos)


def test_repeated_ids_name_both_places(photos: Path) -> None:
    (photos / "dataset_x.json").write_text(json.dumps({"images": [entry(), entry()]}))
    with pytest.raises(IdentifierError, match=r"images\[1\]: the image 'a.png' is listed again.*images\[0\]"):
        load_dataset("karpathy", photos)
    (photos / "dataset_x.json").write_text(json.dumps({"images": [entry(), entry(filename="b.png")]}))
    with pytest.raises(IdentifierError, match=r"images\[1\]: the text id '1' is used again.*images\[0\]"):
        load_dataset("karpathy", photos)


def test_several_karpathy_files_ask_which(photos: Path) -> None:
    for name in ("dataset_a.json", "dataset_b.json"):
        (photos / name).write_text(json.dumps({"images": [entry()]}))
    with pytest.raises(FileFormatError, match=r"there are 2 \(dataset_a.json, dataset_b.json\)"):
        load_dataset("karpathy", photos)
    assert len(load_dataset("karpathy", photos, captions="dataset_b.json").images) == 1


COCO = {"image_id": 1, "file": "images/a.png", "captions": ["x"], "caption_ids": [1], "labels": []}
BAD_COCO338 = {
    "no list": ({}, "expected 'array', got 'object'"),
    "no labels": (
        [{key: value for key, value in COCO.items() if key != "labels"}],
        r"\[0\]: .*missing required field 'labels'",
    ),
    "captions and ids": ([{**COCO, "caption_ids": [1, 2]}], "entry 0: captions and caption_ids differ"),
    "a number for a caption": (
        [{**COCO, "captions": [3]}],
        r"\[0\].captions\[0\]: expected 'str', got 'int'",
    ),
}


@pytest.mark.parametrize("case", BAD_COCO338)
def test_bad_coco338(photos: Path, case: str) -> None:
    content, message = BAD_COCO338[case]
    (photos / "coco338.json").write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=message):
        load_dataset("coco338", photos)


def test_bad_flickr8k(photos: Path) -> None:
    (photos / "captions_1000.csv").write_text("image,caption\na.png,x\n")
    with pytest.raises(OptionError, match="'last200' or 'official'"):
        load_dataset("flickr8k", photos, splits="karpathy")
    with pytest.raises(FileFormatError, match=r"Flickr_8k.trainImages.txt: the file does not exist"):
        load_dataset("flickr8k", photos, splits="official")
    (photos / "text").mkdir()
    for name in ("train", "dev", "test"):
        (photos / "text" / f"Flickr_8k.{name}Images.txt").write_text("b.png\na.png\n" if name != "dev" else "")
    with pytest.raises(FileFormatError, match=r"testImages.txt, line 1: the image 'b.png' is also in .* 'train'"):
        load_dataset("flickr8k", photos, splits="official")
