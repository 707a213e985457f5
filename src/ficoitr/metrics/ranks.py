"""The rank of the best relevant candidate, and its reciprocal."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]


def rank(groups: Groups) -> Array:
    """1-based rank of the best relevant candidate, shape (3, n_queries): expected, best, worst; NaN without one.

    The best of r relevant among n tied candidates stands at a + (n + 1)/(r + 1) in expectation.
    """
    first, found = _first_groups(groups)
    result = np.full((3, groups.n_queries), np.nan)
    a, n, r = groups.before[first], groups.size[first], groups.relevant[first]
    result[:, found] = a + (n + 1) / (r + 1), a + 1, a + n - r + 1
    return result


def reciprocal_rank(groups: Groups) -> Array:
    """Reciprocal of that rank, shape (3, n_queries): expected, best, worst; 0 without a relevant candidate."""
    first, found = _first_groups(groups)
    result = np.zeros((3, groups.n_queries))
    a, n, r = groups.before[first], groups.size[first], groups.relevant[first]
    result[:, found] = _expected_reciprocal(a, n, r), 1 / (a + 1), 1 / (a + n - r + 1)
    return result


def _first_groups(groups: Groups) -> tuple[Array, Array]:
    found = groups.offsets[1:] > groups.offsets[:-1]
    return groups.offsets[:-1][found], found


@kernel
def _expected_reciprocal(before, size, relevant):  # type: ignore[no-untyped-def]
    result = np.zeros(len(before))
    for q in range(len(before)):
        n = size[q]
        r = relevant[q]
        # Probability that the first relevant one stands at position j of the group, C(n-j, r-1)/C(n, r).
        probability = r / n
        for j in range(1, n - r + 2):
            result[q] += probability / (before[q] + j)
            probability *= max(0.0, n - j - r + 1.0) / max(1.0, n - j)
    return result
