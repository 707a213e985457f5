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
from numba import njit

from ficoitr.metrics.bits import popcount
from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]
_EMPTY = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Rescoring:
    """How to compute single scores again, exactly the same way wherever and whenever it is done.

    The canonical score of query q and candidate c is ``scale[c] * (queries[q] · candidates[c]) - shift[c]``, the
    product summed in index order in float64.

    Parameters
    ----------
    queries, candidates : float32 or float64 arrays of shape (n_queries, d), (n_candidates, d)
        The vectors as the user gave them.
    scale, shift : float64 arrays of shape (n_candidates,)
        What turns the product into the measure.
    absolute : array of shape (n_queries,), of the dtype of the scores
    relative : float
        Scores of a query that differ by no more than ``absolute + relative * |score|`` may stand in either order.
    depth : int
        Ranks below this are left as they are when the whole order is asked for.
    """

    queries: Array
    candidates: Array
    scale: Array
    shift: Array
    absolute: Array
    relative: float
    depth: int

    @property
    def arrays(self) -> tuple[Any, ...]:
        """All but the depth, as the kernels take them."""
        return self.queries, self.candidates, self.scale, self.shift, self.absolute, self.relative


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
        """All fields, as the kernels take them."""
        return self.query_labels, self.candidate_labels, self.offsets, self.positives


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
    if graded or ties_by_index or exact.depth >= n or scores.dtype != np.float32:
        *groups, near, gains, ideal = _order(
            scores, rows, relevance.arrays, exact.arrays, exact.depth, graded, ties_by_index
        )
        return Groups(*groups, n, n, gains if graded else None, ideal if graded else None, near)
    parted, total = _partition(scores, rows, relevance.arrays)
    for row, hits in zip(parted, total, strict=True):
        # NumPy sorts plain float32 several times faster than any sort that carries an index along.
        row[:hits].sort()
        row[hits:].sort()
    *groups, near = _merge(scores, rows, relevance.arrays, parted, total, exact.arrays, exact.depth)
    return Groups(*groups, n, n, near_ties=near)


def counted_groups(
    scores: Array, rows: Array, relevance: Relevance, *, rescoring: Rescoring | None = None, ties_by_index: bool = False
) -> Groups:
    """Find the tied groups of listed positives by counting, without sorting; arguments as in `ordered_groups`."""
    exact = rescoring or _no_rescoring(len(rows), scores.dtype)
    groups = _count(scores, rows, relevance.offsets, relevance.positives, exact.arrays, ties_by_index)
    n = scores.shape[1]
    return Groups(*groups, np.diff(relevance.offsets), n, n)


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
    *groups, gains, ideal = _listed(
        offsets, candidates, scores, n_candidates, relevance.arrays, graded, ties_by_index
    )
    depth = int(np.diff(offsets).min())
    return Groups(*groups, n_candidates, depth, gains if graded else None, ideal if graded else None)


def _no_rescoring(n_queries: int, dtype: Any) -> Rescoring:
    none = np.zeros(0)
    return Rescoring(_EMPTY, _EMPTY, none, none, np.zeros(n_queries, dtype), 0.0, 0)


@njit(nogil=True, cache=True)
def _canonical(queries, candidates, scale, shift, q, chosen):  # type: ignore[no-untyped-def]
    """Canonical scores of query q and the chosen candidates; four at a time hide the latency of the sums."""
    result = np.empty(len(chosen))
    d = queries.shape[1]
    start = 0
    while start + 4 <= len(chosen):
        c0, c1, c2, c3 = chosen[start], chosen[start + 1], chosen[start + 2], chosen[start + 3]
        s0 = s1 = s2 = s3 = 0.0
        for k in range(d):
            value = np.float64(queries[q, k])
            s0 += value * candidates[c0, k]
            s1 += value * candidates[c1, k]
            s2 += value * candidates[c2, k]
            s3 += value * candidates[c3, k]
        result[start] = s0
        result[start + 1] = s1
        result[start + 2] = s2
        result[start + 3] = s3
        start += 4
    for i in range(start, len(chosen)):
        s0 = 0.0
        for k in range(d):
            s0 += np.float64(queries[q, k]) * candidates[chosen[i], k]
        result[i] = s0
    for i in range(len(chosen)):
        result[i] = scale[chosen[i]] * result[i] - shift[chosen[i]]
    return result


@njit(nogil=True, cache=True)
def _gains(q, query_labels, candidate_labels, offsets, positives, gain):  # type: ignore[no-untyped-def]
    """Fill in the number of shared labels (or 1 for listed positives); return how many are not 0."""
    found = 0
    if len(query_labels):
        if query_labels.shape[1] == 1:
            single = query_labels[q, 0]
            for c in range(len(gain)):
                gain[c] = popcount(single & candidate_labels[c, 0])
        else:
            for c in range(len(gain)):
                shared = np.uint64(0)
                for w in range(query_labels.shape[1]):
                    shared += popcount(query_labels[q, w] & candidate_labels[c, w])
                gain[c] = min(shared, np.uint64(255))
        for c in range(len(gain)):
            found += gain[c] > 0
        return found
    gain[:] = 0
    for entry in range(offsets[q], offsets[q + 1]):
        gain[positives[entry]] = 1
    return offsets[q + 1] - offsets[q]


