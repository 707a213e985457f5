"""Extraction of a dataset's features: batch by batch on threads, kept on disk or shared between models on request."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from ficoitr.errors import InputError, OptionError
from ficoitr.models.features.base import Extractor, Modality
from ficoitr.models.features.cache import cached
from ficoitr.models.features.registry import load_extractor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ficoitr.data import Dataset
    from ficoitr.data.stored import StoredFeatures
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_MOST_THREADS = 16


@dataclass(frozen=True, eq=False)
class _Sharing:
    cache: Path | None
    known: WeakKeyDictionary[Dataset, dict[str, Array]] = field(default_factory=WeakKeyDictionary)


_SHARED: ContextVar[_Sharing | None] = ContextVar("shared features", default=None)


@contextmanager
def shared_features(cache: str | Path | None = None) -> Iterator[None]:
    """Extract the features of each dataset once within this block, whichever models ask for them.

    Parameters
    ----------
    cache : path, optional
        A folder: features are kept there as well, by what they were extracted from and how, and are found again by
        a later process; see `extract_features`.

    Notes
    -----
    In memory the key is the dataset object itself, so features can never be taken for those of other images; they
    are freed with the object. Outside such a block every call extracts anew, as a measurement of time needs. A block
    within a block shares with the outer one, and uses its cache.

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
    token = _SHARED.set(_Sharing(None if cache is None else Path(cache)))
    try:
        yield
    finally:
        _SHARED.reset(token)


def extract_features(
    dataset: Dataset,
    features: str | Extractor,
    *,
    modality: Modality | None = None,
    weights: str | Path | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> Array:
    """Return features of all images or texts of a dataset: those that it brings, or else extracted.

    Parameters
    ----------
    dataset : Dataset
        Its images are decoded batch by batch and not kept.
    features : str or Extractor
        A name of the dataset's ``image_features`` or ``text_features``, or of `feature_names`; or an extractor, such
        as one that `fit_extractor` has returned.
    modality : {"image", "text"}, optional
        Of which side; needed only if the dataset brings features of that name for both.
    weights : path, optional
        A file of weights, see `load_extractor`.
    cache : path, optional
        A folder, created if it is missing, in which features are kept. They are found again by the hash of the images
        or texts, of the weights and of all settings; an extraction that was interrupted, or killed, goes on where it
        was, and ends with the same bytes. No more than a few batches are held in memory.
    progress : callable, optional
        Called after each batch.

    Returns
    -------
    ndarray of float32, shape (n, d) or (n, n_regions, d)
        Memory-mapped where there is a cache. Read-only there, and within `shared_features`.

    Raises
    ------
    OptionError
        For unknown features, weights that are missing or not used, or a name that both sides have.
    InputError
        If the dataset has no pixels or no words, and does not bring these features.
    FileFormatError
        If an image cannot be read (`readable` leaves such images out), or the weights.
    MissingExtraError
        If a library or a package of weights is not installed.
    OutputError
        If the cache cannot be written.

    Notes
    -----
    With or without a cache the values are the same to the last bit. Networks for images take each image alone and in
    one thread, so that its features do not depend on the others, nor on the number of cores; another processor or
    another version of torch may change the last bits.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> test = load_dataset("scenes", train=8, validation=4, test=4).split("test")
    >>> extract_features(test, "region-set").shape
    (4, 8, 345)
    """
    stored = find_stored(dataset, features, modality)
    if stored is not None:
        return np.asarray(stored, dtype=np.float32)
    extractor = features if isinstance(features, Extractor) else load_extractor(features, weights=weights)
    _require_source(dataset, extractor)
    sharing = _SHARED.get()
    if sharing is None:
        return _extract(dataset, extractor, cache, progress)
    known = sharing.known.setdefault(dataset, {})
    identity = json.dumps(extractor.identity, sort_keys=True)
    if identity not in known:
        values = _extract(dataset, extractor, cache or sharing.cache, progress)
        values.flags.writeable = False
        known[identity] = values
    return known[identity]


def find_stored(dataset: Dataset, features: str | Extractor, modality: Modality | None = None) -> StoredFeatures | None:
    """Return the features of that name that the dataset brings with it, if it does.

    Raises
    ------
    OptionError
        If it brings them for images and for texts, and the side is not said.
    """
    if isinstance(features, Extractor):
        return None
    brought = {"image": dataset.image_features, "text": dataset.text_features}
    found = {side: those[features] for side, those in brought.items() if features in those and modality in (None, side)}
    if len(found) > 1:
        raise OptionError(
            f"images and texts both have features {features!r}",
            where=f"dataset {dataset.name!r}",
            expected="which side is meant",
            fix='Say modality="image" or "text" (on the command line --of image or --of text)',
        )
    return next(iter(found.values()), None)


def _require_source(dataset: Dataset, extractor: Extractor) -> None:
    lacks, brings, there_is = (
        ("pixels", dataset.image_features, dataset.has_pixels)
        if extractor.modality == "image"
        else ("words", dataset.text_features, dataset.has_words)
    )
    if not there_is:
        raise InputError(
            f"this dataset has no {lacks} to extract {extractor.name!r} from",
            where=f"dataset {dataset.name!r}",
            expected=f"one of the features that it brings: {', '.join(brings) or 'none'}",
        )


def _extract(dataset: Dataset, extractor: Extractor, cache: str | Path | None, progress: Progress | None) -> Array:
    n_items = len(dataset.images if extractor.modality == "image" else dataset.texts)
    shape = (n_items, *extractor.shape)
    batches = partial(_batches, dataset, extractor, n_items, progress)
    if cache is not None:
        key: Mapping[str, Any] = {"features": extractor.identity, "content": extractor.content(dataset)}
        return cached(Path(cache), extractor.name, key, shape, batches)
    features = np.empty(shape, dtype=np.float32)
    for rows, values in batches(0):
        features[rows.start : rows.stop] = values
    return features


def _batches(
    dataset: Dataset, extractor: Extractor, n_items: int, progress: Progress | None, start: int
) -> Iterator[tuple[range, Array]]:
    batches = [range(row, min(row + extractor.batch, n_items)) for row in range(start, n_items, extractor.batch)]
    # Pillow, NumPy and torch release the interpreter lock for most of their work.
    count = max(1, min(os.cpu_count() or 1, len(batches), _MOST_THREADS))
    with extractor.threads(count) as pool:
        waiting: deque[tuple[range, Future[Array]]] = deque()
        for rows in batches:
            waiting.append((rows, pool.submit(extractor.describe, dataset, rows)))
            # One batch more than there are threads: none waits, and no more are held.
            if len(waiting) > count:
                yield _finished(waiting, n_items, extractor, progress)
        while waiting:
            yield _finished(waiting, n_items, extractor, progress)


def _finished(
    waiting: deque[tuple[range, Future[Array]]], n_items: int, extractor: Extractor, progress: Progress | None
) -> tuple[range, Array]:
    rows, future = waiting.popleft()
    values = future.result()
    if progress is not None:
        progress(f"{extractor.modality} features", rows.stop, n_items)
    return rows, values
