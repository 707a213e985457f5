"""Compiled: the tied groups of a whole ranking of computed float32 scores, from marked scores that are sorted.

Marked scores (``ficoitr.metrics.marks``) hold all that the groups need. Only the top, where rounding could decide a
figure, is looked at candidate by candidate.
"""

from __future__ import annotations

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.marks import RELEVANT, SIGN, is_close, near_ties, survey, top_of, value_of
from ficoitr.metrics.relevant import canonical_scores, is_relevant
from ficoitr.metrics.sorting import sort_descending

# Neighbours that are looked at together for a tie.
_RUN = 64
# So many candidates are looked through for each few that are wanted; more are sorted first.
_SCANNED = 512


@kernel
def group_marked(marked, total, scores, rows, relevance, exact, depth, repeats, out):  # type: ignore[no-untyped-def]
    """Write the groups of marked scores that are sorted row by row.

    ``out`` is ``before``, ``tied``, ``tied_size`` and ``tied_relevant`` of `Groups`; returned are its offsets, the
    number of groups that are tied, and the near-ties left open.
    """
    absolute, relative = exact[3], np.float32(exact[4])
    n_queries, n = marked.shape
    offsets = np.zeros(n_queries + 1, np.int64)
    found = np.zeros((n + _RUN - 1) // _RUN * _RUN, np.uint8)
    reached = np.empty(n + 1, np.int32)
    n_groups = n_tied = near = 0
    for q in range(n_queries):
        if total[q] > 0:
            bits = marked[q].view(np.int32)
            patterned, unsettled = survey(bits, absolute[q], relative, repeats)
            near += unsettled
            top = top_of(bits, absolute[q], relative, n if patterned else depth)
            if top > 0:
                near -= near_ties(bits[:top], absolute[q], relative)
                row = scores[rows[q]]
                _find_reached(row, bits[top - 1], found, reached)
                n_groups, n_tied = _write_settled(
                    bits[:top], reached[:top], row, q, relevance, exact, out, n_groups, n_tied
                )
            n_groups, n_tied = _write_groups(bits[top:], top, out, n_groups, n_tied)
        offsets[q + 1] = n_groups
    return offsets, n_tied, near


@kernel
def _find_reached(row, last, found, reached):  # type: ignore[no-untyped-def]
    """Write the indices of the candidates that rank no lower than a marked score."""
    score = row.view(np.int32)
    limit = value_of(last)
    for c in range(len(score)):
        found[c] = value_of(score[c] ^ SIGN) <= limit
    place = np.uint64(0)
    words = found.view(np.uint64)
    for start in range(0, len(found), _RUN):
        # Few are found, and most runs are passed over.
        any_found = np.uint64(0)
        for w in range(start // 8, (start + _RUN) // 8):
            any_found |= words[w]
        if any_found != 0:
            for c in range(start, start + _RUN):
                reached[place] = c
                place += np.uint64(found[c])


@kernel
def _write_settled(bits, reached, row, q, relevance, exact, out, n_groups, n_tied):  # type: ignore[no-untyped-def]
    """Write the groups of the top of a ranking, the order of which is settled where rounding could decide a figure.

    Neighbours within the rounding bound form a chain. The candidates of a chain that holds both kinds are put into the
    order of their canonical scores; the order of others among themselves decides no figure.
    """
    absolute, relative = exact[3], np.float32(exact[4])
    in_order = len(reached) > _SCANNED
    if in_order:
        reached = _order_of(row)[: len(reached)]
    first = written = 0
    while first < len(bits):
        hits = bits[first] & RELEVANT
        stop = first + 1
        while stop < len(bits) and is_close(bits, stop, absolute[q], relative):
            hits += bits[stop] & RELEVANT
            stop += 1
        # Scores of 0 that are sums of nothing but 0 are exact, and stay tied.
        rounds = absolute[q] + relative * abs(value_of(bits[first])) > 0
        if rounds and 0 < hits < stop - first:
            n_groups, n_tied = _write_groups(bits[written:first], written, out, n_groups, n_tied)
            if in_order:
                chain = reached[first:stop]
            else:
                chain = _between(row, reached, bits[first], bits[stop - 1], stop - first)
            n_groups, n_tied = _write_canonical(chain, first, q, relevance, exact, out, n_groups, n_tied)
            written = stop
        first = stop
    return _write_groups(bits[written:], written, out, n_groups, n_tied)


@kernel
def _order_of(row):  # type: ignore[no-untyped-def]
    n = len(row)
    index = np.empty(n, np.int32)
    sort_descending(row, np.empty(n, np.int32), np.empty(2 * n + 2, np.int32), np.empty(n, row.dtype), index)
    return index


@kernel
def _between(row, chosen, first, last, count):  # type: ignore[no-untyped-def]
    """Which ``count`` of the chosen candidates rank from one marked score to another."""
    score = row.view(np.int32)
    low, high = value_of(first), value_of(last)
    result = np.empty(count, np.int32)
    place = 0
    for c in chosen:
        if low <= value_of(score[c] ^ SIGN) <= high:
            result[place] = c
            place += 1
    return result


@kernel
def _write_canonical(chain, rank, q, relevance, exact, out, n_groups, n_tied):  # type: ignore[no-untyped-def]
    """Write the groups of candidates in the order of their canonical scores."""
    queries, candidates, scale = exact[:3]
    score = canonical_scores(queries, candidates, scale, q, chain)
    order = np.arange(len(chain)) if score.min() == score.max() else np.argsort(-score)
    first = 0
    while first < len(chain):
        hits = np.int32(0)
        stop = first
        while stop < len(chain) and score[order[stop]] == score[order[first]]:
            hits += is_relevant(q, chain[order[stop]], relevance)
            stop += 1
        n_groups, n_tied = _write_group(rank + first, stop - first, hits, out, n_groups, n_tied)
        first = stop
    return n_groups, n_tied


@kernel
def _write_group(rank, n, hits, out, n_groups, n_tied):  # type: ignore[no-untyped-def]
    before, tied, tied_size, tied_relevant = out
    if hits == 0:
        return n_groups, n_tied
    before[n_groups] = rank
    if n > 1:
        tied[n_tied] = n_groups
        tied_size[n_tied] = n
        tied_relevant[n_tied] = hits
        n_tied += 1
    return n_groups + 1, n_tied


@kernel
def _write_groups(bits, rank, out, n_groups, n_tied):  # type: ignore[no-untyped-def]
    """Write the groups of marked scores, the first of which stands at ``rank``."""
    n = len(bits)
    first = 0
    while first < n:
        tie = _next_tie(bits, first)
        n_groups = _write_single(bits[first:tie], rank + first, out[0], n_groups)
        stop = tie
        hits = np.int32(0)
        while stop < n and value_of(bits[stop]) == value_of(bits[tie]):
            hits += bits[stop] & RELEVANT
            stop += 1
        n_groups, n_tied = _write_group(rank + tie, stop - tie, hits, out, n_groups, n_tied)
        first = stop
    return n_groups, n_tied


@kernel
def _next_tie(bits, start):  # type: ignore[no-untyped-def]
    """The first place from ``start`` on whose score is that of the next, or the end."""
    last = len(bits) - 1
    while start < last:
        stop = min(start + _RUN, last)
        if _any_tied(bits[start : stop + 1]):
            while value_of(bits[start]) != value_of(bits[start + 1]):
                start += 1
            return start
        start = stop
    return len(bits)


@kernel
def _any_tied(bits):  # type: ignore[no-untyped-def]
    tied = np.int32(0)
    for p in range(1, len(bits)):
        tied = np.int32(tied | np.int32(value_of(bits[p]) == value_of(bits[p - 1])))
    return tied != 0


@kernel
def _write_single(bits, rank, before, n_groups):  # type: ignore[no-untyped-def]
    """Write the ranks of relevant candidates; every rank is written, and kept if it is one, cheaper than a branch."""
    place = np.uint64(n_groups)
    for p in range(len(bits)):
        before[place] = rank + p
        place += np.uint64(bits[p] & RELEVANT)
    return np.int64(place)
