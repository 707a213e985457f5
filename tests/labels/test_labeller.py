"""The labeller on planted regions, on drawn pictures, and on photographs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open

from ficoitr.data import Dataset, load_dataset
from ficoitr.data.absent import AbsentImages
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import CategoryError, FileFormatError, IdentifierError, OptionError, OutputError, ShapeError
from ficoitr.models.labels import Labeller, LabelTraining, Query2LabelConfig, fit_labeller
from ficoitr.models.labels.folder import read_labels, write_labels
from ficoitr.models.labels.quality import label_quality

SMALL = {
    "network": Query2LabelConfig(width=32, heads=2, hidden=32, feature_dropout=0.1),
    "training": LabelTraining(epochs=25, learning_rate=3e-3),
    "n_networks": 2,
}


def planted(n_images, seed, n_labels=4):
    """Images of five regions of noise; a label is in one region, somewhere, as a direction of its own."""
    random = np.random.default_rng(seed)
    labels = random.random((n_images, n_labels)) < 0.3
    regions = random.normal(size=(n_images, 5, 12)).astype(np.float32)
    for row, label in np.argwhere(labels):
        regions[row, random.integers(5), label] += 4
    ids = tuple(f"{seed}-{row}" for row in range(n_images))
    return Dataset(
        name=f"planted {seed}",
        images=AbsentImages(n_images, "They are made up"),
        image_ids=ids,
        texts=("",) * n_images,
        text_ids=ids,
        text_to_image=np.arange(n_images),
        categories=labels,
        category_names=tuple(f"label {number}" for number in range(n_labels)),
        image_features={"regions": StoredFeatures.of(regions)},
    )


@pytest.fixture(scope="module")
def train():
    return planted(240, 0)


@pytest.fixture(scope="module")
def target():
    return planted(100, 1)


@pytest.fixture(scope="module")
def labeller(train):
    return fit_labeller(train, features="regions", seed=3, **SMALL)


def test_it_learns_what_is_planted(labeller, target):
    scores = labeller.scores(target)
    quality = label_quality(scores, labeller.decide(scores), target.categories)
    assert quality.mean_average_precision > 0.75 > 2 * quality.guessing
    assert quality.overall_f1 > 0.6
    # What it says of itself is about what is found on other images.
    assert labeller.quality.mean_average_precision == pytest.approx(quality.mean_average_precision, abs=0.12)
    assert labeller.quality.overall_f1 == pytest.approx(quality.overall_f1, abs=0.12)


def test_labels_that_mean_nothing_are_said_to_be_worth_nothing(train):
    shuffled = replace(train, categories=np.random.default_rng(0).permutation(train.categories))
    quality = fit_labeller(shuffled, features="regions", **SMALL).quality
    assert quality.mean_average_precision == pytest.approx(quality.guessing, abs=0.08)


def test_predicted_labels_are_marked(labeller, target):
    labelled = labeller.label(target)
    assert labelled.categories.dtype == np.bool_
    assert labelled.category_names == target.category_names
    figure = f"{100 * labeller.quality.mean_average_precision:.1f}"
    assert labelled.category_source == f"query2label(regions, trained on planted 0, mAP {figure})"
    assert labelled.digest() != replace(labelled, category_source="").digest()


def test_labels_learnt_from_predicted_labels_say_so(labeller, target):
    second = fit_labeller(labeller.label(target), features="regions", **SMALL)
    assert f"trained on planted 1 labelled by {labeller.category_source}" in second.category_source


def test_the_seed_decides(train, target, labeller):
    again = fit_labeller(train, features="regions", seed=3, **SMALL)
    other = fit_labeller(train, features="regions", seed=4, **SMALL)
    np.testing.assert_array_equal(again.scores(target), labeller.scores(target))
    assert np.abs(other.scores(target) - labeller.scores(target)).max() > 0.01


def test_a_validation_split_measures_and_sets_the_thresholds(train, target):
    labeller = fit_labeller(train, target, features="regions", **SMALL)
    assert labeller.judged_on == "planted 1"
    assert labeller.quality.n_images == 100
    assert labeller.quality.mean_average_precision > 0.75


def test_thresholds_are_for_all_labels_or_one_each(train, labeller):
    assert len(set(labeller.thresholds)) == 1
    each = fit_labeller(train, features="regions", thresholds="label", seed=3, **SMALL)
    assert len(set(each.thresholds)) == 4
    assert each.quality.mean_average_precision == labeller.quality.mean_average_precision


def test_a_rare_label_is_not_given_to_every_image(train):
    """By its own F1 a label of which nothing is known is best given to all."""
    rare = train.categories.copy()
    rare[:, 3] = np.arange(len(rare)) % 60 == 7
    blind = replace(train, categories=rare)
    given = {
        rule: fit_labeller(blind, features="regions", thresholds=rule, **SMALL).label(train).categories[:, 3].mean()
        for rule in ("common", "label")
    }
    assert given["common"] < 0.05 < given["label"]


def test_a_label_without_training_images_is_not_given(train, target):
    without = train.categories.copy()
    without[:, 2] = False
    labeller = fit_labeller(replace(train, categories=without), features="regions", **SMALL)
    assert np.isinf(labeller.thresholds[2])
    assert not labeller.label(target).categories[:, 2].any()
    assert labeller.quality.n_left_out == 1


def test_a_saved_labeller_is_the_same(labeller, target, tmp_path):
    path = tmp_path / "labeller.safetensors"
    labeller.save(path)
    loaded = Labeller.load(path)
    np.testing.assert_array_equal(loaded.scores(target), labeller.scores(target))
    np.testing.assert_array_equal(loaded.thresholds, labeller.thresholds)
    for name in ("names", "features", "quality", "judged_on", "origin", "seed", "category_source"):
        assert getattr(loaded, name) == getattr(labeller, name)
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["ficoitr"])["format"] == "ficoitr.labeller/1"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_other_files_are_refused(labeller, tmp_path):
    path = tmp_path / "labeller.safetensors"
    labeller.save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FileFormatError, match="no file of a labeller"):
        Labeller.load(path)
    path.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="no file of a labeller"):
        Labeller.load(path)
    with pytest.raises(FileFormatError, match="no such file"):
        Labeller.load(tmp_path / "none")


def test_what_cannot_be_learnt_from_is_refused(train, target, labeller):
    with pytest.raises(CategoryError, match="no labels"):
        fit_labeller(replace(train, categories=None, category_names=()), features="regions")
    with pytest.raises(ShapeError, match="at least 20"):
        fit_labeller(train.select(np.arange(19)), features="regions")
    with pytest.raises(CategoryError, match="not those of the training images"):
        fit_labeller(train, planted(30, 2, n_labels=3), features="regions")
    with pytest.raises(OptionError, match="n_networks"):
        fit_labeller(train, features="regions", n_networks=1)
    with pytest.raises(OptionError, match="common or label"):
        fit_labeller(train, features="regions", thresholds="best")
    wider = replace(target, image_features={"regions": StoredFeatures.of(np.zeros((100, 5, 13), np.float32))})
    with pytest.raises(ShapeError, match="12, as in training"):
        labeller.scores(wider)


def test_labels_on_disk_come_back_by_identifier(labeller, target, tmp_path):
    folder = tmp_path / "labels"
    scores = labeller.scores(target)
    about = write_labels(folder, target, labeller, scores)
    write_labels(folder, target, labeller, scores)
    assert [one.name for one in tmp_path.iterdir()] == ["labels"]
    assert json.loads((folder / "labels.json").read_text()) == about
    rows = np.random.default_rng(0).permutation(100)[:40]
    read = read_labels(folder, target.select(rows))
    expected = labeller.label(target)
    np.testing.assert_array_equal(read.categories, expected.categories[rows])
    assert (read.category_names, read.category_source) == (expected.category_names, expected.category_source)
    with pytest.raises(IdentifierError, match="'0-0'"):
        read_labels(folder, planted(20, 0))


def test_a_folder_of_something_else_is_left_alone(labeller, target, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("all of it")
    with pytest.raises(OutputError, match="something else"):
        write_labels(tmp_path / "precious", target, labeller, labeller.scores(target))
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "all of it"


def test_drawn_pictures_are_labelled_far_above_guessing():
    scenes = load_dataset("scenes", train=300, validation=2, test=60)
    train, test = scenes.split("train"), scenes.split("test")
    labeller = fit_labeller(train, features="region-set", **{**SMALL, "training": LabelTraining(epochs=25)})
    scores = labeller.scores(test)
    quality = label_quality(scores, labeller.decide(scores), test.categories)
    assert quality.mean_average_precision > 2 * quality.guessing
    assert labeller.may_have_seen(train)
    assert labeller.may_have_seen(scenes)
    assert not labeller.may_have_seen(test)


def test_photographs_are_labelled_far_above_guessing(test_data):
    photos = load_dataset("coco338", test_data / "coco338")
    train, test = photos.select(np.arange(160)), photos.select(np.arange(160, 240))
    labeller = fit_labeller(
        train, network=Query2LabelConfig(width=128), training=LabelTraining(epochs=12), n_networks=2
    )
    scores = labeller.scores(test)
    quality = label_quality(scores, labeller.decide(scores), test.categories)
    assert quality.mean_average_precision > 2.5 * quality.guessing
