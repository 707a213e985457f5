"""Intervals: a bootstrap over images, whose texts follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Toy
from ficoitr import Evaluation

RESAMPLES = 200


def evaluate(toy: Toy, **options: Any) -> Evaluation:
    return ficoitr.evaluate(**{**toy.arguments, "category_k": (10, "N"), "resamples": RESAMPLES, **options})


def test_intervals_are_those_of_a_plain_bootstrap(toy: Toy) -> None:
    evaluation = evaluate(toy, seed=3)
    values = evaluation.per_query_values()
    texts_of = [np.flatnonzero(toy.text_to_image == image) for image in range(60)]
    generator = np.random.default_rng(3)
    drawn = [generator.integers(0, 60, 60) for _ in range(RESAMPLES)]
    queries = {"i2t": drawn, "t2i": [np.concatenate([texts_of[image] for image in images]) for images in drawn]}
    checked = 0
    for figure in evaluation.figures():
        task, _, rest = figure.key.partition(".")
        direction, _, metric = rest.partition(".")
        if not metric:
            continue
        column = values[direction].values[f"{task}.{metric}"]
        average = np.median if metric == "median_rank" else np.mean
        resampled = [average(column[rows]) for rows in queries[direction]]
        assert figure.interval == pytest.approx(np.percentile(resampled, [2.5, 97.5]), abs=1e-12), figure.key
        checked += 1
    assert checked == 16


def test_sum_of_recalls_is_resampled_as_a_sum(toy: Toy) -> None:
    evaluation = evaluate(toy)
    low, high = evaluation["instance.rsum"].interval
    parts = [evaluation[f"instance.{direction}.R@{k}"].interval for direction in ("i2t", "t2i") for k in (1, 5, 10)]
    assert 100 * sum(part[0] for part in parts) < low < evaluation["instance.rsum"].value
    assert evaluation["instance.rsum"].value < high < 100 * sum(part[1] for part in parts)


def test_intervals_hold_their_figure_and_one_a_point_of_the_curve(toy: Toy) -> None:
    evaluation = evaluate(toy)
    for figure in evaluation.figures():
        assert figure.interval is not None
        assert figure.interval[0] <= figure.value <= figure.interval[1], figure.key
    points = evaluation.category["i2t"]["pr_curve"]
    for recall, precision in zip(points["recall"], points["precision"], strict=True):
        low, high = evaluation.intervals[f"category.i2t.pr_curve@{recall}"]
        assert low <= precision <= high


def test_seed_decides_and_threads_do_not(toy: Toy) -> None:
    first, again = evaluate(toy, threads=1), evaluate(toy, threads=2)
    other = evaluate(toy, seed=1)
    assert {key: pytest.approx(interval, abs=1e-9) for key, interval in first.intervals.items()} == again.intervals
    assert other.intervals != first.intervals
    assert other.instance == first.instance


def half_right(n_images: int) -> np.ndarray[Any, Any]:
    """Scores that rank the right text first for half of the images, and never for the others."""
    scores = np.eye(n_images, dtype=np.float32)
    scores[n_images // 2 :] = np.roll(scores[n_images // 2 :], 1, axis=1)
    return scores


def test_more_images_give_shorter_intervals() -> None:
    """The standard error of a share of n images falls with the root of n."""
    lengths = []
    for n_images in (20, 320):
        evaluation = ficoitr.evaluate(scores=half_right(n_images), captions_per_image=1, k=[1])
        low, high = evaluation["instance.i2t.R@1"].interval
        lengths.append(high - low)
    assert lengths[0] / lengths[1] == pytest.approx(4, rel=0.25)


def test_captions_of_an_image_are_drawn_together() -> None:
    """Ten captions that all hit or all miss are one draw: the interval is that of the images."""
    scores = half_right(40)
    one, ten = (ficoitr.evaluate(scores=np.repeat(scores, n, axis=1), captions_per_image=n, k=[1]) for n in (1, 10))
    assert ten["instance.t2i.R@1"].value == one["instance.t2i.R@1"].value
    assert ten["instance.t2i.R@1"].interval == pytest.approx(one["instance.t2i.R@1"].interval, abs=1e-12)


def test_no_resamples_give_no_intervals(toy: Toy) -> None:
    assert evaluate(toy, resamples=0).intervals == {}
