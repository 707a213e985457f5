"""A suite on a dataset: what is made, what is found again, what is reported."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.conftest import SIZES, SMALL, modified
from ficoitr import evaluate, load_dataset
from ficoitr.bench import BenchResult, Suite, SuiteModel, bench, get_suite, suites
from ficoitr.errors import FileFormatError, OptionError, OutputError
from ficoitr.models import load_model, model_names
from ficoitr.outputs import Embeddings, HashCodes

NAMES = [model.name for model in SMALL.models]
RECALLS = {f"instance.{direction}.R@{k}" for direction in ("i2t", "t2i") for k in (1, 5, 10)}
ORACLE_ROW = re.compile(r">\s*oracle\s*<")
ONE = Suite("one", "One baseline", SMALL.models[:1], SMALL.datasets)


@pytest.fixture
def runs(result: BenchResult, tmp_path: Path) -> Path:
    """A copy of the runs of the small suite, to be changed."""
    return shutil.copytree(result.report.parents[1], tmp_path / "runs")


def test_every_model_is_evaluated_on_both_tasks(result: BenchResult) -> None:
    assert [one.name for one in result.evaluations] == ["cca-16 (regions)", "cca-itq-16 (regions)"]
    chance = 10 / SIZES["test"]
    for one in result.evaluations:
        assert one.queries == {"i2t": SIZES["test"], "t2i": 5 * SIZES["test"]}
        assert set(one.keys()) >= RECALLS | {"instance.rsum", "category.i2t.mAP@N", "category.t2i.mAP@N"}
        assert one["instance.t2i.R@10"].value > 1.5 * chance
    assert result.found == ()


def test_a_run_can_be_made_again_from_its_files(result: BenchResult) -> None:
    test = result.dataset.split("test")
    for model, kind, evaluation in zip(SMALL.models, (Embeddings, HashCodes), result.evaluations, strict=True):
        folder = result.report.parent / model.name
        images, texts = (kind.load(folder / f"{name}.npy") for name in ("images", "texts"))
        again = evaluate(
            images, texts, text_to_image=test.text_to_image, categories=test.categories, resamples=50, seed=0
        )
        assert again.signature == evaluation.signature
        assert again.instance == evaluation.instance
        fitted = load_model(model.model, checkpoint=folder / "model.npz")
        encoded = fitted.encode_texts(test)
        assert encoded.ids == texts.ids == test.text_ids
        if isinstance(encoded, HashCodes):
            np.testing.assert_array_equal(encoded.words, texts.words)
        else:
            np.testing.assert_allclose(encoded.values, texts.values, atol=1e-6)


def test_costs_are_those_of_the_outputs(result: BenchResult) -> None:
    fine, coarse = result.efficiency
    n_items = 6 * SIZES["test"]
    assert (fine["bytes_per_item"], fine["storage_bytes"]) == (64, 64 * n_items)
    assert (coarse["bytes_per_item"], coarse["storage_bytes"]) == (2, 2 * n_items)
    assert coarse["parameters"] - fine["parameters"] == 16 * 16
    for one in result.efficiency:
        assert one["inputs"] == "regions"
        assert min(one["fit_seconds"], one["images_per_second"], one["texts_per_second"]) > 0


def test_the_oracle_is_that_of_the_test_split(result: BenchResult) -> None:
    truth = load_dataset("scenes", train=0, validation=0, test=SIZES["test"]).extra["scenes"]
    assert result.oracle == {f"instance.{name}": value for name, value in truth.oracle((1, 5, 10)).items()}


def test_models_are_compared_pair_by_pair(result: BenchResult) -> None:
    assert result.comparison is not None
    pair = result.comparison.pair("instance.rsum", *result.comparison.names)
    first, second = (one["instance.rsum"].value for one in result.evaluations)
    assert pair is not None
    assert pair.effect == pytest.approx(first - second)
    assert 0 < pair.p <= 1


def test_the_report_holds_all(result: BenchResult) -> None:
    page = result.report.read_text(encoding="utf-8")
    sizes = "60 test, 200 train, 50 validation"
    for part in ("cca-16 (regions)", "cca-itq-16 (regions)", sizes, "no evidence for"):
        assert part in page
    assert ORACLE_ROW.search(page)
    figures = {path.name for path in (result.report.parent / "figures").iterdir()}
    assert figures >= {"recall.pdf", "recall.png", "precision_recall.pdf", "precision_recall.png"}


def test_progress_names_the_steps_and_ends_each(small_runs: tuple[BenchResult, list[tuple[str, int, int]]]) -> None:
    _, reports = small_runs
    steps = [what for what, done, total in reports if (done, total) == (0, 1)]
    of_models = [f"{name}: {step}" for name in NAMES for step in ("fitting", "encoding", "timing", "evaluating")]
    assert steps == ["reading scenes", *of_models, "comparing", "writing the report"]
    last = {what: (done, total) for what, done, total in reports}
    assert all(done == total for done, total in last.values())
    assert {"image features", "queries"} <= set(last)


def test_a_second_start_finds_what_is_there(result: BenchResult, runs: Path) -> None:
    before = [modified(runs / "scenes" / name) for name in NAMES]
    again = bench(SMALL, output=runs, resamples=50)
    assert again.found == tuple(NAMES)
    assert [modified(runs / "scenes" / name) for name in NAMES] == before
    assert again.efficiency == result.efficiency
    assert [one.instance for one in again.evaluations] == [one.instance for one in result.evaluations]


def test_only_what_is_missing_or_damaged_is_made(runs: Path) -> None:
    outputs = runs / "scenes" / "cca-itq-16" / "images.npy"
    whole = outputs.read_bytes()
    outputs.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert bench(SMALL, output=runs, resamples=50).found == ("cca-16",)
    assert outputs.read_bytes() == whole


def test_another_seed_is_another_run(runs: Path) -> None:
    assert bench(ONE, output=runs, resamples=50).found == ("cca-16",)
    assert bench(ONE, output=runs, resamples=50, seed=1).found == ()


def test_a_changed_image_is_noticed(photos: Path, tmp_path: Path) -> None:
    def found() -> tuple[str, ...]:
        return bench(ONE, photos, output=tmp_path / "runs", resamples=0).found

    assert (found(), found()) == ((), ("cca-16",))
    path = photos / "images" / "007.png"
    with Image.open(path) as image:
        changed = image.copy()
    changed.putpixel((0, 0), (1, 2, 3))
    changed.save(path)
    assert found() == ()


def test_a_folder_has_no_oracle(photos: Path, tmp_path: Path) -> None:
    result = bench(ONE, photos, output=tmp_path / "runs", resamples=0)
    assert result.oracle == {}
    assert result.comparison is None
    assert result.evaluations[0].name == "cca-16 (global)"
    assert not ORACLE_ROW.search(result.report.read_text(encoding="utf-8"))


def test_a_damaged_image_ends_it_and_leaves_no_run(photos: Path, tmp_path: Path) -> None:
    (photos / "images" / "003.png").write_bytes(b"no image")
    with pytest.raises(FileFormatError, match=r"003\.png"):
        bench(ONE, photos, output=tmp_path / "runs")
    assert [path for path in (tmp_path / "runs").rglob("*") if not path.name.endswith(".lock")] == [
        tmp_path / "runs" / "photos"
    ]


def test_a_dataset_needs_train_and_test(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="only the splits train, validation"):
        bench(ONE, output=tmp_path, test=0)
    captions = photos / "captions.csv"
    rows = [line.rpartition(",")[0] for line in captions.read_text(encoding="utf-8").splitlines()]
    captions.write_text("\n".join(rows), encoding="utf-8")
    with pytest.raises(OptionError, match=r"'photos' has no splits.*column split of captions\.csv"):
        bench(ONE, photos, output=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_bad_options(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no suite 'slow'"):
        bench("slow", output=tmp_path)
    for option in ("seed", "resamples"):
        with pytest.raises(OptionError, match=f"{option} is -1"):
            bench(ONE, output=tmp_path, **{option: -1})
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        bench(ONE, output=tmp_path / "file")


def test_named_suites_have_models_that_exist() -> None:
    known = {entry.name for entry in model_names()}
    for name, suite in suites().items():
        assert get_suite(name) == suite
        assert {model.model for model in suite.models} <= known
        assert {"fine", "coarse"} == {load_model(one.model, config=one.config).granularity for one in suite.models}


def test_suites_that_cannot_be() -> None:
    with pytest.raises(OptionError, match="each under a name of its own"):
        Suite("twice", "", (SuiteModel("cca", "cca"), SuiteModel("cca", "cca-itq")))
    with pytest.raises(OptionError, match="has the models none"):
        Suite("empty", "", ())
    for name in ("", "a/b", "..", ".cca"):
        with pytest.raises(OptionError, match="cannot be called"):
            SuiteModel(name, "cca")
