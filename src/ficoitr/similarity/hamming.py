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
_BLOCK = 2048


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
            self.queries[start:stop], self.candidates, relevance.offsets, relevance.positives
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
def _distances(query, candidates, distances):  # type: ignore[no-untyped-def]
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
        _distances(queries[q], candidates, distances)
        for c in range(n):
            result[q, c] = bits - np.float32(distances[c])
    return result


@kernel
def _nearer(distances, limit):  # type: ignore[no-untyped-def]
    """How many distances are below the limit; the sign bit of the difference counts without a branch."""
    count = np.uint64(0)
    for c in range(len(distances)):
        count += (distances[c] - limit) >> np.uint64(63)
    return count


@kernel
def _nearer_words(word, words, limit, above):  # type: ignore[no-untyped-def]
    """How many codes of one word are nearer than each of two limits."""
    count = np.uint64(0)
    reached = np.uint64(0)
    for c in range(len(words)):
        distance = popcount(word ^ words[c])
        count += (distance - limit) >> np.uint64(63)
        reached += (distance - above) >> np.uint64(63)
    return count, reached


@kernel
def _count(queries, candidates, offsets, positives):  # type: ignore[no-untyped-def]
    """Count for every listed positive how many candidates are nearer, and how many as near.

    The gallery is walked in cache-sized blocks with all queries inside, each positive one pass of compare-and-add.
    """
    n_queries, n_words = queries.shape
    n = candidates.shape[1]
    own = np.zeros(len(positives), np.uint64)
    for q in range(n_queries):
        for entry in range(offsets[q], offsets[q + 1]):
            for w in range(n_words):
                own[entry] += popcount(queries[q, w] ^ candidates[w, positives[entry]])
    one = np.uint64(1)
    nearer = np.zeros(len(positives), np.uint64)
    reached = np.zeros(len(positives), np.uint64)
    for start in range(0, n, _BLOCK):
        # A copy is contiguous, which the loops need to be vectorised.
        block = candidates[:, start : start + _BLOCK].copy()
        distances = np.empty(block.shape[1], np.uint64)
        for q in range(n_queries):
            if n_words > 1:
                _distances(queries[q], block, distances)
            for entry in range(offsets[q], offsets[q + 1]):
                if n_words > 1:
                    nearer[entry] += _nearer(distances, own[entry])
                    reached[entry] += _nearer(distances, own[entry] + one)
                else:
                    below, upto = _nearer_words(queries[q, 0], block[0], own[entry], own[entry] + one)
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
        _distances(queries[q], candidates, distances)
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
        _distances(queries[q], candidates, distances)
        for c in range(n):
            near = distances[c] <= radius
            result[0, q] += near
            result[1, q] += near and gain[c] > 0
    return result
