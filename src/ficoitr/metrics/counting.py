"""Compiled: the tied groups of a few positives, by counting what scores higher."""

from __future__ import annotations

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.relevant import canonical_scores

_WIDER = 1.25


@kernel
def count_positives(scores, rows, offsets, positives, exact, ties_by_index, marked):  # type: ignore[no-untyped-def]
    """Write the groups of listed positives; a positive closer to others than rounding is compared exactly.

    Where the same queries have been ranked already, ``marked`` holds their sorted marked scores
    (``ficoitr.metrics.marks``), and looking up takes the place of counting.
    """
    queries, candidates, scale, absolute, relative = exact
    n_queries = len(rows)
    n = scores.shape[1]
    group_offsets = np.zeros(n_queries + 1, np.int64)
    before = np.empty(len(positives), np.int32)
    size = np.empty(len(positives), np.int32)
    relevant = np.empty(len(positives), np.int32)
    n_groups = 0
    edges = np.empty(2, scores.dtype)
    for q in range(n_queries):
        row = scores[rows[q]]
        own = positives[offsets[q] : offsets[q + 1]]
        places = np.empty(len(own), np.int64)
        tied = np.empty(len(own), np.int64)
        for i in range(len(own)):
            positive = own[i]
            limit = absolute[q] + relative * abs(row[positive])
            higher, close = _alone_in_order(marked, q, row[positive], limit)
            if close != 1:
                # Stored in the dtype of the scores, so that the loop compares without conversions.
                edges[0] = row[positive] - limit
                edges[1] = row[positive] + limit
                low = edges[0]
                high = edges[1]
                higher, close = _count_between(row, low, high)
            if close > 1 and (limit > 0 or ties_by_index):
                chosen = np.empty(close, np.int64)
                place = 0
                for c in range(n):
                    if row[c] >= low and not row[c] > high:
                        chosen[place] = c
                        place += 1
                score = canonical_scores(queries, candidates, scale, q, chosen) if limit > 0 else np.zeros(close)
                mine = score[np.searchsorted(chosen, positive)]
                close = 0
                for j in range(len(chosen)):
                    if score[j] > mine or (ties_by_index and score[j] == mine and chosen[j] < positive):
                        higher += 1
                    elif score[j] == mine:
                        close += 1
                if ties_by_index:
                    close = 1
            places[i] = higher
            tied[i] = close
        order = np.argsort(places, kind="mergesort")
        for i in order:
            if n_groups > group_offsets[q] and before[n_groups - 1] == places[i]:
                relevant[n_groups - 1] += 1
                continue
            before[n_groups] = places[i]
            size[n_groups] = tied[i]
            relevant[n_groups] = 1
            n_groups += 1
        group_offsets[q + 1] = n_groups
    return group_offsets, before[:n_groups], size[:n_groups], relevant[:n_groups]


@kernel
def _count_between(row, low, high):  # type: ignore[no-untyped-def]
    """How many scores are higher, and how many are between."""
    higher = reached = np.int32(0)
    for c in range(len(row)):
        # Kept to 32 bits, so that as many are counted at a time as are compared.
        higher = np.int32(higher + (row[c] > high))
        reached = np.int32(reached + (row[c] >= low))
    return np.int64(higher), np.int64(reached - higher)


@kernel
def _alone_in_order(marked, q, score, limit):  # type: ignore[no-untyped-def]
    """How many marked scores are higher, and how many are closer than rounding, which decides only if it is one.

    The last bit of a marked score is not its own; the bound on rounding is several times that, and a bound wider by a
    quarter counts no candidate as farther than it is.
    """
    if len(marked) == 0 or limit == 0:
        return np.int64(0), np.int64(0)
    higher = np.searchsorted(marked[q], -(score + _WIDER * limit))
    reached = np.searchsorted(marked[q], -(score - _WIDER * limit), side="right")
    return higher, reached - higher
