"""Writing a dataset as images/ and captions.csv."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.data.encoded import encoded_images, require_words
from ficoitr.data.records import SPLIT_NAMES
from ficoitr.data.writing import FileNames, whole_folder
from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

    Progress = Callable[[str, int, int], None]


def write_folder(dataset: Dataset, folder: str | Path, *, progress: Progress | None = None) -> None:
    """Write a dataset in the layout of a folder of one's own, whole or not at all.

    Texts, labels and splits are read back as they were, but for spaces at their ends; identifiers become the paths
    of the images, categories are sorted and those that no image has are lost, texts follow their images, and features
    are left out.

    Parameters
    ----------
    dataset : Dataset
    folder : str or Path
        It must not exist, or be empty.
    progress : callable, optional
        Told what is done, how many of it, and of how many.

    Raises
    ------
    OptionError
        If the dataset has no pixels or no words, or a label or split that ``captions.csv`` cannot hold.
    OutputError
        If the folder is not empty or cannot be written.
    FileFormatError
        If an image cannot be read.
    """
    _check(dataset)
    texts: list[list[str]] = [[] for _ in dataset.image_ids]
    for text, image in zip(dataset.texts, dataset.text_to_image.tolist(), strict=True):
        texts[image].append(text)
    with whole_folder(folder) as place:
        (place / "images").mkdir()
        names = FileNames()
        with (place / "captions.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("image", "caption", "split", "labels"))
            for row, image in enumerate(encoded_images(dataset)):
                name = names.like(image.name, row)
                (place / "images" / name).write_bytes(image.content)
                split = "" if dataset.splits is None else dataset.splits[row]
                writer.writerows((name, text, split, _labels(dataset, row)) for text in texts[row])
                if progress is not None:
                    progress("writing images", row + 1, len(dataset.image_ids))


def _check(dataset: Dataset) -> None:
    require_words(dataset, "folder")
    if not dataset.has_pixels:
        raise OptionError(
            f"the dataset {dataset.name!r} has no pixels",
            where="folder",
            fix="Convert it to parquet, huggingface or webdataset",
        )
    for split in dataset.split_names:
        if SPLIT_NAMES.get(split) != split:
            raise OptionError(
                f"captions.csv cannot hold the split {split!r}",
                where="folder",
                expected="the splits train, validation, test and retrieval",
                fix="Convert it to parquet",
            )
    for label in dataset.category_names:
        if not label or label != label.strip() or ";" in label or "|" in label:
            raise OptionError(
                f"captions.csv cannot hold the label {label!r}", where="folder", fix="Convert it to parquet"
            )


def _labels(dataset: Dataset, row: int) -> str:
    if dataset.categories is None:
        return ""
    return ";".join(dataset.category_names[label] for label in np.flatnonzero(dataset.categories[row]))
