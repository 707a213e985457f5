"""COCO's 5,000 test images of Karpathy's split as captions, labels and extra positives, without the photos."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from ficoitr.data.files import read_lines
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset
    from ficoitr.data.records import Pixels

_KEYS = ("image_ids", "caption_ids", "labels", "class_names")
_PER_IMAGE = 5


def load(root: Path, *, images: str = "images", pixels: Pixels = "none") -> Dataset:
    """Load the coco5k layout: five captions an image, 80 categories, one split ``test``.

    Parameters
    ----------
    root : Path
        The folder with ``coco5k.npz`` (image_ids, caption_ids, labels, class_names) and ``captions.txt.gz`` (a
        caption a line, five an image).
    images : str
        The folder of COCO's ``val2014`` photos below ``root``, if they are wanted.
    pixels : {"none", "all", "present"}
        Whether image files are looked for: by default they are not.

    Returns
    -------
    Dataset
        Identifiers are COCO's image and caption ids, by which `extra_positives` finds CxC's and ECCV's matches.

    Raises
    ------
    FileFormatError
        If a file is missing, or they do not correspond.
    """
    source = root / "coco5k.npz"
    arrays = _read(source)
    captions = root / "captions.txt.gz"
    texts = [line.strip() for line in read_lines(captions)]
    image_ids, text_ids = arrays["image_ids"].tolist(), arrays["caption_ids"].tolist()
    names = tuple(arrays["class_names"].tolist())
    for what, found, expected in (
        ("caption_ids", len(text_ids), _PER_IMAGE * len(image_ids)),
        (str(captions), len(texts), len(text_ids)),
        ("labels", arrays["labels"].shape, (len(image_ids), len(names))),
    ):
        if found != expected:
            raise FileFormatError(f"{what} has the size {found}", where=str(source), expected=f"{expected}")
    records = [
        ImageRecord(
            id=str(image),
            path=root / images / f"COCO_val2014_{image:012d}.jpg",
            texts=tuple(texts[_PER_IMAGE * row : _PER_IMAGE * (row + 1)]),
            text_ids=tuple(map(str, text_ids[_PER_IMAGE * row : _PER_IMAGE * (row + 1)])),
            labels=tuple(names[label] for label in np.flatnonzero(arrays["labels"][row])),
            split="test",
            where=f"{captions}, line {_PER_IMAGE * row + 1}",
        )
        for row, image in enumerate(image_ids)
    ]
    return dataset_from_records("coco5k", records, source, pixels=pixels, category_names=names)


def _read(source: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(source, allow_pickle=False) as file:
            return {key: file[key] for key in _KEYS}
    except FileNotFoundError as problem:
        raise FileFormatError("the file does not exist", where=str(source)) from problem
    except (OSError, ValueError, EOFError, BadZipFile, KeyError) as problem:
        raise FileFormatError(
            f"the file cannot be read ({problem})", where=str(source), expected=f"an .npz with {', '.join(_KEYS)}"
        ) from problem
