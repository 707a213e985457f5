"""Laws of ties: every family of metrics under every policy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from ficoitr.metrics.metric import Metric
from laws.strategies import METRICS, rankings
from metrics.rankings import Array, Ranking, drops_queries

TOLERANCE = 1e-12
families = pytest.mark.parametrize("family", METRICS)


def at_most(low: Array, high: Array) -> None:
    """Assert an order of values; NaN stands where neither side has one."""
    np.testing.assert_array_equal(np.isnan(low), np.isnan(high))
    assert (np.isnan(low) | (low <= high + TOLERANCE)).all()


def worse_to_better(metric: Metric, values: Array) -> Array:
    """Values so signed that more is better."""
    return values if metric.family.better == "higher" else -values


def resolved(ranking: Ranking, preference: Array) -> Ranking:
    """The same ranking with every tie broken by a preference."""
    order = np.lexsort((preference, ranking.scores), axis=1)
    scores = np.empty_like(ranking.scores)
    np.put_along_axis(scores, order, np.broadcast_to(np.arange(order.shape[1], dtype=np.float32), order.shape), axis=1)
    return Ranking(scores, ranking.query_labels, ranking.candidate_labels)


@families
@given(ranking=rankings())
def test_worst_expected_and_best_are_in_order(family: str, ranking: Ranking) -> None:
    for metric in METRICS[family]:
        expected, best, worst = worse_to_better(metric, ranking.values(metric))
        at_most(worst, expected)
        at_most(expected, best)


@families
@given(ranking=rankings(ties=False))
def test_without_ties_all_policies_agree(family: str, ranking: Ranking) -> None:
    for metric in METRICS[family]:
        values = ranking.values(metric)
        np.testing.assert_allclose(values, np.broadcast_to(values[:1], values.shape), rtol=0, atol=TOLERANCE)
        by_index = ranking.values(metric, ties_by_index=True)
        np.testing.assert_allclose(by_index, values, rtol=0, atol=TOLERANCE)


@families
@given(ranking=rankings())
def test_index_order_leaves_no_band(family: str, ranking: Ranking) -> None:
    for metric in METRICS[family]:
        expected, best, worst = ranking.values(metric, ties_by_index=True)
        np.testing.assert_allclose(best, expected, rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(worst, expected, rtol=0, atol=TOLERANCE)


@families
@given(ranking=rankings())
def test_index_order_lies_within_the_band(family: str, ranking: Ranking) -> None:
    for metric in METRICS[family]:
        _, best, worst = worse_to_better(metric, ranking.values(metric))
        by_index = worse_to_better(metric, ranking.values(metric, ties_by_index=True))[0]
        # An order without a hit drops its query under `retrieved_skip` and has no value to compare.
        counts = (by_index > 0) | (not drops_queries(metric))
        at_most(np.where(counts, worst, 0), np.where(counts, by_index, 0))
        at_most(by_index, best)


@families
@given(ranking=rankings())
def test_index_order_is_that_of_a_stable_sort(family: str, ranking: Ranking) -> None:
    by_hand = resolved(ranking, -np.arange(ranking.n_candidates) + np.zeros_like(ranking.scores))
    for metric in METRICS[family]:
        right = by_hand.values(metric)
        np.testing.assert_allclose(ranking.values(metric, ties_by_index=True), right, rtol=0, atol=TOLERANCE)


@families
@given(ranking=rankings())
def test_relevant_first_is_the_best_order(family: str, ranking: Ranking) -> None:
    by_hand = resolved(ranking, ranking.gains)
    for metric in METRICS[family]:
        best = worse_to_better(metric, ranking.values(metric)[1])
        found = worse_to_better(metric, by_hand.values(metric)[0])
        at_most(found, best)
        # Among the hits in the top K a further one can lower the mean, so there the best order is another.
        if "retrieved" not in str(metric):
            at_most(best, found)


@families
@given(ranking=rankings())
def test_relevant_last_is_the_worst_order(family: str, ranking: Ranking) -> None:
    by_hand = resolved(ranking, -ranking.gains)
    for metric in METRICS[family]:
        if drops_queries(metric) or family == "pr_curve":
            # A query without a hit is dropped there; the curve has its points at the ends of ties.
            continue
        worst = worse_to_better(metric, ranking.values(metric)[2])
        found = worse_to_better(metric, by_hand.values(metric)[0])
        at_most(worst, found)
        if "retrieved" not in str(metric):
            at_most(found, worst)


@families
@given(ranking=rankings(max_candidates=6))
def test_splitting_ties_narrows_the_band(family: str, ranking: Ranking) -> None:
    finer = Ranking(
        ranking.scores * 2 + np.arange(ranking.n_candidates, dtype=np.float32) % 2,
        ranking.query_labels,
        ranking.candidate_labels,
    )
    if family == "pr_curve":
        return
    for metric in METRICS[family]:
        if drops_queries(metric):
            continue
        coarse, fine = (worse_to_better(metric, one.values(metric)) for one in (ranking, finer))
        at_most(coarse[2], fine[2])
        at_most(fine[1], coarse[1])


@families
@given(ranking=rankings())
def test_a_constant_scorer_does_not_look_at_the_candidates(family: str, ranking: Ranking) -> None:
    flat = Ranking(np.zeros_like(ranking.scores), ranking.query_labels, ranking.candidate_labels)
    turned = Ranking(flat.scores, ranking.query_labels, ranking.candidate_labels[::-1])
    for metric in METRICS[family]:
        np.testing.assert_allclose(flat.values(metric), turned.values(metric), rtol=0, atol=TOLERANCE, equal_nan=True)


@given(ranking=rankings())
def test_the_expectation_is_the_mean_over_shuffled_indices(ranking: Ranking) -> None:
    # Rotations put every candidate at every place once: enough for metrics that add up over places.
    flat = Ranking(np.zeros_like(ranking.scores), ranking.query_labels, ranking.candidate_labels)
    rotations = [
        Ranking(flat.scores, ranking.query_labels, np.roll(ranking.candidate_labels, shift, axis=0))
        for shift in range(ranking.n_candidates)
    ]
    for metric in (*METRICS["P"], *METRICS["recall_fraction"], *METRICS["nDCG"]):
        by_index = np.mean([one.values(metric, ties_by_index=True)[0] for one in rotations], axis=0)
        np.testing.assert_allclose(by_index, flat.values(metric)[0], rtol=0, atol=TOLERANCE)


def test_a_further_hit_can_lower_the_average_over_the_retrieved() -> None:
    metric = Metric.parse("mAP(denominator=retrieved)@3")
    labels = np.array([[True], [False], [True], [False]])
    with_hit = Ranking(np.array([[3, 2, 1, 0]], dtype=np.float32), np.array([[True]]), labels)
    without = Ranking(np.array([[3, 2, 0, 1]], dtype=np.float32), np.array([[True]]), labels)
    tied = Ranking(np.array([[3, 2, 0, 0]], dtype=np.float32), np.array([[True]]), labels)
    assert with_hit.values(metric)[0, 0] == pytest.approx(5 / 6)
    assert without.values(metric)[0, 0] == 1
    np.testing.assert_allclose(tied.values(metric)[:, 0], [11 / 12, 1, 5 / 6])
