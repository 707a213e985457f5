"""From records of images on disk to a dataset: what all loaders of files share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ficoitr.data.absent import AbsentImages
from ficoitr.data.dataset import Dataset
from ficoitr.data.images import FileImages
from ficoitr.errors import FicoitrWarning, FileFormatError, IdentifierError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ficoitr.data.images import ImageSource

# What a loader does with the image files that its lists name: they must all be there, those that are not are left
# out with a warning, or no pixels are wanted at all.
Pixels = Literal["all", "present", "none"]

SPLIT_NAMES = {
    "train": "train",
    "restval": "train",  # COCO validation images that Karpathy's split adds to the training images
    "val": "validation",
    "dev": "validation",
    "validation": "validation",
    "test": "test",
    "retrieval": "retrieval",
}


@dataclass(frozen=True)
class ImageRecord:
    """One image, what describes it, and where a dataset's file says so.

    Parameters
    ----------
    id : str
        Identifier of the image.
    path : Path or None
        The image's file, if one is known.
    texts : tuple of str
        At least one text.
    where : str
        File and line (or entry), for error messages.
    text_ids : tuple of str, optional
        Identifiers of the texts; by default the image's with ``#0``, ``#1``, ….
    labels : tuple of str
        Names of categories.
    split : str, optional
        A key of ``SPLIT_NAMES``.
    """

    id: str
    path: Path | None
    texts: tuple[str, ...]
    where: str
    text_ids: tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    split: str | None = None


def split_from(name: str, where: str) -> str:
    """Return the standard name of a split.

    Raises
    ------
    FileFormatError
        If the name is unknown.
    """
    if name not in SPLIT_NAMES:
        raise FileFormatError(
            f"the split {name!r} is unknown", where=where, expected=f"one of {', '.join(SPLIT_NAMES)}"
        )
    return SPLIT_NAMES[name]


def dataset_from_records(
    name: str,
    records: Sequence[ImageRecord],
    source: Path,
    *,
    pixels: Pixels = "all",
    category_names: Sequence[str] | None = None,
) -> Dataset:
    """Build a dataset of images in files.

    Parameters
    ----------
    name : str
        Name of the dataset.
    records : sequence of ImageRecord
        One an image. Either all have a split or none; without a label in any, there are no categories.
    source : Path
        The file that lists them, for error messages.
    pixels : {"all", "present", "none"}
        Whether every image file must be there (``all``), images whose file is missing are left out and counted in a
        warning (``present``), or no file is looked for, so that captions and labels can be used alone (``none``).
    category_names : sequence of str, optional
        All categories, in the order of the dataset's columns; by default those that occur, in alphabetical order.

    Raises
    ------
    FileFormatError, IdentifierError
        If there is no record, or one lacks a text, a file, a split that others have, or repeats an id.
    OptionError
        For another value of ``pixels``.
    """
    if pixels not in ("all", "present", "none"):
        raise OptionError(f"{pixels!r} is unknown", where="pixels", expected="'all', 'present' or 'none'")
    if not records:
        raise FileFormatError("the file lists no image", where=str(source))
    _check_ids(records)
    for record in records:
        _check_texts(record)
    if pixels != "none":
        records = _with_files(records, source, skip=pixels == "present")
    names = tuple(category_names or sorted({label for record in records for label in record.labels}))
    return Dataset(
        name=name,
        images=_images(records, source, pixels),
        image_ids=tuple(record.id for record in records),
        texts=tuple(text for record in records for text in record.texts),
        text_ids=tuple(text_id for record in records for text_id in _text_ids(record)),
        text_to_image=np.repeat(np.arange(len(records)), [len(record.texts) for record in records]),
        categories=_multi_hot(records, names) if names else None,
        category_names=names,
        splits=_splits(records),
    )


def _images(records: Sequence[ImageRecord], source: Path, pixels: Pixels) -> ImageSource:
    paths = tuple(record.path for record in records if record.path is not None)
    if pixels != "none" and len(paths) == len(records):
        return FileImages(paths)
    reason = 'It was loaded with pixels="none"' if pixels == "none" else f"{source} names no image files"
    return AbsentImages(len(records), reason)


def _text_ids(record: ImageRecord) -> tuple[str, ...]:
    return record.text_ids or tuple(f"{record.id}#{number}" for number in range(len(record.texts)))


def _multi_hot(records: Sequence[ImageRecord], names: tuple[str, ...]) -> np.ndarray:
    column = {name: number for number, name in enumerate(names)}
    labels = np.zeros((len(records), len(names)), dtype=np.bool_)
    for row, record in enumerate(records):
        labels[row, [column[label] for label in record.labels]] = True
    return labels


def _splits(records: Sequence[ImageRecord]) -> np.ndarray | None:
    if all(record.split is None for record in records):
        return None
    names = []
    for record in records:
        if record.split is None:
            raise FileFormatError("this image has no split, but others have one", where=record.where)
        names.append(split_from(record.split, record.where))
    return np.array(names)


def _check_ids(records: Sequence[ImageRecord]) -> None:
    seen_images: dict[str, str] = {}
    seen_texts: dict[str, str] = {}
    for record in records:
        if record.id in seen_images:
            raise IdentifierError(
                f"the image {record.id!r} is listed again",
                where=record.where,
                expected="unique ids",
                fix=f"It was first listed at {seen_images[record.id]}",
            )
        seen_images[record.id] = record.where
        for text_id in _text_ids(record):
            if text_id in seen_texts:
                raise IdentifierError(
                    f"the text id {text_id!r} is used again",
                    where=record.where,
                    expected="unique ids",
                    fix=f"It was first used at {seen_texts[text_id]}",
                )
            seen_texts[text_id] = record.where


def _check_texts(record: ImageRecord) -> None:
    if not record.texts:
        raise FileFormatError(f"the image {record.id!r} has no caption", where=record.where, expected="at least one")
    if not all(isinstance(text, str) and text.strip() for text in record.texts):
        raise FileFormatError(f"a caption of the image {record.id!r} is empty or no text", where=record.where)


def _with_files(records: Sequence[ImageRecord], source: Path, *, skip: bool) -> Sequence[ImageRecord]:
    # One listing a folder: asking the file system for 100,000 files one by one takes minutes on a network.
    listings: dict[Path, set[str]] = {}
    missing = []
    for row, record in enumerate(records):
        if record.path is None:
            continue
        folder = record.path.parent
        if folder not in listings:
            listings[folder] = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if record.path.name not in listings[folder]:
            missing.append(row)
    if not missing:
        return records
    first = records[missing[0]]
    if not skip or len(missing) == len(records):
        others = f" (of {len(records):,} images, {len(missing):,} have no file)" if len(missing) > 1 else ""
        raise FileFormatError(
            f"the image file {first.path} does not exist{others}",
            where=first.where,
            fix='Put it there; pixels="present" leaves out the images without a file, pixels="none" needs no files',
        )
    warnings.warn(
        f"{source}: {len(missing):,} of {len(records):,} images are left out, since their files are missing; the "
        f"first is {first.path}",
        FicoitrWarning,
        stacklevel=4,
    )
    gone = set(missing)
    return [record for row, record in enumerate(records) if row not in gone]