@njit(nogil=True, cache=True)
def _sort_descending(row, bucket, head, keys, index):  # type: ignore[no-untyped-def]
    """Sort a row of scores into ``keys`` and ``index``, descending; equal scores keep the order of the index."""
    n = len(row)
    low = high = row[0]
    for c in range(n):
        low = min(low, row[c])
        high = max(high, row[c])
    last = len(head) - 2
    # Halves keep the range of float64 scores finite; the map to buckets never reverses an order.
    spread = np.float64(high) * 0.5 - np.float64(low) * 0.5
    scale = last / spread if spread > 0 else 0.0
    if not np.isfinite(scale):
        scale = 0.0
    head[:] = 0
    for c in range(n):
        place = int((np.float64(high) * 0.5 - np.float64(row[c]) * 0.5) * scale)
        bucket[c] = place
        head[place + 1] += 1
    for place in range(last + 1):
        head[place + 1] += head[place]
    for c in range(n):
        place = head[bucket[c]]
        head[bucket[c]] += 1
        keys[place] = row[c]
        index[place] = c
    start = 0
    for place in range(last + 1):
        stop = head[place]
        if stop - start > 32:
            order = np.argsort(-keys[start:stop], kind="mergesort")
            keys[start:stop] = keys[start:stop][order]
            index[start:stop] = index[start:stop][order]
        else:
            for i in range(start + 1, stop):
                key = keys[i]
                own = index[i]
                j = i
                while j > start and keys[j - 1] < key:
                    keys[j] = keys[j - 1]
                    index[j] = index[j - 1]
                    j -= 1
                keys[j] = key
                index[j] = own
        start = stop


@njit(nogil=True, cache=True)
def _emit(
    keys, index, gain, q, exact, depth, graded, ties_by_index, before, size, relevant, gains, n_groups, n_gains
):  # type: ignore[no-untyped-def]
    """Write the tied groups of sorted candidates, from the first to the last of ``keys``.

    Neighbours within the rounding bound form a chain; a chain that starts above ``depth`` and whose order matters is
    put into canonical order first.
    """
    queries, candidates, scale, shift, absolute, relative = exact
    n = len(keys)
    unsettled = 0
    p = 0
    while p < n:
        limit = absolute[q] + relative * abs(keys[p])
        hits = gain[index[p]] > 0
        e = p + 1
        while e < n and keys[e - 1] - keys[e] <= limit:
            hits += gain[index[e]] > 0
            e += 1
        if hits == 0:
            p = e
            continue
        if e - p == 1:
            before[n_groups] = p
            size[n_groups] = 1
            relevant[n_groups] = 1
            n_groups += 1
            if graded:
                gains[n_gains] = gain[index[p]]
                n_gains += 1
            p = e
            continue
        matters = graded or hits < e - p
        if limit > 0 and p < depth and matters:
            chain = np.sort(index[p:e])
            score = _canonical(queries, candidates, scale, shift, q, chain)
            order = np.argsort(-score, kind="mergesort")
            for i in range(e - p):
                index[p + i] = chain[order[i]]
            score = score[order]
        else:
            score = keys[p:e].astype(np.float64)
            if matters:
                for i in range(p + 1, e):
                    unsettled += keys[i - 1] != keys[i] and gain[index[i - 1]] != gain[index[i]]
        start = p
        while start < e:
            stop = start + 1
            while stop < e and score[stop - p] == score[start - p] and not ties_by_index:
                stop += 1
            hits = 0
            for i in range(start, stop):
                hits += gain[index[i]] > 0
            if hits > 0:
                before[n_groups] = start
                size[n_groups] = stop - start
                relevant[n_groups] = hits
                n_groups += 1
                if graded:
                    for i in range(start, stop):
                        if gain[index[i]] > 0:
                            gains[n_gains] = gain[index[i]]
                            n_gains += 1
                    gains[n_gains - hits : n_gains] = np.sort(gains[n_gains - hits : n_gains])[::-1]
            start = stop
        p = e
    return n_groups, n_gains, unsettled


