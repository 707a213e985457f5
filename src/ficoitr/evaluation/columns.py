"""Values of every query, and how they become figures: means over queries or folds, tie bands, resamples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.metrics.metric import Metric
from ficoitr.metrics.statistics import weighted_median

Array = np.ndarray[Any, Any]
EXPECTED, BEST, WORST = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Column:
    """One metric of one task and direction.

    Parameters
    ----------
    values : array of shape (3, n_queries) or (3, n_queries, 11)
        Expected, best and worst value of every query; 0 where its weight is.
    weights : array of shape (3, n_queries)
        1; 0 for queries that are left out; the probability of a hit where queries without a hit are dropped.
    images : int64 array of shape (n_queries,)
        The image that each query is or belongs to: the unit of resampling.
    folds : int64 array of shape (n_queries,)
        The fold of each query; figures are means over folds.
    """

    metric: Metric
    values: Array
    weights: Array
    images: Array
    folds: Array
    floor_median: bool = False

    @property
    def is_median(self) -> bool:
        """Whether queries are put together by their median."""
        return self.metric.family.average == "median"

    def figure(self, kind: int) -> Array:
        """The figure under one policy for ties, a scalar array or shape (11,)."""
        return np.asarray(np.mean([self._of(kind, self.folds == fold) for fold in np.unique(self.folds)], axis=0))

    def _of(self, kind: int, part: Array) -> Any:
        values, weights = self.values[kind][part], self.weights[kind][part]
        if self.is_median:
            return self.rounded(np.median(values[weights > 0]))
        if kind != EXPECTED and self.metric.family.options and "retrieved_skip" in str(self.metric):
            return extreme_ratio(values, self.weights[BEST][part], self.weights[WORST][part], highest=kind == BEST)
        # In ascending order, so that the sum does not depend on the order of the queries, down to the last bit.
        total = np.sort(weights).sum()
        return np.sort(values, axis=0).sum(axis=0) / total if total > 0 else np.full(values.shape[1:], np.nan)

    def rounded(self, median: Any) -> Any:
        """The median, or floor(median of the 0-based ranks) + 1 where the protocol counts so."""
        return np.floor(median) if self.floor_median else median

    def band(self) -> tuple[Array, Array]:
        """Worst and best value of the figure over all orders of tied candidates."""
        return self.figure(WORST), self.figure(BEST)

    def resampled(self, counts: Array, kind: int, n_images: int) -> Array:
        """The figure on resamples of images, shape (n_resamples,) or (n_resamples, 11).

        Parameters
        ----------
        counts : array of shape (n_resamples, n_images)
            How often each image was drawn.
        """
        folds = [self.folds == fold for fold in np.unique(self.folds)]
        if self.is_median:
            resampled = [self._medians(counts, kind, part) for part in folds]
        else:
            resampled = [self._means(counts, kind, part, n_images) for part in folds]
        return np.asarray(np.mean(resampled, axis=0))

    def _means(self, counts: Array, kind: int, part: Array, n_images: int) -> Array:
        images = self.images[part]
        values = self.values[kind][part].reshape(len(images), -1)
        sums = np.stack([np.bincount(images, column, n_images) for column in values.T], axis=1)
        weight = np.bincount(images, self.weights[kind][part], n_images)
        totals = counts @ np.column_stack((sums, weight))
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Array = totals[:, :-1] / totals[:, -1:]
        return np.asarray(means[:, 0]) if self.values.ndim == 2 else means

    def _medians(self, counts: Array, kind: int, part: Array) -> Array:
        kept = part & (self.weights[kind] > 0)
        return np.asarray(self.rounded(weighted_median(self.values[kind][kept], self.images[kept], counts)))


def extreme_ratio(values: Array, possibly: Array, surely: Array, *, highest: bool) -> float:
    """Extreme of a mean that drops queries without a hit, over all orders of ties.

    A query whose hits hang on the order may be dropped or kept: the extreme keeps those that move the mean the right
    way, in the order in which they do.
    """
    kept = surely > 0
    free = np.sort(values[~kept & (possibly > 0)])
    if highest:
        free = free[::-1]
    total, count = values[kept].sum(), int(kept.sum())
    for value in free:
        moves = count == 0 or (value > total / count) == highest
        if not moves:
            break
        total, count = total + value, count + 1
    return float(total / count) if count else float("nan")
