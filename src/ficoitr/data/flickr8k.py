"""Flickr8k in the layout of 1,000 photos: captions_1000.csv, images/ and the official lists in text/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ficoitr.data.files import read_csv, read_text
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

_OFFICIAL = {"train": "train", "dev": "validation", "test": "test"}
_N_TEST = 200


def load(root: Path, *, splits: Literal["last200", "official"] = "last200") -> Dataset:
    """Load the Flickr8k layout (Hodosh, Young and Hockenmaier 2013).

    Parameters
    ----------
    root : Path
        The folder with ``captions_1000.csv``, ``images/`` and ``text/``.
    splits : {"last200", "official"}
        ``last200``: the last 200 images by file name are the test split, the others train.
        ``official``: the lists ``Flickr_8k.{train,dev,test}Images.txt`` (753, 113 and 125 of these
        images; the nine that no list holds are left out).

    Returns
    -------
    Dataset
        Identifiers are file names, and ``name#0`` to ``name#4`` for the texts, as in the token file.
    """
    source = root / "captions_1000.csv"
    captions: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    for where, row in read_csv(source, ("image", "caption")):
        captions.setdefault(row["image"], []).append(row["caption"].strip())
        first.setdefault(row["image"], where)
    split_of = _split_of(root, sorted(captions), splits)
    records = [
        ImageRecord(
            id=image,
            path=root / "images" / image,
            texts=tuple(texts),
            where=first[image],
            split=split_of[image],
        )
        for image, texts in sorted(captions.items())
        if image in split_of
    ]
    return dataset_from_records("flickr8k", records, source)


def _split_of(root: Path, images: list[str], splits: str) -> dict[str, str]:
    if splits == "last200":
        return {image: "test" if row >= len(images) - _N_TEST else "train" for row, image in enumerate(images)}
    if splits == "official":
        return _official_splits(root)
    raise OptionError(f"{splits!r} is unknown", where="splits", expected="'last200' or 'official'")


def _official_splits(root: Path) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for official, split in _OFFICIAL.items():
        path = root / "text" / f"Flickr_8k.{official}Images.txt"
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            image = line.strip()
            if split_of.setdefault(image, split) != split:
                raise FileFormatError(
                    f"the image {image!r} is also in the split {split_of[image]!r}",
                    where=f"{path}, line {number}",
                )
    return split_of
