"""The 11-point interpolated precision-recall curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]
RECALL_LEVELS = tuple(level / 10 for level in range(11))


def precision_recall_curve(groups: Groups) -> Array:
    """Interpolated precision at recall 0.0, 0.1, …, 1.0, shape (3, n_queries, 11); 0 without a relevant candidate.

    The interpolated precision at a recall is the highest precision at that recall or beyond (Manning, Raghavan and
    Schütze, "Introduction to Information Retrieval", 8.4). A threshold cannot split a tie, so points stand at the
    ends of tied groups; in the best order the relevant candidates of a group come first and end a point of their own.
    """
    ends, best = _curves(groups.offsets, groups.before, groups.size, groups.relevant, groups.total)
    return np.stack((ends, best, ends))


@kernel
def _curves(offsets, before, size, relevant, total):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    ends = np.zeros((n_queries, 11))
    best = np.zeros((n_queries, 11))
    for q in range(n_queries):
        hits = total[q]
        level = 10 if hits > 0 else -1
        highest = 0.0
        highest_best = 0.0
        # A recall level is reached by as many hits as this, in whole numbers: 10·hits ≥ level·total.
        needed = total[q]
        for g in range(offsets[q + 1] - 1, offsets[q] - 1, -1):
            precision = hits / (before[g] + size[g])
            highest = max(highest, precision)
            if size[g] != relevant[g]:
                precision = hits / (before[g] + relevant[g])
            highest_best = max(highest_best, precision)
            hits -= relevant[g]
            while level >= 0 and (hits < needed or hits == 0):
                ends[q, level] = highest
                best[q, level] = highest_best
                level -= 1
                needed = (level * total[q] + 9) // 10
    return ends, best
