"""Compiled: scores that carry relevance in their last bit, so that one sort of bare numbers ranks and tells it.

Sorting bare 32-bit numbers is several times faster than sorting with an index. The last bit of a computed float32 score
is rounding noise, far below the bound on its error, so that it can carry relevance instead. What is sorted are *marked*
scores: minus the score, so that the best comes first, its last bit being relevance.

The loops here are written so that the compiler makes wide ones of them: each does one thing, counts from 0 and does not
branch on data.
"""

from __future__ import annotations

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.bits import float32_from_bits
from ficoitr.metrics.relevant import fill_listed, fill_shared

RELEVANT = np.int32(1)
SIGN = np.int32(-(2**31))
_SCORE = np.int32(~1)
# Rankings up to this length are settled whole, and none beyond the second.
_SHORT = 1024
_LONG = 65_536
# A typical rounding error as a share of the bound, and the least it can be, some units in the last place.
_TYPICAL = np.float32(1 / 256)
_LAST_PLACES = np.float32(4 * np.finfo(np.float32).eps)
_AMPLE = np.float32(32)


@kernel
def value_of(bits):  # type: ignore[no-untyped-def]
    """Minus the score that a marked score stands for; both zeros are one score."""
    return float32_from_bits(bits & _SCORE)


@kernel
def mark_scores(scores, rows, relevance, marked):  # type: ignore[no-untyped-def]
    """Write marked scores, one row a query, and return how many candidates are relevant for each."""
    query_labels, candidate_labels, offsets, positives = relevance
    n_queries, n = marked.shape
    total = np.zeros(n_queries, np.int64)
    shared = np.empty(n, np.uint8)
    for q in range(n_queries):
        if len(query_labels):
            fill_shared(query_labels[q], candidate_labels, shared)
        else:
            fill_listed(positives[offsets[q] : offsets[q + 1]], shared)
        score = scores[rows[q]].view(np.int32)
        bits = marked[q].view(np.int32)
        found = np.int32(0)
        for c in range(n):
            bits[c] = ((score[c] ^ SIGN) & _SCORE) | np.int32(shared[c])
            found = np.int32(found + shared[c])
        total[q] = found
    return total


@kernel
def survey(bits, absolute, relative, repeats):  # type: ignore[no-untyped-def]
    """Whether a ranking is patterned, and how many near-ties it has.

    Patterned is one in which many scores of different candidates are equal, or would be but for rounding, as those of
    counts or of pixels are. Scores that vary freely have few neighbours within a typical error and many within 32
    times that; where the first are almost as many as the second, the whole ranking is settled. Repeated candidates,
    which tie with their first, count for nothing, and neither do scores of 0 that are sums of nothing but 0.
    """
    fixed = _TYPICAL * absolute
    growing = max(_TYPICAL * relative, _LAST_PLACES)
    ample_fixed = _AMPLE * fixed
    ample_growing = _AMPLE * growing
    typical = ample = near = np.int32(0)
    for p in range(1, len(bits)):
        last = value_of(bits[p - 1])
        gap = value_of(bits[p]) - last
        size = abs(last)
        limit = absolute + relative * size
        rounds = limit > 0
        typical = np.int32(typical + (rounds & (gap <= fixed + growing * size)))
        ample = np.int32(ample + (rounds & (gap <= ample_fixed + ample_growing * size)))
        close = (gap > 0) & (gap <= limit)
        near = np.int32(near + (((bits[p] ^ bits[p - 1]) & RELEVANT) & np.int32(close)))
    n = len(bits)
    return n <= _SHORT or (n <= _LONG and 4 * (typical - repeats) > ample - repeats), near


@kernel
def is_close(bits, p, absolute, relative):  # type: ignore[no-untyped-def]
    """Whether rounding could turn the order of the candidates at p - 1 and p."""
    last = value_of(bits[p - 1])
    return value_of(bits[p]) - last <= absolute + relative * abs(last)


@kernel
def near_ties(bits, absolute, relative):  # type: ignore[no-untyped-def]
    """Neighbours of different relevance whose order rounding could turn."""
    near = np.int32(0)
    for p in range(1, len(bits)):
        last = value_of(bits[p - 1])
        gap = value_of(bits[p]) - last
        close = (gap > 0) & (gap <= absolute + relative * abs(last))
        near = np.int32(near + (((bits[p] ^ bits[p - 1]) & RELEVANT) & np.int32(close)))
    return near


@kernel
def top_of(bits, absolute, relative, depth):  # type: ignore[no-untyped-def]
    """How many candidates must be ranked exactly: down to the first gap below ``depth`` that rounding cannot bridge.

    None, if no two neighbours among them differ in relevance and stand closer than that.
    """
    matters = False
    stop = len(bits)
    for p in range(1, len(bits)):
        close = is_close(bits, p, absolute, relative)
        if p >= depth and not close:
            stop = p
            break
        matters |= close and (bits[p - 1] ^ bits[p]) & RELEVANT != 0
    return stop if matters and depth > 0 else 0
