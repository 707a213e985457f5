"""Closed forms against the enumeration of all orders, for every small ranking there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.metric import FAMILIES, Metric
from ficoitr.metrics.ranking import ScoredBlock
from metrics.enumeration import DEFINITIONS, TiedGains, all_groups, interpolated, orders, textbook
from metrics.rankings import RANKED, Array, by_labels, by_lists, codes_of_levels, drops_queries, is_graded, variants

EVERY = tuple(metric for name in DEFINITIONS for metric in variants(FAMILIES[name], (1, 2, 3, 5, 9, "N")))
UNGRADED = tuple(metric for metric in EVERY if not is_graded(metric))
GRADED = tuple(metric for metric in EVERY if is_graded(metric))


@cache
def rankings(n_candidates: int, max_gain: int) -> tuple[TiedGains, ...]:
    return tuple(all_groups(n_candidates, max_gain))


def levels(groups: TiedGains) -> Array:
    """Group of every candidate, counted from the best."""
    return np.repeat(np.arange(len(groups)), [len(group) for group in groups])


def scores_and_gains(cases: tuple[TiedGains, ...]) -> tuple[Array, Array]:
    scores = np.stack([-levels(groups) for groups in cases]).astype(np.float32)
    return scores, np.array([sum(groups, ()) for groups in cases])


def sorted_in_float32(cases: tuple[TiedGains, ...]) -> Groups:
    scores, gains = scores_and_gains(cases)
    return ScoredBlock(scores, np.arange(len(cases))).ordered(by_lists(gains > 0))


def sorted_in_float64(cases: tuple[TiedGains, ...]) -> Groups:
    scores, gains = scores_and_gains(cases)
    return ScoredBlock(scores.astype(np.float64), np.arange(len(cases))).ordered(by_lists(gains > 0))


def counted(cases: tuple[TiedGains, ...]) -> Groups:
    scores, gains = scores_and_gains(cases)
    return ScoredBlock(scores, np.arange(len(cases))).counted(by_lists(gains > 0))


WAYS = (sorted_in_float32, sorted_in_float64, counted)


@cache
def found(way: Callable[[tuple[TiedGains, ...]], Groups], n_candidates: int) -> Groups:
    return way(rankings(n_candidates, 1))


def expectation(metric: Metric, groups: TiedGains) -> tuple[float, float, float]:
    values = [textbook(metric, order) for order in orders(groups)]
    # An order without a hit drops its query under `retrieved_skip`; the hits of all others are above 0.
    played = [value for value in values if value > 0] if drops_queries(metric) else values
    lowest, highest = min(played, default=0.0), max(played, default=0.0)
    extremes = (highest, lowest) if metric.family.better == "higher" else (lowest, highest)
    return sum(values) / len(values), *extremes


def test_every_metric_has_a_textbook_definition() -> None:
    assert set(DEFINITIONS) | {"pr_curve"} == set(RANKED)


@pytest.mark.parametrize("metric", UNGRADED, ids=str)
def test_expected_best_and_worst_are_those_of_all_orders(metric: Metric) -> None:
    for n_candidates in (1, 2, 3, 4, 5, 6):
        right = np.array([expectation(metric, groups) for groups in rankings(n_candidates, 1)]).T
        for way in WAYS:
            values = metric.per_query(found(way, n_candidates))
            np.testing.assert_allclose(values, right, rtol=0, atol=1e-13, err_msg=way.__name__)


@pytest.mark.parametrize("metric", UNGRADED, ids=str)
def test_hamming_distances_give_the_same(metric: Metric) -> None:
    for groups in rankings(4, 1):
        gains = np.array([sum(groups, ())])
        scorer = codes_of_levels(levels(groups), len(groups))
        for found_by in (scorer.counted_groups, scorer.ordered_groups):
            values = metric.per_query(found_by(0, 1, by_lists(gains > 0)))
            np.testing.assert_allclose(values[:, 0], expectation(metric, groups), rtol=0, atol=1e-13)


@pytest.mark.parametrize("metric", GRADED, ids=str)
def test_graded_gains_of_all_orders(metric: Metric) -> None:
    for groups in (*rankings(1, 2), *rankings(3, 2), *rankings(4, 2)):
        gains = np.array(sum(groups, ()))
        labels = np.arange(2)[None, :] < gains[:, None]
        relevance = by_labels(np.ones((1, 2), dtype=np.bool_), labels)
        scores = -levels(groups)[None, :].astype(np.float32)
        by_sorting = ScoredBlock(scores, np.zeros(1, dtype=np.int64)).ordered(relevance, graded=True)
        by_counting = codes_of_levels(levels(groups), len(groups)).ordered_groups(0, 1, relevance, graded=True)
        right = expectation(metric, groups)
        for values in (metric.per_query(by_sorting), metric.per_query(by_counting)):
            np.testing.assert_allclose(values[:, 0], right, rtol=0, atol=1e-13)


@pytest.mark.parametrize("way", WAYS)
def test_curve_has_points_at_the_ends_of_groups(way: Callable[[tuple[TiedGains, ...]], Groups]) -> None:
    for n_candidates in (1, 2, 5, 6):
        cases = rankings(n_candidates, 1)
        expected, best, worst = Metric("pr_curve").per_query(found(way, n_candidates))
        np.testing.assert_allclose(expected, [interpolated(groups) for groups in cases], rtol=0, atol=1e-13)
        np.testing.assert_array_equal(worst, expected)
        one_by_one = [
            np.max([interpolated(tuple((gain,) for gain in order)) for order in orders(groups)], axis=0)
            for groups in cases
        ]
        np.testing.assert_allclose(best, one_by_one, rtol=0, atol=1e-13)
