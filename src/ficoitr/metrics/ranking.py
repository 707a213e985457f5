"""From scores and relevance to tied groups.

Two ways lead there. Few positives are *counted*: how many candidates score higher, how many equal. Many positives,
as in category retrieval, need the *order*: a bucket sort, since scores spread over buckets in one pass and only
neighbours within a bucket are compared.

Scores computed in floating point carry rounding errors. Where candidates whose order matters lie closer than a bound
on that error, their scores are computed again in float64 and in index order (`Rescoring`), so that figures hang on
the vectors alone, not on the block shape, the threads or the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.metrics.counting import count_positives
from ficoitr.metrics.groups import Groups
from ficoitr.metrics.marked import group_marked
from ficoitr.metrics.marks import mark_scores
from ficoitr.metrics.sorting import group_lists, order_candidates
from ficoitr.metrics.workspace import Workspace

Array = np.ndarray[Any, Any]
_EMPTY = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Rescoring:
    """How to compute single scores again, exactly the same way wherever and whenever it is done.

    The canonical score of query q and candidate c is ``scale[c] * (queries[q] · candidates[c])`` or, without scales,
    minus the squared distance of the two; sums go in index order, in float64.

    Parameters
    ----------
    queries, candidates : float32 or float64 arrays of shape (n_queries, d), (n_candidates, d)
        The vectors as the user gave them.
    scale : float64 array of shape (n_candidates,)
        What turns the product into the measure; empty for the Euclidean distance.
    absolute : array of shape (n_queries,), of the dtype of the scores
    relative : float
        Scores of a query that differ by no more than ``absolute + relative * |score|`` may stand in either order.
    depth : int
        Ranks below this are left as they are when the whole order is asked for.
    repeats : int
        Candidates that equal an earlier one, and so tie with it.
    """

    queries: Array
    candidates: Array
    scale: Array
    absolute: Array
    relative: float
    depth: int
    repeats: int = 0

    @property
    def rounds(self) -> bool:
        """Whether the scores carry rounding errors at all; sums of small whole numbers do not."""
        return self.relative > 0 or bool(np.any(self.absolute > 0))

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What scores are computed again from, as the kernels take it."""
        return self.queries, self.candidates, self.scale, self.absolute, self.relative


@dataclass(frozen=True, eq=False)
class Relevance:
    """Which candidates are relevant for a block of queries: by labels that they share, or by lists.

    Parameters
    ----------
    query_labels, candidate_labels : uint64 arrays of shape (n_queries, w), (n_candidates, w)
        Labels as bits; empty when relevance is listed.
    offsets, positives : int64 arrays of shape (n_queries + 1,), (n_positives,)
        Listed relevant candidates of each query, ascending, without repetition; empty when relevance is by labels.
    """

    query_labels: Array
    candidate_labels: Array
    offsets: Array
    positives: Array

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """All fields, as the kernels take them: labels of candidates word by word, each word one run of memory."""
        return self.query_labels, np.ascontiguousarray(self.candidate_labels.T), self.offsets, self.positives


