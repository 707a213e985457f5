"""One direction of an evaluation as blocks of queries, whatever form the model's output has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.radius import Lookup
from ficoitr.metrics.ranking import Relevance, ScoredBlock, listed_groups
from ficoitr.metrics.workspace import Workspace
from ficoitr.outputs import RankedLists
from ficoitr.similarity.dense import DenseScorer
from ficoitr.similarity.hamming import HammingScorer
from ficoitr.tasks import Positives

Array = np.ndarray[Any, Any]
_NO_LABELS = np.zeros((0, 0), dtype=np.uint64)
_NO_LIST = np.zeros(0, dtype=np.int64)
_BLOCK_BYTES = 8 << 20
# A product of matrices is faster the more rows it has; what follows is so while its scores are in the cache.
_PRODUCT_BYTES = 64 << 20
_MOST_ROWS = 512
# Counting costs a pass over the gallery a positive; with more positives than this, sorting once is cheaper.
_COUNTED_POSITIVES = 24


@dataclass(frozen=True, eq=False)
class Truth:
    """Relevance of one task and direction: listed positives or shared labels."""

    positives: Positives | None = None
    query_labels: Array | None = None
    candidate_labels: Array | None = None

    def of(self, queries: Array) -> Relevance:
        """Relevance of some queries, as the kernels take it."""
        if self.positives is not None:
            part = self.positives.of(queries)
            return Relevance(_NO_LABELS, _NO_LABELS, part.offsets, part.candidates)
        if self.query_labels is None or self.candidate_labels is None:
            raise TypeError("truth needs positives or labels")
        return Relevance(self.query_labels[queries], self.candidate_labels, _NO_LIST, _NO_LIST)

    @property
    def countable(self) -> bool:
        """Whether few enough positives are listed to count instead of sort."""
        return self.positives is not None and self.most_relevant <= _COUNTED_POSITIVES

    @cached_property
    def most_relevant(self) -> int:
        """Relevant candidates of the query that has most."""
        if self.positives is not None:
            return int(self.positives.counts.max(initial=0))
        if self.query_labels is None or self.candidate_labels is None:
            raise TypeError("truth needs positives or labels")
        shared = (np.bitwise_and(query, self.candidate_labels).any(axis=1).sum() for query in self.query_labels)
        return int(max(shared))


@dataclass(frozen=True)
class Wanted:
    """How the groups of a task are to be made."""

    truth: Truth
    graded: bool
    ties_by_index: bool
    radii: tuple[int, ...] = ()

    @property
    def countable(self) -> bool:
        """Whether counting tells all that is asked for."""
        return self.truth.countable and not self.graded


# Rows of some queries, and their groups for every task.
Ranked = tuple[Array, dict[str, Groups]]


class Ranker(Protocol):
    """Ranks all queries of a direction, block by block."""

    n_queries: int
    n_candidates: int
    depth: int

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Units of work."""

    def rank(self, block: tuple[int, int], wanted: dict[str, Wanted]) -> Iterator[Ranked]:
        """Rank the queries of a block, all or a few at a time."""


