"""The 11-point interpolated precision-recall curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]
RECALL_LEVELS = tuple(level / 10 for level in range(11))


def precision_recall_curve(groups: Groups) -> Array:
    """Interpolated precision at recall 0.0, 0.1, …, 1.0, shape (3, n_queries, 11); 0 without a relevant candidate.

    The interpolated precision at a recall is the highest precision at that recall or beyond (Manning, Raghavan and
    Schütze, "Introduction to Information Retrieval", 8.4). A threshold cannot split a tie, so points stand at the
    ends of tied groups; in the best order the relevant candidates of a group come first and end a point of their own.
    """
    ends, best = groups.whole.curves
    return np.stack((ends, best, ends))
