"""`ficoitr data label`, and what comes after it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.cli.application import application as whole
from ficoitr.errors import OptionError, OutputError

SCENES = ("scenes", "-o", "train=60", "-o", "validation=2", "-o", "test=20")
TRAIN = (
    "--train",
    "scenes",
    "--train-option",
    "train=60",
    "--train-option",
    "validation=2",
    "--train-option",
    "test=20",
)
QUICK = ("--features", "region-set", "--epochs", "2")


def run(*words):
    result = CliRunner().invoke(application, ["data", "label", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "labels"
    printed = run(*SCENES, "--split", "test", *TRAIN, *QUICK, "--output", folder)
    assert "mAP" in printed
    assert "synthetic: query2label(region-set, trained on scenes train" in printed.replace("\n", " ")
    return folder


def test_the_folder_says_what_it_holds(folder):
    about = json.loads((folder / "labels.json").read_text())
    labels, scores = np.load(folder / "labels.npy"), np.load(folder / "scores.npy")
    assert labels.dtype == np.uint8
    assert labels.shape == scores.shape == (20, 24)
    assert len((folder / "image_ids.txt").read_text().splitlines()) == 20
    names = (folder / "label_names.txt").read_text().splitlines()
    assert list(about["thresholds"]) == names
    thresholds = [np.inf if one is None else one for one in about["thresholds"].values()]
    np.testing.assert_array_equal(labels, scores >= np.array(thresholds))
    assert about["quality_on_dataset"]["n_images"] == 20
    assert about["quality"]["n_images"] == about["trained_on"]["n_images"] == 60
    assert set(about["files"]) == {
        "labels.npy", "scores.npy", "label_names.txt", "image_ids.txt", "labeller.safetensors",
    }  # fmt: skip


def test_figures_on_these_labels_say_that_no_person_set_them(folder, tmp_path):
    random = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", random.normal(size=(20, 8)))
    np.save(tmp_path / "texts.npy", random.normal(size=(100, 8)))
    words = ["evaluate", "--images", tmp_path / "images.npy", "--texts", tmp_path / "texts.npy", "--resamples", "0"]
    words += ["--captions-per-image", "5", "--categories", folder / "labels.npy", "--category-k", "N", "--json"]
    result = CliRunner().invoke(whole, list(map(str, words)))
    assert result.exit_code == 0, result.output
    signatures = json.loads(result.stdout)["signatures"]
    assert "labels:synthetic-query2label(region-set" in signatures["category.i2t.mAP@N"]
    assert "synthetic" not in signatures["instance.i2t.R@1"]


def test_a_kept_labeller_labels_alike(folder):
    again = folder.with_name("again")
    about = json.loads(
        run(*SCENES, "--split", "test", "--labeller", folder / "labeller.safetensors", "--output", again, "--json")
    )
    np.testing.assert_array_equal(np.load(again / "scores.npy"), np.load(folder / "scores.npy"))
    assert about["category_source"] == json.loads((folder / "labels.json").read_text())["category_source"]
    assert not (again / "labeller.safetensors").exists()


def test_images_that_were_trained_on_are_no_measure(folder, tmp_path):
    words = (*SCENES, "--labeller", folder / "labeller.safetensors", "--output", tmp_path / "all", "--json")
    assert json.loads(run(*words))["quality_on_dataset"] is None


def test_mistakes_are_found_before_the_work(folder, tmp_path):
    with pytest.raises(OptionError, match="--train or --labeller"):
        run(*SCENES, "--output", tmp_path / "labels")
    with pytest.raises(OptionError, match="trained already"):
        run(*SCENES, "--labeller", folder / "labeller.safetensors", *QUICK, "--output", tmp_path / "labels")
    with pytest.raises(OutputError, match="does not exist"):
        run(*SCENES, *TRAIN, "--output", tmp_path / "nowhere" / "labels")
