"""Splits for data that have none: by chance, each with its share of every label."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.errors import OptionError, ShapeError
from ficoitr.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping


def stratified_splits(
    categories: np.ndarray | None, shares: Mapping[str, float], *, n_images: int | None = None, seed: int = 0
) -> np.ndarray:
    """Divide images into splits that each have their share of every label.

    Parameters
    ----------
    categories : ndarray of bool, shape (N, L), or None
        Multi-hot labels; without them the division is by chance alone.
    shares : mapping from str to float
        Names of the splits and about which share of the images each gets, together 1: ``{"train": 0.8, "test": 0.2}``.
    n_images : int, optional
        N, needed without labels.
    seed : int
        Of the division: the same labels, shares and seed give the same splits.

    Returns
    -------
    ndarray of str, shape (N,)
        For `ficoitr.data.Dataset`: ``dataclasses.replace(dataset, splits=…)``.

    Raises
    ------
    OptionError
        If the shares are not above 0 and together 1.
    ShapeError
        If a split would be empty.
    MissingExtraError
        If labels are given and the library iterative-stratification is not installed (extra ``data``).

    Notes
    -----
    Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD 2011: the rarest label is
    dealt out first, each image to the split that lacks it most.

    Examples
    --------
    >>> labels = np.arange(40)[:, None] % 4 == np.arange(4)
    >>> splits = stratified_splits(labels, {"train": 0.5, "test": 0.5})
    >>> labels[splits == "test"].sum(axis=0).tolist()
    [5, 5, 5, 5]
    """
    sizes = np.array(list(shares.values()), dtype=np.float64)
    if not len(sizes) or not (sizes > 0).all() or not math.isclose(sizes.sum(), 1, abs_tol=1e-9):
        raise OptionError(f"the shares are {dict(shares)}", where="shares", expected="numbers above 0 whose sum is 1")
    count = n_images if categories is None else len(categories)
    if count is None:
        raise OptionError("there are neither labels nor a number of images", where="n_images")
    if categories is None:
        numbers = _by_chance(count, sizes, seed)
    else:
        stratifiers = require("iterstrat.ml_stratifiers", "data")
        numbers = stratifiers.IterativeStratification(categories, sizes, np.random.RandomState(seed))
    splits: np.ndarray = np.array(list(shares))[numbers]
    empty = sorted(set(shares) - set(splits.tolist()))
    if empty:
        raise ShapeError(
            f"of {count:,} images none is left for {', '.join(empty)}",
            where="shares",
            fix="Give it a larger share, or more images",
        )
    return splits


def _by_chance(count: int, shares: np.ndarray, seed: int) -> np.ndarray:
    ends = np.round(np.cumsum(shares) * count).astype(np.int64)
    numbers = np.empty(count, dtype=np.int64)
    numbers[np.random.default_rng(seed).permutation(count)] = np.searchsorted(ends, np.arange(count), side="right")
    return numbers
