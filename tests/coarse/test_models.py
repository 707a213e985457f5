"""The hashing models as a user trains, uses, saves and loads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ficoitr
from ficoitr.data import load_dataset
from ficoitr.errors import CategoryError, FileFormatError, InputError, OptionError, ShapeError, ValuesError

SMALL = {
    "ucch": {"bits": 32, "hidden": 64, "negatives": 64, "learning_rate": 2e-3},
    "dadh": {"bits": 32, "hidden": 128, "learning_rate": 5e-4},
}
TRAINING = {"epochs": 4, "batch_size": 64}


@pytest.fixture(scope="module")
def wiki(test_data: Path):
    return load_dataset("wiki", test_data / "wiki")


@pytest.fixture(scope="module", params=["ucch", "dadh"])
def trained(request, wiki):
    options = {**SMALL[request.param], "features": "sift", "text_features": "lda", "training": TRAINING}
    return ficoitr.load_model(request.param, config=options).fit(wiki.split("train"), seed=1)


def mean_ap(model, test) -> float:
    evaluation = ficoitr.evaluate(
        model.encode_images(test),
        model.encode_texts(test),
        text_to_image=test.text_to_image,
        categories=test.categories,
        resamples=0,
    )
    return np.mean([evaluation[f"category.{direction}.mAP@N"].value for direction in ("i2t", "t2i")])


def test_it_learns_more_than_chance(trained, wiki) -> None:
    # Chance is the share of relevant pairs, about .12; a few epochs of narrow layers are enough to leave it.
    assert mean_ap(trained, wiki.split("test")) > 0.17
    assert trained.inputs == "sift, lda"


def test_codes_are_the_signs_of_the_values(trained, wiki) -> None:
    test = wiki.split("test")
    values, codes = trained.image_values(test), trained.encode_images(test)
    assert codes.ids == values.ids == test.image_ids
    np.testing.assert_array_equal(codes.words, ficoitr.HashCodes.from_values(values.values >= 0).words)


def test_a_saved_model_encodes_the_same(trained, wiki, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.safetensors")
    loaded = ficoitr.load_model(trained.name, checkpoint=tmp_path / "model.safetensors")
    test = wiki.split("test")
    for encode in ("image_values", "text_values"):
        np.testing.assert_array_equal(getattr(loaded, encode)(test).values, getattr(trained, encode)(test).values)
    assert loaded.n_parameters == trained.n_parameters
    other = "dadh" if trained.name == "ucch" else "ucch"
    with pytest.raises(FileFormatError, match=f"this is a model '{trained.name}'"):
        ficoitr.load_model(other, checkpoint=tmp_path / "model.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes((tmp_path / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(FileFormatError, match="or it is damaged"):
        ficoitr.load_model(trained.name, checkpoint=damaged)


def test_validation_keeps_the_best_epoch(wiki, tmp_path: Path) -> None:
    train = wiki.split("train")
    part, validation = train.select(np.arange(600)), train.select(np.arange(600, 900))
    options = {**SMALL["ucch"], "features": "sift", "text_features": "lda", "training": {**TRAINING, "epochs": 3}}
    model = ficoitr.load_model("ucch", config=options).fit(part, validation, folder=tmp_path)
    assert model.trained.best == max(entry["validation"] for entry in model.trained.history)
    # Without labels it is judged by the recall of the own texts.
    plain = replace(validation, categories=None, category_names=())
    model = ficoitr.load_model("ucch", config=options).fit(part, plain)
    assert 0 <= model.trained.best < 1


def test_words_of_a_dataset_become_a_bag_that_is_saved_with_the_model(tmp_path: Path) -> None:
    scenes = load_dataset("scenes", train=60, validation=0, test=20)
    model = ficoitr.load_model("ucch", config={**SMALL["ucch"], "training": {"epochs": 1, "batch_size": 32}})
    model.fit(scenes.split("train"))
    assert model.inputs == "global, bag-of-words"
    model.save(tmp_path / "model.safetensors")
    loaded = ficoitr.load_model("ucch", checkpoint=tmp_path / "model.safetensors")
    test = scenes.split("test")
    np.testing.assert_array_equal(loaded.encode_texts(test).words, model.encode_texts(test).words)


def test_what_cannot_be_trained(wiki) -> None:
    train = wiki.split("train").select(np.arange(100))
    with pytest.raises(CategoryError, match="'dadh' learns from labels"):
        ficoitr.load_model("dadh").fit(replace(train, categories=None, category_names=()))
    with pytest.raises(InputError, match="'ucch' is not trained"):
        ficoitr.load_model("ucch").encode_images(train)
    with pytest.raises(OptionError, match=r"has no setting 'bit'.*Did you mean 'bits'"):
        ficoitr.load_model("ucch", config={"bit": 32})
    with pytest.raises(ShapeError, match="Expected a vector an item"):
        ficoitr.load_model("ucch", config={"features": "region-set"}).fit(
            load_dataset("scenes", train=12, validation=0, test=2).split("train")
        )
    model = ficoitr.load_model(
        "ucch",
        config={
            **SMALL["ucch"],
            "features": "sift",
            "text_features": "lda",
            "training": {"epochs": 1, "batch_size": 50},
        },
    ).fit(train)
    narrow = replace(train, image_features={"sift": ficoitr.data.StoredFeatures.of(np.ones((100, 7)))})
    with pytest.raises(ShapeError, match=r"have the shape \(7,\)"):
        model.encode_images(narrow)


def test_other_features_are_another_training(wiki, tmp_path: Path) -> None:
    train = wiki.split("train").select(np.arange(100))
    options = {"bits": 8, "hidden": 8, "negatives": 8, "features": "sift", "text_features": "lda"}
    options |= {"training": {"epochs": 1, "batch_size": 50}}
    ficoitr.load_model("ucch", config=options).fit(train, folder=tmp_path)
    sift = np.asarray(train.image_features["sift"])
    changed = replace(train, image_features={"sift": ficoitr.data.StoredFeatures.of(sift[::-1].copy())})
    with pytest.raises(OptionError, match="the training begun here had another inputs"):
        ficoitr.load_model("ucch", config=options).fit(changed, folder=tmp_path)
    # A value that is no number is found where it is, though it makes the mean no number.
    sift = sift.copy()
    sift[70, 3] = np.nan
    broken = replace(train, image_features={"sift": ficoitr.data.StoredFeatures.of(sift)})
    with pytest.raises(ValuesError, match="the features of image 70 hold"):
        ficoitr.load_model("ucch", config={**options, "image_scaling": "each"}).fit(broken)


def test_nested_settings_beside_a_checkpoint(trained, tmp_path: Path) -> None:
    trained.save(tmp_path / "model.safetensors")
    load = ficoitr.load_model
    load(trained.name, checkpoint=tmp_path / "model.safetensors", config={"training": {"batch_size": 64}})
    with pytest.raises(OptionError, match=r"training.batch_size is 64.*Expected 32"):
        load(trained.name, checkpoint=tmp_path / "model.safetensors", config={"training": {"batch_size": 32}})
