"""Resampling: bootstrap over images, whose texts follow them, on a fixed gallery (protocol, section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ficoitr.compiled import kernel

Array = np.ndarray[Any, Any]
_BLOCK_BYTES = 32 << 20


def bootstrap_counts(strata: Array, resamples: int, seed: int) -> Iterator[Array]:
    """Draw images with replacement and yield how often each was drawn, in blocks (n_in_block, n_images).

    Parameters
    ----------
    strata : int64 array of shape (n_images,)
        Images are drawn within each stratum, so that folds keep their size.
    resamples : int
        Number of resamples in all.
    seed : int
        The draws depend on it alone, not on the size of the blocks.
    """
    generator = np.random.default_rng(seed)
    n_images = len(strata)
    members = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    rows = max(1, _BLOCK_BYTES // (8 * n_images))
    for start in range(0, resamples, rows):
        counts = np.zeros((min(rows, resamples - start), n_images))
        for row in counts:
            for those in members:
                row[those] = np.bincount(generator.integers(0, len(those), len(those)), minlength=len(those))
        yield counts


def percentile_interval(resampled: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Percentile interval of a figure (Efron and Tibshirani 1993, chapter 13), along the first axis."""
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(resampled, (tail, 100 - tail), axis=0)
    return low, high


def weighted_median(values: Array, images: Array, counts: Array) -> Array:
    """Median of the values on each resample, an image's values counting as often as it was drawn.

    Parameters
    ----------
    values : array of shape (n_queries,)
    images : int64 array of shape (n_queries,)
        The image of each query.
    counts : array of shape (n_resamples, n_images)

    Returns
    -------
    array of shape (n_resamples,), NaN where nothing was drawn.
    """
    order = np.argsort(values, kind="stable")
    result: Array = _weighted_median(values[order], images[order], counts)
    return result


@kernel
def _weighted_median(values, images, counts):  # type: ignore[no-untyped-def]
    result = np.full(len(counts), np.nan)
    for row in range(len(counts)):
        total = 0.0
        for image in images:
            total += counts[row, image]
        if total == 0:
            continue
        # The two middle values of `total` sorted ones stand at these places, counted from 1.
        lower = np.floor((total + 1) / 2)
        upper = np.floor(total / 2) + 1
        passed = 0.0
        low = np.nan
        for i in range(len(values)):
            passed += counts[row, images[i]]
            if np.isnan(low) and passed >= lower:
                low = values[i]
            if passed >= upper:
                result[row] = (low + values[i]) / 2
                break
    return result
