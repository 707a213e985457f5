"""A result holds what the design says, comes back from disk as it was, and signs for every choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ficoitr
from evaluation.conftest import Toy
from ficoitr import Evaluation
from ficoitr.evaluation import Figure
from ficoitr.outputs.files import digest_file

KEYS = {
    *{"schema", "name", "signature", "protocol", "queries", "candidates", "instance", "category", "intervals", "ties"},
    *{"near_ties", "codes", "signatures", "notes", "environment", "inputs", "seconds", "per_query"},
}
INSTANCE = ["R@1", "R@5", "R@10", "median_rank", "mean_rank", "MRR"]
CATEGORY = ["mAP@10", "mAP@50", "mAP@N", "pr_curve", "no_relevant"]


def evaluate(toy: Toy, **options: Any) -> Evaluation:
    return ficoitr.evaluate(**{**toy.arguments, "category_k": (10, 50, "N"), "resamples": 0, **options})


@pytest.fixture
def saved(toy: Toy, tmp_path: Path) -> Evaluation:
    return evaluate(toy, resamples=50, name="toy").save(tmp_path / "result.json")


def test_keys_of_the_file(saved: Evaluation, toy: Toy, tmp_path: Path) -> None:
    content = json.loads((tmp_path / "result.json").read_text())
    assert set(content) == KEYS
    assert content["schema"] == "ficoitr.evaluation/1"
    assert content["queries"] == {"i2t": 60, "t2i": len(toy.texts)}
    assert list(content["instance"]) == ["i2t", "t2i", "rsum"]
    assert list(content["category"]) == ["i2t", "t2i"]
    for direction in ("i2t", "t2i"):
        assert list(content["instance"][direction]) == INSTANCE
        assert list(content["category"][direction]) == CATEGORY
        curve = content["category"][direction]["pr_curve"]
        assert curve["recall"] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        assert len(curve["precision"]) == 11
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in content["inputs"].values())
    assert set(content["inputs"]) == {"images", "texts", "text_to_image", "categories"}
    assert content["per_query"]["file"] == "result.queries.parquet"
    assert content["per_query"]["sha256"] == digest_file(tmp_path / "result.queries.parquet")
    assert set(content["signatures"]) == set(saved.keys())
    assert content["codes"] == {}
    assert content["seconds"] > 0


def test_fractions_are_fractions(saved: Evaluation) -> None:
    for figure in saved.figures():
        assert figure.value is not None
        if not figure.key.endswith(("_rank", "rsum")):
            assert 0 <= figure.value <= 1
    recalls = [saved[f"instance.{direction}.R@{k}"].value for direction in ("i2t", "t2i") for k in (1, 5, 10)]
    assert saved["instance.rsum"].value == pytest.approx(100 * sum(recalls), abs=1e-9)


def test_figures_know_their_interval_ties_and_signature(saved: Evaluation) -> None:
    figure = saved["category.t2i.mAP@N"]
    assert isinstance(figure, Figure)
    assert figure.interval == saved.intervals[figure.key]
    assert figure.ties == saved.ties[figure.key]
    for part in ("metric:mAP@N", "direction:t2i", "task:category", "denominator:retrieved", "ties:expected"):
        assert part in figure.signature.split("|")


def test_round_trip(saved: Evaluation, tmp_path: Path) -> None:
    loaded = Evaluation.load(tmp_path / "result.json")
    assert loaded.model_dump() == saved.model_dump()
    assert loaded.to_json() == saved.to_json()
    for direction, part in saved.per_query_values().items():
        other = loaded.per_query_values()[direction]
        assert other.ids == part.ids
        np.testing.assert_array_equal(other.images, part.images)
        assert other.values.keys() == part.values.keys()
        for name, values in part.values.items():
            np.testing.assert_array_equal(other.values[name], values)


def test_loaded_result_can_be_saved_elsewhere(saved: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    Evaluation.load(tmp_path / "result.json").save(tmp_path / "copy" / "other.json")
    assert (tmp_path / "copy" / "other.queries.parquet").exists()
    assert Evaluation.load(tmp_path / "copy" / "other.json").per_query_values().keys() == {"i2t", "t2i"}


def test_older_file_with_fewer_fields_loads(saved: Evaluation, tmp_path: Path) -> None:
    content = json.loads((tmp_path / "result.json").read_text())
    kept = {"schema", "signature", "protocol", "queries", "candidates", "instance", "category"}
    older = {name: value for name, value in content.items() if name in kept}
    older["protocol"] = {name: content["protocol"][name] for name in ("name", "description", "source")}
    (tmp_path / "older.json").write_text(json.dumps(older))
    loaded = Evaluation.load(tmp_path / "older.json")
    assert loaded["instance.t2i.R@1"].value == saved["instance.t2i.R@1"].value
    assert loaded["instance.t2i.R@1"].interval is None


def test_file_with_fields_of_a_later_release_loads(saved: Evaluation, tmp_path: Path) -> None:
    content = json.loads((tmp_path / "result.json").read_text()) | {"mood": "good"}
    (tmp_path / "later.json").write_text(json.dumps(content))
    assert Evaluation.load(tmp_path / "later.json").instance == saved.instance


def test_values_per_query_make_every_figure(toy: Toy) -> None:
    evaluation = evaluate(toy, metrics=["recall_fraction@5", "mAP@R"], category_metrics=["nDCG@10", "P@5"])
    values = evaluation.per_query_values()
    checked = 0
    for figure in evaluation.figures():
        task, _, rest = figure.key.partition(".")
        direction, _, metric = rest.partition(".")
        if not metric:
            continue
        column = values[direction].values[f"{task}.{metric}"]
        assert len(column) == evaluation.queries[direction]
        average = np.nanmedian if metric == "median_rank" else np.nanmean
        assert figure.value == pytest.approx(average(column), abs=1e-12), figure.key
        checked += 1
    assert checked == 2 * (len(INSTANCE) + 2 + 3 + 2)
    np.testing.assert_array_equal(values["t2i"].images, toy.text_to_image)


CHOICES: dict[str, dict[str, Any]] = {
    "protocol": {"protocol": "fico-itr-1.0"},
    "measure": {"measure": "cosine"},
    "precision": {"precision": "float64"},
    "ties": {"ties": "worst"},
    "denominator": {"denominator": "total"},
    "k": {"k": (1, 5)},
    "category k": {"category_k": (10,)},
    "metric": {"metrics": ["R@20"]},
    "category metric": {"category_metrics": ["nDCG@10"]},
    "resamples": {"resamples": 10},
    "seed": {"resamples": 0, "seed": 1},
    "positives": {"positives": {"i2t": {0: [0]}}},
    "query split": {"queries": 10},
    "text labels": {"text_categories": np.ones((155, 5))},
    "labels": {"categories": np.arange(60) % 4},
    "no labels": {"categories": None, "category_k": None},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_signature_changes_with_every_choice(toy: Toy, choice: str) -> None:
    assert len(toy.texts) == 155
    assert evaluate(toy, **CHOICES[choice]).signature != evaluate(toy).signature


def test_signatures_of_all_choices_differ(toy: Toy) -> None:
    signatures = {evaluate(toy, **options).signature for options in CHOICES.values()}
    assert len(signatures) == len(CHOICES)


@pytest.mark.parametrize("change", ["images", "texts", "map"])
def test_signature_changes_with_the_data(toy: Toy, change: str) -> None:
    changed = {
        "images": {"images": toy.images + 1e-3},
        "texts": {"texts": toy.texts[::-1]},
        "map": {"text_to_image": toy.text_to_image[::-1]},
    }[change]
    other, same = evaluate(toy, **changed), evaluate(toy)
    assert other.signature != same.signature
    figures = [one["instance.t2i.R@1"].signature for one in (other, same)]
    assert (figures[0] != figures[1]) == (change == "map"), "the model's outputs are no part of a figure's protocol"


def test_signature_does_not_depend_on_how_it_was_computed(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = evaluate(toy)
    seen: list[tuple[int, int]] = []
    other = evaluate(toy, threads=1, name="other", progress=lambda done, total: seen.append((done, total)))
    monkeypatch.setattr("ficoitr.evaluation.rankers._BLOCK_BYTES", 1)
    small = evaluate(toy, threads=2)
    for one in (other, small):
        assert one.signature == reference.signature
        assert one.signatures == reference.signatures
        assert one.keys() == reference.keys()
    assert seen[-1][0] == seen[-1][1] > 0
