"""Changes that change nothing, for every family of metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.ranking import ScoredBlock, listed_groups
from ficoitr.similarity.hamming import hamming_scorer
from laws.strategies import METRICS, codes, columns, hash_codes, rankings
from metrics.rankings import Array, Ranking, by_labels, by_lists, is_graded

families = pytest.mark.parametrize("family", METRICS)
MAPS = {
    "affine": lambda scores: 3 * scores + 7,
    "cube": lambda scores: scores**3,
    "exponential": lambda scores: np.exp(scores),
    "logistic": lambda scores: 1 / (1 + np.exp(-scores)),
    "minute": lambda scores: scores * np.float32(2.0**-140),
    "huge": lambda scores: scores * np.float32(2.0**120),
}


def same(left: Ranking, right: Ranking, family: str) -> None:
    for metric in METRICS[family]:
        np.testing.assert_allclose(
            left.values(metric), right.values(metric), rtol=0, atol=1e-12, equal_nan=True, err_msg=str(metric)
        )


def equal_groups(left: Groups, right: Groups) -> None:
    np.testing.assert_array_equal(left.total, right.total)
    assert columns(left) == columns(right)


@families
@given(ranking=rankings(), data=st.data())
def test_permuting_candidates(family: str, ranking: Ranking, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(ranking.n_candidates))))
    same(ranking, Ranking(ranking.scores[:, order], ranking.query_labels, ranking.candidate_labels[order]), family)


@families
@given(ranking=rankings(), data=st.data())
def test_permuting_queries(family: str, ranking: Ranking, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(ranking.scores)))))
    turned = Ranking(ranking.scores[order], ranking.query_labels[order], ranking.candidate_labels)
    for metric in METRICS[family]:
        np.testing.assert_array_equal(ranking.values(metric)[:, order], turned.values(metric))


@families
@given(ranking=rankings())
def test_each_query_stands_by_itself(family: str, ranking: Ranking) -> None:
    for metric in METRICS[family]:
        whole = ranking.values(metric)
        for row in ranking.rows:
            one = slice(row, row + 1)
            alone = Ranking(ranking.scores[one], ranking.query_labels[one], ranking.candidate_labels)
            np.testing.assert_array_equal(alone.values(metric), whole[:, one])


@families
@pytest.mark.parametrize("name", MAPS)
@given(ranking=rankings())
def test_strictly_monotone_maps_of_scores(family: str, name: str, ranking: Ranking) -> None:
    mapped = replace(ranking, scores=MAPS[name](ranking.scores).astype(np.float32))
    same(ranking, mapped, family)


@families
@given(ranking=rankings())
def test_a_shift_of_scores_that_differs_by_query(family: str, ranking: Ranking) -> None:
    shift = np.arange(len(ranking.scores), dtype=np.float32)[:, None]
    same(ranking, replace(ranking, scores=ranking.scores + 100 * shift), family)


@families
@given(ranking=rankings())
def test_float64_scores(family: str, ranking: Ranking) -> None:
    same(ranking, replace(ranking, scores=ranking.scores.astype(np.float64)), family)


@families
@given(ranking=rankings())
def test_the_sign_of_zero(family: str, ranking: Ranking) -> None:
    signs = np.where(np.arange(ranking.n_candidates) % 2, -0.0, 0.0).astype(np.float32)
    same(ranking, replace(ranking, scores=np.where(ranking.scores == 0, signs, ranking.scores)), family)


@families
@given(ranking=rankings(), data=st.data())
def test_the_order_of_labels(family: str, ranking: Ranking, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(ranking.query_labels.shape[1]))))
    same(ranking, Ranking(ranking.scores, ranking.query_labels[:, order], ranking.candidate_labels[:, order]), family)


@families
@given(ranking=rankings())
def test_labels_that_are_not_shared(family: str, ranking: Ranking) -> None:
    ones, zeros = (np.full((n, 70), fill) for n, fill in ((len(ranking.scores), True), (ranking.n_candidates, False)))
    wider = Ranking(
        ranking.scores,
        np.concatenate((ones, ranking.query_labels), axis=1),
        np.concatenate((zeros, ranking.candidate_labels), axis=1),
    )
    same(ranking, wider, family)


@given(ranking=rankings(max_candidates=14))
def test_labels_and_lists_give_one_ranking(ranking: Ranking) -> None:
    listed = ScoredBlock(ranking.scores, ranking.rows).ordered(by_lists(ranking.relevant))
    equal_groups(ranking.groups(), listed)


@given(ranking=rankings(max_candidates=14))
def test_counting_and_sorting_give_one_ranking(ranking: Ranking) -> None:
    equal_groups(ranking.counted(), ranking.groups())
    equal_groups(ranking.counted(ties_by_index=True), ranking.groups(ties_by_index=True))


@given(ranking=rankings(max_candidates=14))
def test_merging_and_sorting_with_the_index_give_one_ranking(ranking: Ranking) -> None:
    with_gains = ranking.groups(graded=True)
    equal_groups(ranking.groups(), with_gains)
    assert with_gains.gains is not None
    assert with_gains.ideal is not None
    assert len(with_gains.gains) == with_gains.relevant.sum()
    np.testing.assert_array_equal(with_gains.ideal[:, 1:].sum(axis=1), with_gains.total)


@given(seed=st.integers(0, 2**32), n_levels=st.sampled_from((1, 3, 60, 100_000)))
def test_large_galleries_rank_alike_in_all_ways(seed: int, n_levels: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, n_levels, (2, 700)).astype(np.float32) ** 3
    labels = generator.random((700, 1)) < 0.1
    ranking = Ranking(scores, np.ones((2, 1), dtype=np.bool_), labels)
    merged = ranking.groups()
    equal_groups(merged, ranking.groups(graded=True))
    equal_groups(merged, ranking.counted())
    equal_groups(merged, replace(ranking, scores=scores.astype(np.float64)).groups())
    # A stable sort of NumPy is the yardstick of the order by index.
    order = np.argsort(-scores, axis=1, kind="stable")
    places = [np.flatnonzero(labels[row, 0]) for row in order]
    np.testing.assert_array_equal(ranking.groups(ties_by_index=True).before, np.concatenate(places))


@given(ranking=rankings())
def test_equal_queries_may_share_a_row_of_scores(ranking: Ranking) -> None:
    rows = np.arange(2 * len(ranking.scores)) // 2
    labels = ranking.query_labels[rows]
    shared = ScoredBlock(ranking.scores, rows).ordered(by_labels(labels, ranking.candidate_labels))
    equal_groups(shared, Ranking(ranking.scores[rows], labels, ranking.candidate_labels).groups())
    listed = by_lists(ranking.relevant[rows])
    equal_groups(ScoredBlock(ranking.scores, rows).counted(listed), shared)


@families
@given(ranking=rankings(), data=st.data())
def test_lists_of_the_whole_gallery_are_the_scores(family: str, ranking: Ranking, data: st.DataObject) -> None:
    order = np.array([data.draw(st.permutations(range(ranking.n_candidates))) for _ in ranking.rows])
    offsets = np.arange(len(order) + 1) * ranking.n_candidates
    scores = np.take_along_axis(ranking.scores, order, axis=1)
    relevance = by_labels(ranking.query_labels, ranking.candidate_labels)
    for metric in METRICS[family]:
        graded = is_graded(metric)
        listed = listed_groups(offsets, order.ravel(), scores.ravel(), ranking.n_candidates, relevance, graded=graded)
        whole = ranking.groups(graded=graded)
        np.testing.assert_array_equal(metric.per_query(listed), metric.per_query(whole))


def labels_for(bits: tuple[Array, Array]) -> tuple[Array, Array]:
    """Two labels that depend on the rows alone."""
    query_labels, candidate_labels = (np.arange(2 * len(side)).reshape(-1, 2) % 3 > 0 for side in bits)
    return query_labels, candidate_labels


@families
@given(bits=codes())
def test_counting_distances_is_sorting_the_bits(family: str, bits: tuple[Array, Array]) -> None:
    query_labels, candidate_labels = labels_for(bits)
    distances = (bits[0][:, None, :] != bits[1][None, :, :]).sum(axis=2)
    ranking = Ranking(-distances.astype(np.float32), query_labels, candidate_labels)
    scorer = hamming_scorer(*map(hash_codes, bits))
    relevance = by_labels(query_labels, candidate_labels)
    for metric in METRICS[family]:
        graded = is_graded(metric)
        groups = scorer.ordered_groups(0, len(query_labels), relevance, graded=graded)
        np.testing.assert_array_equal(metric.per_query(groups), metric.per_query(ranking.groups(graded=graded)))


@given(bits=codes())
def test_counting_nearer_codes_is_sorting_the_bits(bits: tuple[Array, Array]) -> None:
    query_labels, candidate_labels = labels_for(bits)
    distances = (bits[0][:, None, :] != bits[1][None, :, :]).sum(axis=2)
    ranking = Ranking(-distances.astype(np.float32), query_labels, candidate_labels)
    counted = hamming_scorer(*map(hash_codes, bits)).counted_groups(0, len(query_labels), by_lists(ranking.relevant))
    equal_groups(counted, ranking.groups())
