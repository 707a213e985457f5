"""Whether two models differ on the same queries: randomisation test, Holm's correction, bootstrap interval.

The sampling unit is the image: the five texts of an image are not independent, so the queries of one image
change sides together in the test, and are drawn together in the bootstrap. The gallery stays fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from ficoitr.errors import OptionError
from ficoitr.metrics.statistics import bootstrap_counts, percentile_interval, weighted_median
from ficoitr.similarity.threads import map_in_order, single_threaded_blas, thread_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Array = np.ndarray[Any, Any]
_BLOCK_BYTES = 8 << 20
_ROUNDING = 1e-9


class Significance(NamedTuple):
    """The difference of two models in one figure, its 95% interval, and the two-sided p-value."""

    effect: float
    interval: tuple[float, float]
    p: float


class Paired(NamedTuple):
    """Values of the same queries from two models, NaN where a query does not count.

    ``first`` and ``second`` are float arrays of shape (n_queries,), ``images`` holds the image of each query as
    an integer in 0 … n_images - 1.
    """

    first: Array
    second: Array
    images: Array


class Differences(Protocol):
    """Figures of the first model minus those of the second, for any assignment of images to models."""

    def flipped(self, flips: Array) -> Array:
        """Differences, shape (n, n_figures), when the images set in a row of ``flips`` (n, n_images) change sides."""

    def resampled(self, counts: Array) -> Array:
        """Differences, shape (n, n_figures), when image i is drawn ``counts[:, i]`` times, shape (n, n_images)."""


class Mean(NamedTuple):
    """A figure that is a mean over queries, or a scaled sum of means (rSum is 100 times six recalls)."""

    terms: tuple[Paired, ...]
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class MeanDifferences:
    """Differences of several means at once.

    Sums and counts per image are all that is needed of the queries. Both change sides with their image, which
    matters where the queries that count depend on the model (mAP with the denominator ``retrieved_skip``).

    Parameters
    ----------
    first, second : float64 arrays of shape (n_images, 2 * n_terms)
        Sums of each term, then the numbers of queries that count.
    starts : tuple of int
        First term of each figure.
    scales : float64 array of shape (n_figures,)
        What the sum of a figure's means is multiplied by.
    """

    first: Array
    second: Array
    starts: tuple[int, ...]
    scales: Array

    @classmethod
    def of(cls, figures: Sequence[Mean], n_images: int) -> MeanDifferences:
        """Build from the queries' values."""
        terms = [term for figure in figures for term in figure.terms]

        def per_image(side: str) -> Array:
            sums, counts = [], []
            for term in terms:
                values = getattr(term, side)
                counted = ~np.isnan(values)
                sums.append(np.bincount(term.images, np.where(counted, values, 0.0), n_images))
                counts.append(np.bincount(term.images, counted, n_images))
            return np.stack(sums + counts, axis=1)

        ends = np.cumsum([len(figure.terms) for figure in figures])
        starts = (0, *(int(end) for end in ends[:-1]))
        return cls(per_image("first"), per_image("second"), starts, np.array([figure.scale for figure in figures]))

    def flipped(self, flips: Array) -> Array:
        """Differences when whole images change sides."""
        moved = flips @ (self.second - self.first)
        return self._differences(self.first.sum(0) + moved, self.second.sum(0) - moved)

    def resampled(self, counts: Array) -> Array:
        """Differences when images are drawn with replacement."""
        return self._differences(counts @ self.first, counts @ self.second)

    def _differences(self, first: Array, second: Array) -> Array:
        terms = _means(first) - _means(second)
        differences: Array = self.scales * np.add.reduceat(terms, self.starts, axis=1)
        return differences


def _means(sums_and_counts: Array) -> Array:
    n_terms = sums_and_counts.shape[1] // 2
    counts = sums_and_counts[:, n_terms:]
    # Flipping adds and subtracts sums: what should be no query at all may come out as rounding error.
    empty = counts < 0.5
    return np.where(empty, np.nan, sums_and_counts[:, :n_terms] / np.where(empty, 1.0, counts))


