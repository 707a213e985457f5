"""Extraction of a dataset's image features, in blocks on threads, shared between models on request."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable
from weakref import WeakKeyDictionary

import numpy as np

from ficoitr.errors import OptionError
from ficoitr.models.features.classic import (
    GLOBAL_BLOCKS,
    REGION_BLOCKS,
    fixed_boxes,
    global_features,
    region_features,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]
FeatureSet = Literal["global", "regions"]

FEATURE_SETS: tuple[FeatureSet, ...] = ("global", "regions")
_BLOCK_IMAGES = 64


@runtime_checkable
class Boxed(Protocol):
    """Something in `Dataset.extra` that knows the boxes of each image."""

    def boxes(self, row: int) -> Array:
        """Boxes of one image, shape (n_regions, 4): left, top, right, bottom in pixels."""
        ...


_Store = WeakKeyDictionary["Dataset", dict[str, Array]]
_SHARED: ContextVar[_Store | None] = ContextVar("shared image features", default=None)


@contextmanager
def shared_features() -> Iterator[None]:
    """Extract the features of each dataset once within this block, whichever models ask for them.

    The key is the `Dataset` object itself, so features can never be taken for those of other images; they are
    freed with the object. Outside such a block every call extracts anew, as a measurement of time needs. A block
    within a block shares with the outer one.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> test = load_dataset("scenes", train=8, validation=4, test=4).split("test")
    >>> with shared_features():
    ...     extract_features(test, "global") is extract_features(test, "global")
    True
    """
    if _SHARED.get() is not None:
        yield
        return
    token = _SHARED.set(WeakKeyDictionary())
    try:
        yield
    finally:
        _SHARED.reset(token)


def has_boxes(dataset: Dataset) -> bool:
    """Whether the dataset knows where the objects of its images are."""
    return any(isinstance(value, Boxed) for value in dataset.extra.values())


def feature_blocks(feature_set: FeatureSet) -> tuple[int, ...]:
    """Return the number of columns of each kind of descriptor, in their order."""
    blocks = GLOBAL_BLOCKS if feature_set == "global" else REGION_BLOCKS
    return tuple(block.size for block in blocks)


def extract_features(dataset: Dataset, feature_set: FeatureSet, *, progress: Progress | None = None) -> Array:
    """Extract one vector an image.

    Parameters
    ----------
    dataset : Dataset
        Its images are decoded block by block and not kept.
    feature_set : {"global", "regions"}
        ``global``: 780 numbers of the whole image. ``regions``: the mean of 345 numbers a region, over the
        boxes that the dataset knows, or over eight fixed regions where it knows none.
    progress : callable, optional
        Called after each block of images.

    Returns
    -------
    ndarray of float32, shape (n_images, 780 or 345)
        Read-only within `shared_features`.

    Raises
    ------
    OptionError
        For an unknown feature set.
    """
    if feature_set not in FEATURE_SETS:
        raise OptionError(
            f"there is no feature set {feature_set!r}", where="features", expected=", ".join(FEATURE_SETS)
        )
    store = _SHARED.get()
    if store is None:
        return _extract(dataset, feature_set, progress)
    known = store.setdefault(dataset, {})
    if feature_set not in known:
        features = _extract(dataset, feature_set, progress)
        features.flags.writeable = False
        known[feature_set] = features
    return known[feature_set]


def _extract(dataset: Dataset, feature_set: FeatureSet, progress: Progress | None) -> Array:
    describe = _describe_globally if feature_set == "global" else _describe_regions
    n_images = len(dataset.images)
    blocks = [range(start, min(start + _BLOCK_IMAGES, n_images)) for start in range(0, n_images, _BLOCK_IMAGES)]
    results = []
    # Pillow and NumPy release the interpreter lock for most of this work.
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, len(blocks))) as pool:
        for rows, result in zip(blocks, pool.map(partial(describe, dataset), blocks), strict=True):
            results.append(result)
            if progress is not None:
                progress("image features", rows.stop, n_images)
    return np.concatenate(results)


def _describe_globally(dataset: Dataset, rows: range) -> Array:
    return global_features([dataset.images[row] for row in rows])


def _describe_regions(dataset: Dataset, rows: range) -> Array:
    images = [dataset.images[row] for row in rows]
    source = next((value for value in dataset.extra.values() if isinstance(value, Boxed)), None)
    boxes = [
        fixed_boxes(image.size) if source is None else source.boxes(row)
        for row, image in zip(rows, images, strict=True)
    ]
    return np.stack([regions.mean(axis=0) for regions in region_features(images, boxes)])
