"""`ficoitr train`, `encode`, `evaluate` and `bench` with fine-grained models, as a new user would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ficoitr.bench import Suite, SuiteModel, bench
from ficoitr.cli.application import application

DATA = ["--dataset", "scenes", "-o", "train=60", "-o", "validation=20", "-o", "test=20"]
TINY = ["--set", "width=16", "--set", "word_width=8", "--set", "training.epochs=2", "--set", "training.batch_size=50"]


def run(*arguments: object):
    return CliRunner().invoke(application, [str(one) for one in arguments])


@pytest.mark.parametrize(
    ("model", "flags", "files"),
    [
        ("scan", "--scores", {"scores.npy", "images.ids.txt", "texts.ids.txt"}),
        ("vsepp", "--images", {"images.npy", "images.ids.txt", "texts.npy", "texts.ids.txt"}),
    ],
)
def test_from_training_to_figures(
    model: str, flags: str, files: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("train", model, *DATA, *TINY)
    assert done.exit_code == 0, done.output
    assert f"Trained {model} on scenes (region-set, words): 2 epochs, best in epoch" in done.output
    assert Path("runs", "scenes", model, "model.safetensors").is_file()
    # The commands that are proposed work as they stand.
    done = run(*done.output.split("Next: ficoitr ")[1].split())
    assert done.exit_code == 0, done.output
    place = Path("runs", "scenes", model, "test")
    truth = {"text_to_image.npy", "categories.npy"}
    assert {one.name for one in place.iterdir()} == files | truth
    proposed = done.output.split("Next: ficoitr ")[1].split()
    assert proposed[1] == flags
    done = run(*proposed, "--resamples", 0, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["queries"] == {"i2t": 20, "t2i": 100}


def test_two_models_together(tmp_path: Path) -> None:
    one, two = np.random.default_rng(0).random((2, 4, 8))
    for name, scores in (("one", one), ("two", two), ("both", (one + two) / 2)):
        np.save(tmp_path / f"{name}.npy", scores)

    def figures(*names: str):
        given = [part for name in names for part in ("--scores", tmp_path / f"{name}.npy")]
        done = run("evaluate", *given, "--captions-per-image", 2, "--resamples", 0, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)["instance"]

    assert figures("one", "two") == figures("both")


def test_codes_are_asked_for_where_there_are_none(tmp_path: Path) -> None:
    assert run("train", "vsepp", *DATA, *TINY, "--output", tmp_path).exit_code == 0
    done = run("encode", tmp_path, *DATA, "--continuous")
    assert "the model 'vsepp' makes no codes" in str(done.exception)


def test_bits_are_of_hashing_models(tmp_path: Path) -> None:
    done = run("train", "scan", *DATA, "--bits", 64, "--output", tmp_path)
    assert "the model 'scan' has no setting 'bits'" in str(done.exception)


def test_a_suite_of_both_kinds(tmp_path: Path) -> None:
    training = {"epochs": 1, "batch_size": 50}
    suite = Suite(
        "both",
        "Query-time attention beside vectors",
        (
            SuiteModel("scan", "scan", {"width": 16, "word_width": 8, "training": training}, preset="small"),
            SuiteModel("vsepp", "vsepp", {"width": 16, "word_width": 8, "training": training}, preset="small"),
        ),
        {"scenes": {"train": 60, "validation": 20, "test": 20}},
    )
    result = bench(suite, output=tmp_path, resamples=0)
    assert [one.name for one in result.evaluations] == ["scan (region-set, words)", "vsepp (region-set, words)"]
    scan, vsepp = result.efficiency
    assert scan["pairs_per_second"] > 0
    assert "pairs_per_second" not in vsepp
    # Eight regions an image, of 16 numbers each; or one vector.
    assert scan["bytes_per_item"] == 8 * 16 * 4
    assert vsepp["bytes_per_item"] == 16 * 4
    scores = np.load(tmp_path / "scenes" / "scan" / "scores.npy")
    assert scores.shape == (20, 100)
    assert "Pairs per second" in result.report.read_text()
    assert bench(suite, output=tmp_path, resamples=0).found == ("scan", "vsepp")


def test_scores_of_models_that_have_vectors(tmp_path: Path) -> None:
    assert run("train", "vsepp", *DATA, *TINY, "--output", tmp_path).exit_code == 0
    done = run("encode", tmp_path, *DATA, "--scores")
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "test" / "scores.npy").shape == (20, 100)
    hashing = ["--bits", 8, "--set", "hidden=8", "--set", "negatives=8", "--set", "training.epochs=1"]
    assert run("train", "ucch", *DATA, *hashing, "--output", tmp_path / "codes").exit_code == 0
    assert "the model 'ucch' makes codes" in str(run("encode", tmp_path / "codes", *DATA, "--scores").exception)


def test_models_together_are_of_the_same_items(tmp_path: Path) -> None:
    for name, ids, shape in (("one", "ab", (2, 4)), ("two", "ba", (2, 4)), ("three", "ab", (2, 6))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "scores.npy", np.ones(shape))
        (tmp_path / name / "images.ids.txt").write_text("\n".join(ids) + "\n")

    def problem(other: str) -> str:
        given = ("--scores", tmp_path / "one" / "scores.npy", "--scores", tmp_path / other / "scores.npy")
        return str(run("evaluate", *given, "--captions-per-image", 2).exception)

    assert f"{tmp_path}/two/scores.npy: the images are not those of {tmp_path}/one/scores.npy" in problem("two")
    assert f"{tmp_path}/three/scores.npy: the scores have the shape (2, 6). Expected (2, 4)" in problem("three")
