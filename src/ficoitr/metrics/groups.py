"""Rankings as tied groups: all that any metric of this package needs to know of a ranking.

A ranking with ties is a sequence of groups of equal score. Only the groups that hold a relevant candidate matter:
each is described by how many candidates stand *before* it, its *size*, and how many of it are *relevant*. On a
tie-free ranking every group is one relevant candidate. Every metric, under every policy for ties, is a function of
these numbers, so that scores are looked at once and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ficoitr.compiled import kernel

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Groups:
    """Tied groups with a relevant candidate, of several queries, best group first.

    Parameters
    ----------
    offsets : int64 array of shape (n_queries + 1,)
        The groups of query q are rows ``offsets[q]:offsets[q + 1]`` of the next three.
    before, size, relevant : int32 arrays of shape (n_groups,)
        Candidates ranked before the group, in the group, and relevant in the group.
    total : int64 array of shape (n_queries,)
        Relevant candidates in the whole gallery, ranked or not.
    n_candidates : int
        Size of the gallery.
    depth : int
        How many candidates are ranked for every query; less than ``n_candidates`` for ranked lists.
    gains : uint8 array of shape (relevant.sum(),), optional
        Gain of each relevant candidate, group by group, descending within a group.
    ideal : int64 array of shape (n_queries, max_gain + 1), optional
        How many candidates of the whole gallery have each gain.
    near_ties : int
        Neighbours of the rankings whose order hangs on rounding, see protocol, section 3.3.
    """

    offsets: Array
    before: Array
    size: Array
    relevant: Array
    total: Array
    n_candidates: int
    depth: int
    gains: Array | None = None
    ideal: Array | None = None
    near_ties: int = 0

    @property
    def n_queries(self) -> int:
        """Number of queries."""
        return len(self.total)

    def cuts(self, cutoff: int | str | None) -> Array:
        """Cut-off of every query as int64: a number, ``"N"`` (the whole gallery) or ``"R"`` (its relevant count)."""
        if cutoff == "R":
            return self.total
        whole = cutoff in (None, "N")
        return np.full(self.n_queries, self.n_candidates if whole else cutoff, dtype=np.int64)


@lru_cache(maxsize=4)
def harmonic_numbers(n: int) -> Array:
    """Harmonic numbers H(0) … H(n), shape (n + 1, 2): value and rounding error, so that differences stay exact."""
    table: Array = _harmonic_numbers(n)
    return table


@kernel
def _harmonic_numbers(n):  # type: ignore[no-untyped-def]
    table = np.zeros((n + 1, 2))
    total = 0.0
    error = 0.0
    for k in range(1, n + 1):
        # Kahan-Babuska summation: `error` carries what `total` cannot hold.
        term = 1.0 / k
        added = total + term
        error += (total - added) + term if total >= term else (term - added) + total
        total = added
        table[k, 0] = total
        table[k, 1] = error
    return table


@kernel
def reciprocal_sum(harmonic, start, stop):  # type: ignore[no-untyped-def]
    """1/(start + 1) + … + 1/stop."""
    return (harmonic[stop, 0] - harmonic[start, 0]) + (harmonic[stop, 1] - harmonic[start, 1])
