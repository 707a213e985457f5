"""Small rankings with ties, as the library's public functions take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.hits import recall
from ficoitr.metrics.metric import FAMILIES, Family, Metric
from ficoitr.metrics.ranking import Relevance, ScoredBlock
from ficoitr.outputs import HashCodes
from ficoitr.similarity.hamming import HammingScorer, hamming_scorer

Array = np.ndarray[Any, Any]
NO_LABELS = np.zeros((0, 1), dtype=np.uint64)
NO_LIST = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Scores (n_queries, n_candidates), and labels, bool (n_queries, n_labels) and (n_candidates, n_labels)."""

    scores: Array
    query_labels: Array
    candidate_labels: Array

    @property
    def n_candidates(self) -> int:
        return self.scores.shape[1]

    @property
    def rows(self) -> Array:
        return np.arange(len(self.scores))

    @property
    def gains(self) -> Array:
        """Number of shared labels of every query with every candidate."""
        return self.query_labels.astype(np.int64) @ self.candidate_labels.T.astype(np.int64)

    @property
    def relevant(self) -> Array:
        return self.gains > 0

    def groups(self, *, graded: bool = False, ties_by_index: bool = False) -> Groups:
        relevance = by_labels(self.query_labels, self.candidate_labels)
        return ScoredBlock(self.scores, self.rows, ties_by_index=ties_by_index).ordered(relevance, graded=graded)

    def counted(self, *, ties_by_index: bool = False) -> Groups:
        return ScoredBlock(self.scores, self.rows, ties_by_index=ties_by_index).counted(by_lists(self.relevant))

    def values(self, metric: Metric, *, ties_by_index: bool = False) -> Array:
        """Expected, best and worst value of every query, over the orders in which the query counts."""
        groups = self.groups(graded=is_graded(metric), ties_by_index=ties_by_index)
        return conditional(metric, metric.per_query(groups), groups)


def by_labels(query_labels: Array, candidate_labels: Array) -> Relevance:
    """Relevance by shared labels."""
    words = (HashCodes.from_values(labels).words for labels in (query_labels, candidate_labels))
    return Relevance(*words, NO_LIST, NO_LIST)


def by_lists(relevant: Array) -> Relevance:
    """Relevance by lists, from a bool array (n_queries, n_candidates)."""
    offsets = np.concatenate(([0], np.cumsum(relevant.sum(axis=1)))).astype(np.int64)
    return Relevance(NO_LABELS, NO_LABELS, offsets, np.nonzero(relevant)[1].astype(np.int64))


def codes_of_levels(levels: Array, n_levels: int) -> HammingScorer:
    """One query and candidates whose Hamming distances from it are the levels."""
    bits = np.arange(n_levels)[None, :] < levels[:, None]
    query = np.zeros((1, n_levels), dtype=np.bool_)
    return hamming_scorer(HashCodes.from_values(query), HashCodes.from_values(bits))


def is_graded(metric: Metric) -> bool:
    """Whether the metric needs to know how many labels are shared."""
    return "gain" in metric.family.options


def drops_queries(metric: Metric) -> bool:
    """Whether queries without a hit are no part of the mean."""
    return ("denominator", "retrieved_skip") in metric.options


def conditional(metric: Metric, values: Array, groups: Groups) -> Array:
    """Values with the expectation over the orders in which the query counts, as the extremes are."""
    if not drops_queries(metric) or metric.cutoff is None:
        return values
    chance = recall(groups, metric.cutoff)[0]
    expected = np.divide(values[0], chance, out=np.zeros_like(chance), where=chance > 0)
    return np.stack((expected, *values[1:]))


def variants(family: Family, cutoffs: tuple[int | str, ...]) -> Iterator[Metric]:
    """Every metric of a family: all its options, at these cut-offs."""
    names = tuple(family.options)
    at_r = ("R",) if family.name == "mAP" else ()
    for chosen in product(*family.options.values()):
        options = tuple(zip(names, chosen, strict=True))
        for cutoff in (None,) if family.cutoffs == "none" else (*cutoffs, *at_r):
            yield Metric(family.name, cutoff, options)


# All that is computed from a ranking; a new family is among them, and so under every law.
RANKED = tuple(name for name, family in FAMILIES.items() if family.cutoffs != "radius")
