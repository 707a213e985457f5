"""Karpathy's JSON of Flickr8k, Flickr30K and COCO, beside a folder of images, with COCO's categories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ficoitr.data.coco import image_labels
from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.coco import Labels
    from ficoitr.data.dataset import Dataset
    from ficoitr.data.records import Pixels

_FOLD = 1000


class _Sentence(msgspec.Struct):
    raw: str
    sentid: int | str


class _Image(msgspec.Struct):
    filename: str
    split: str
    sentences: list[_Sentence]
    filepath: str = ""
    cocoid: int | str | None = None


class _File(msgspec.Struct):
    images: list[_Image]
    dataset: str | None = None


def load(
    root: Path,
    *,
    captions: str | None = None,
    images: str = "images",
    texts_per_image: int | None = None,
    test_folds: bool = False,
    pixels: Pixels = "all",
) -> Dataset:
    """Load a ``dataset_*.json`` of Karpathy and Fei-Fei (2015) and the images it names.

    Parameters
    ----------
    root : Path
        The folder of the JSON file.
    captions : str, optional
        Name of the JSON file; needed only if the folder holds several ``dataset*.json``.
    images : str
        Folder of the images below ``root``, ``filepath`` (such as ``val2014``) included if the file gives it.
    texts_per_image : int, optional
        Keep the first so many sentences of an image. COCO's 5,000 test images have 25,010 sentences, of which most
        papers use the first five of each, 25,000.
    test_folds : bool
        Divide the test images into the splits ``test-1``, ``test-2``, … of 1,000 images in the order of the file:
        COCO's "1K" figures are the means over the five.
    pixels : {"all", "present", "none"}
        Whether every image file must be there, images without one are left out, or none is looked for.

    Returns
    -------
    Dataset
        Identifiers are COCO's image ids where given and file names otherwise, and the sentence ids. The split
        ``restval`` counts as train. Where COCO's ``instances_*.json`` lie in ``root`` or in ``root/annotations``,
        an image has the categories of the objects annotated in it.

    Raises
    ------
    FileFormatError
        If the file or an image is missing, or an entry lacks a key.
    OptionError
        If ``texts_per_image`` is less than 1.
    """
    if texts_per_image is not None and texts_per_image < 1:
        raise OptionError(f"{texts_per_image} were asked for", where="texts_per_image", expected="at least 1")
    source = root / captions if captions else _only_json(root)
    content = read_json(
        source, _File, expected="Karpathy's JSON: images, each with filename, split, and sentences with raw and sentid"
    )
    labels, names = image_labels(root)
    records = [
        _record(entry, root / images, f"{source}, images[{row}]", labels, texts_per_image)
        for row, entry in enumerate(content.images)
    ]
    name = content.dataset or root.resolve().name
    dataset = dataset_from_records(name, records, source, pixels=pixels, category_names=names)
    return replace(dataset, splits=_in_folds(dataset.splits)) if test_folds else dataset


def _in_folds(splits: np.ndarray | None) -> np.ndarray | None:
    if splits is None:
        return None
    numbers = np.cumsum(splits == "test") - 1
    return np.array(
        [
            f"test-{number // _FOLD + 1}" if name == "test" else name
            for name, number in zip(splits.tolist(), numbers.tolist(), strict=True)
        ]
    )


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


def _record(entry: _Image, folder: Path, where: str, labels: Labels, texts_per_image: int | None) -> ImageRecord:
    identifier = str(entry.filename if entry.cocoid is None else entry.cocoid)
    if labels and identifier not in labels:
        raise FileFormatError(
            f"no instances_*.json lists the image {identifier!r}",
            where=where,
            expected="categories of all images or of none",
            fix="Put the files of all parts there, instances_train2014.json and instances_val2014.json, or none",
        )
    sentences = entry.sentences[:texts_per_image]
    return ImageRecord(
        id=identifier,
        path=folder / entry.filepath / entry.filename,
        texts=tuple(sentence.raw.strip() for sentence in sentences),
        text_ids=tuple(str(sentence.sentid) for sentence in sentences),
        labels=labels.get(identifier, ()),
        split=entry.split,
        where=where,
    )