def _blocks(n_rows: int, n_candidates: int, itemsize: int, n_bytes: int) -> Iterator[tuple[int, int]]:
    rows = max(16, min(_MOST_ROWS, n_bytes // max(1, itemsize * n_candidates)))
    for start in range(0, n_rows, rows):
        yield start, min(n_rows, start + rows)


class DenseRanker:
    """Ranks by scores of vectors; queries that are equal share one row of scores."""

    def __init__(self, scorer: DenseScorer, workspace: Workspace) -> None:
        self._scorer = scorer
        self.n_queries = len(scorer.rows)
        self.n_candidates = self.depth = scorer.n_candidates
        self._order = np.argsort(scorer.rows, kind="stable")
        self._sorted_rows = scorer.rows[self._order]
        self._workspace = workspace

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of distinct queries, whose scores are one product."""
        return _blocks(self._scorer.n_rows, self.n_candidates, 4, _PRODUCT_BYTES)

    def rank(self, block: tuple[int, int], wanted: dict[str, Wanted]) -> Iterator[Ranked]:
        """Score distinct queries once and rank every query that equals one of them."""
        shape = block[1] - block[0], self.n_candidates
        scores = self._scorer.block(*block, self._workspace.array("scores", shape, self._scorer.dtype))
        for first, last in _blocks(len(scores), self.n_candidates, 4, _BLOCK_BYTES):
            start = block[0] + first
            of_rows = slice(*np.searchsorted(self._sorted_rows, (start, block[0] + last)))
            queries = self._order[of_rows]
            rows = self._sorted_rows[of_rows] - start
            ranked = ScoredBlock(
                scores[first:last],
                rows,
                rescoring=self._scorer.rescoring(queries),
                ties_by_index=any(want.ties_by_index for want in wanted.values()),
                workspace=self._workspace,
            )
            yield queries, _rank_all(ranked, wanted, queries)


class ScoreRanker:
    """Ranks by given scores, which are taken as exact."""

    def __init__(self, scores: Array) -> None:
        self._scores = scores
        self.n_queries, self.n_candidates = scores.shape
        self.depth = self.n_candidates

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of queries."""
        return _blocks(self.n_queries, self.n_candidates, self._scores.itemsize, _BLOCK_BYTES)

    def rank(self, block: tuple[int, int], wanted: dict[str, Wanted]) -> Iterator[Ranked]:
        """Read a block of rows and rank them."""
        part = self._scores[slice(*block)]
        narrow = part.dtype in (np.float16, np.float32) or part.dtype.kind == "b"
        wide = not (narrow or (part.dtype.kind in "iu" and part.dtype.itemsize <= 2))
        scores = np.ascontiguousarray(part, dtype=np.float64 if wide else np.float32)
        rows = np.arange(len(scores))
        queries = np.arange(*block)
        by_index = any(want.ties_by_index for want in wanted.values())
        yield queries, _rank_all(ScoredBlock(scores, rows, ties_by_index=by_index), wanted, queries)


def _rank_all(block: ScoredBlock, wanted: dict[str, Wanted], queries: Array) -> dict[str, Groups]:
    """Rank for every task; those that need the whole order come first, and those that count use it."""
    by_order = sorted(wanted, key=lambda task: wanted[task].countable)
    groups = {}
    for task in by_order:
        relevance = wanted[task].truth.of(queries)
        if wanted[task].countable:
            groups[task] = block.counted(relevance)
        else:
            groups[task] = block.ordered(relevance, graded=wanted[task].graded)
    return groups


class HammingRanker:
    """Ranks by Hamming distance of packed codes, by counting."""

    def __init__(self, scorer: HammingScorer) -> None:
        self._scorer = scorer
        self.n_queries = len(scorer.queries)
        self.n_candidates = self.depth = scorer.n_candidates

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of queries; distances are never stored, so that only the thread's share of work bounds them."""
        rows = max(1, min(512, 64_000_000 // self.n_candidates))
        return iter((start, min(self.n_queries, start + rows)) for start in range(0, self.n_queries, rows))

    def rank(self, block: tuple[int, int], wanted: dict[str, Wanted]) -> Iterator[Ranked]:
        """Count distances of a block of queries."""
        queries = np.arange(*block)
        yield queries, {task: self._groups(block, want, queries) for task, want in wanted.items()}

    def _groups(self, block: tuple[int, int], want: Wanted, queries: Array) -> Groups:
        relevance = want.truth.of(queries)
        if want.ties_by_index:
            scores = self._scorer.similarities(*block)
            return ScoredBlock(scores, np.arange(len(scores)), ties_by_index=True).ordered(
                relevance, graded=want.graded
            )
        if want.countable:
            return self._scorer.counted_groups(*block, relevance)
        return self._scorer.ordered_groups(*block, relevance, graded=want.graded)

    def lookups(self, block: tuple[int, int], want: Wanted) -> dict[int, Lookup]:
        """Counts within each wanted radius."""
        relevance = want.truth.of(np.arange(*block))
        return {radius: Lookup(*self._scorer.within_radius(*block, relevance, radius)) for radius in want.radii}


class ListRanker:
    """Ranks given lists; what they do not hold is unranked."""

    def __init__(self, lists: RankedLists) -> None:
        self._lists = lists
        self.n_queries = lists.n_queries
        self.n_candidates = lists.n_candidates
        self.depth = lists.depth

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Ranges of queries."""
        return _blocks(self.n_queries, self.n_candidates, 4, _BLOCK_BYTES)

    def rank(self, block: tuple[int, int], wanted: dict[str, Wanted]) -> Iterator[Ranked]:
        """Group the lists of a block of queries."""
        start, stop = block
        queries = np.arange(start, stop)
        offsets = self._lists.offsets[start : stop + 1]
        listed = slice(offsets[0], offsets[-1])
        yield (
            queries,
            {
                task: listed_groups(
                    offsets - offsets[0],
                    self._lists.candidates[listed],
                    self._lists.scores[listed],
                    self.n_candidates,
                    want.truth.of(queries),
                    graded=want.graded,
                    ties_by_index=want.ties_by_index,
                )
                for task, want in wanted.items()
            },
        )
