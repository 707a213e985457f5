"""One vector an item, whatever the features are, and where they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.models.features.base import Extractor, Modality
from ficoitr.models.features.extract import extract_features, find_stored
from ficoitr.models.features.registry import find_features, load_extractor

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_BLOCK_ROWS = 256


@dataclass(frozen=True)
class FeatureSource:
    """Where features come from.

    Parameters
    ----------
    identity : mapping, optional
        That of the extractor; None for features that the dataset brings, or that have to be learnt first.
    blocks : tuple of int, optional
        Columns of each kind of descriptor, where they are known.
    """

    identity: Mapping[str, Any] | None
    blocks: tuple[int, ...] | None


def feature_source(
    dataset: Dataset, features: str, modality: str, *, weights: str | Path | None = None, others: Iterable[str] = ()
) -> FeatureSource:
    """Say where `extract_features` would take features of that name from.

    Parameters
    ----------
    dataset : Dataset
    features : str
    modality : {"image", "text"}
    weights : path, optional
        See `load_extractor`.
    others : iterable of str
        Names that mean something else to the caller, for the message of an error.

    Raises
    ------
    OptionError
        If there are no features of that name for that modality.
    """
    brought = dataset.image_features if modality == "image" else dataset.text_features
    if features in brought:
        return FeatureSource(None, None)
    if find_features(features, modality, others=(*others, *brought)).fitted:
        return FeatureSource(None, None)
    extractor = load_extractor(features, weights=weights)
    return FeatureSource(extractor.identity, extractor.blocks)


def feature_vectors(
    dataset: Dataset,
    features: str | Extractor,
    *,
    modality: Modality | None = None,
    weights: str | Path | None = None,
    progress: Progress | None = None,
) -> Array:
    """Return one vector an item: the features themselves, or the mean of its set of regions.

    Parameters
    ----------
    dataset, features, modality, weights, progress
        See `extract_features`.

    Returns
    -------
    ndarray of float32, shape (n, d)

    Raises
    ------
    FicoitrError
        See `extract_features`.
    """
    stored = find_stored(dataset, features, modality)
    if stored is not None and len(stored.shape) > 2:
        return _means(stored.blocks())
    values = extract_features(dataset, features, modality=modality, weights=weights, progress=progress)
    return values if values.ndim == 2 else _means(_blocks(values))


def _blocks(values: Array) -> Iterator[Array]:
    for start in range(0, len(values), _BLOCK_ROWS):
        yield values[start : start + _BLOCK_ROWS]


def _means(blocks: Iterable[Array]) -> Array:
    means = [block.mean(axis=tuple(range(1, block.ndim - 1)), dtype=np.float32) for block in blocks]
    return np.concatenate(means)
