"""Counting hits in the top K: recall in its two meanings, and precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]


def recall(groups: Groups, cutoff: int | str) -> Array:
    """Whether any relevant candidate is in the top K, shape (3, n_queries): expected, best, worst.

    If K cuts a group after t of its n candidates, r relevant, the expectation is 1 - C(n-r, t)/C(n, t).
    """
    result: Array = _any_hit(groups.offsets, groups.before, groups.size, groups.relevant, groups.cuts(cutoff))
    return result


def recall_fraction(groups: Groups, cutoff: int | str) -> Array:
    """Share of the relevant candidates found in the top K, shape (3, n_queries); trec_eval's recall."""
    hits = hits_in_top(groups, cutoff)
    return np.divide(hits, groups.total, out=np.zeros_like(hits), where=groups.total > 0)


def precision(groups: Groups, cutoff: int | str) -> Array:
    """Share of the top K that is relevant, shape (3, n_queries)."""
    hits = hits_in_top(groups, cutoff)
    cuts = groups.cuts(cutoff)
    return np.divide(hits, cuts, out=np.zeros_like(hits), where=cuts > 0)


def r_precision(groups: Groups) -> Array:
    """Precision at as many ranks as the query has relevant candidates, shape (3, n_queries)."""
    return precision(groups, "R")


def hits_in_top(groups: Groups, cutoff: int | str) -> Array:
    """Number of relevant candidates in the top K, shape (3, n_queries)."""
    result: Array = _hits(groups.offsets, groups.before, groups.size, groups.relevant, groups.cuts(cutoff))
    return result


@kernel
def _any_hit(offsets, before, size, relevant, cuts):  # type: ignore[no-untyped-def]
    n_queries = len(cuts)
    result = np.zeros((3, n_queries))
    for q in range(n_queries):
        g = offsets[q]
        if g == offsets[q + 1] or before[g] >= cuts[q]:
            continue
        n = size[g]
        r = relevant[g]
        t = min(n, cuts[q] - before[g])
        missed = 1.0
        # C(n-r, t)/C(n, t) = C(n-t, r)/C(n, r): the shorter product of the two.
        for i in range(min(t, r)):
            missed *= max(0, n - t - r + min(t, r) - i) / (n - i)
        result[0, q] = 1.0 - missed
        result[1, q] = 1.0
        result[2, q] = 1.0 if t > n - r else 0.0
    return result


@kernel
def _hits(offsets, before, size, relevant, cuts):  # type: ignore[no-untyped-def]
    n_queries = len(cuts)
    result = np.zeros((3, n_queries))
    for q in range(n_queries):
        for g in range(offsets[q], offsets[q + 1]):
            if before[g] >= cuts[q]:
                break
            n = size[g]
            r = relevant[g]
            t = min(n, cuts[q] - before[g])
            result[0, q] += t * r / n
            result[1, q] += min(t, r)
            result[2, q] += max(0, t - (n - r))
    return result
