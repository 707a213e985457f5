"""Compiled: the tied groups of a whole ranking, from scores sorted without their indices.

Sorting bare float32 numbers is several times faster than sorting with an index. Relevant candidates and the others are
sorted apart, and merging the two tells where each relevant one stands; only the top, where rounding could decide a
figure, is looked at candidate by candidate.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ficoitr.metrics.relevant import fill_gains
from ficoitr.metrics.sorting import emit_groups


@njit(nogil=True, cache=True)
def partition_scores(scores, rows, relevance):  # type: ignore[no-untyped-def]
    """Copy the scores of every query, those of relevant candidates first; also return how many there are."""
    query_labels, candidate_labels, offsets, positives = relevance
    n = scores.shape[1]
    gain = np.empty(n, np.uint8)
    parted = np.empty((len(rows), n), scores.dtype)
    total = np.zeros(len(rows), np.int64)
    for q in range(len(rows)):
        found = fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
        total[q] = found
        row = scores[rows[q]]
        out = parted[q]
        # Both ends are written without a branch; one of the two writes is overwritten by the next candidate.
        hits = 0
        for c in range(n):
            misses = found + c - hits
            relevant = gain[c] > 0
            out[hits if relevant else misses] = row[c]
            hits += relevant
    return parted, total


@njit(nogil=True, cache=True)
def merge_sorted(scores, rows, relevance, parted, total, exact, depth):  # type: ignore[no-untyped-def]
    """Write the groups of rows whose relevant and other scores are each sorted in ascending order."""
    query_labels, candidate_labels, offsets, positives = relevance
    absolute, relative = exact[4], exact[5]
    n_queries, n = parted.shape
    gain = np.empty(n, np.uint8)
    none = np.empty(0, np.uint8)
    group_offsets = np.zeros(n_queries + 1, np.int64)
    capacity = total.sum()
    before = np.empty(capacity, np.int32)
    size = np.empty(capacity, np.int32)
    relevant = np.empty(capacity, np.int32)
    n_groups = near = 0
    for q in range(n_queries):
        hits = total[q]
        group_offsets[q + 1] = n_groups
        if hits == 0:
            continue
        own = parted[q, :hits]
        others = parted[q, hits:]
        i = hits - 1
        j = n - hits - 1
        if depth > 0 and (absolute[q] > 0 or relative > 0):
            # The top is settled by canonical scores: candidates down to the end of the chain that reaches `depth`.
            top, lowest = _top(own, others, absolute[q], relative, depth)
            fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
            keys, index = _candidates_from(scores[rows[q]], lowest, top)
            n_groups, _, unsettled = emit_groups(
                keys, index, gain, q, exact, depth, False, False, before, size, relevant, none, n_groups, 0
            )
            near += unsettled
            while i >= 0 and own[i] >= lowest:
                i -= 1
            while j >= 0 and others[j] >= lowest:
                j -= 1
        limit = absolute[q]
        while i >= 0:
            score = own[i]
            while j >= 0 and others[j] > score:
                j -= 1
            a = (hits - 1 - i) + (n - hits - 1 - j)
            stop = i - 1
            while stop >= 0 and own[stop] == score:
                stop -= 1
            tied = j
            while tied >= 0 and others[tied] == score:
                tied -= 1
            near += j >= 0 and others[j] != score and score - others[j] <= limit + relative * abs(score)
            before[n_groups] = a
            size[n_groups] = (i - stop) + (j - tied)
            relevant[n_groups] = i - stop
            n_groups += 1
            i = stop
            j = tied
        group_offsets[q + 1] = n_groups
    return group_offsets, before[:n_groups], size[:n_groups], relevant[:n_groups], total, near


@njit(nogil=True, cache=True)
def _top(own, others, absolute, relative, depth):  # type: ignore[no-untyped-def]
    """How many candidates stand above the first gap below ``depth``, and the score of the last of them."""
    i = len(own) - 1
    j = len(others) - 1
    place = 0
    last = own[i] if j < 0 or own[i] >= others[j] else others[j]
    while i >= 0 or j >= 0:
        if j < 0 or (i >= 0 and own[i] >= others[j]):
            score = own[i]
            i -= 1
        else:
            score = others[j]
            j -= 1
        if place >= depth and last - score > absolute + relative * abs(last):
            return place, last
        last = score
        place += 1
    return place, last


@njit(nogil=True, cache=True)
def _candidates_from(row, lowest, count):  # type: ignore[no-untyped-def]
    """Scores and indices of the candidates that reach ``lowest``, best first."""
    keys = np.empty(count, row.dtype)
    index = np.empty(count, np.int32)
    place = 0
    for c in range(len(row)):
        if row[c] >= lowest:
            keys[place] = row[c]
            index[place] = c
            place += 1
    order = np.argsort(-keys, kind="mergesort")
    return keys[order], index[order]
