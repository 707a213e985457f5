"""What values a metric can take, and how metrics hang together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ficoitr.errors import OptionError
from ficoitr.metrics.metric import FAMILIES, Metric
from laws.strategies import AVERAGE_PRECISIONS, METRICS, rankings
from metrics.rankings import Array, Ranking, drops_queries

families = pytest.mark.parametrize("family", METRICS)
cutoffs = st.integers(1, 12)
AT_N = "N"


def of(text: str, ranking: Ranking) -> Array:
    """Expected, best and worst values of a metric given by its string."""
    return ranking.values(Metric.parse(text))


def close(left: Array, right: Array) -> None:
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12, equal_nan=True)


def at_most(low: Array, high: Array) -> None:
    assert (low <= high + 1e-12).all()


def ideal(ranking: Ranking) -> Ranking:
    """The first query alone, its candidates ranked by their gains."""
    return Ranking(ranking.gains[:1].astype(np.float32), ranking.query_labels[:1], ranking.candidate_labels)


def appended(ranking: Ranking, *, place: float) -> Ranking:
    """The ranking with an irrelevant candidate below (-1) or above (+1) all others."""
    extreme = place * 1000 * np.ones((len(ranking.scores), 1), dtype=np.float32)
    nothing = np.zeros((1, ranking.candidate_labels.shape[1]), dtype=np.bool_)
    return Ranking(
        np.concatenate((ranking.scores, extreme), axis=1),
        ranking.query_labels,
        np.concatenate((ranking.candidate_labels, nothing)),
    )


@families
@given(ranking=rankings())
def test_values_lie_in_their_range(family: str, ranking: Ranking) -> None:
    for metric in METRICS[family]:
        values = ranking.values(metric)
        if metric.family.better == "higher":
            assert (values >= 0).all()
            assert (values <= 1 + 1e-12).all()
        else:
            assert (np.isnan(values) | ((values >= 1) & (values <= ranking.n_candidates))).all()


@families
@given(ranking=rankings())
def test_queries_without_a_relevant_candidate(family: str, ranking: Ranking) -> None:
    nothing = Ranking(ranking.scores, np.zeros_like(ranking.query_labels), ranking.candidate_labels)
    for metric in METRICS[family]:
        values = nothing.values(metric)
        assert (values == 0).all() if metric.family.better == "higher" else np.isnan(values).all()


@families
@given(ranking=rankings())
def test_where_all_are_relevant_no_order_matters(family: str, ranking: Ranking) -> None:
    alike = Ranking(ranking.scores, np.ones_like(ranking.query_labels), np.ones_like(ranking.candidate_labels))
    flat = Ranking(np.zeros_like(ranking.scores), alike.query_labels, alike.candidate_labels)
    for metric in METRICS[family]:
        values = alike.values(metric)
        close(values, flat.values(metric))
        if metric.cutoff in (None, "N", "R"):
            close(values, np.ones_like(values))


@families
@given(ranking=rankings())
def test_a_perfect_ranking_is_perfect(family: str, ranking: Ranking) -> None:
    perfect = ideal(ranking)
    assume(perfect.relevant.any())
    for metric in METRICS[family]:
        bounded = metric.name in ("P", "recall_fraction") or "denominator=total" in str(metric)
        if bounded and metric.cutoff not in ("N", "R") and metric.cutoff != perfect.relevant.sum():
            continue
        if metric.name == "P" and metric.cutoff == AT_N:
            continue
        close(perfect.values(metric)[1], np.ones_like(perfect.values(metric)[1]))


@families
@given(ranking=rankings())
def test_no_ranking_beats_the_perfect_one_or_falls_below_its_reverse(family: str, ranking: Ranking) -> None:
    first = Ranking(ranking.scores[:1], ranking.query_labels[:1], ranking.candidate_labels)
    perfect = ideal(ranking)
    reverse = Ranking(-perfect.scores, perfect.query_labels, perfect.candidate_labels)
    for metric in METRICS[family]:
        if drops_queries(metric) or (family == "mAP" and "retrieved" in str(metric)):
            # Fewer hits can have a higher mean precision among themselves.
            continue
        sign = 1 if metric.family.better == "higher" else -1
        lowest, values, highest = (np.nan_to_num(sign * one.values(metric)) for one in (reverse, first, perfect))
        at_most(values[1], highest[1])
        at_most(lowest[2], values[2])


@families
@given(ranking=rankings())
def test_an_irrelevant_candidate_below_all_changes_nothing(family: str, ranking: Ranking) -> None:
    longer = appended(ranking, place=-1)
    for metric in METRICS[family]:
        if metric == Metric("P", AT_N):
            continue
        if isinstance(metric.cutoff, int) and metric.cutoff > ranking.n_candidates:
            continue
        close(longer.values(metric), ranking.values(metric))


@families
@given(ranking=rankings())
def test_an_irrelevant_candidate_above_all_never_helps(family: str, ranking: Ranking) -> None:
    longer = appended(ranking, place=1)
    for metric in METRICS[family]:
        if drops_queries(metric) or (family == "mAP" and "denominator=retrieved" in str(metric)):
            continue
        sign = 1 if metric.family.better == "higher" else -1
        at_most(np.nan_to_num(sign * longer.values(metric)), np.nan_to_num(sign * ranking.values(metric)))


@families
@given(ranking=rankings(ties=False), data=st.data())
def test_moving_a_relevant_candidate_up_never_hurts(family: str, ranking: Ranking, data: st.DataObject) -> None:
    assume(ranking.n_candidates > 1)
    place = data.draw(st.integers(0, ranking.n_candidates - 2))
    order = np.argsort(-ranking.scores[0])
    upper, lower = order[place], order[place + 1]
    assume(ranking.gains[0, lower] >= ranking.gains[0, upper])
    scores = ranking.scores.copy()
    scores[0, [upper, lower]] = scores[0, [lower, upper]]
    moved = Ranking(scores, ranking.query_labels, ranking.candidate_labels)
    for metric in METRICS[family]:
        if family == "mAP" and "retrieved" in str(metric) and metric.cutoff != AT_N:
            # A further hit in the top K can lower the mean over the hits.
            continue
        sign = 1 if metric.family.better == "higher" else -1
        at_most(np.nan_to_num(sign * ranking.values(metric)), np.nan_to_num(sign * moved.values(metric)))


@pytest.mark.parametrize("name", ["R", "recall_fraction"])
@given(ranking=rankings(), k=cutoffs)
def test_recall_grows_with_k(name: str, ranking: Ranking, k: int) -> None:
    at_most(of(f"{name}@{k}", ranking), of(f"{name}@{k + 1}", ranking))


@given(ranking=rankings(), k=cutoffs)
def test_hits_grow_with_k_by_at_most_one(ranking: Ranking, k: int) -> None:
    fewer, more = k * of(f"P@{k}", ranking), (k + 1) * of(f"P@{k + 1}", ranking)
    at_most(fewer, more)
    at_most(more, fewer + 1)


@given(ranking=rankings(ties=False), k=cutoffs)
def test_hits_are_whole_without_ties(ranking: Ranking, k: int) -> None:
    hits = k * of(f"P@{k}", ranking)
    close(hits, np.rint(hits))


@given(ranking=rankings())
def test_everything_is_found_in_the_whole_gallery(ranking: Ranking) -> None:
    found = np.broadcast_to(ranking.relevant.any(axis=1), (3, len(ranking.scores)))
    close(of("R@N", ranking), found)
    close(of("recall_fraction@N", ranking), found)
    close(of("P@N", ranking), np.broadcast_to(ranking.relevant.mean(axis=1), found.shape))


@given(ranking=rankings(), k=cutoffs)
def test_precision_and_recall_count_the_same_hits(ranking: Ranking, k: int) -> None:
    close(k * of(f"P@{k}", ranking), ranking.relevant.sum(axis=1) * of(f"recall_fraction@{k}", ranking))


@given(ranking=rankings(), k=cutoffs)
def test_a_fraction_found_is_at_most_any_hit(ranking: Ranking, k: int) -> None:
    at_most(of(f"recall_fraction@{k}", ranking), of(f"R@{k}", ranking))


@given(ranking=rankings(), k=cutoffs)
def test_any_hit_is_at_most_the_expected_number_of_hits(ranking: Ranking, k: int) -> None:
    at_most(of(f"R@{k}", ranking), k * of(f"P@{k}", ranking))


@given(ranking=rankings(ties=False), k=cutoffs)
def test_recall_says_whether_the_rank_is_within_k(ranking: Ranking, k: int) -> None:
    close(of(f"R@{k}", ranking), of("mean_rank", ranking) <= k)


@given(ranking=rankings())
def test_the_expected_rank_is_the_sum_of_the_misses(ranking: Ranking) -> None:
    assume(ranking.relevant.any(axis=1).all())
    misses = sum(1 - of(f"R@{k}", ranking) for k in range(1, ranking.n_candidates + 1))
    close(of("mean_rank", ranking), 1 + misses)


@given(ranking=rankings())
def test_the_expected_reciprocal_rank_is_a_sum_of_recalls(ranking: Ranking) -> None:
    recalls = [np.zeros((3, len(ranking.scores)))]
    recalls += [of(f"R@{k}", ranking) for k in range(1, ranking.n_candidates + 1)]
    parts = [(here - before) / k for k, (before, here) in enumerate(pairwise(recalls), 1)]
    close(of("MRR", ranking), sum(parts))


@given(ranking=rankings())
def test_reciprocal_rank_is_at_least_the_reciprocal_of_the_rank(ranking: Ranking) -> None:
    assume(ranking.relevant.any(axis=1).all())
    at_most(1 / of("mean_rank", ranking), of("MRR", ranking))
    close(1 / of("mean_rank", ranking)[1:], of("MRR", ranking)[1:])


@given(ranking=rankings())
def test_median_and_mean_rank_average_the_same_ranks(ranking: Ranking) -> None:
    close(of("mean_rank", ranking), of("median_rank", ranking))


@given(ranking=rankings(), k=cutoffs)
def test_denominators_are_in_order(ranking: Ranking, k: int) -> None:
    total, least, first, retrieved = (
        of(f"mAP(denominator={name})@{k}", ranking) for name in ("total", "min", "first", "retrieved")
    )
    at_most(total, least)
    at_most(least, first)
    at_most(least, retrieved)


@given(ranking=rankings(), k=cutoffs)
def test_total_and_min_share_their_sum(ranking: Ranking, k: int) -> None:
    relevant = ranking.relevant.sum(axis=1)
    sums = relevant * of(f"mAP(denominator=total)@{k}", ranking)
    close(sums, np.minimum(relevant, k) * of(f"mAP(denominator=min)@{k}", ranking))


@given(ranking=rankings())
def test_denominators_agree_on_the_whole_gallery(ranking: Ranking) -> None:
    right = of("mAP(denominator=total)@N", ranking)
    for metric in AVERAGE_PRECISIONS:
        if metric.cutoff == AT_N:
            close(ranking.values(metric), right)


@given(ranking=rankings(), k=cutoffs)
def test_average_precision_over_all_relevant_grows_with_k(ranking: Ranking, k: int) -> None:
    at_most(of(f"mAP(denominator=total)@{k}", ranking), of(f"mAP(denominator=total)@{k + 1}", ranking))


@given(ranking=rankings())
def test_average_precision_at_r_is_at_most_r_precision(ranking: Ranking) -> None:
    at_most(of("mAP@R", ranking), of("R-Precision", ranking))


@given(ranking=rankings())
def test_at_r_total_and_min_are_one(ranking: Ranking) -> None:
    close(of("mAP(denominator=total)@R", ranking), of("mAP(denominator=min)@R", ranking))
    close(of("mAP(denominator=total)@R", ranking), of("mAP@R", ranking))


@given(ranking=rankings())
def test_with_one_relevant_candidate_average_precision_is_the_reciprocal_rank(ranking: Ranking) -> None:
    labels = np.arange(ranking.n_candidates)[:, None] == 0
    single = Ranking(ranking.scores, np.ones((len(ranking.scores), 1), dtype=np.bool_), labels)
    close(of("mAP@N", single), of("MRR", single))
    close(of("R-Precision", single), of("R@1", single))


@given(ranking=rankings())
def test_at_one_all_metrics_are_whether_the_first_is_relevant(ranking: Ranking) -> None:
    right = of("R@1", ranking)
    for text in ("P@1", "mAP(denominator=min)@1", "mAP(denominator=retrieved)@1"):
        close(of(text, ranking), right)


@given(ranking=rankings(), k=cutoffs)
def test_both_gains_agree_on_one_label(ranking: Ranking, k: int) -> None:
    single = Ranking(ranking.scores, ranking.query_labels[:, :1], ranking.candidate_labels[:, :1])
    close(of(f"nDCG(gain=linear)@{k}", single), of(f"nDCG(gain=exponential)@{k}", single))


@pytest.mark.parametrize("gain", ["linear", "exponential"])
@given(ranking=rankings(), k=cutoffs)
def test_the_ideal_order_has_all_of_the_gain(gain: str, ranking: Ranking, k: int) -> None:
    best = ideal(ranking)
    values = of(f"nDCG(gain={gain})@{k}", best)
    close(values, np.broadcast_to(best.relevant.any(axis=1), values.shape))


@given(ranking=rankings())
def test_the_curve_never_rises(ranking: Ranking) -> None:
    curve = of("pr_curve", ranking)
    at_most(curve[..., 1:], curve[..., :-1])


@given(ranking=rankings(ties=False))
def test_the_curve_starts_no_lower_than_average_precision(ranking: Ranking) -> None:
    curve = of("pr_curve", ranking)
    at_most(of("mAP@N", ranking), curve[..., 0])
    at_most(of("R-Precision", ranking), curve[..., 0])


@given(ranking=rankings(ties=False))
def test_the_curve_ends_at_the_last_relevant_candidate(ranking: Ranking) -> None:
    places = ranking.n_candidates - ranking.scores
    last = np.where(ranking.relevant, places, 1).max(axis=1)
    right = ranking.relevant.sum(axis=1) / last
    close(of("pr_curve", ranking)[..., 10], np.broadcast_to(right, (3, len(right))))


ANY_METRIC = st.sampled_from(sorted(FAMILIES)).flatmap(
    lambda name: st.builds(
        Metric,
        st.just(name),
        {
            "none": st.none(),
            "number": st.integers(1, 10**6) | st.sampled_from(("N", "R") if name == "mAP" else ("N",)),
            "radius": st.integers(0, 4096),
        }[FAMILIES[name].cutoffs],
        st.fixed_dictionaries(
            {}, optional={key: st.sampled_from(those) for key, those in FAMILIES[name].options.items()}
        ).map(lambda options: tuple(options.items())),
    )
)


@given(metric=ANY_METRIC)
def test_a_metric_prints_as_the_string_that_it_is_read_from(metric: Metric) -> None:
    again = Metric.parse(str(metric))
    assert again == metric
    assert hash(again) == hash(metric)
    assert str(again) == str(metric)


@given(metric=ANY_METRIC)
def test_defaults_fill_in_and_never_replace(metric: Metric) -> None:
    filled = metric.with_defaults(denominator="min", gain="exponential")
    assert set(metric.options) <= set(filled.options)
    assert {key for key, _ in filled.options} == set(metric.family.options)
    assert filled.with_defaults(denominator="first") == filled


@given(text=st.text(max_size=12))
def test_any_other_string_is_an_error_of_ours(text: str) -> None:
    try:
        metric = Metric.parse(text)
    except OptionError:
        return
    assert Metric.parse(str(metric)) == metric


@given(metric=ANY_METRIC, ranking=rankings())
def test_options_that_are_not_set_are_the_defaults(metric: Metric, ranking: Ranking) -> None:
    assume(metric.family.cutoffs != "radius")
    filled = Metric(metric.name, metric.cutoff, tuple((key, metric.option(key)) for key in metric.family.options))
    close(ranking.values(filled)[1:], ranking.values(metric)[1:])
