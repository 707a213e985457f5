"""338 COCO photos with captions and labels: coco338.json and images/."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset
    from ficoitr.data.records import Pixels

_N_TEST = 100


class _Image(msgspec.Struct):
    image_id: int
    file: str
    captions: list[str]
    caption_ids: list[int]
    labels: list[str]


def load(root: Path, *, pixels: Pixels = "all") -> Dataset:
    """Load the coco338 layout: the last 100 images are the test split, the others train.

    Parameters
    ----------
    root : Path
        The folder with ``coco338.json`` (a list of entries with image_id, file, captions, caption_ids
        and labels) and the files it names. Its flag ``karpathy_test`` marks 38 images, too few to
        be a test split.
    pixels : {"all", "present", "none"}
        Whether every image file must be there, images without one are left out, or none is looked for.

    Returns
    -------
    Dataset
        338 images, 1,690 texts, 80 categories. Identifiers are COCO's image and caption ids, so that
        extra positives (CxC, ECCV Caption) can be looked up.
    """
    source = root / "coco338.json"
    entries = read_json(
        source, list[_Image], expected="a list of images with image_id, file, captions, caption_ids and labels"
    )
    n_train = len(entries) - _N_TEST
    records = [
        _record(entry, root, f"{source}, entry {row}", "train" if row < n_train else "test")
        for row, entry in enumerate(entries)
    ]
    return dataset_from_records("coco338", records, source, pixels=pixels)


def _record(entry: _Image, root: Path, where: str, split: str) -> ImageRecord:
    if len(entry.captions) != len(entry.caption_ids):
        raise FileFormatError("captions and caption_ids differ in number", where=where)
    return ImageRecord(
        id=str(entry.image_id),
        path=root / entry.file,
        texts=tuple(entry.captions),
        text_ids=tuple(str(identifier) for identifier in entry.caption_ids),
        labels=tuple(entry.labels),
        split=split,
        where=where,
    )
