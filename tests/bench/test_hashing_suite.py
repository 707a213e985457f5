"""Suites of models that are trained in epochs: presets, features that they can read, runs found again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ficoitr.bench import Suite, SuiteModel, bench, get_suite
from ficoitr.errors import OptionError

SIZES = {"scenes": {"train": 40, "validation": 10, "test": 12}}
TRAINING = {"training": {"epochs": 1, "batch_size": 40}}


def test_a_preset_is_what_options_are_put_over(tmp_path: Path) -> None:
    model = SuiteModel("ucch-16", "ucch", {"bits": 16, "hidden": 32, **TRAINING}, preset="small")
    suite = Suite("tiny", "One hashing model", (model,), SIZES)
    result = bench(suite, output=tmp_path, resamples=0)
    assert [one.name for one in result.evaluations] == ["ucch-16 (global, bag-of-words)"]
    assert result.efficiency[0]["bytes_per_item"] == 2
    config = json.loads((tmp_path / "scenes" / "ucch-16" / "manifest.json").read_text())["inputs"]["config"]
    # The preset's, the dataset's preset's, the options', the model's own.
    assert (config["negatives"], config["shift"], config["hidden"], config["temperature"]) == (512, 7, 32, 0.9)
    assert (tmp_path / "scenes" / "ucch-16" / "model.safetensors").is_file()
    assert bench(suite, output=tmp_path, resamples=0).found == ("ucch-16",)


def test_models_take_the_features_that_they_can_read() -> None:
    models = (
        SuiteModel("cca", "cca"),
        SuiteModel("ucch", "ucch", preset="small"),
        SuiteModel("adv", "adv", preset="small"),
    )
    suite = Suite("three", "Three models", models)
    whole = suite.with_features("efficientnet-lite0", "minilm")
    assert [model.folder for model in whole.models] == [
        "cca+efficientnet-lite0+minilm",
        "ucch+efficientnet-lite0+minilm",
        "adv",
    ]
    parts = suite.with_features("efficientnet-lite0-grid")
    assert [model.config.get("features") for model in parts.models] == [
        "efficientnet-lite0-grid",
        None,
        "efficientnet-lite0-grid",
    ]
    # What a dataset brings has no shape that were known before.
    assert {model.config.get("features") for model in suite.with_features("mine").models} == {"mine"}


def test_the_named_suite() -> None:
    suite = get_suite("hashing")
    assert {model.preset for model in suite.models if model.model not in ("cca", "cca-itq", "cmfh")} == {"small"}
    assert all("small" in model.name for model in suite.models if model.preset)
    assert all(model.options().get("bits", 64) == 64 for model in suite.models)
    with pytest.raises(OptionError, match="has no preset 'tiny'"):
        SuiteModel("ucch", "ucch", preset="tiny").options()
    with pytest.raises(OptionError, match="not trained in epochs"):
        SuiteModel("cca", "cca", preset="small").options()
