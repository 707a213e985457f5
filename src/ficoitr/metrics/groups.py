"""Rankings as tied groups: all that any metric of this package needs to know of a ranking.

A ranking with ties is a sequence of groups of equal score. Only the groups that hold a relevant candidate matter:
each is described by how many candidates stand *before* it, its *size*, and how many of it are *relevant*. On a
tie-free ranking every group is one relevant candidate. Every metric, under every policy for ties, is a function of
these numbers, so that scores are looked at once and never again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ficoitr.metrics.precisions import harmonic_numbers
from ficoitr.metrics.whole import WholeRankings, walk_whole_rankings

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Groups:
    """Tied groups with a relevant candidate, of several queries, best group first.

    Nearly every group of a ranking by real numbers is a single candidate, so that only the others have their size and
    relevant candidates written down; `size` and `relevant` give them for every group.

    Parameters
    ----------
    offsets : int64 array of shape (n_queries + 1,)
        The groups of query q are rows ``offsets[q]:offsets[q + 1]`` of the next.
    before : int32 array of shape (n_groups,)
        Candidates ranked before the group.
    tied : int64 array of shape (n_tied,)
        Rows of the groups that hold more than one candidate, ascending.
    tied_size, tied_relevant : int32 arrays of shape (n_tied,)
        Candidates in such a group, and relevant candidates.
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
    tied: Array
    tied_size: Array
    tied_relevant: Array
    total: Array
    n_candidates: int
    depth: int
    gains: Array | None = None
    ideal: Array | None = None
    near_ties: int = 0

    @classmethod
    def from_arrays(
        cls, offsets: Array, before: Array, size: Array, relevant: Array, total: Array, n_candidates: int, **others: Any
    ) -> Groups:
        """Groups whose size and relevant candidates are written down for each, int32 arrays of shape (n_groups,)."""
        tied = np.flatnonzero(size > 1)
        others.setdefault("depth", n_candidates)
        return cls(offsets, before, tied, size[tied], relevant[tied], total, n_candidates, **others)

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array, Array, Array]:
        """What describes the rankings, as the kernels take it."""
        return self.offsets, self.before, self.tied, self.tied_size, self.tied_relevant, self.total

    @cached_property
    def size(self) -> Array:
        """Candidates in each group, int32 array of shape (n_groups,)."""
        return self._of_every_group(self.tied_size)

    @cached_property
    def relevant(self) -> Array:
        """Relevant candidates in each group, int32 array of shape (n_groups,)."""
        return self._of_every_group(self.tied_relevant)

    def _of_every_group(self, of_tied: Array) -> Array:
        result = np.ones(len(self.before), dtype=np.int32)
        result[self.tied] = of_tied
        return result

    @cached_property
    def whole(self) -> WholeRankings:
        """What all metrics of whole rankings are made of, from one walk over the groups."""
        return WholeRankings(*walk_whole_rankings(*self.arrays, harmonic_numbers(self.n_candidates)))

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
