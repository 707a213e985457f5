"""Hamming distances of packed codes: never stored as a matrix, never sorted.

Distances of b bits take b + 1 values, so that rankings are histograms, and the rank of one candidate is a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.errors import CodesError
from ficoitr.metrics.bits import popcount
from ficoitr.metrics.groups import Groups
from ficoitr.metrics.ranking import Relevance
from ficoitr.metrics.relevant import fill_gains
from ficoitr.outputs import HashCodes

Array = np.ndarray[Any, Any]
# A block of the gallery that stays in the first-level cache beside its distances.
BLOCK = 4096
# Codes of fewer bits have distances that fit a byte; so many distances are counted in bytes at a time.
BITS_IN_BYTES = 256
_BYTE_RUN = 128


@dataclass(frozen=True, eq=False)
class HammingScorer:
    """Ranks packed codes of queries, (n_queries, w), against those of candidates, (w, n_candidates).

    Candidates lie word by word, so that kernels read one run of memory whatever the number of bits.
    """

    queries: Array
    candidates: Array
    bits: int

    @property
    def n_candidates(self) -> int:
        """Size of the gallery."""
        return int(self.candidates.shape[1])

    def similarities(self, start: int, stop: int) -> Array:
        """Bits in common of queries ``start`` to ``stop`` with all candidates, float32 (stop - start, n_candidates)."""
        result: Array = _similarities(self.queries[start:stop], self.candidates, self.bits)
        return result

    def counted_groups(self, start: int, stop: int, relevance: Relevance) -> Groups:
        """Tied groups of listed positives for queries ``start`` to ``stop``."""
        offsets, before, size, relevant = _count(
            self.queries[start:stop], self.candidates, self.bits, relevance.offsets, relevance.positives
        )
        total = np.diff(relevance.offsets)
        return Groups.from_arrays(offsets, before, size, relevant, total, self.n_candidates)

    def ordered_groups(self, start: int, stop: int, relevance: Relevance, *, graded: bool = False) -> Groups:
        """Tied groups of the whole gallery for queries ``start`` to ``stop``, by counting distances."""
        n_gains = 1 + (int(_max_gain(relevance)) if graded else 1)
        offsets, before, size, relevant, gains, histogram = _histograms(
            self.queries[start:stop],
            self.candidates,
            self.bits,
            *relevance.arrays,
            n_gains,
            graded,
        )
        total = histogram[:, 1:].sum(axis=1)
        extra = {"gains": gains, "ideal": histogram} if graded else {}
        return Groups.from_arrays(offsets, before, size, relevant, total, self.n_candidates, **extra)

    def within_radius(self, start: int, stop: int, relevance: Relevance, radius: int) -> tuple[Array, Array, Array]:
        """Candidates, relevant candidates within a Hamming radius, and relevant candidates in all, a query each."""
        counts = _within(
            self.queries[start:stop],
            self.candidates,
            *relevance.arrays,
            radius,
        )
        return counts[0], counts[1], counts[2]


def hamming_scorer(
    queries: HashCodes, candidates: HashCodes, *, names: tuple[str, str] = ("queries", "candidates")
) -> HammingScorer:
    """Bring codes of one length together.

    Raises
    ------
    CodesError
        If the numbers of bits differ.
    """
    if queries.bits != candidates.bits:
        raise CodesError(
            f"{names[0]} have {queries.bits} bits, {names[1]} {candidates.bits}",
            where="hash codes",
            expected="codes of one model, of equal length",
            fix="If one side holds packed bytes and the other bits, pack both or neither",
        )
    return HammingScorer(queries.words, np.ascontiguousarray(candidates.words.T), queries.bits)


def _max_gain(relevance: Relevance) -> int:
    if not len(relevance.query_labels):
        return 1
    return int(np.bitwise_count(relevance.query_labels).sum(axis=1).max())


@kernel
def distances_to(query, candidates, distances):  # type: ignore[no-untyped-def]
    """Distances of one query to candidates of shape (w, n_candidates), into ``distances``."""
    first = query[0]
    words = candidates[0]
    for c in range(len(words)):
        distances[c] = popcount(first ^ words[c])
    for w in range(1, len(query)):
        word = query[w]
        words = candidates[w]
        for c in range(len(words)):
            distances[c] += popcount(word ^ words[c])


@kernel
def _similarities(queries, candidates, bits):  # type: ignore[no-untyped-def]
    n = candidates.shape[1]
    result = np.empty((len(queries), n), np.float32)
    distances = np.empty(n, np.uint32)
    for q in range(len(queries)):
        distances_to(queries[q], candidates, distances)
        for c in range(n):
            result[q, c] = bits - np.float32(distances[c])
    return result


@kernel
def interleaved(candidates):  # type: ignore[no-untyped-def]
    """Codes of shape (w, n) as eight runs a word, shape (w, 8, ceil(n / 8)), filled up with zeros."""
    n_words, n = candidates.shape
    length = (n + 7) // 8
    runs = np.zeros((n_words, 8, length), np.uint64)
    for w in range(n_words):
        for run in range(8):
            start = min(run * length, n)
            stop = min(start + length, n)
            runs[w, run, : stop - start] = candidates[w, start:stop]
    return runs


@kernel
def _pack_counts(word, runs, packed):  # type: ignore[no-untyped-def]
    """Bits that differ between one word and those of eight runs, a byte each.

    A count of bits comes in a word of 64; compared a byte at a time, eight times as many fit an instruction.
    """
    r0, r1, r2, r3, r4, r5, r6, r7 = runs[0], runs[1], runs[2], runs[3], runs[4], runs[5], runs[6], runs[7]
    for c in range(len(packed)):
        packed[c] = (
            popcount(word ^ r0[c])
            | (popcount(word ^ r1[c]) << np.uint64(8))
            | (popcount(word ^ r2[c]) << np.uint64(16))
            | (popcount(word ^ r3[c]) << np.uint64(24))
            | (popcount(word ^ r4[c]) << np.uint64(32))
            | (popcount(word ^ r5[c]) << np.uint64(40))
            | (popcount(word ^ r6[c]) << np.uint64(48))
            | (popcount(word ^ r7[c]) << np.uint64(56))
        )


@kernel
def packed_distances(query, runs, packed, more):  # type: ignore[no-untyped-def]
    """Distances of one query to interleaved codes of fewer than 256 bits, a byte each."""
    _pack_counts(query[0], runs[0], packed)
    for w in range(1, len(query)):
        _pack_counts(query[w], runs[w], more)
        for c in range(len(packed)):
            packed[c] += more[c]


@kernel
def _count_bytes(distances, limit):  # type: ignore[no-untyped-def]
    """How many distances are below the limit, and how many are not above it."""
    below = upto = np.int64(0)
    whole = len(distances) - len(distances) % _BYTE_RUN
    for start in range(0, whole, _BYTE_RUN):
        part = distances[start : start + _BYTE_RUN]
        # Counts of a run fit a byte, so that as many are counted at a time as are compared.
        below_here = upto_here = np.uint8(0)
        for c in range(_BYTE_RUN):
            below_here = np.uint8(below_here + (part[c] < limit))
            upto_here = np.uint8(upto_here + (part[c] <= limit))
        below += below_here
        upto += upto_here
    for c in range(whole, len(distances)):
        below += distances[c] < limit
        upto += distances[c] <= limit
    return below, upto


@kernel
def _count_words(distances, limit):  # type: ignore[no-untyped-def]
    below = upto = 0
    for c in range(len(distances)):
        below += distances[c] < limit
        upto += distances[c] <= limit
    return below, upto


@kernel
def _count(queries, candidates, bits, offsets, positives):  # type: ignore[no-untyped-def]
    """Count for every listed positive how many candidates are nearer, and how many as near.

    The gallery is walked in cache-sized blocks with all queries inside.
    """
    n_queries, n_words = queries.shape
    n = candidates.shape[1]
    own = np.zeros(len(positives), np.uint32)
    for q in range(n_queries):
        for entry in range(offsets[q], offsets[q + 1]):
            for w in range(n_words):
                own[entry] += popcount(queries[q, w] ^ candidates[w, positives[entry]])
    nearer = np.zeros(len(positives), np.int64)
    reached = np.zeros(len(positives), np.int64)
    for start in range(0, n, BLOCK):
        # A copy is contiguous, which the loops need to be vectorised.
        block = candidates[:, start : start + BLOCK].copy()
        if bits < BITS_IN_BYTES:
            runs = interleaved(block)
            packed = np.empty(runs.shape[2], np.uint64)
            more = np.empty_like(packed)
            distances = packed.view(np.uint8)
            filled_up = 8 * len(packed) - block.shape[1]
            for q in range(n_queries):
                packed_distances(queries[q], runs, packed, more)
                to_zero = np.uint32(0)
                for w in range(n_words):
                    to_zero += popcount(queries[q, w])
                for entry in range(offsets[q], offsets[q + 1]):
                    below, upto = _count_bytes(distances, np.uint8(own[entry]))
                    nearer[entry] += below - filled_up * (to_zero < own[entry])
                    reached[entry] += upto - filled_up * (to_zero <= own[entry])
        else:
            wide = np.empty(block.shape[1], np.uint32)
            for q in range(n_queries):
                distances_to(queries[q], block, wide)
                for entry in range(offsets[q], offsets[q + 1]):
                    below, upto = _count_words(wide, own[entry])
                    nearer[entry] += below
                    reached[entry] += upto
    group_offsets = np.zeros(n_queries + 1, np.int64)
    before = np.empty(len(positives), np.int32)
    size = np.empty(len(positives), np.int32)
    relevant = np.empty(len(positives), np.int32)
    n_groups = 0
    for q in range(n_queries):
        order = offsets[q] + np.argsort(nearer[offsets[q] : offsets[q + 1]], kind="mergesort")
        for entry in order:
            if n_groups > group_offsets[q] and before[n_groups - 1] == nearer[entry]:
                relevant[n_groups - 1] += 1
                continue
            before[n_groups] = nearer[entry]
            size[n_groups] = reached[entry] - nearer[entry]
            relevant[n_groups] = 1
            n_groups += 1
        group_offsets[q + 1] = n_groups
    return group_offsets, before[:n_groups], size[:n_groups], relevant[:n_groups]


@kernel
def _histograms(queries, candidates, bits, query_labels, candidate_labels, offsets, positives, n_gains, graded):  # type: ignore[no-untyped-def]
    n_queries = len(queries)
    n = candidates.shape[1]
    gain = np.empty(n, np.uint8)
    distances = np.empty(n, np.uint32)
    # Four histograms in turn: a repeated distance need not wait for its last count to be stored.
    counts = np.empty((4, (bits + 1) * n_gains), np.int32)
    group_offsets = np.zeros(n_queries + 1, np.int64)
    before = np.empty(n_queries * (bits + 1), np.int32)
    size = np.empty(n_queries * (bits + 1), np.int32)
    relevant = np.empty(n_queries * (bits + 1), np.int32)
    histogram = np.zeros((n_queries, n_gains), np.int64)
    gains = np.empty(1024 if graded else 0, np.uint8)
    n_groups = 0
    n_listed = 0
    for q in range(n_queries):
        found = fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
        distances_to(queries[q], candidates, distances)
        if not graded:
            for c in range(n):
                gain[c] = gain[c] > 0
        counts[:] = 0
        for c in range(n):
            counts[c & 3, distances[c] * n_gains + gain[c]] += 1
        if graded and n_listed + found > len(gains):
            larger = np.empty(2 * (n_listed + found), np.uint8)
            larger[:n_listed] = gains[:n_listed]
            gains = larger
        place = 0
        for distance in range(bits + 1):
            in_group = 0
            hits = 0
            for level in range(n_gains - 1, -1, -1):
                cell = distance * n_gains + level
                count = counts[0, cell] + counts[1, cell] + counts[2, cell] + counts[3, cell]
                histogram[q, level] += count
                in_group += count
                if level > 0:
                    hits += count
                    if graded:
                        gains[n_listed : n_listed + count] = level
                        n_listed += count
            if hits > 0:
                before[n_groups] = place
                size[n_groups] = in_group
                relevant[n_groups] = hits
                n_groups += 1
            place += in_group
        group_offsets[q + 1] = n_groups
    return (
        group_offsets,
        before[:n_groups],
        size[:n_groups],
        relevant[:n_groups],
        gains[:n_listed],
        histogram,
    )


@kernel
def _within(queries, candidates, query_labels, candidate_labels, offsets, positives, radius):  # type: ignore[no-untyped-def]
    n_queries = len(queries)
    n = candidates.shape[1]
    gain = np.empty(n, np.uint8)
    distances = np.empty(n, np.uint32)
    result = np.zeros((3, n_queries), np.int64)
    for q in range(n_queries):
        result[2, q] = fill_gains(q, query_labels, candidate_labels, offsets, positives, gain)
        distances_to(queries[q], candidates, distances)
        for c in range(n):
            near = distances[c] <= radius
            result[0, q] += near
            result[1, q] += near and gain[c] > 0
    return result