@dataclass(frozen=True, eq=False)
class MedianDifference:
    """Difference of medians over queries, computed again for every flip.

    Parameters
    ----------
    values : float64 array of shape (n_values,)
        Values of both models together in ascending order, NaN left out.
    places : int64 array of shape (n_values,)
        The image of each value, plus n_images for values of the second model.
    floor : bool
        Whether the median is ``floor(median of the 0-based ranks) + 1``, as in VSE++.
    """

    values: Array
    places: Array
    floor: bool = False

    @classmethod
    def of(cls, pair: Paired, n_images: int, *, floor: bool = False) -> MedianDifference:
        """Build from the queries' values."""
        values = np.concatenate((pair.first, pair.second))
        places = np.concatenate((pair.images, pair.images + n_images))
        order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
        return cls(values[order], places[order], floor)

    def flipped(self, flips: Array) -> Array:
        """Differences when whole images change sides."""
        stays = 1 - flips
        return (self._medians(stays, flips) - self._medians(flips, stays))[:, None]

    def resampled(self, counts: Array) -> Array:
        """Differences when images are drawn with replacement."""
        none = np.zeros_like(counts)
        return (self._medians(counts, none) - self._medians(none, counts))[:, None]

    def _medians(self, of_first: Array, of_second: Array) -> Array:
        medians = weighted_median(self.values, self.places, np.hstack((of_first, of_second)))
        return np.floor(medians) if self.floor else medians


def paired_tests(
    differences: Sequence[Differences],
    n_images: int,
    *,
    permutations: int = 10_000,
    resamples: int = 1_000,
    seed: int = 0,
) -> list[Significance]:
    """Test the differences of two models in several figures, all under the same flips and resamples.

    Paired randomisation test: if the models did not differ, which of them answered the queries of an image
    would not matter. Each permutation lets every image change sides with probability 1/2; with b of n
    permutations giving a difference at least as large in absolute value as the observed one,
    p = (b + 1) / (n + 1). The interval is the bootstrap's percentile interval (95%) of the difference, over
    images drawn with replacement.

    Parameters
    ----------
    differences : sequence of Differences
    n_images : int
    permutations, resamples : int
        Numbers of random flips and of bootstrap resamples, at least 1.
    seed : int

    Returns
    -------
    list of Significance
        One a figure, in order.

    References
    ----------
    Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007. Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.arange(8)
    >>> better = Paired(np.ones(8), np.zeros(8), images)
    >>> [test] = paired_tests([MeanDifferences.of([Mean((better,))], 8)], 8)
    >>> test.effect, test.interval, round(test.p, 3)  # exactly 2 of the 256 flips are as large: 2/256 = 0.008
    (1.0, (1.0, 1.0), 0.009)
    """
    for name, value in (("permutations", permutations), ("resamples", resamples)):
        if value < 1:
            raise OptionError(f"{name} is {value}", where=name, expected="a whole number of at least 1")

    def all_flipped(flips: Array) -> Array:
        return np.hstack([those.flipped(flips) for those in differences])

    def all_resampled(counts: Array) -> Array:
        return np.hstack([those.resampled(counts) for those in differences])

    observed = all_flipped(np.zeros((1, n_images)))[0]
    # Equal but for rounding counts as equal: the observed difference is one of the permutations.
    least = np.abs(observed) * (1 - _ROUNDING) - _ROUNDING**2
    as_large = np.zeros(len(observed), dtype=np.int64)
    all_flips = _random_flips(n_images, permutations, seed)
    draws = bootstrap_counts(np.zeros(n_images, dtype=np.int64), resamples, seed)
    with single_threaded_blas():
        for permuted in map_in_order(all_flipped, all_flips, thread_count()):
            as_large += np.count_nonzero(np.abs(permuted) >= least, axis=0)
        resampled = np.concatenate(list(map_in_order(all_resampled, draws, thread_count())))
    low, high = percentile_interval(resampled)
    return [
        Significance(float(effect), (float(low[at]), float(high[at])), (int(as_large[at]) + 1) / (permutations + 1))
        for at, effect in enumerate(observed)
    ]


def _random_flips(n_images: int, permutations: int, seed: int) -> Iterator[Array]:
    generator = np.random.default_rng(seed)
    rows = max(1, _BLOCK_BYTES // (8 * n_images))
    for start in range(0, permutations, rows):
        shape = (min(rows, permutations - start), n_images)
        yield generator.integers(0, 2, size=shape, dtype=np.bool_).astype(np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for testing several hypotheses at once.

    The i-th smallest of m p-values is multiplied by m - i + 1, made monotone, and capped at 1.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics, 1979.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return [float(value) for value in adjusted]
