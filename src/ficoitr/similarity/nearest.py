"""The K nearest codes of every query, by exhaustive search: no distance is kept but of those that may be among them.

Candidates are walked in blocks that stay in the cache, with all queries inside. Once a query has K candidates, only
nearer ones than the worst of them are looked at: equally near ones of later rows would lose the tie.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.errors import OptionError
from ficoitr.outputs import HashCodes
from ficoitr.similarity.hamming import (
    BITS_IN_BYTES,
    BLOCK,
    distances_to,
    hamming_scorer,
    interleaved,
    packed_distances,
)
from ficoitr.similarity.threads import map_in_order, thread_count

Array = np.ndarray[Any, Any]
# Queries that a thread takes at a time: each holds some K candidates.
_QUERIES = 128
_BYTE_RUN = 128
_ROW_BITS = 40


def nearest_codes(
    queries: HashCodes, candidates: HashCodes, k: int, *, threads: int | None = None
) -> tuple[Array, Array]:
    """Find the K candidates of the least Hamming distance; of equal ones, those of the first rows.

    Parameters
    ----------
    queries, candidates : HashCodes
        Of equal length.
    k : int
        At most the number of candidates.
    threads : int, optional
        By default all processors.

    Returns
    -------
    rows : ndarray of int64, shape (n_queries, k)
        Nearest first.
    distances : ndarray of int32, shape (n_queries, k)

    Raises
    ------
    CodesError
        If the numbers of bits differ.
    OptionError
        If there are no K candidates.
    """
    if not 1 <= k <= len(candidates):
        raise OptionError(f"k is {k}", where="k", expected=f"1 to {len(candidates):,}, the number of candidates")
    scorer = hamming_scorer(queries, candidates)
    parts = [scorer.queries[start : start + _QUERIES] for start in range(0, len(queries), _QUERIES)]

    def search(part: Array) -> Array:
        keys: Array = _nearest(part, scorer.candidates, scorer.bits, k)
        return keys

    keys = np.concatenate(list(map_in_order(search, parts, thread_count(threads))))
    return (keys & ((1 << _ROW_BITS) - 1)).astype(np.int64), (keys >> _ROW_BITS).astype(np.int32)


@kernel
def _nearest(queries, candidates, bits, k):  # type: ignore[no-untyped-def]
    """Distances and rows of the nearest as keys ``distance << 40 | row``, uint64 of shape (n_queries, k), sorted."""
    n_queries = len(queries)
    n = candidates.shape[1]
    room = min(n, 2 * k) + BLOCK
    keys = np.empty((n_queries, room), np.uint64)
    n_keys = np.zeros(n_queries, np.int64)
    counts = np.zeros((n_queries, bits + 1), np.int64)
    # Only what is nearer may still be among the first K.
    limits = np.full(n_queries, bits + 1, np.int64)
    distances = np.empty(BLOCK, np.uint32)
    for start in range(0, n, BLOCK):
        # A copy is contiguous, which the loops need to be vectorised.
        block = candidates[:, start : start + BLOCK].copy()
        size = block.shape[1]
        in_bytes = bits < BITS_IN_BYTES
        runs = interleaved(block)
        packed = np.empty(runs.shape[2], np.uint64)
        more = np.empty_like(packed)
        near = packed.view(np.uint8)
        for q in range(n_queries):
            if n_keys[q] + size > room:
                _shorten(keys[q], n_keys, q, k)
            if in_bytes:
                packed_distances(queries[q], runs, packed, more)
                if limits[q] > bits:
                    limits[q] = _first_limit(near, runs.shape[2], size, counts[q], bits, k)
                _collect_bytes(near, runs.shape[2], size, start, limits[q], keys[q], n_keys, q, counts[q])
            else:
                distances_to(queries[q], block, distances[:size])
                for c in range(size):
                    if distances[c] < limits[q]:
                        keys[q, n_keys[q]] = (np.uint64(distances[c]) << np.uint64(_ROW_BITS)) | np.uint64(start + c)
                        n_keys[q] += 1
                        counts[q, distances[c]] += 1
            limits[q] = _limit(counts[q], limits[q], k)
    for q in range(n_queries):
        keys[q, : n_keys[q]].sort()
    return keys[:, :k].copy()


@kernel
def _limit(counts, limit, k):  # type: ignore[no-untyped-def]
    """The distance up to which K candidates have been found; the limit there was, if they have not."""
    found = 0
    for distance in range(min(limit, len(counts))):
        found += counts[distance]
        if found >= k:
            return np.int64(distance)
    return limit


@kernel
def _first_limit(near, length, size, counts, bits, k):  # type: ignore[no-untyped-def]
    """The limit for the block in which K candidates are reached: their last distance is within it."""
    with_block = counts.copy()
    for run in range(8):
        for c in range(max(0, min(length, size - run * length))):
            with_block[near[8 * c + run]] += 1
    limit = _limit(with_block, np.int64(bits + 1), k)
    return min(limit + 1, bits + 1)


@kernel
def _collect_bytes(near, length, size, start, limit, keys, n_keys, q, counts):  # type: ignore[no-untyped-def]
    """Collect what is nearer than the limit, from distances that lie a byte each, interleaved from eight runs."""
    if limit == 0:
        return
    last = np.uint8(limit - 1)
    for first in range(0, len(near), _BYTE_RUN):
        part = near[first : first + _BYTE_RUN]
        if not _any_upto(part, last):
            continue
        for place in range(len(part)):
            if part[place] <= last:
                row = ((first + place) & 7) * length + ((first + place) >> 3)
                if row < size:
                    keys[n_keys[q]] = (np.uint64(part[place]) << np.uint64(_ROW_BITS)) | np.uint64(start + row)
                    n_keys[q] += 1
                    counts[part[place]] += 1


@kernel
def _any_upto(distances, last):  # type: ignore[no-untyped-def]
    # Counts of a run fit a byte, so that as many are counted at a time as are compared.
    found = np.uint8(0)
    for c in range(len(distances)):
        found = np.uint8(found + (distances[c] <= last))
    return found > 0


@kernel
def _shorten(keys, n_keys, q, k):  # type: ignore[no-untyped-def]
    """Keep the first K of what a query has collected."""
    keys[: n_keys[q]].sort()
    n_keys[q] = min(n_keys[q], k)
