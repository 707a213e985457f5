"""A folder of one's own: images/ and captions.csv."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ficoitr.data.files import read_csv
from ficoitr.data.records import ImageRecord, dataset_from_records, split_from
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset
    from ficoitr.data.records import Pixels

_IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def load(root: Path, *, pixels: Pixels = "all") -> Dataset:
    """Load a folder with ``images/`` and ``captions.csv``.

    Parameters
    ----------
    root : Path
        The folder. The header of its ``captions.csv`` is ``image,caption[,split][,labels]``: one row a
        caption, the image as a path below ``images/``, labels separated by ``;`` or ``|``. An image's
        labels are those of all its rows; its rows may not name different splits, and only one of
        them needs to name it. Splits are train, validation (val, dev), test and retrieval.
    pixels : {"all", "present", "none"}
        Whether every image file must be there, images without one are left out, or none is looked for.

    Returns
    -------
    Dataset
        Named after the folder, images in the order of their first row. Identifiers are the paths in
        the file, and ``path#0``, ``path#1``, … for the texts.

    Raises
    ------
    FileFormatError
        If the file has other columns, is not UTF-8, names an image that is not there or an unknown
        split, or if ``images/`` holds an image without a caption; the message names file and line.
    """
    source = root / "captions.csv"
    rows: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for where, row in read_csv(source, ("image", "caption"), ("split", "labels")):
        rows.setdefault(row["image"].strip(), []).append((where, row))
    records = [_record(image, image_rows, root) for image, image_rows in rows.items()]
    dataset = dataset_from_records(root.resolve().name, records, source, pixels=pixels)
    _check_all_described(root / "images", set(rows), source)
    return dataset


def _record(image: str, rows: list[tuple[str, dict[str, str]]], root: Path) -> ImageRecord:
    first = rows[0][0]
    folder = (root / "images").resolve()
    path = folder / image
    if not image or not path.resolve().is_relative_to(folder):
        raise FileFormatError(f"the image {image!r} is no path below images/", where=first)
    texts = []
    labels: set[str] = set()
    split: str | None = None
    for where, row in rows:
        if not row["caption"].strip():
            raise FileFormatError(f"the caption of {image!r} is empty", where=where)
        texts.append(row["caption"].strip())
        labels |= {label.strip() for label in re.split("[;|]", row.get("labels", "")) if label.strip()}
        named = row.get("split", "").strip()
        if named and split not in (None, split_from(named, where)):
            raise FileFormatError(
                f"{image!r} is in the split {named!r} here and in {split!r} above",
                where=where,
                expected="one split an image",
            )
        split = split_from(named, where) if named else split
    return ImageRecord(id=image, path=path, texts=tuple(texts), where=first, labels=tuple(sorted(labels)), split=split)


def _check_all_described(folder: Path, described: set[str], source: Path) -> None:
    there = (path for path in folder.rglob("*") if path.suffix.lower() in _IMAGE_SUFFIXES)
    for path in sorted(there):
        if path.relative_to(folder).as_posix() not in described:
            raise FileFormatError(
                f"the image {path} has no caption",
                where=str(source),
                expected="at least one row an image",
                fix="Add a row for it, or move the file away",
            )
