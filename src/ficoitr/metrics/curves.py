"""The 11-point interpolated precision-recall curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]
RECALL_LEVELS = tuple(level / 10 for level in range(11))


def precision_recall_curve(groups: Groups) -> Array:
    """Interpolated precision at recall 0.0, 0.1, …, 1.0, shape (3, n_queries, 11); 0 without a relevant candidate.

    The interpolated precision at a recall is the highest precision at that recall or beyond (Manning, Raghavan and
    Schütze, "Introduction to Information Retrieval", 8.4). A threshold cannot split a tie, so points stand at the
    ends of tied groups; in the best order the relevant candidates of a group come first and end a point of their own.
    """
    ends = _curve(groups.offsets, groups.before, groups.size, groups.relevant, groups.total)
    best = _curve(groups.offsets, groups.before, groups.relevant, groups.relevant, groups.total)
    return np.stack((ends, best, ends))


@njit(nogil=True, cache=True)
def _curve(offsets, before, size, relevant, total):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    result = np.zeros((n_queries, 11))
    for q in range(n_queries):
        hits = total[q]
        if hits == 0:
            continue
        level = 10
        highest = 0.0
        for g in range(offsets[q + 1] - 1, offsets[q] - 1, -1):
            highest = max(highest, hits / (before[g] + size[g]))
            hits -= relevant[g]
            # Integers decide which group reaches a recall level first: 10·hits ≥ level·total.
            while level >= 0 and (10 * hits < level * total[q] or hits == 0):
                result[q, level] = highest
                level -= 1
    return result
