"""Laws of `ficoitr.evaluate`: whatever the form, the order, the threads and the blocks, one model has one result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ficoitr
from ficoitr import RankedLists
from ficoitr.evaluation import Evaluation
from ficoitr.evaluation.protocol import DENOMINATORS
from laws.strategies import METRICS, hash_codes

Array = np.ndarray[Any, Any]
ALL = tuple(str(metric) for metrics in METRICS.values() for metric in metrics if metric.cutoff in (None, 1, "N", "R"))
EXTRA = {"metrics": ("P@2", "recall_fraction@2"), "category_metrics": ("nDCG@3", "P@2", "R-Precision", "MRR")}
CHOICES: dict[str, Any] = {"k": (1, 2), "category_k": (2, "N"), "resamples": 0, "threads": 1, **EXTRA}


def labels(generator: np.random.Generator, n_images: int, n_labels: int) -> Array:
    """Half of all labels, one at least: without any there is no category task."""
    result: Array = generator.random((n_images, n_labels)) < 0.5
    result[0, 0] |= not result.any()
    return result


def data(seed: int, *, levels: int | None = None) -> dict[str, Any]:
    """Scores with ties (of so many levels) or without, an uneven map, and labels."""
    generator = np.random.default_rng(seed)
    n_images = int(generator.integers(4, 9))
    text_to_image = generator.permutation(np.repeat(np.arange(n_images), generator.integers(1, 4, n_images)))
    size = n_images * len(text_to_image)
    scores = generator.permutation(size) if levels is None else generator.integers(0, levels, size)
    return {
        "scores": scores.reshape(n_images, -1).astype(np.float32),
        "text_to_image": text_to_image,
        "categories": labels(generator, n_images, 3),
    }


def vectors(seed: int) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    images = generator.standard_normal((8, 6)).astype(np.float32)
    texts = np.repeat(images, 3, axis=0) + generator.choice((0.0, 1e-7, 1.0), (24, 1)) * generator.standard_normal(
        (24, 6)
    )
    return {
        "images": images,
        "texts": texts.astype(np.float32),
        "text_to_image": np.arange(24) // 3,
        "categories": images[:, :2] > 0,
    }


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """All figures and tie bands; curves too."""
    tables = {"instance": evaluation.instance, "category": evaluation.category, "ties": evaluation.ties}
    return {key: value.model_dump() if hasattr(value, "model_dump") else value for key, value in _flat(tables)}


def _flat(table: Any, key: str = "") -> list[tuple[str, Any]]:
    if not isinstance(table, dict):
        return [(key, table)]
    return [one for name, part in table.items() for one in _flat(part, f"{key}.{name}")]


def agree(left: Evaluation, right: Evaluation, *, tolerance: float = 1e-12) -> None:
    one, other = figures(left), figures(right)
    assert one.keys() == other.keys()
    for key, value in one.items():
        for here, there in zip(_numbers(value), _numbers(other[key]), strict=True):
            assert here == pytest.approx(there, abs=tolerance), key


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in part]
    return list(value) if isinstance(value, list | tuple) else [value]


def permuted(given_: dict[str, Any], seed: int) -> dict[str, Any]:
    """The same data with images and texts in another order."""
    generator = np.random.default_rng(seed)
    images = generator.permutation(len(given_["categories"]))
    texts = generator.permutation(len(given_["text_to_image"]))
    place = np.argsort(images)
    result = {"text_to_image": place[given_["text_to_image"][texts]], "categories": given_["categories"][images]}
    if "scores" in given_:
        return {**result, "scores": given_["scores"][images][:, texts]}
    return {**result, "images": given_["images"][images], "texts": given_["texts"][texts]}


seeds = st.integers(0, 10_000)


@given(seed=seeds)
def test_the_order_of_rows_changes_no_figure_of_scores(seed: int) -> None:
    given_ = data(seed, levels=4)
    agree(ficoitr.evaluate(**given_, **CHOICES), ficoitr.evaluate(**permuted(given_, seed), **CHOICES))


@given(seed=seeds)
def test_float64_is_equal_bit_for_bit_whatever_the_order_and_the_threads(seed: int) -> None:
    given_ = vectors(seed)
    options = {**CHOICES, "precision": "float64", "measure": "cosine"}
    right = figures(ficoitr.evaluate(**given_, **options))
    assert figures(ficoitr.evaluate(**given_, **{**options, "threads": 2})) == right
    agree(ficoitr.evaluate(**permuted(given_, seed), **options), ficoitr.evaluate(**given_, **options), tolerance=1e-15)


@pytest.mark.parametrize("measure", ["cosine", "inner_product", "euclidean"])
@given(seed=seeds)
def test_float32_agrees_with_float64(measure: str, seed: int) -> None:
    given_ = vectors(seed)
    quick, exact = (
        ficoitr.evaluate(**given_, **{**CHOICES, "measure": measure, "precision": precision, "category_k": (2, 8)})
        for precision in ("float32", "float64")
    )
    for key, value in exact.instance["i2t"].items():
        assert quick.instance["i2t"][key] == pytest.approx(value, abs=1e-6)
    for key in ("mAP@2", "mAP@8", "nDCG@3"):
        assert quick.category["t2i"][key] == pytest.approx(exact.category["t2i"][key], abs=1e-6)


@given(seed=seeds)
def test_two_matrices_that_are_transposes_are_one(seed: int) -> None:
    given_ = data(seed, levels=5)
    pair = {**given_, "scores": (given_["scores"], np.ascontiguousarray(given_["scores"].T))}
    agree(ficoitr.evaluate(**given_, **CHOICES), ficoitr.evaluate(**pair, **CHOICES))


@given(seed=seeds)
def test_ranked_lists_of_full_depth_are_the_scores(seed: int) -> None:
    given_ = data(seed, levels=5)
    lists = []
    for matrix in (given_["scores"], given_["scores"].T):
        order = np.argsort(matrix, axis=1)
        ranked = RankedLists.from_arrays(order, np.take_along_axis(matrix, order, axis=1), n_candidates=matrix.shape[1])
        lists.append(ranked)
    agree(ficoitr.evaluate(**{**given_, "scores": tuple(lists)}, **CHOICES), ficoitr.evaluate(**given_, **CHOICES))


@given(seed=seeds)
def test_short_lists_say_the_same_of_their_top_and_nothing_of_the_rest(seed: int) -> None:
    given_ = data(seed)
    lists = []
    for matrix in (given_["scores"], given_["scores"].T):
        order = np.argsort(-matrix, axis=1)[:, :3]
        lists.append(RankedLists.from_arrays(order, n_candidates=matrix.shape[1]))
    options = {**CHOICES, "k": (1, 2, 3), "category_k": (2, 3), "category_metrics": ("mAP@N", "nDCG@3")}
    short, whole = (
        ficoitr.evaluate(**{**given_, "scores": one}, **options) for one in (tuple(lists), given_["scores"])
    )
    for direction in ("i2t", "t2i"):
        for key in ("R@1", "R@3", "P@2"):
            assert short.instance[direction][key] == pytest.approx(whole.instance[direction][key], abs=1e-12)
        for key in ("mAP@2", "mAP@3", "nDCG@3"):
            assert short.category[direction][key] == pytest.approx(whole.category[direction][key], abs=1e-12)
        assert short.category[direction].get("mAP@N") is None
        assert short.instance[direction].get("mean_rank") is None


@given(seed=seeds)
def test_codes_are_their_signs_under_every_measure(seed: int) -> None:
    generator = np.random.default_rng(seed)
    images, texts = (np.where(generator.random((n, 16)) < 0.5, 1, -1).astype(np.int8) for n in (6, 18))
    truth = {"captions_per_image": 3, "categories": labels(generator, 6, 2)}
    by_hamming = ficoitr.evaluate(hash_codes(images), hash_codes(texts), **truth, **CHOICES)
    for measure in ("cosine", "inner_product", "euclidean"):
        agree(ficoitr.evaluate(images, texts, measure=measure, **truth, **CHOICES), by_hamming)


@given(seed=seeds)
def test_a_band_holds_every_figure(seed: int) -> None:
    evaluation = ficoitr.evaluate(**data(seed, levels=3), **CHOICES)
    for figure in evaluation.figures():
        if figure.ties is None or figure.value is None:
            continue
        low, high = sorted(figure.ties)
        assert low - 1e-12 <= figure.value <= high + 1e-12, figure.key


@pytest.mark.parametrize("denominator", DENOMINATORS)
@given(seed=seeds)
def test_policies_are_ordered_under_every_denominator(denominator: str, seed: int) -> None:
    given_ = data(seed, levels=3)
    by_policy = {
        ties: ficoitr.evaluate(**given_, **CHOICES, ties=ties, denominator=denominator)
        for ties in ("worst", "expected", "best", "index")
    }
    for direction in ("i2t", "t2i"):
        for key in ("mAP@2", "mAP@N"):
            value = {ties: one.category[direction][key] for ties, one in by_policy.items()}
            if None in value.values() or np.isnan(list(value.values())).any():
                continue
            assert value["worst"] - 1e-12 <= value["expected"] <= value["best"] + 1e-12
            assert value["worst"] - 1e-12 <= value["index"] <= value["best"] + 1e-12


@given(seed=seeds)
def test_without_ties_every_policy_says_the_same(seed: int) -> None:
    given_ = data(seed)
    right = ficoitr.evaluate(**given_, **CHOICES)
    for ties in ("best", "worst", "index"):
        other = ficoitr.evaluate(**given_, **CHOICES, ties=ties)
        assert other.instance["i2t"] == pytest.approx(right.instance["i2t"], abs=1e-12)


@given(seed=seeds)
def test_rsum_is_the_sum_of_six_recalls_in_percent(seed: int) -> None:
    generator = np.random.default_rng(seed)
    evaluation = ficoitr.evaluate(scores=generator.random((12, 24)), captions_per_image=2, resamples=0, threads=1)
    recalls = [evaluation.instance[direction][f"R@{k}"] for direction in ("i2t", "t2i") for k in (1, 5, 10)]
    assert evaluation["instance.rsum"].value == pytest.approx(100 * sum(recalls), abs=1e-9)


@given(seed=seeds)
def test_figures_are_means_of_the_values_per_query(seed: int) -> None:
    evaluation = ficoitr.evaluate(**data(seed, levels=4), **CHOICES)
    for direction, values in evaluation.per_query_values().items():
        recall = values.values["instance.R@1"]
        assert np.mean(recall) == pytest.approx(evaluation.instance[direction]["R@1"], abs=1e-12)
        assert np.median(values.values["instance.median_rank"]) == pytest.approx(
            evaluation.instance[direction]["median_rank"], abs=1e-12
        )


@given(seed=seeds)
def test_a_constant_model_scores_chance(seed: int) -> None:
    given_ = data(seed)
    given_["scores"] = np.zeros_like(given_["scores"])
    n_images = len(given_["categories"])
    evaluation = ficoitr.evaluate(**given_, **CHOICES)
    assert evaluation.instance["t2i"]["R@1"] == pytest.approx(1 / n_images, abs=1e-12)
    assert evaluation.instance["t2i"]["mean_rank"] == pytest.approx((n_images + 1) / 2, abs=1e-12)


def test_every_metric_can_be_asked_for_by_its_string() -> None:
    evaluation = ficoitr.evaluate(
        **data(0), metrics=ALL, category_metrics=ALL, resamples=0, k=(1,), category_k=(2,), threads=1
    )
    for text in ALL:
        assert text in evaluation.category["i2t"] or any(
            key.startswith(text.split("(")[0]) for key in evaluation.category["i2t"]
        )
