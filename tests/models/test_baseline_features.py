"""The baselines on features by name: learnt, packaged, brought by the dataset; saved and loaded again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ficoitr.data import load_dataset
from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import InputError, OptionError
from ficoitr.models import load_model
from ficoitr.models.features import extract_features, feature_names, shared_features
from models.test_real_photos import recall_of_texts

IMAGES = [entry.name for entry in feature_names("image") if entry.weights != "file"]
TEXTS = ["terms", *(entry.name for entry in feature_names("text"))]


@pytest.fixture(scope="module")
def scenes():
    dataset = load_dataset("scenes", train=60, validation=20, test=12)
    with shared_features():
        yield {name: dataset.split(name) for name in ("train", "validation", "test")}


def outputs(model, dataset):
    images, texts = model.encode_images(dataset), model.encode_texts(dataset)
    return [getattr(one, "values", None) if model.name == "cca" else one.words for one in (images, texts)]


@pytest.mark.parametrize(
    ("features", "text_features"),
    [*((name, "terms") for name in IMAGES), *(("regions", name) for name in TEXTS)],
)
@pytest.mark.parametrize("name", ["cca", "cca-itq"])
def test_every_feature_can_be_fitted_saved_and_loaded(scenes, tmp_path, name, features, text_features):
    config = {"dimensions": 8, "features": features, "text_features": text_features}
    model = load_model(name, config=config).fit(scenes["train"], scenes["validation"])
    assert model.inputs == (features if text_features == "terms" else f"{features}, {text_features}")
    model.save(tmp_path / "model.npz")
    loaded = load_model(name, checkpoint=tmp_path / "model.npz")
    assert (loaded.config, loaded.inputs, loaded.n_parameters) == (model.config, model.inputs, model.n_parameters)
    for mine, its in zip(outputs(model, scenes["test"]), outputs(loaded, scenes["test"]), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_file_from_before_text_features_had_names_still_loads(scenes, tmp_path):
    model = load_model("cca", config={"dimensions": 8, "features": "global"}).fit(scenes["train"])
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(str(arrays.pop("header")))
    for option in ("text_features", "weights"):
        del header["config"]["options"][option]
    for setting in ("text_features", "weights", "source"):
        del header["config"]["space"][setting]
    with (tmp_path / "old.npz").open("wb") as file:
        np.savez(file, header=np.array(json.dumps(header)), **arrays)
    old = load_model("cca", checkpoint=tmp_path / "old.npz")
    for mine, its in zip(outputs(model, scenes["test"]), outputs(old, scenes["test"]), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_learnt_numbers_are_counted(scenes):
    terms, vectors = (
        load_model("cca", config={"dimensions": 8, "text_features": name}).fit(scenes["train"], scenes["validation"])
        for name in ("terms", "doc2vec")
    )
    arrays = vectors.space.text_inputs.extractor.to_parts()[1]
    of_texts = vectors.space.text_map.size + 300 + arrays["outputs"].size
    of_terms = terms.space.text_map.size + terms.space.text_inputs.terms.inverse_frequencies.size
    assert vectors.n_parameters - of_texts == terms.n_parameters - of_terms


def test_names_that_are_unknown_are_listed(scenes):
    with pytest.raises(OptionError, match=r"no image features 'deep'.*one of auto, global, regions"):
        load_model("cca", config={"features": "deep"}).fit(scenes["train"])
    with pytest.raises(OptionError, match=r"no text features 'minlm'.*auto, terms, minilm.*Did you mean 'minilm'"):
        load_model("cca", config={"text_features": "minlm"}).fit(scenes["train"])
    with pytest.raises(OptionError, match="no image features 'minilm'"):
        load_model("cca", config={"features": "minilm"}).fit(scenes["train"])
    with pytest.raises(OptionError, match="need a file of weights"):
        load_model("cca", config={"features": "vgg19"}).fit(scenes["train"])


def blind(dataset, **features):
    """A dataset of features alone, as the hashing literature hands it on."""
    return replace(
        dataset,
        images=AbsentImages(len(dataset.image_ids), "There are none"),
        texts=AbsentTexts(len(dataset.text_ids), "There are none"),
        image_features={"fc7": StoredFeatures.of(features["images"])},
        text_features={"bow": StoredFeatures.of(features["texts"])},
        extra={},
    )


def test_a_dataset_of_features_alone_is_enough(scenes):
    train, test = (
        blind(scenes[name], images=extract_features(scenes[name], "region-set"), texts=_vectors(scenes[name]))
        for name in ("train", "test")
    )
    seen = load_model("cca", config={"dimensions": 8, "features": "global", "text_features": "minilm"})
    seen = seen.fit(scenes["train"])
    model = load_model("cca", config={"dimensions": 8, "kernel": "linear"}).fit(train)
    assert model.inputs == "fc7, bow"
    scores = model.encode_images(test).values @ model.encode_texts(test).values.T
    own = scores[test.text_to_image, np.arange(60)]
    assert (scores < own).mean() > 0.6  # 0.5 is chance
    with pytest.raises(InputError, match="no pixels"):
        seen.encode_images(test)
    narrow = blind(scenes["test"], images=np.ones((12, 5)), texts=_vectors(scenes["test"]))
    with pytest.raises(InputError, match=r"'fc7' are vectors of 5 numbers.*345"):
        model.encode_images(narrow)


def _vectors(dataset):
    return extract_features(dataset, "minilm")


def test_features_of_other_weights_are_refused(scenes):
    model = load_model("cca", config={"dimensions": 8, "features": "efficientnet-lite0"}).fit(scenes["train"])
    inputs = model.space.image_inputs
    assert inputs.source["weights"].startswith("sha256:")
    other = replace(inputs, source={**inputs.source, "weights": "sha256:0"})
    with pytest.raises(InputError, match="other weights than those that the model was fitted to"):
        other(scenes["test"])


# Chance is 10%; the classic features reach 33.0%.
@pytest.mark.parametrize(("name", "bar"), [("coco338", 0.80)])
def test_networks_see_more_than_classic_features(test_data, name, bar):
    dataset = load_dataset(name, root=test_data / name)
    train, test = dataset.split("train"), dataset.split("test")
    model = load_model("cca", config={"features": "efficientnet-lite0", "text_features": "minilm"}).fit(train)
    images, texts = model.encode_images(test).values, model.encode_texts(test).values
    assert recall_of_texts(images, texts, test.text_to_image, 10) >= bar
