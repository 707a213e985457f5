"""Features brought to one scale, and held to be those that a model was fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.errors import InputError

if TYPE_CHECKING:
    from ficoitr.data import Dataset

Array = np.ndarray[Any, Any]


def block_scale(features: Array, sizes: tuple[int, ...]) -> Array:
    """Return one factor a column that gives every kind of descriptor the same total variance."""
    variances = features.var(axis=0, dtype=np.float64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    totals = np.add.reduceat(variances, starts)
    return np.repeat(1 / np.sqrt(np.where(totals > 0, totals, 1)), sizes)


def scaled(dataset: Dataset, features: str, values: Array, scale: Array) -> Array:
    """Scale features by what `block_scale` returned for those of the training split.

    Raises
    ------
    InputError
        If they have another width.
    """
    if values.shape[1:] != scale.shape:
        raise InputError(
            f"the features {features!r} are vectors of {values.shape[1]} numbers",
            where=f"dataset {dataset.name!r}",
            expected=f"{len(scale)}, as those that the model was fitted to",
        )
    return values * scale


def require_same(
    dataset: Dataset, features: str, fitted: Mapping[str, Any] | None, found: Mapping[str, Any] | None
) -> None:
    """Compare where features of one name come from; of those that datasets bring, that is not known.

    Raises
    ------
    InputError
        If they come of different weights.
    """
    if fitted is not None and found is not None and fitted != found:
        raise InputError(
            f"the features {features!r} are of other weights than those that the model was fitted to",
            where=f"dataset {dataset.name!r}",
            expected=str(dict(fitted)),
            fix="Use the same file of weights, or fit the model again",
        )