@njit(nogil=True, cache=True)
def _order(scores, rows, relevance, exact, depth, graded, ties_by_index):  # type: ignore[no-untyped-def]
    """Sort every candidate of every query with its index, and write all groups."""
    query_labels, candidate_labels, offsets, positives = relevance
    n_queries = len(rows)
    n = scores.shape[1]
    gain = np.empty(n, np.uint8)
    bucket = np.empty(n, np.int32)
    head = np.empty(2 * n + 2, np.int32)
    keys = np.empty(n, scores.dtype)
    index = np.empty(n, np.int32)
    before = np.empty(1024, np.int32)
    size = np.empty(1024, np.int32)
    relevant = np.empty(1024, np.int32)
    gains = np.empty(1024, np.uint8)
    group_offsets = np.zeros(n_queries + 1, np.int64)
    total = np.zeros(n_queries, np.int64)
    ideal = np.zeros((n_queries, 256 if graded else 0), np.int64)
    n_groups = n_gains = near = 0
    for q in range(n_queries):
        found = _gains(q, query_labels, candidate_labels, offsets, positives, gain)
        total[q] = found
        before = _with_room(before, n_groups + found)
        size = _with_room(size, n_groups + found)
        relevant = _with_room(relevant, n_groups + found)
        if graded:
            gains = _with_room(gains, n_gains + found)
            for c in range(n):
                ideal[q, gain[c]] += 1
        if found > 0:
            _sort_descending(scores[rows[q]], bucket, head, keys, index)
            n_groups, n_gains, unsettled = _emit(
                keys, index, gain, q, exact, depth, graded, ties_by_index, before, size, relevant, gains, n_groups, n_gains
            )
            near += unsettled
        group_offsets[q + 1] = n_groups
    return (
        group_offsets,
        before[:n_groups],
        size[:n_groups],
        relevant[:n_groups],
        total,
        near,
        gains[:n_gains],
        ideal,
    )


@njit(nogil=True, cache=True)
def _partition(scores, rows, relevance):  # type: ignore[no-untyped-def]
    """Copy the scores of every query, those of relevant candidates first; also return how many there are."""
    query_labels, candidate_labels, offsets, positives = relevance
    n = scores.shape[1]
    gain = np.empty(n, np.uint8)
    parted = np.empty((len(rows), n), scores.dtype)
    total = np.zeros(len(rows), np.int64)
    for q in range(len(rows)):
        found = _gains(q, query_labels, candidate_labels, offsets, positives, gain)
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
def _merge(scores, rows, relevance, parted, total, exact, depth):  # type: ignore[no-untyped-def]
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
            _gains(q, query_labels, candidate_labels, offsets, positives, gain)
            keys, index = _candidates_from(scores[rows[q]], lowest, top)
            n_groups, _, unsettled = _emit(
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


@njit(nogil=True, cache=True)
def _with_room(array, needed):  # type: ignore[no-untyped-def]
    if needed <= len(array):
        return array
    larger = np.empty(2 * needed, array.dtype)
    larger[: len(array)] = array
    return larger
@njit(nogil=True, cache=True)
def _count(scores, rows, offsets, positives, exact, ties_by_index):  # type: ignore[no-untyped-def]
    queries, candidates, scale, shift, absolute, relative = exact
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
            # Stored in the dtype of the scores, so that the loop compares without conversions.
            edges[0] = row[positive] - limit
            edges[1] = row[positive] + limit
            low = edges[0]
            high = edges[1]
            higher = 0
            reached = 0
            for c in range(n):
                higher += row[c] > high
                reached += row[c] >= low
            close = reached - higher
            if close > 1 and (limit > 0 or ties_by_index):
                chosen = np.empty(close, np.int64)
                place = 0
                for c in range(n):
                    if row[c] >= low and not row[c] > high:
                        chosen[place] = c
                        place += 1
                if limit > 0:
                    score = _canonical(queries, candidates, scale, shift, q, chosen)
                else:
                    score = np.zeros(close)
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


@njit(nogil=True, cache=True)
def _listed(list_offsets, candidates, scores, n_candidates, relevance, graded, ties_by_index):  # type: ignore[no-untyped-def]
    query_labels, candidate_labels, offsets, positives = relevance
    exact = (
        np.zeros((0, 0), np.float32),
        np.zeros((0, 0), np.float32),
        np.zeros(0),
        np.zeros(0),
        np.zeros(1, scores.dtype),
        0.0,
    )
    n_queries = len(list_offsets) - 1
    gain = np.empty(n_candidates, np.uint8)
    group_offsets = np.zeros(n_queries + 1, np.int64)
    total = np.zeros(n_queries, np.int64)
    ideal = np.zeros((n_queries, 256 if graded else 0), np.int64)
    before = np.empty(len(scores), np.int32)
    size = np.empty(len(scores), np.int32)
    relevant = np.empty(len(scores), np.int32)
    gains = np.empty(len(scores) if graded else 0, np.uint8)
    n_groups = n_gains = 0
    for q in range(n_queries):
        total[q] = _gains(q, query_labels, candidate_labels, offsets, positives, gain)
        if graded:
            for c in range(n_candidates):
                ideal[q, gain[c]] += 1
        own = np.argsort(candidates[list_offsets[q] : list_offsets[q + 1]]) + list_offsets[q]
        order = own[np.argsort(-scores[own], kind="mergesort")]
        index = candidates[order].astype(np.int32)
        n_groups, n_gains, _ = _emit(
            scores[order], index, gain, 0, exact, 0, graded, ties_by_index, before, size, relevant, gains, n_groups, n_gains
        )
        group_offsets[q + 1] = n_groups
    return (
        group_offsets,
        before[:n_groups],
        size[:n_groups],
        relevant[:n_groups],
        total,
        gains[:n_gains],
        ideal,
    )
