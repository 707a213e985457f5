"""CMFH as a model: what it takes, what it hands on, what it finds on published features."""

from dataclasses import replace

import numpy as np
import pytest

import ficoitr
from ficoitr.data import load_dataset
from ficoitr.errors import FileFormatError, InputError, OptionError, ShapeError, ValuesError
from ficoitr.models import Encoder
from ficoitr.models.baseline.cca_itq import CCAITQ
from ficoitr.models.baseline.cmfh import CMFH


@pytest.fixture(scope="module")
def scenes():
    dataset = load_dataset("scenes", train=200, validation=60, test=60)
    return {name: dataset.split(name) for name in ("train", "validation", "test")}


@pytest.fixture(scope="module")
def fitted(scenes):
    return CMFH(dimensions=32).fit(scenes["train"], scenes["validation"])


def mean_average_precisions(model, dataset):
    found = ficoitr.evaluate(
        model.encode_images(dataset),
        model.encode_texts(dataset),
        text_to_image=dataset.text_to_image,
        categories=dataset.categories,
        resamples=0,
    )
    return [found[f"category.{direction}.mAP@N"].value for direction in ("i2t", "t2i")]


def test_outputs_follow_the_dataset(fitted, scenes):
    test = scenes["test"]
    assert isinstance(fitted, Encoder)
    assert fitted.inputs == "regions"
    images, texts = fitted.encode_images(test), fitted.encode_texts(test)
    assert (len(images), len(texts), images.bits, texts.bits) == (60, 300, 32, 32)
    assert (images.ids, texts.ids) == (test.image_ids, test.text_ids)


def test_bits_are_centred_on_the_training_pairs(fitted, scenes):
    train = scenes["train"]
    functions = fitted.functions
    for inputs, affine, rows in (
        (functions.image_inputs, functions.image_map, train.text_to_image),
        (functions.text_inputs, functions.text_map, np.arange(len(train.text_ids))),
    ):
        mapped = (inputs(train) @ affine[:-1] + affine[-1])[rows]
        np.testing.assert_allclose(mapped.mean(axis=0), 0, atol=1e-9 * np.abs(mapped).max())
    bits = fitted.encode_images(train).unpack()
    np.testing.assert_array_equal(
        bits, functions.image_inputs(train) @ functions.image_map[:-1] > -functions.image_map[-1]
    )
    assert (np.abs(bits.mean(axis=0) - 0.5) < 0.4).all()


def test_matching_pairs_share_more_bits_than_others(fitted, scenes):
    test = scenes["test"]
    signs = [codes.unpack() * 2.0 - 1 for codes in (fitted.encode_images(test), fitted.encode_texts(test))]
    scores = signs[0] @ signs[1].T
    own = scores[test.text_to_image, np.arange(300)]
    higher = (scores < own).mean() + (scores == own).mean() / 2
    assert higher > 0.7  # 0.5 is chance


def test_the_seed_decides(fitted, scenes):
    again, other = (CMFH(dimensions=32).fit(scenes["train"], seed=seed) for seed in (0, 1))
    right = fitted.encode_images(scenes["test"]).words
    np.testing.assert_array_equal(again.encode_images(scenes["test"]).words, right)
    assert not np.array_equal(other.encode_images(scenes["test"]).words, right)


@pytest.mark.parametrize("text_features", ["terms", "minilm"])
def test_a_saved_model_is_the_same_model(scenes, tmp_path, text_features):
    model = CMFH(dimensions=8, features="global", text_features=text_features, balance=0.4).fit(scenes["validation"])
    assert model.inputs == ("global" if text_features == "terms" else "global, minilm")
    model.save(tmp_path / "model.npz")
    loaded = CMFH.load(tmp_path / "model.npz")
    assert (loaded.config, loaded.inputs, loaded.n_parameters) == (model.config, model.inputs, model.n_parameters)
    for encode in ("encode_images", "encode_texts"):
        mine, its = (getattr(one, encode)(scenes["test"]).words for one in (model, loaded))
        np.testing.assert_array_equal(mine, its)


def test_parameters_are_the_numbers_in_the_file(fitted, tmp_path):
    fitted.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        assert fitted.n_parameters == sum(one.size for one in archive.values() if one.dtype.kind == "f")


def test_files_of_another_model_are_refused(fitted, scenes, tmp_path):
    CCAITQ(dimensions=8, features="global").fit(scenes["validation"]).save(tmp_path / "other.npz")
    with pytest.raises(FileFormatError, match=r"'cca-itq'.*Expected 'cmfh'"):
        CMFH.load(tmp_path / "other.npz")


def test_a_model_that_is_not_fitted_says_so(scenes, tmp_path):
    model = CMFH()
    for use in (
        lambda: model.encode_images(scenes["test"]),
        lambda: model.save(tmp_path / "m.npz"),
        lambda: model.inputs,
    ):
        with pytest.raises(InputError, match="not fitted"):
            use()


def test_what_cannot_be_fitted(scenes):
    with pytest.raises(ShapeError, match=r"9 images.*at least 10"):
        CMFH().fit(scenes["train"].select(np.arange(9)))
    with pytest.raises(ValuesError, match="all texts have the same features"):
        CMFH().fit(replace(scenes["test"], texts=("a red car",) * 300))
    with pytest.raises(OptionError, match="no image features 'deep'"):
        CMFH(features="deep").fit(scenes["train"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dimension": 8}, "Did you mean 'dimensions'"),
        ({"dimensions": 0}, "integer of 1 or more"),
        ({"iterations": 0}, "integer of 1 or more"),
        ({"max_terms": 2.0}, "integer of 1 or more"),
        ({"features": 3}, "a name of features"),
        ({"text_features": None}, "a name of features"),
        ({"weights": 1}, "the path of a file"),
        ({"balance": 0}, "above 0 and below 1"),
        ({"balance": 1}, "above 0 and below 1"),
        ({"mu": 0}, "a number above 0"),
        ({"mu": float("inf")}, "a number above 0"),
        ({"gamma": float("nan")}, "a number above 0"),
        ({"gamma": True}, "a number above 0"),
    ],
)
def test_bad_options_are_refused(config, message):
    with pytest.raises(OptionError, match=message):
        CMFH(**config)


# Chance is 0.119. 64 bits are more than the 10 topics and the 9 dimensions in which images and texts correlate.
@pytest.mark.parametrize("bits", [32, 64])
def test_categories_of_wikipedia_are_found(test_data, bits):
    wiki = load_dataset("wiki", root=test_data / "wiki")
    model = CMFH(dimensions=bits, features="sift", text_features="lda").fit(wiki.split("train"))
    of_images, of_texts = mean_average_precisions(model, wiki.split("test"))
    assert of_images > 0.19
    assert of_texts > 0.15
