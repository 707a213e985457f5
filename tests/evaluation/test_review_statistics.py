"""Figures, bands and intervals where the order of ties decides which queries count, and where no query does."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import ficoitr
from evaluation.reference import average_precisions, shared_labels
from ficoitr import Evaluation
from ficoitr.evaluation.columns import expected_ratio
from ficoitr.evaluation.protocol import get_protocol

Array = np.ndarray[Any, Any]
MAP = "category.i2t.mAP@2"


def evaluate(scores: Array, image_labels: Array, text_labels: Array, **options: Any) -> Evaluation:
    settings = {"denominator": "retrieved_skip", "category_k": (2,), "resamples": 0, **options}
    return ficoitr.evaluate(
        scores=scores,
        captions_per_image=scores.shape[1] // len(scores),
        categories=image_labels,
        text_categories=text_labels,
        **settings,
    )


def tied(n_images: int = 3) -> tuple[Array, Array, Array]:
    """Scores with many ties, and labels: nearly every cut falls into a tied group."""
    generator = np.random.default_rng(n_images)
    scores = generator.integers(0, 3, (n_images, 2 * n_images)).astype(np.float32)
    return scores, generator.random((n_images, 3)) < 0.5, generator.random((2 * n_images, 3)) < 0.3


def means_over_orders(scores: Array, relevant: Array, k: int) -> list[float]:
    """Mean AP@K over the queries with a hit, for every way to order the candidates of each query."""
    own = []
    for row, labels in zip(scores, relevant, strict=True):
        orders = np.array(list(permutations(range(len(row)))))
        own.append(average_precisions(row[orders], labels[orders], k))
    distributions = [np.unique(values, return_counts=True, equal_nan=True) for values in own]
    means: list[float] = []
    for combination in product(*(list(zip(*those, strict=True)) for those in distributions)):
        hits = [value for value, _ in combination if not np.isnan(value)]
        if hits:
            means += [float(np.mean(hits))] * int(np.prod([count for _, count in combination]))
    return means


def without_a_relevant_candidate() -> dict[str, Array]:
    labels = np.array([[True, False], [True, False]])
    return {"scores": np.eye(2, 4, dtype=np.float32), "image_labels": labels, "text_labels": ~np.repeat(labels, 2, 0)}


def test_expectation_of_a_sure_and_an_uncertain_query() -> None:
    """AP is 1/2 for sure; the other query has a hit at rank 1, at rank 2 (a quarter each), or none."""
    scores = np.array([[4, 3, 2, 1], [1, 1, 1, 1]], dtype=np.float32)
    texts = np.array([[False, False], [True, False], [False, True], [False, False]])
    figure = evaluate(scores, np.eye(2, dtype=bool), texts)[MAP]
    assert figure.value == pytest.approx(0.5 * 0.5 + 0.25 * (0.5 + 1) / 2 + 0.25 * 0.5, abs=1e-14)
    assert figure.ties == (0.5, 0.75)


@pytest.mark.parametrize("k", [2, 3])
def test_expectation_and_band_are_those_over_all_orders(k: int) -> None:
    generator = np.random.default_rng(k)
    for _ in range(15):
        scores = generator.integers(0, 2, (2, 4)).astype(np.float32)
        image_labels, text_labels = generator.random((2, 3)) < 0.6, generator.random((4, 3)) < 0.4
        image_labels[0] = text_labels[0, 0] = True
        means = means_over_orders(scores, shared_labels(image_labels, text_labels), k)
        figure = evaluate(scores, image_labels, text_labels, category_k=(k,))[f"category.i2t.mAP@{k}"]
        if not means:
            assert figure.value is None
            continue
        assert figure.value == pytest.approx(np.mean(means), abs=1e-13)
        assert figure.ties == pytest.approx((min(means), max(means)), abs=1e-13)


def test_expected_ratio_of_equal_values_is_their_value() -> None:
    hits = np.random.default_rng(0).random(20_000) ** 4
    assert expected_ratio(0.3 * hits, hits) == pytest.approx(0.3, abs=1e-13)
    assert expected_ratio(0.3 * hits * 1e-9, hits * 1e-9) == pytest.approx(0.3, abs=1e-13)


@pytest.mark.parametrize(("n", "m", "sure"), [(1, 1, 0), (3, 40, 2), (900, 2000, 0), (2000, 30, 70), (30, 5, 4000)])
def test_expected_ratio_of_three_kinds_of_queries(n: int, m: int, sure: int) -> None:
    """Of n queries with AP 0.9, m with AP 0.2 and some with AP 0.6 that hit for sure, binomial numbers have a hit."""
    first, second = 0.3, 0.004
    hits = np.repeat([first, second, 1.0], [n, m, sure])
    x, y = np.arange(n + 1)[:, None], np.arange(m + 1)
    weights = stats.binom.pmf(x, n, first) * stats.binom.pmf(y, m, second)
    with np.errstate(invalid="ignore"):
        ratios = (0.9 * x + 0.2 * y + 0.6 * sure) / (x + y + sure)
    any_hit = x + y + sure > 0
    expected = (weights * ratios)[any_hit].sum() / weights[any_hit].sum()
    values = hits * np.repeat([0.9, 0.2, 0.6], [n, m, sure])
    assert expected_ratio(values, hits) == pytest.approx(expected, abs=1e-11)
    shuffled = np.random.default_rng(0).permutation(len(hits))
    assert expected_ratio(values[shuffled], hits[shuffled]) == expected_ratio(values, hits)


@pytest.mark.parametrize("ties", ["best", "worst"])
def test_extremes_have_no_interval_where_ties_decide_which_queries_count(ties: str) -> None:
    evaluation = evaluate(*tied(8), ties=ties, resamples=50)
    assert evaluation[MAP].value is not None
    assert evaluation[MAP].interval is None
    assert evaluation["instance.i2t.R@1"].interval is not None


@pytest.mark.parametrize("ties", ["best", "worst"])
def test_extremes_have_an_interval_where_every_query_surely_counts_or_not(ties: str) -> None:
    scores, *labels = tied(8)
    figure = evaluate(scores, *labels, ties=ties, resamples=50, category_k=("N",))["category.i2t.mAP@N"]
    assert figure.interval is not None
    assert figure.interval[0] <= figure.value <= figure.interval[1]


def test_expectation_keeps_its_interval() -> None:
    figure = evaluate(*tied(8), resamples=200)[MAP]
    assert figure.interval is not None
    assert figure.interval[0] <= figure.value <= figure.interval[1]


@pytest.mark.filterwarnings("error")
def test_a_median_over_no_query_is_no_figure() -> None:
    evaluation = evaluate(**without_a_relevant_candidate(), category_metrics=["median_rank"], resamples=20)
    figure = evaluation["category.i2t.median_rank"]
    assert (figure.value, figure.interval, figure.ties) == (None, None, None)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ties", ["expected", "best", "worst", "index"])
def test_a_mean_over_no_query_is_no_figure(ties: str, tmp_path: Path) -> None:
    saved = evaluate(**without_a_relevant_candidate(), ties=ties, resamples=20).save(tmp_path / "result.json")
    loaded = Evaluation.load(tmp_path / "result.json")
    assert loaded == saved
    figure = loaded[MAP]
    assert (figure.value, figure.interval, figure.ties) == (None, None, None)
    assert loaded["instance.i2t.R@1"].interval is not None


def test_a_curve_over_no_query_is_no_figure(tmp_path: Path) -> None:
    protocol = get_protocol("fico").model_copy(update={"no_relevant": "skip"})
    saved = evaluate(**without_a_relevant_candidate(), protocol=protocol, category_metrics=["pr_curve"], resamples=20)
    saved.save(tmp_path / "result.json")
    loaded = Evaluation.load(tmp_path / "result.json")
    assert loaded.category["i2t"]["pr_curve"] is None
    assert not any("pr_curve" in key for key in (*loaded.intervals, *loaded.ties))


def test_a_result_that_cannot_be_written_leaves_the_earlier_files(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    first = evaluate(*tied(), name="first").save(path)
    broken = evaluate(*tied(4), name="broken").model_copy(update={"seconds": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        broken.save(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["result.json", "result.queries.parquet"]
    assert Evaluation.load(path) == first
    assert Evaluation.load(path).per_query_values()["i2t"].ids == first.per_query_values()["i2t"].ids
