"""Normalised discounted cumulative gain, exact under ties (McSherry and Najork, ECIR 2008)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]


def ndcg(groups: Groups, cutoff: int | str, gain: str) -> Array:
    """NDCG at K of every query, shape (3, n_queries): expected, best, worst; 0 without a relevant candidate.

    The discount is log2(rank + 1); the gain is the number of shared labels (``linear``) or 2 to its power less
    one (``exponential``). The ideal ranking is that of the whole gallery.
    """
    if groups.gains is None or groups.ideal is None:
        raise TypeError("nDCG needs graded groups")
    levels = np.arange(groups.ideal.shape[1], dtype=np.float64)
    worth = levels if gain == "linear" else np.exp2(levels) - 1
    result: Array = _ndcg(
        groups.offsets,
        groups.before,
        groups.size,
        groups.relevant,
        groups.gains,
        groups.ideal,
        groups.cuts(cutoff),
        worth,
        _discount_sums(groups.n_candidates),
    )
    return result


@lru_cache(maxsize=4)
def _discount_sums(n: int) -> Array:
    """Sums of the discounts of the first 0 … n ranks."""
    return np.concatenate(([0.0], np.cumsum(1 / np.log2(np.arange(2, n + 2)))))


@kernel
def _ndcg(offsets, before, size, relevant, gains, ideal, cuts, worth, discount):  # type: ignore[no-untyped-def]
    n_queries = len(cuts)
    result = np.zeros((3, n_queries))
    entry = 0
    for q in range(n_queries):
        cut = cuts[q]
        best_possible = 0.0
        place = 0
        for level in range(ideal.shape[1] - 1, 0, -1):
            stop = min(cut, place + ideal[q, level])
            best_possible += worth[level] * (discount[stop] - discount[place])
            place = stop
        expected = best = worst = 0.0
        for g in range(offsets[q], offsets[q + 1]):
            a = before[g]
            n = size[g]
            r = relevant[g]
            t = min(n, max(0, cut - a))
            mass = 0.0
            for i in range(r):
                value = worth[gains[entry + i]]
                mass += value
                if i < t:
                    best += value * (discount[a + i + 1] - discount[a + i])
                # The worst order reverses the group: the i-th best gain stands i from its end.
                last = a + n - i
                if last <= cut:
                    worst += value * (discount[last] - discount[last - 1])
            expected += mass / n * (discount[a + t] - discount[a])
            entry += r
        if best_possible > 0:
            result[0, q] = expected / best_possible
            result[1, q] = best / best_possible
            result[2, q] = worst / best_possible
    return result
