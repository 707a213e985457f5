"""The dataset `scenes`: splits, labels, and the facts that make it informative."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ficoitr.data import Dataset, load_dataset
from ficoitr.data.scenes.vocabulary import GROUP_NAMES, KIND_NAMES, KINDS, SCENE_NAMES
from ficoitr.errors import OptionError


@pytest.fixture(scope="module")
def small() -> Dataset:
    return load_dataset("scenes", seed=6, train=30, validation=10, test=20, retrieval=5)


def test_splits_are_disjoint(small: Dataset) -> None:
    sizes = {name: len(small.split(name).images) for name in small.split_names}
    assert sizes == {"train": 30, "validation": 10, "test": 20, "retrieval": 5}
    assert len(set(small.image_ids)) == 65


def test_larger_splits_contain_smaller_ones_whatever_the_others(small: Dataset) -> None:
    test = small.split("test")
    larger = load_dataset("scenes", seed=6, train=0, validation=0, test=40)
    assert larger.image_ids[:20] == test.image_ids
    assert larger.texts[:100] == test.texts
    assert larger.images[7].tobytes() == test.images[7].tobytes()
    assert larger.select(np.arange(20)).text_ids == test.text_ids


def test_another_seed_is_another_dataset(small: Dataset) -> None:
    other = load_dataset("scenes", seed=7, train=30, validation=10, test=20, retrieval=5)
    assert not set(other.image_ids) & set(small.image_ids)
    assert other.texts[:5] != small.texts[:5]


def test_texts_are_a_sequence(small: Dataset) -> None:
    texts = list(small.texts)
    assert len(small.texts) == len(texts) == 5 * 65
    assert small.texts[-1] == texts[-1]
    assert small.texts[3:20:4] == tuple(texts[3:20:4])
    with pytest.raises(IndexError):
        small.texts[5 * 65]


def test_images_go_to_other_processes(small: Dataset) -> None:
    images = pickle.loads(pickle.dumps(small.split("test").images))  # noqa: S301 - our own bytes
    assert images[2].tobytes() == small.split("test").images[2].tobytes()


def test_labels(small: Dataset) -> None:
    kwargs = {"seed": 6, "train": 30, "validation": 10, "test": 20, "retrieval": 5}
    both = load_dataset("scenes", categories="objects+scene", **kwargs)
    groups = load_dataset("scenes", categories="groups+scene", **kwargs)
    assert small.category_names == KIND_NAMES
    assert both.category_names == KIND_NAMES + SCENE_NAMES
    assert groups.category_names == GROUP_NAMES + SCENE_NAMES
    assert (small.categories.shape[1], both.categories.shape[1], groups.categories.shape[1]) == (24, 30, 12)
    np.testing.assert_array_equal(both.categories[:, :24], small.categories)
    np.testing.assert_array_equal(both.categories[:, 24:], groups.categories[:, 6:])
    assert (groups.categories[:, 6:].sum(axis=1) == 1).all()
    for group in range(6):
        of_group = np.array([kind.group == group for kind in KINDS])
        np.testing.assert_array_equal(groups.categories[:, group], small.categories[:, of_group].any(axis=1))
    assert small.categories.any(axis=1).all()


def test_facts_that_decide_whether_it_is_informative() -> None:
    """Within tolerances of a few standard errors around what docs/scenes.md asks for."""
    dataset = load_dataset("scenes", seed=8, train=0, validation=0, test=1000)
    labels = dataset.categories.astype(np.int64)
    share = ((labels @ labels.T > 0).sum() - 1000) / (1000 * 999)
    assert share == pytest.approx(0.28, abs=0.03)
    assert labels.sum(axis=1).mean() == pytest.approx(2.35, abs=0.1)
    assert len(np.unique(labels, axis=0)) == pytest.approx(314, abs=35)
    truth = dataset.extra["scenes"]
    ambiguity = np.array([len(images) for images in truth.positives()[1]])
    assert (ambiguity > 1).mean() == pytest.approx(0.59, abs=0.04)
    assert 1 - len(set(dataset.texts)) / 5000 == pytest.approx(0.025, abs=0.012)
    oracle = truth.oracle((1, 10))
    assert oracle["t2i.R@1"] == pytest.approx(0.55, abs=0.03)
    assert oracle["t2i.R@10"] == pytest.approx(0.90, abs=0.03)
    assert oracle["i2t.R@1"] == pytest.approx(0.96, abs=0.02)


BAD = {
    "negative size": {"train": -1},
    "fractional size": {"train": 1.5},
    "a flag for a size": {"test": True},
    "too many": {"test": 10**9 + 1},
    "nothing": {"train": 0, "validation": 0, "test": 0},
    "negative seed": {"seed": -1},
    "seed of more than 63 bits": {"seed": 2**63},
    "text for a seed": {"seed": "1"},
    "unknown labels": {"categories": "scene"},
}


@pytest.mark.parametrize("case", BAD)
def test_bad_options(case: str) -> None:
    with pytest.raises(OptionError, match=next(iter(BAD[case]))):
        load_dataset("scenes", **BAD[case])
