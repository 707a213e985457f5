"""Threads, blocks and the order of rows change nothing: to 1e-6 in float32, bit for bit in float64 and for codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Clip
from ficoitr import Evaluation, HashCodes

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def crowd(clip: Clip) -> dict[str, Array]:
    """CLIP's embeddings with copies and near copies among the texts, so that rounding has something to decide."""
    texts = clip.texts.copy()
    texts[5:10] = texts[:5]
    texts[10:15] = np.nextafter(texts[:5], np.float32(1))
    return {"images": clip.images, "texts": texts, "text_to_image": np.repeat(np.arange(100), 5)}


def figures(evaluation: Evaluation) -> dict[str, float]:
    return {figure.key: figure.value for figure in evaluation.figures()}


def evaluate(crowd: dict[str, Array], **options: Any) -> dict[str, float]:
    labels = np.random.default_rng(0).random((100, 4)) < 0.3
    return figures(ficoitr.evaluate(**{**crowd, "categories": labels, "resamples": 0, **options}))


def permuted(crowd: dict[str, Array], **options: Any) -> dict[str, float]:
    """Figures of the same data with images and texts in another order."""
    generator = np.random.default_rng(1)
    images, texts = generator.permutation(100), generator.permutation(500)
    labels = (np.random.default_rng(0).random((100, 4)) < 0.3)[images]
    arguments = {
        "images": crowd["images"][images],
        "texts": crowd["texts"][texts],
        "text_to_image": np.argsort(images)[crowd["text_to_image"][texts]],
    }
    return figures(ficoitr.evaluate(**arguments, categories=labels, resamples=0, **options))


@pytest.mark.parametrize("measure", ["cosine", "inner_product", "euclidean"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-6), ("float64", 0)])
def test_float_measures(
    crowd: dict[str, Array], measure: str, precision: str, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"measure": measure, "precision": precision}
    reference = pytest.approx(evaluate(crowd, threads=1, **options), rel=0, abs=tolerance)
    assert evaluate(crowd, threads=2, **options) == reference
    assert permuted(crowd, threads=2, **options) == reference
    monkeypatch.setattr("ficoitr.evaluation.rankers._BLOCK_BYTES", 1)
    assert evaluate(crowd, threads=2, **options) == reference


def test_codes_are_exact(crowd: dict[str, Array]) -> None:
    codes = crowd | {name: HashCodes.from_values(crowd[name]) for name in ("images", "texts")}
    reference = evaluate(codes, threads=1)
    assert evaluate(codes, threads=2) == reference
    by_hand = crowd | {name: crowd[name] > 0 for name in ("images", "texts")}
    assert permuted(by_hand, measure="hamming") == reference


def test_copies_tie(crowd: dict[str, Array]) -> None:
    worst, best = ficoitr.evaluate(**crowd, resamples=0)["instance.i2t.MRR"].ties
    assert worst < best


def test_neighbours_that_rounding_could_turn_are_counted_where_they_are_not_settled() -> None:
    generator = np.random.default_rng(4)
    sides = [generator.standard_normal((n, 64)).astype(np.float32) for n in (40, 4000)]
    options = {"categories": np.arange(40) % 3, "resamples": 0}
    evaluation = ficoitr.evaluate(*sides, **options)
    # Images search 4,000 texts; the 40 images that texts search are few enough to be settled whole.
    assert evaluation.near_ties["i2t"] > 0
    assert evaluation.near_ties["t2i"] == 0
    assert ficoitr.evaluate(*sides, **options, precision="float64").near_ties == {"i2t": 0, "t2i": 0}


def test_environment_decides_the_number_of_threads(crowd: dict[str, Array], monkeypatch: pytest.MonkeyPatch) -> None:
    reference = evaluate(crowd, threads=1)
    monkeypatch.setenv("FICOITR_THREADS", "1")
    assert evaluate(crowd) == reference
