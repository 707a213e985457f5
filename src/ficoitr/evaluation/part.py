"""One pass over a part: every block of queries is ranked once, and every metric computed from its groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ficoitr.evaluation.protocol import Protocol
from ficoitr.evaluation.rankers import HammingRanker, Ranker, Wanted
from ficoitr.metrics.groups import Groups
from ficoitr.metrics.hits import recall
from ficoitr.metrics.metric import Metric
from ficoitr.similarity.threads import map_in_order

Array = np.ndarray[Any, Any]
Progress = Callable[[int, int], None]
Tasks = Mapping[str, tuple[Metric, ...]]


@dataclass(frozen=True, eq=False)
class BlockValues:
    """Values and weights, shape (3, n), of a block of queries by task and metric."""

    queries: Array
    values: dict[tuple[str, Metric], tuple[Array, Array]]
    no_relevant: int
    near_ties: int


@dataclass(eq=False)
class PartValues:
    """Values and weights of all queries of a part; metrics that do not apply are absent."""

    values: dict[tuple[str, Metric], Array] = field(default_factory=dict)
    weights: dict[tuple[str, Metric], Array] = field(default_factory=dict)
    no_relevant: int = 0
    near_ties: int = 0

    def add(self, block: BlockValues, n_queries: int) -> None:
        """Take in the values of a block."""
        first, last = block.queries[0], block.queries[-1]
        in_a_row = last - first == len(block.queries) - 1 and np.array_equal(block.queries, np.arange(first, last + 1))
        place = slice(first, last + 1) if in_a_row else block.queries
        for key, (value, weight) in block.values.items():
            if key not in self.values:
                self.values[key] = np.zeros((3, n_queries, *value.shape[2:]))
                self.weights[key] = np.zeros((3, n_queries))
            # A query that is left out holds no number that could leak into a mean.
            if not weight.all():
                kept = (weight > 0).any(axis=0)
                value = np.where(kept.reshape(1, -1, *(1,) * (value.ndim - 2)), value, 0)
            self.values[key][:, place] = value
            self.weights[key][:, place] = weight
        self.no_relevant += block.no_relevant
        self.near_ties += block.near_ties


@dataclass(frozen=True, eq=False)
class Job:
    """A part to evaluate; its ranker is made when its turn comes, while others still keep the threads busy."""

    n_queries: int
    prepare: Callable[[], tuple[Ranker, dict[str, Wanted]]]
    tasks: Tasks


def evaluate_parts(
    jobs: Sequence[Job], protocol: Protocol, *, threads: int, progress: Progress | None
) -> list[PartValues]:
    """Rank all queries of all parts in one pass, block by block on all threads, and compute every metric."""

    def blocks() -> Iterator[tuple[int, Ranker, dict[str, Wanted], tuple[int, int]]]:
        for place, job in enumerate(jobs):
            ranker, wanted = job.prepare()
            for block in ranker.blocks():
                yield place, ranker, wanted, block

    def work(item: tuple[int, Ranker, dict[str, Wanted], tuple[int, int]]) -> tuple[int, list[BlockValues]]:
        place, ranker, wanted, block = item
        return place, [
            _evaluate(ranker, block, queries, groups, wanted, jobs[place].tasks, protocol)
            for queries, groups in ranker.rank(block, wanted)
        ]

    results = [PartValues() for _ in jobs]
    done = 0
    for place, values in map_in_order(work, blocks(), threads):
        for part in values:
            results[place].add(part, jobs[place].n_queries)
            done += len(part.queries)
        if progress is not None:
            progress(done, sum(job.n_queries for job in jobs))
    return results


def _evaluate(
    ranker: Ranker,
    block: tuple[int, int],
    queries: Array,
    groups: dict[str, Groups],
    wanted: dict[str, Wanted],
    tasks: Tasks,
    protocol: Protocol,
) -> BlockValues:
    values = {}
    for task, own in groups.items():
        lookups = ranker.lookups(block, wanted[task]) if isinstance(ranker, HammingRanker) else {}
        counted = _counted(own, protocol)
        for metric in tasks[task]:
            if metric.family.cutoffs == "radius":
                values[task, metric] = metric.per_query(lookups[int(metric.cutoff or 0)]), counted
            elif applies(metric, ranker, wanted[task]):
                values[task, metric] = metric.per_query(own), _weights(metric, own, counted)
    without = int((groups["category"].total == 0).sum()) if "category" in groups else 0
    return BlockValues(queries, values, without, sum(one.near_ties for one in groups.values()))


def applies(metric: Metric, ranker: Ranker, wanted: Wanted) -> bool:
    """Whether the ranking goes deep enough: nothing is computed on what is unranked."""
    if ranker.depth >= ranker.n_candidates:
        return True
    reach = metric.reach()
    if reach == "relevant":
        return wanted.truth.most_relevant <= ranker.depth
    return reach == "cutoff" and isinstance(metric.cutoff, int) and metric.cutoff <= ranker.depth


def _counted(groups: Groups, protocol: Protocol) -> Array:
    """Weight of each query: queries without a relevant candidate count as 0, or not at all."""
    counted = np.ones(groups.n_queries)
    if protocol.no_relevant == "skip":
        counted = (groups.total > 0).astype(np.float64)
    return np.broadcast_to(counted, (3, groups.n_queries))


def _weights(metric: Metric, groups: Groups, counted: Array) -> Array:
    if metric.family.function == "ranks:rank":
        # A query without a relevant candidate has no rank.
        return np.broadcast_to((groups.total > 0).astype(np.float64), (3, groups.n_queries))
    if ("denominator", "retrieved_skip") in metric.options and metric.cutoff is not None:
        return recall(groups, metric.cutoff)
    return counted
