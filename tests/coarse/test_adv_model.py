"""ADV as a user trains, uses, saves and loads it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import ficoitr
from ficoitr.data import StoredFeatures, load_dataset
from ficoitr.errors import InputError, ShapeError
from ficoitr.models.features import extract_features, shared_features

SMALL = {
    "bits": 16,
    "hidden": 32,
    "heads": 4,
    "inner": 32,
    "channels": 16,
    "concept_hidden": 16,
    "max_tokens": 24,
    "ignore_padding": True,
    "learning_rate": 1e-3,
    "training": {"epochs": 2, "batch_size": 40},
}


@pytest.fixture(scope="module")
def scenes():
    with shared_features():
        yield load_dataset("scenes", train=40, validation=20, test=20)


def test_from_images_and_texts_to_codes(scenes, tmp_path: Path) -> None:
    train, validation, test = (scenes.split(name) for name in ("train", "validation", "test"))
    options = {**SMALL, "rephrased": True, "adversarial": True, "adversarial_number": 2}
    model = ficoitr.load_model("adv", config=options).fit(train, validation, folder=tmp_path / "run")
    assert model.inputs == "region-set, minilm-tokens"
    assert {"triplet", "angular", "norms", "concepts", "rephrased", "adversarial"} < model.trained.history[0].keys()
    codes = model.encode_texts(test)
    # The median is a bit of its own: of 16 bits it is the eighth from below, and only it may lie at 0.
    assert set(codes.unpack().sum(axis=1).tolist()) <= {8, 9}
    model.save(tmp_path / "model.safetensors")
    loaded = ficoitr.load_model("adv", checkpoint=tmp_path / "model.safetensors", config={"bits": 16})
    for encode in ("image_values", "text_values"):
        np.testing.assert_array_equal(getattr(loaded, encode)(test).values, getattr(model, encode)(test).values)


def test_without_labels_there_are_no_concepts(scenes) -> None:
    plain = replace(scenes.split("train"), categories=None, category_names=())
    model = ficoitr.load_model("adv", config={**SMALL, "training": {"epochs": 1, "batch_size": 40}}).fit(plain)
    assert "concepts" not in model.trained.history[0]


def test_states_that_a_dataset_brings(scenes) -> None:
    train = scenes.split("train")
    states = extract_features(train, "minilm-tokens")
    lengths = np.array(ficoitr.models.features.load_extractor("minilm-tokens").encoder.lengths(train.texts))
    assert 5 < lengths.mean() < 24
    cut = np.where(np.arange(states.shape[1])[:, None] < lengths[:, None, None], states, 0)
    brought = replace(train, text_features={"tokens": StoredFeatures.of(cut)})
    model = ficoitr.load_model("adv", config={**SMALL, "training": {"epochs": 1, "batch_size": 40}}).fit(brought)
    assert model.inputs == "region-set, tokens"
    tokens = model._inputs[1](brought)
    np.testing.assert_array_equal(tokens.lengths, np.minimum(lengths, 24))
    assert torch.equal(tokens.take(np.array([3])).mask.sum(dim=1), torch.tensor([min(24, lengths[3])]))
    with pytest.raises(InputError, match="set adversarial=false"):
        ficoitr.load_model("adv", config={**SMALL, "adversarial": True}).fit(brought)


def test_features_of_whole_images_are_refused(scenes) -> None:
    with pytest.raises(ShapeError, match="Expected a vector a region"):
        ficoitr.load_model("adv", config={**SMALL, "features": "global"}).fit(scenes.split("train"))
    with pytest.raises(ShapeError, match="'minilm' have the shape"):
        ficoitr.load_model("adv", config={**SMALL, "text_features": "minilm"}).fit(scenes.split("train"))
