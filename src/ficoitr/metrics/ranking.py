"""From scores and relevance to tied groups.

Two ways lead there. Few positives are *counted*: how many candidates score higher, how many equal. Many positives,
as in category retrieval, need the *order*: a bucket sort, since scores spread over buckets in one pass and only
neighbours within a bucket are compared.

Scores computed in floating point carry rounding errors. Where candidates whose order matters lie closer than a bound
on that error, their scores are computed again in float64 and in index order (`Rescoring`), so that figures hang on
the vectors alone, not on the block shape, the threads or the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.metrics.counting import count_positives
from ficoitr.metrics.groups import Groups
from ficoitr.metrics.keyed import build_keys, group_keys
from ficoitr.metrics.sorting import group_lists, order_candidates

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
    """

    queries: Array
    candidates: Array
    scale: Array
    absolute: Array
    relative: float
    depth: int

    @property
    def rounds(self) -> bool:
        """Whether the scores carry rounding errors at all; sums of small whole numbers do not."""
        return self.relative > 0 or bool(np.any(self.absolute > 0))

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All but the depth, as the kernels take them."""
        return self.queries, self.candidates, self.scale, self.absolute, self.relative


@dataclass(frozen=True, eq=False)
class Relevance:
    """Which candidates are relevant for a block of queries: by labels that they share, or by lists.

    Parameters
    ----------
    query_labels, candidate_labels : uint64 arrays of shape (n_queries, w), (n_candidates, w)
        Labels as bits; empty when relevance is listed.
    offsets, positives : int64 arrays of shape (n_queries + 1,), (n_positives,)
        Listed relevant candidates of each query, without repetition; empty when relevance is by labels.
    """

    query_labels: Array
    candidate_labels: Array
    offsets: Array
    positives: Array

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """All fields, as the kernels take them: labels of candidates word by word, each word one run of memory."""
        return self.query_labels, np.ascontiguousarray(self.candidate_labels.T), self.offsets, self.positives


def ordered_groups(
    scores: Array,
    rows: Array,
    relevance: Relevance,
    *,
    rescoring: Rescoring | None = None,
    graded: bool = False,
    ties_by_index: bool = False,
) -> Groups:
    """Rank the whole gallery for a block of queries and return its tied groups.

    Parameters
    ----------
    scores : float32 or float64 array of shape (n_rows, n_candidates)
        Higher is closer.
    rows : int64 array of shape (n_queries,)
        The row of ``scores`` that belongs to each query; equal queries share one.
    relevance : Relevance
        For these queries.
    rescoring : Rescoring, optional
        For these queries; without it the scores are taken as exact.
    graded : bool
        Whether to keep the number of shared labels as gains.
    ties_by_index : bool
        Rank tied candidates by their index, so that no ties are left.
    """
    exact = rescoring or _no_rescoring(len(rows), scores.dtype)
    n = scores.shape[1]
    computed = rescoring is not None and scores.dtype == np.float32 and rescoring.rounds
    if graded or ties_by_index or not computed or exact.depth >= n:
        *groups, near, gains, ideal = order_candidates(
            scores, rows, relevance.arrays, exact.arrays, exact.depth, graded, ties_by_index
        )
        return _grouped(groups, n, n, (gains, ideal) if graded else (None, None), near)
    keys, gains, total = build_keys(scores, rows, relevance.arrays)
    # NumPy's sort of plain 32-bit numbers uses the widest instructions that the processor has.
    keys.sort(axis=1)
    *groups, near = group_keys(keys, gains, total, scores, rows, exact.arrays, exact.depth)
    return _grouped(groups, n, n, near_ties=near)


def counted_groups(
    scores: Array,
    rows: Array,
    relevance: Relevance,
    *,
    rescoring: Rescoring | None = None,
    ties_by_index: bool = False,
) -> Groups:
    """Find the tied groups of listed positives by counting, without sorting; arguments as in `ordered_groups`."""
    exact = rescoring or _no_rescoring(len(rows), scores.dtype)
    groups = count_positives(scores, rows, relevance.offsets, relevance.positives, exact.arrays, ties_by_index)
    n = scores.shape[1]
    return _grouped((*groups, np.diff(relevance.offsets)), n, n)


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
        As in `ordered_groups`.
    """
    *groups, gains, ideal = group_lists(
        offsets, candidates, scores, n_candidates, relevance.arrays, graded, ties_by_index
    )
    depth = int(np.diff(offsets).min())
    return _grouped(groups, n_candidates, depth, (gains, ideal) if graded else (None, None))


def _no_rescoring(n_queries: int, dtype: Any) -> Rescoring:
    return Rescoring(_EMPTY, _EMPTY, np.zeros(0), np.zeros(n_queries, dtype), 0.0, 0)


def _grouped(
    arrays: Sequence[Array],
    n_candidates: int,
    depth: int,
    graded: tuple[Array | None, Array | None] = (None, None),
    near_ties: int = 0,
) -> Groups:
    offsets, before, size, relevant, total = arrays
    return Groups(offsets, before, size, relevant, total, n_candidates, depth, *graded, near_ties)
