"""Hash codes bring their statistics into the result, its file and what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Toy
from ficoitr import Evaluation, HashCodes
from ficoitr.evaluation import CodeStatistics
from ficoitr.evaluation.code_table import code_table, print_codes
from ficoitr.metrics.codes import code_statistics


def evaluate(toy: Toy, **options: Any) -> Evaluation:
    sides = {side: HashCodes.from_values(getattr(toy, side)) for side in ("images", "texts")}
    return ficoitr.evaluate(
        **{**toy.arguments, "category_k": ("N",), "resamples": 0, "measure": None, **sides, **options}
    )


@pytest.fixture
def coded(toy: Toy) -> Evaluation:
    return evaluate(toy)


def test_both_sides_are_those_of_their_codes(coded: Evaluation, toy: Toy) -> None:
    assert list(coded.codes) == ["images", "texts"]
    for side, values in (("images", toy.images), ("texts", toy.texts)):
        codes = HashCodes.from_values(values)
        assert coded.codes[side] == code_statistics(codes.words, codes.bits)
        assert coded.codes[side].items == len(values)


def test_other_outputs_have_none(toy: Toy) -> None:
    assert ficoitr.evaluate(**toy.arguments, category_k=("N",), resamples=0).codes == {}
    scores = ficoitr.evaluate(scores=toy.scores, text_to_image=toy.text_to_image, resamples=0)
    assert scores.codes == {}
    assert code_table([scores]) is None


def test_arrays_of_bits_are_codes_under_the_measure_hamming(coded: Evaluation, toy: Toy) -> None:
    bits = {"images": np.where(toy.images > 0, 1, -1), "texts": np.where(toy.texts > 0, 1, -1)}
    assert evaluate(toy, **bits, measure="hamming").codes == coded.codes


def test_all_items_are_counted_whichever_are_queries(coded: Evaluation, toy: Toy) -> None:
    assert evaluate(toy, queries=10).codes == coded.codes


def test_images_that_a_model_wrote_once_a_text_are_counted_once() -> None:
    generator = np.random.default_rng(0)
    images, texts = (HashCodes.from_values(generator.random((n, 40)) < 0.5) for n in (30, 60))
    repeated = HashCodes(np.repeat(images.words, 2, axis=0), 40)
    found = ficoitr.evaluate(repeated, texts, captions_per_image=2, resamples=0)
    assert found.codes["images"] == code_statistics(images.words, 40)
    assert found.codes["images"].colliding == 0


def test_statistics_come_back_from_disk(coded: Evaluation, tmp_path: Path) -> None:
    coded.save(tmp_path / "codes.json")
    content = json.loads((tmp_path / "codes.json").read_text())
    assert content["codes"]["texts"]["distinct"] == coded.codes["texts"].distinct
    assert content["codes"]["images"]["ones"] == list(coded.codes["images"].ones)
    loaded = Evaluation.load(tmp_path / "codes.json")
    assert loaded.codes == coded.codes
    assert isinstance(loaded.codes["images"], CodeStatistics)


def test_files_of_other_releases_load(coded: Evaluation, tmp_path: Path) -> None:
    content = json.loads(coded.to_json())
    earlier = {name: value for name, value in content.items() if name != "codes"}
    content["codes"]["texts"]["mood"] = "good"
    for name, one in (("earlier", earlier), ("later", content)):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))
    assert Evaluation.load(tmp_path / "earlier.json").codes == {}
    assert Evaluation.load(tmp_path / "later.json").codes == coded.codes


def test_printed_figures() -> None:
    one = CodeStatistics(2000, 3, (0.5, 0.25, 1.0), 0.25, 1, 0.0625, 1.0, 1500, 640, 12, 0.0123)
    assert print_codes(one) == {
        "items": "2,000",
        "bits": "3",
        "mean |p−½|": "0.250",
        "worst bits": "2 (1.00), 1 (0.25)",
        "constant bits": "1",
        "mean |r|": "0.062",
        "largest |r|": "1.000",
        "distinct codes": "1,500 (75.0%)",
        "items sharing a code": "640 (32.0%)",
        "largest bucket": "12",
        "P(two share a code)": "0.0123",
    }


def test_a_table_of_several_models_names_those_that_have_codes(coded: Evaluation, toy: Toy) -> None:
    dense = ficoitr.evaluate(**toy.arguments, category_k=("N",), resamples=0, name="dense")
    other = coded.model_copy(update={"name": "other"})
    alone, both = code_table([coded]), code_table([coded, dense, other])
    assert alone is not None
    assert both is not None
    assert (alone.columns, alone.groups) == (("", "images", "texts"), ())
    assert both.columns == ("", "images", "texts", "images", "texts")
    assert both.groups == (("", 1), ("model 1", 2), ("other", 2))
    for single, double in zip(alone.rows, both.rows, strict=True):
        assert double == (*single, *single[1:])
    for number, side in enumerate(coded.codes, 1):
        assert [row[number].text for row in alone.rows] == list(print_codes(coded.codes[side]).values())


def test_what_is_not_there_is_said() -> None:
    balanced = CodeStatistics(1, 2, (0.5, 0.5), 0.0, 0, None, None, 1, 0, 1, None)
    shown = print_codes(balanced)
    assert [shown[name] for name in ("worst bits", "mean |r|", "P(two share a code)")] == ["none", "n/a", "n/a"]


@pytest.mark.parametrize(
    ("probability", "shown"), [(0.0, "0"), (4.2e-7, "4.2e-07"), (0.00099, "9.9e-04"), (1, "1.0000")]
)
def test_small_probabilities_keep_their_digits(probability: float, shown: str) -> None:
    one = CodeStatistics(9, 1, (0.5,), 0.0, 0, None, None, 9, 0, 1, probability)
    assert print_codes(one)["P(two share a code)"] == shown
