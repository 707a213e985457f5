"""Compiled: the tied groups of a whole ranking, by sorting candidates with their indices."""

from __future__ import annotations

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.relevant import canonical_scores, fill_gains


@kernel
def sort_descending(row, bucket, head, keys, index):  # type: ignore[no-untyped-def]
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


@kernel
def emit_groups(  # type: ignore[no-untyped-def]
    keys,
    index,
    gain,
    q,
    exact,
    depth,
    graded,
    ties_by_index,
    before,
    size,
    relevant,
    gains,
    n_groups,
    n_gains,
):
    """Write the tied groups of sorted candidates, from the first to the last of ``keys``.

    Neighbours within the rounding bound form a chain; a chain that starts above ``depth`` and whose order matters is
    put into canonical order first.
    """
    queries, candidates, scale, absolute, relative = exact
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
        # Where the whole ranking is settled, even the order of relevant candidates among themselves is: figures are
        # then equal to the last bit.
        matters = graded or hits < e - p or depth >= n
        if limit > 0 and p < depth and matters:
            chain = np.sort(index[p:e])
            score = canonical_scores(queries, candidates, scale, q, chain)
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


@kernel
def order_candidates(scores, rows, relevance, exact, depth, graded, ties_by_index):  # type: ignore[no-untyped-def]
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
        found = fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
        total[q] = found
        before = _with_room(before, n_groups + found)
        size = _with_room(size, n_groups + found)
        relevant = _with_room(relevant, n_groups + found)
        if graded:
            gains = _with_room(gains, n_gains + found)
            for c in range(n):
                ideal[q, gain[c]] += 1
        if found > 0:
            sort_descending(scores[rows[q]], bucket, head, keys, index)
            n_groups, n_gains, unsettled = emit_groups(
                keys,
                index,
                gain,
                q,
                exact,
                depth,
                graded,
                ties_by_index,
                before,
                size,
                relevant,
                gains,
                n_groups,
                n_gains,
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


@kernel
def group_lists(list_offsets, candidates, scores, n_candidates, relevance, graded, ties_by_index):  # type: ignore[no-untyped-def]
    """Write the groups of ranked lists; relevant candidates that are not listed only count in the total."""
    query_labels, candidate_labels, offsets, positives = relevance
    exact = (
        np.zeros((0, 0), np.float32),
        np.zeros((0, 0), np.float32),
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
        total[q] = fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
        if graded:
            for c in range(n_candidates):
                ideal[q, gain[c]] += 1
        own = np.argsort(candidates[list_offsets[q] : list_offsets[q + 1]]) + list_offsets[q]
        order = own[np.argsort(-scores[own], kind="mergesort")]
        index = candidates[order].astype(np.int32)
        n_groups, n_gains, _ = emit_groups(
            scores[order],
            index,
            gain,
            0,
            exact,
            0,
            graded,
            ties_by_index,
            before,
            size,
            relevant,
            gains,
            n_groups,
            n_gains,
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


@kernel
def _with_room(array, needed):  # type: ignore[no-untyped-def]
    if needed <= len(array):
        return array
    larger = np.empty(2 * needed, array.dtype)
    larger[: len(array)] = array
    return larger
