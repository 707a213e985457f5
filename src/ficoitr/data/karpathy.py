"""Karpathy's JSON of Flickr8k, Flickr30K and COCO, beside a folder of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset


def load(root: Path, *, captions: str | None = None, images: str = "images") -> Dataset:
    """Load a ``dataset_*.json`` of Karpathy and Fei-Fei (2015) and the images it names.

    Parameters
    ----------
    root : Path
        The folder of the JSON file.
    captions : str, optional
        Name of the JSON file; needed only if the folder holds several ``dataset*.json``.
    images : str
        Folder of the images below ``root``, ``filepath`` (such as ``val2014``) included if the file gives it.

    Returns
    -------
    Dataset
        All sentences of an image (COCO has up to seven). Identifiers are COCO's image ids where
        given and file names otherwise, and the sentence ids. The split ``restval`` counts as train.

    Raises
    ------
    FileFormatError
        If the file or an image is missing, or an entry lacks a key.
    """
    source = root / captions if captions else _only_json(root)
    content = read_json(source)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise FileFormatError("there is no list 'images'", where=str(source), expected="Karpathy's JSON")
    records = [_record(entry, root / images, f"{source}, images[{row}]") for row, entry in enumerate(content["images"])]
    name = content.get("dataset")
    return dataset_from_records(name if isinstance(name, str) else root.resolve().name, records, source)


def _only_json(root: Path) -> Path:
    found = sorted(root.glob("dataset*.json"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise FileFormatError(
            f"of the files dataset*.json there are {len(found)} ({names})",
            where=str(root),
            expected="one",
            fix='Name it: captions="dataset_….json"' if found else None,
        )
    return found[0]


def _record(entry: Any, folder: Path, where: str) -> ImageRecord:
    try:
        file, split, sentences = entry["filename"], entry["split"], entry["sentences"]
        texts = tuple(str(sentence["raw"]).strip() for sentence in sentences)
        text_ids = tuple(str(sentence["sentid"]) for sentence in sentences)
        below = entry.get("filepath", "")
    except (KeyError, TypeError, AttributeError) as problem:
        raise FileFormatError(
            f"the entry lacks {problem}",
            where=where,
            expected="filename, split, and sentences with raw and sentid",
        ) from problem
    return ImageRecord(
        id=str(entry.get("cocoid", file)),
        path=folder / below / file,
        texts=texts,
        text_ids=text_ids,
        split=str(split),
        where=where,
    )
