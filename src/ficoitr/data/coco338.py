"""338 COCO photos with captions and labels: coco338.json and images/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

_N_TEST = 100
_KEYS = {"image_id": int, "file": str, "captions": list, "caption_ids": list, "labels": list}


def load(root: Path) -> Dataset:
    """Load the coco338 layout: the last 100 images are the test split, the others train.

    Parameters
    ----------
    root : Path
        The folder with ``coco338.json`` (a list of entries with image_id, file, captions, caption_ids
        and labels) and the files it names. Its flag ``karpathy_test`` marks 38 images, too few to
        be a test split.

    Returns
    -------
    Dataset
        338 images, 1,690 texts, 80 categories. Identifiers are COCO's image and caption ids, so that
        extra positives (CxC, ECCV Caption) can be looked up.
    """
    source = root / "coco338.json"
    entries = read_json(source)
    if not isinstance(entries, list):
        raise FileFormatError("the file holds no list", where=str(source), expected="a list of images")
    n_train = len(entries) - _N_TEST
    records = [
        _record(entry, root, f"{source}, entry {row}", "train" if row < n_train else "test")
        for row, entry in enumerate(entries)
    ]
    return dataset_from_records("coco338", records, source)


def _record(entry: Any, root: Path, where: str, split: str) -> ImageRecord:
    for key, kind in _KEYS.items():
        if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
            raise FileFormatError(f"{key!r} is missing or no {kind.__name__}", where=where)
    if len(entry["captions"]) != len(entry["caption_ids"]):
        raise FileFormatError("captions and caption_ids differ in number", where=where)
    return ImageRecord(
        id=str(entry["image_id"]),
        path=root / entry["file"],
        texts=tuple(entry["captions"]),
        text_ids=tuple(str(identifier) for identifier in entry["caption_ids"]),
        labels=tuple(entry["labels"]),
        split=split,
        where=where,
    )
