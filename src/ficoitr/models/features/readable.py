"""Leaving out, on request, the images that cannot be read."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

_BATCH = 64


@dataclass(frozen=True, eq=False)
class Readable:
    """A dataset without the images that cannot be read.

    Parameters
    ----------
    dataset : Dataset
        The other images, with their texts.
    unreadable : mapping from str to str
        What is wrong with each image left out, by its identifier.
    """

    dataset: Dataset
    unreadable: Mapping[str, str]


def readable(dataset: Dataset, *, progress: Progress | None = None) -> Readable:
    """Decode every image once, and leave out those that cannot be read, with their texts.

    Extraction itself never leaves an image out: features of other images than the dataset's would belong to none.

    Raises
    ------
    FileFormatError
        If no image can be read.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> scenes = load_dataset("scenes", train=8, validation=4, test=4)
    >>> readable(scenes).unreadable
    {}
    """
    n_images = len(dataset.images)
    batches = [range(start, min(start + _BATCH, n_images)) for start in range(0, n_images, _BATCH)]
    problems: dict[int, str] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for rows, found in zip(batches, pool.map(partial(_problems, dataset), batches), strict=True):
            problems |= found
            if progress is not None:
                progress("reading images", rows.stop, n_images)
    if len(problems) == n_images:
        raise FileFormatError(
            f"none of the {n_images:,} images can be read: {problems[0]}", where=f"dataset {dataset.name!r}"
        )
    kept = dataset.select(np.setdiff1d(np.arange(n_images), list(problems))) if problems else dataset
    return Readable(kept, {dataset.image_ids[row]: problem for row, problem in problems.items()})


def _problems(dataset: Dataset, rows: range) -> dict[int, str]:
    problems = {}
    for row in rows:
        try:
            dataset.images[row]
        except FileFormatError as problem:
            problems[row] = str(problem)
    return problems
