"""Flickr8k in the layout of its text archive, with the photos that are there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from ficoitr.data.files import read_csv, read_lines
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset
    from ficoitr.data.records import Pixels

_OFFICIAL = {"train": "train", "dev": "validation", "test": "test"}
_N_TEST = 200
_TOKEN_LINE = re.compile(r"(?P<image>[^\t#]+\.jpg)(?P<stray>\.1)?#(?P<number>\d)\t(?P<text>.*\S.*)")


def load(
    root: Path,
    *,
    captions: Literal["1000", "all"] = "1000",
    splits: Literal["last200", "official"] | None = None,
    pixels: Pixels = "all",
) -> Dataset:
    """Load Flickr8k (Hodosh, Young and Hockenmaier 2013).

    Parameters
    ----------
    root : Path
        The folder with ``images/``, ``text/``, and ``captions_1000.csv`` where only 1,000 photos are there.
    captions : {"1000", "all"}
        ``1000``: those of ``captions_1000.csv``. ``all``: the whole ``text/Flickr8k.token.txt``, 40,460 captions of
        8,092 images.
    splits : {"last200", "official"}, optional
        ``last200``: the last 200 images by file name are the test split, the others train.
        ``official``: the lists ``Flickr_8k.{train,dev,test}Images.txt``; images that no list holds are left out.
        By default ``last200`` for the 1,000, and for all of them the official lists, the 92 images that no list
        holds being ``retrieval``.
    pixels : {"all", "present", "none"}
        Whether every image file must be there, images without one are left out, or none is looked for.

    Returns
    -------
    Dataset
        Identifiers are file names, and ``name#0`` to ``name#4`` for the texts, as in the token file. Its one line of
        another form (``2258277193_586949ec62.jpg.1#0``) is the first caption of ``2258277193_586949ec62.jpg``.

    Raises
    ------
    FileFormatError
        If a file is missing or a line is of another form.
    """
    if captions not in ("1000", "all"):
        raise OptionError(f"{captions!r} is unknown", where="captions", expected="'1000' or 'all'")
    source, texts = _first_thousand(root) if captions == "1000" else _all(root)
    split_of = _split_of(root, sorted(texts), splits, captions)
    records = [
        ImageRecord(
            id=image,
            path=root / "images" / image,
            texts=tuple(text for _, text in lines),
            where=lines[0][0],
            split=split_of[image],
        )
        for image, lines in sorted(texts.items())
        if image in split_of
    ]
    return dataset_from_records("flickr8k", records, source, pixels=pixels)


def _first_thousand(root: Path) -> tuple[Path, dict[str, list[tuple[str, str]]]]:
    source = root / "captions_1000.csv"
    texts: dict[str, list[tuple[str, str]]] = {}
    for where, row in read_csv(source, ("image", "caption")):
        texts.setdefault(row["image"], []).append((where, row["caption"].strip()))
    return source, texts


def _all(root: Path) -> tuple[Path, dict[str, list[tuple[str, str]]]]:
    source = root / "text" / "Flickr8k.token.txt"
    texts: dict[str, list[tuple[str, str]]] = {}
    for number, line in enumerate(read_lines(source), start=1):
        where = f"{source}, line {number}"
        found = _TOKEN_LINE.fullmatch(line)
        if found is None:
            raise FileFormatError(
                f"the line is {line[:80]!r}", where=where, expected="name.jpg#number, a tabulator and a caption"
            )
        lines = texts.setdefault(found["image"], [])
        if int(found["number"]) != len(lines):
            raise FileFormatError(
                f"caption {found['number']} of {found['image']!r} follows {len(lines)} captions of it",
                where=where,
                expected=f"caption {len(lines)}",
            )
        lines.append((where, found["text"].strip()))
    return source, texts


def _split_of(root: Path, images: list[str], splits: str | None, captions: str) -> dict[str, str]:
    if splits == "last200" or (splits is None and captions == "1000"):
        return {image: "test" if row >= len(images) - _N_TEST else "train" for row, image in enumerate(images)}
    if splits == "official":
        return _official_splits(root)
    if splits is None:
        return dict.fromkeys(images, "retrieval") | _official_splits(root)
    raise OptionError(f"{splits!r} is unknown", where="splits", expected="'last200' or 'official'")


def _official_splits(root: Path) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for official, split in _OFFICIAL.items():
        path = root / "text" / f"Flickr_8k.{official}Images.txt"
        for number, line in enumerate(read_lines(path), start=1):
            image = line.strip()
            if split_of.setdefault(image, split) != split:
                raise FileFormatError(
                    f"the image {image!r} is also in the split {split_of[image]!r}",
                    where=f"{path}, line {number}",
                )
    return split_of
