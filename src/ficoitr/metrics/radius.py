"""Hash lookup: precision and recall within a Hamming radius."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Lookup:
    """Counts of several queries within one radius: candidates, relevant candidates, and relevant ones in all."""

    within: Array
    relevant: Array
    total: Array


def radius_precision(lookup: Lookup, radius: int) -> Array:  # noqa: ARG001 - the radius is in the counts
    """Share of the candidates within the radius that is relevant, shape (3, n_queries); 0 where there are none.

    A radius never splits a tie: expected, best and worst agree.
    """
    return _threefold(lookup.relevant, lookup.within)


def radius_recall(lookup: Lookup, radius: int) -> Array:  # noqa: ARG001 - the radius is in the counts
    """Share of the relevant candidates within the radius, shape (3, n_queries)."""
    return _threefold(lookup.relevant, lookup.total)


def _threefold(part: Array, whole: Array) -> Array:
    share = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return np.broadcast_to(share, (3, len(part)))
