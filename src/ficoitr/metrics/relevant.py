"""Compiled: gains of candidates, and their scores computed again, exactly the same way everywhere."""

from __future__ import annotations

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.bits import popcount


@kernel
def canonical_scores(queries, candidates, scale, q, chosen):  # type: ignore[no-untyped-def]
    """Canonical scores of query q and the chosen candidates, see `ficoitr.metrics.ranking.Rescoring`."""
    if len(scale) == 0:
        return _minus_squared_distances(queries, candidates, q, chosen)
    result = _products(queries, candidates, q, chosen)
    for i in range(len(chosen)):
        result[i] *= scale[chosen[i]]
    return result


@kernel
def _minus_squared_distances(queries, candidates, q, chosen):  # type: ignore[no-untyped-def]
    result = np.zeros(len(chosen))
    for i in range(len(chosen)):
        for k in range(queries.shape[1]):
            difference = np.float64(queries[q, k]) - np.float64(candidates[chosen[i], k])
            result[i] -= difference * difference
    return result


@kernel
def _products(queries, candidates, q, chosen):  # type: ignore[no-untyped-def]
    """Inner products summed in index order; four at a time hide the latency of the sums."""
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
    return result


@kernel
def fill_gains(q, query_labels, candidate_labels, offsets, positives, gain):  # type: ignore[no-untyped-def]
    """Fill in the number of shared labels (or 1 for listed positives); return how many are not 0."""
    found = 0
    if len(query_labels):
        gain[:] = 0
        for w in range(query_labels.shape[1]):
            own = query_labels[q, w]
            words = candidate_labels[w]
            for c in range(len(gain)):
                # Beyond 255 shared labels the gain stays there instead of wrapping to 0.
                gain[c] = min(gain[c] + popcount(own & words[c]), np.uint64(255))
        for c in range(len(gain)):
            found += gain[c] > 0
        return found
    gain[:] = 0
    for entry in range(offsets[q], offsets[q + 1]):
        gain[positives[entry]] = 1
    return offsets[q + 1] - offsets[q]


@kernel
def fill_shared(labels, candidate_labels, shared):  # type: ignore[no-untyped-def]
    """Fill in whether candidates share a label with the query that has these."""
    shared[:] = 0
    for w in range(len(labels)):
        own = labels[w]
        if own == 0:
            continue
        words = candidate_labels[w]
        for c in range(len(shared)):
            shared[c] |= np.uint8((own & words[c]) != 0)


@kernel
def fill_listed(positives, shared):  # type: ignore[no-untyped-def]
    """Fill in whether candidates are among the listed positives."""
    shared[:] = 0
    for c in positives:
        shared[c] = 1


@kernel
def is_relevant(q, c, relevance):  # type: ignore[no-untyped-def]
    """Whether candidate c is relevant for query q."""
    query_labels, candidate_labels, offsets, positives = relevance
    found = False
    if len(query_labels) > 0:
        for w in range(query_labels.shape[1]):
            found |= query_labels[q, w] & candidate_labels[w, c] != 0
    else:
        own = positives[offsets[q] : offsets[q + 1]]
        place = np.searchsorted(own, c)
        found = place < len(own) and own[place] == c
    return found
