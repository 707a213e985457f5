"""Compiled: the tied groups of a whole ranking of computed float32 scores, sorted without their indices.

Sorting bare 32-bit numbers is several times faster than sorting with an index. The last bit of a computed float32 score
is rounding noise, far below the bound on its error, so that it can carry relevance instead: one sort of integers then
holds all that the groups need. Only the top, where rounding could decide a figure, is looked at candidate by candidate.
"""

from __future__ import annotations

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.relevant import fill_gains
from ficoitr.metrics.sorting import emit_groups

_RELEVANT = np.int32(1)
_SCORE = np.int32(~1)
_NOT_SIGN = np.int32(0x7FFFFFFF)
_MINUS_ZERO = np.int32(-(2**31))
# Rankings up to this length are settled whole, and none beyond the second.
_SHORT = 1024
_LONG = 65_536
# A typical rounding error as a share of the bound, and the least it can be, some units in the last place.
_TYPICAL = np.float32(1 / 256)
_LAST_PLACES = np.float32(4 * np.finfo(np.float32).eps)
_AMPLE = np.float32(32)


@kernel
def build_keys(scores, rows, relevance):  # type: ignore[no-untyped-def]
    """Keys that sort as the scores do, with relevance in the last bit; gains; and how many are relevant."""
    query_labels, candidate_labels, offsets, positives = relevance
    n = scores.shape[1]
    keys = np.empty((len(rows), n), np.int32)
    gains = np.empty((len(rows), n), np.uint8)
    total = np.zeros(len(rows), np.int64)
    for q in range(len(rows)):
        gain = gains[q]
        total[q] = fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
        bits = scores[rows[q]].view(np.int32)
        key = keys[q]
        for c in range(n):
            # Negative floats sort backwards as integers: their magnitude bits are turned over. -0.0 is 0.0.
            raw = np.int32(0) if bits[c] == _MINUS_ZERO else bits[c]
            ordered = raw ^ ((raw >> np.int32(31)) & _NOT_SIGN)
            key[c] = (ordered & _SCORE) | np.int32(gain[c] > 0)
    return keys, gains, total


@kernel
def group_keys(keys, gains, total, scores, rows, exact, depth):  # type: ignore[no-untyped-def]
    """Write the groups of keys that are sorted in ascending order, row by row."""
    absolute, relative = exact[3], exact[4]
    n_queries, n = keys.shape
    none = np.empty(0, np.uint8)
    group_offsets = np.zeros(n_queries + 1, np.int64)
    # One entry more than can be needed, since the loop writes before it knows whether to keep.
    before = np.empty(total.sum() + 1, np.int32)
    size = np.empty(total.sum() + 1, np.int32)
    relevant = np.empty(total.sum() + 1, np.int32)
    key = np.empty(n, np.int32)
    ordered = np.empty(n, np.int32)
    values = np.empty(n, np.float32)
    n_groups = near = 0
    for q in range(n_queries):
        group_offsets[q + 1] = n_groups
        if total[q] == 0:
            continue
        _decode(keys[q], key, ordered, values)
        settled = n if _is_patterned(values, absolute[q], relative) else depth
        p = _top(key, values, absolute[q], relative, settled)
        if p > 0:
            own, index = _candidates_from(scores[rows[q]], values[p - 1], p)
            n_groups, _, unsettled = emit_groups(
                own, index, gains[q], q, exact, settled, False, False, before, size, relevant, none, n_groups, 0
            )
            near += unsettled
        # Views that begin at the rest let the loops count from 0, which is what the compiler turns into wide ones.
        near += _near(key[p:], values[p:], absolute[q], relative)
        n_groups = _write_groups(key[p:], ordered[p:], p, before, size, relevant, n_groups)
        group_offsets[q + 1] = n_groups
    return group_offsets, before[:n_groups], size[:n_groups], relevant[:n_groups], total, near


@kernel
def _decode(ascending, key, ordered, values):  # type: ignore[no-untyped-def]
    """Turn ascending keys into descending ones, the same without relevance, and the scores they stand for."""
    bits = values.view(np.int32)
    n = len(ascending)
    for p in range(n):
        key[p] = ascending[n - 1 - p]
        ordered[p] = key[p] & _SCORE
        bits[p] = ordered[p] ^ ((ordered[p] >> np.int32(31)) & _NOT_SIGN)


@kernel
def _write_groups(key, ordered, start, before, size, relevant, n_groups):  # type: ignore[no-untyped-def]
    """Write the groups from rank ``start`` on; every group is written, and kept if it holds a relevant candidate."""
    if len(key) == 0:
        return n_groups
    first = 0
    hits = np.int32(0)
    last = ordered[0]
    for p in range(len(key)):
        if ordered[p] != last:
            before[n_groups] = start + first
            size[n_groups] = p - first
            relevant[n_groups] = hits
            n_groups += hits > 0
            first = p
            hits = np.int32(0)
            last = ordered[p]
        hits += key[p] & _RELEVANT
    before[n_groups] = start + first
    size[n_groups] = len(key) - first
    relevant[n_groups] = hits
    return n_groups + (hits > 0)


@kernel
def _is_patterned(values, absolute, relative):  # type: ignore[no-untyped-def]
    """Whether many scores that ought to be equal differ by rounding alone, as those of counts or of pixels do.

    Scores that vary freely have few neighbours within a typical error and many within 32 times that; where the first
    are almost as many as the second, they are equal but for rounding, and the whole ranking is settled exactly.
    """
    n = len(values)
    if n <= _SHORT or n > _LONG:
        return n <= _SHORT
    fixed = _TYPICAL * absolute
    growing = max(_TYPICAL * np.float32(relative), _LAST_PLACES)
    typical = _close(values, fixed, growing)
    ample = _close(values, _AMPLE * fixed, _AMPLE * growing)
    return 4 * typical > ample


@kernel
def _close(values, absolute, relative):  # type: ignore[no-untyped-def]
    """How many neighbours differ, and by no more than this."""
    count = 0
    for p in range(1, len(values)):
        gap = values[p - 1] - values[p]
        count += (gap > 0) & (gap <= absolute + relative * abs(values[p - 1]))
    return count


@kernel
def _top(key, values, absolute, relative, depth):  # type: ignore[no-untyped-def]
    """How many candidates must be ranked exactly: down to the first gap below ``depth`` that rounding cannot bridge.

    None, if no two neighbours among them differ in relevance and stand closer than that.
    """
    matters = False
    stop = len(values)
    for p in range(1, len(values)):
        close = values[p - 1] - values[p] <= absolute + np.float32(relative) * abs(values[p - 1])
        if p >= depth and not close:
            stop = p
            break
        matters |= close and (key[p - 1] ^ key[p]) & _RELEVANT != 0
    return stop if matters and depth > 0 else 0


@kernel
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


@kernel
def _near(key, values, absolute, relative):  # type: ignore[no-untyped-def]
    """Neighbours of different relevance whose order rounding could turn."""
    count = 0
    for p in range(1, len(values)):
        gap = values[p - 1] - values[p]
        close = gap <= absolute + np.float32(relative) * abs(values[p - 1])
        count += ((key[p - 1] ^ key[p]) & _RELEVANT) * np.int32(close) * np.int32(gap > 0)
    return count