class ScoredBlock:
    """Scores of a block of queries, which can be ranked for one task or several: what one sorts serves the next.

    Parameters
    ----------
    scores : float32 or float64 array of shape (n_rows, n_candidates)
        Higher is closer.
    rows : int64 array of shape (n_queries,)
        The row of ``scores`` that belongs to each query; equal queries share one.
    rescoring : Rescoring, optional
        For these queries; without it the scores are taken as exact.
    ties_by_index : bool
        Rank tied candidates by their index, so that no ties are left.
    workspace : Workspace, optional
        Where to keep memory; the groups are then valid until it is used for another block.
    """

    def __init__(
        self,
        scores: Array,
        rows: Array,
        *,
        rescoring: Rescoring | None = None,
        ties_by_index: bool = False,
        workspace: Workspace | None = None,
    ) -> None:
        self._scores = scores
        self._rows = rows
        self._exact = rescoring or _no_rescoring(len(rows), scores.dtype)
        self._ties_by_index = ties_by_index
        self._workspace = workspace or Workspace()
        self._n_ordered = 0
        self._marked = np.zeros((0, 0), np.float32)

    def ordered(self, relevance: Relevance, *, graded: bool = False) -> Groups:
        """Rank the whole gallery and return the tied groups.

        Parameters
        ----------
        relevance : Relevance
            For these queries.
        graded : bool
            Whether to keep the number of shared labels as gains.
        """
        n = self._scores.shape[1]
        exact = self._exact
        markable = self._scores.dtype == np.float32 and exact.rounds and exact.depth < n
        if markable and not graded and not self._ties_by_index:
            return self._from_marks(relevance)
        offsets, before, size, relevant, total, near, gains, ideal = order_candidates(
            self._scores, self._rows, relevance.arrays, exact.arrays, exact.depth, graded, self._ties_by_index
        )
        extra = {"gains": gains, "ideal": ideal} if graded else {}
        return Groups.from_arrays(offsets, before, size, relevant, total, n, near_ties=near, **extra)

    def counted(self, relevance: Relevance) -> Groups:
        """Find the tied groups of listed positives by counting what scores higher, without sorting."""
        offsets, before, size, relevant = count_positives(
            self._scores,
            self._rows,
            relevance.offsets,
            relevance.positives,
            self._exact.arrays,
            self._ties_by_index,
            self._marked,
        )
        total = np.diff(relevance.offsets)
        return Groups.from_arrays(offsets, before, size, relevant, total, self._scores.shape[1])

    def _from_marks(self, relevance: Relevance) -> Groups:
        n = self._scores.shape[1]
        marked = self._memory("marked", (len(self._rows), n), np.float32)
        total = mark_scores(self._scores, self._rows, relevance.arrays, marked)
        # NumPy's sort of plain 32-bit numbers uses the widest instructions that the processor has.
        marked.sort(axis=1)
        # Room for one more than can be, since the kernel writes before it knows whether to keep.
        room = (int(total.sum()) + 1,)
        before, tied_size, tied_relevant = (
            self._memory(name, room, np.int32) for name in ("before", "tied_size", "tied_relevant")
        )
        tied = self._memory("tied", room, np.int64)
        exact = self._exact
        offsets, n_tied, near = group_marked(
            marked,
            total,
            self._scores,
            self._rows,
            relevance.arrays,
            exact.arrays,
            exact.depth,
            exact.repeats,
            (before, tied, tied_size, tied_relevant),
        )
        self._n_ordered += 1
        self._marked = marked
        return Groups(
            offsets,
            before[: offsets[-1]],
            tied[:n_tied],
            tied_size[:n_tied],
            tied_relevant[:n_tied],
            total,
            n,
            n,
            near_ties=near,
        )

    def _memory(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        return self._workspace.array(f"{name} {self._n_ordered}", shape, dtype)


def listed_groups(
    offsets: Array,
    candidates: Array,
    scores: Array,
    n_candidates: int,
    relevance: Relevance,
    *,
    graded: bool = False,
    ties_by_index: bool = False,
) -> Groups:
    """Find the tied groups of ranked lists; relevance is counted over the whole gallery.

    Parameters
    ----------
    offsets, candidates, scores : arrays
        As in `ficoitr.outputs.RankedLists`, for this block of queries.
    n_candidates : int
        Size of the gallery.
    relevance, graded, ties_by_index
        As in `ScoredBlock`.
    """
    list_offsets = offsets
    offsets, before, size, relevant, total, gains, ideal = group_lists(
        list_offsets, candidates, scores, n_candidates, relevance.arrays, graded, ties_by_index
    )
    extra = {"gains": gains, "ideal": ideal} if graded else {}
    depth = int(np.diff(list_offsets).min())
    return Groups.from_arrays(offsets, before, size, relevant, total, n_candidates, depth=depth, **extra)


def _no_rescoring(n_queries: int, dtype: Any) -> Rescoring:
    return Rescoring(_EMPTY, _EMPTY, np.zeros(0), np.zeros(n_queries, dtype), 0.0, 0)
