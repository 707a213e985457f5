"""Values of every query, and how they become figures: means over queries or folds, tie bands, resamples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ficoitr.metrics.average_precision import BEST, EXPECTED, WORST
from ficoitr.metrics.metric import Metric
from ficoitr.metrics.statistics import weighted_median

Array = np.ndarray[Any, Any]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_NEGLIGIBLE_EXPONENT = 50.0


@dataclass(frozen=True, eq=False)
class Column:
    """One metric of one task and direction.

    Parameters
    ----------
    values : array of shape (3, n_queries) or (3, n_queries, 11)
        Expected, best and worst value of every query; 0 where its weight is.
    weights : array of shape (3, n_queries)
        1; 0 for queries that are left out; the probability of a hit where queries without a hit are dropped (the
        expected value then counts 0 for orders without one).
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

    @property
    def drops_queries(self) -> bool:
        """Whether queries without a hit are dropped, so that the order of ties decides which queries count."""
        return ("denominator", "retrieved_skip") in self.metric.options

    def can_be_resampled(self, kind: int) -> bool:
        """Whether `resampled` has the figure: the extremes of ``drops_queries`` are no ratio of sums under ties."""
        return kind == EXPECTED or not self.drops_queries or np.array_equal(self.weights[BEST], self.weights[WORST])

    def figure(self, kind: int) -> Array:
        """The figure under one policy for ties, a scalar array or shape (11,)."""
        return np.asarray(np.mean([self._of(kind, part) for part in self._parts], axis=0))

    @cached_property
    def _parts(self) -> list[Array | slice]:
        """The queries of each fold."""
        folds = np.unique(self.folds)
        return [slice(None)] if len(folds) == 1 else [self.folds == fold for fold in folds]

    def _of(self, kind: int, part: Array | slice) -> Any:
        values, weights = self.values[kind][part], self.weights[kind][part]
        if not self.weights[BEST][part].any():
            return np.full(values.shape[1:], np.nan)
        if self.is_median:
            return self.rounded(np.median(values[weights > 0]))
        if self.drops_queries and kind != EXPECTED:
            return extreme_ratio(values, self.weights[BEST][part], self.weights[WORST][part], highest=kind == BEST)
        if self.drops_queries and ((weights > 0) & (weights < 1)).any():
            return expected_ratio(values, weights)
        # In ascending order, so that the sum does not depend on the order of the queries, down to the last bit.
        return np.sort(values, axis=0).sum(axis=0) / np.sort(weights).sum()

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

        Notes
        -----
        Where the order of ties decides which queries count, this is the ratio of expectations. It differs from the
        expectation of the ratio by O(1 / number of hits); that would take an integral a resample.
        """
        if self.is_median:
            resampled = [self._medians(counts, kind, part) for part in self._parts]
        else:
            resampled = [self._means(counts, kind, part, n_images) for part in self._parts]
        return np.asarray(np.mean(resampled, axis=0))

    def _means(self, counts: Array, kind: int, part: Array | slice, n_images: int) -> Array:
        images = self.images[part]
        values = self.values[kind][part].reshape(len(images), -1)
        sums = np.stack([np.bincount(images, column, n_images) for column in values.T], axis=1)
        weight = np.bincount(images, self.weights[kind][part], n_images)
        totals = counts @ np.column_stack((sums, weight))
        with np.errstate(invalid="ignore", divide="ignore"):
            means: Array = totals[:, :-1] / totals[:, -1:]
        return np.asarray(means[:, 0]) if self.values.ndim == 2 else means

    def _medians(self, counts: Array, kind: int, part: Array | slice) -> Array:
        kept = self.weights[kind][part] > 0
        values, images = self.values[kind][part][kept], self.images[part][kept]
        return np.asarray(self.rounded(weighted_median(values, images, counts)))


def expected_ratio(values: Array, hits: Array) -> float:
    """Expectation of a mean over the queries with a hit, given that there are any.

    With p the probabilities of a hit and v = p · E[AP | hit], queries being independent,

        E[Σ AP / number of hits; any hit] = Σ_i v_i ∫_0^1 Π_{j≠i} (1 - p_j + p_j u) du,

    since 1 / (1 + N) is the integral of u^N, and E[u^N] the product over the other queries.

    Parameters
    ----------
    values : array of shape (n_queries,)
        Expected value of every query, an order without a hit counting 0.
    hits : array of shape (n_queries,)
        Probability that the query has a hit, above 0 for one query at least.

    Examples
    --------
    >>> round(expected_ratio(np.array([0.5, 0.375]), np.array([1.0, 0.5])), 12)
    0.5625
    """
    # In ascending order, so that the result does not depend on the order of the queries, down to the last bit.
    order = np.lexsort((hits, values))
    values, hits = values[order], hits[order]
    # With s = 1 - u the product is at most exp(-s Σp): nothing is left beyond `end`, and before it the product is so
    # smooth that 64 nodes are exact to the last bits, however many queries there are.
    end = min(1.0, _NEGLIGIBLE_EXPONENT / hits.sum())
    total = 0.0
    for node, weight in zip(end * (1 + _NODES) / 2, end * _WEIGHTS / 2, strict=True):
        total += weight * np.exp(np.log1p(-hits * node).sum()) * (values / (1 - hits * node)).sum()
    with np.errstate(divide="ignore"):
        any_hit = -np.expm1(np.log1p(-hits).sum())
    return float(total / any_hit)


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
