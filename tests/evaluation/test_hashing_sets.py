"""Sets of the hashing and of the subspace literature: Wikipedia and MIRFlickr-25K."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

import ficoitr
from ficoitr import HashCodes

Array = np.ndarray[Any, Any]
DIMENSIONS, RIDGE = 9, 0.1


def canonical_correlation(left: Array, right: Array) -> tuple[Array, Array]:
    """Projections of z-scored features onto their canonical directions."""
    n_items = len(left)
    whitening = [
        np.linalg.inv(np.linalg.cholesky(one.T @ one / n_items + RIDGE * np.eye(one.shape[1]))) for one in (left, right)
    ]
    first, _, second = np.linalg.svd(whitening[0] @ (left.T @ right / n_items) @ whitening[1].T)
    return whitening[0].T @ first[:, :DIMENSIONS], whitening[1].T @ second.T[:, :DIMENSIONS]


@pytest.fixture(scope="module")
def wiki(test_data: Path) -> dict[str, Array]:
    """Projections of the test images and texts, and their classes."""
    folder = test_data / "wiki" / "wikipedia_info"
    features = {
        name: array.astype(float) for name, array in loadmat(folder / "raw_features.mat").items() if name[:1] in "IT"
    }
    for side in "IT":
        mean, spread = features[f"{side}_tr"].mean(axis=0), features[f"{side}_tr"].std(axis=0)
        for part in ("tr", "te"):
            features[f"{side}_{part}"] = (features[f"{side}_{part}"] - mean) / spread
    projections = canonical_correlation(features["I_tr"], features["T_tr"])
    lines = (folder / "testset_txt_img_cat.list").read_text().splitlines()
    return {
        "images": features["I_te"] @ projections[0],
        "texts": features["T_te"] @ projections[1],
        "categories": np.array([int(line.split("\t")[-1]) for line in lines]),
    }


def test_canonical_correlation_on_wikipedia(wiki: dict[str, Array]) -> None:
    evaluation = ficoitr.evaluate(**wiki, captions_per_image=1, resamples=0)
    assert evaluation["category.i2t.mAP@N"].value == pytest.approx(0.246, abs=0.002)
    assert evaluation["category.t2i.mAP@N"].value == pytest.approx(0.201, abs=0.002)


def test_constant_embeddings_score_chance_on_wikipedia(wiki: dict[str, Array]) -> None:
    constant = {"images": np.ones((693, 2)), "texts": np.ones((693, 2)), "categories": wiki["categories"]}
    evaluation = ficoitr.evaluate(**constant, captions_per_image=1, resamples=0)
    assert evaluation["category.i2t.mAP@N"].value == pytest.approx(0.119, abs=0.002)
    assert evaluation["category.t2i.mAP@N"].value == evaluation["category.i2t.mAP@N"].value


def test_classes_as_numbers_and_as_columns_agree(wiki: dict[str, Array]) -> None:
    multi_hot = wiki | {"categories": wiki["categories"][:, None] == np.arange(1, 11)}
    numbers, columns = (ficoitr.evaluate(**one, captions_per_image=1, resamples=0) for one in (wiki, multi_hot))
    assert numbers.category == columns.category


def test_split_of_mirflickr(test_data: Path) -> None:
    labels = loadmat(test_data / "mirflickr25k_dcmh" / "mirflickr25k-lall.mat")["LAll"]
    bits = np.random.default_rng(0).random((2, len(labels), 16)) < 0.5
    codes = [HashCodes.from_values(one) for one in bits]
    evaluation = ficoitr.evaluate(
        *codes,
        captions_per_image=1,
        categories=labels,
        queries=2000,
        protocol="cmh",
        category_metrics=["P@N"],
        resamples=0,
    )
    assert evaluation.queries == {"i2t": 2000, "t2i": 2000}
    assert evaluation.candidates == {"i2t": 18015, "t2i": 18015}
    assert evaluation["category.i2t.P@N"].value == pytest.approx(0.538, abs=5e-4)
    assert evaluation["category.i2t.mAP@N"].value == pytest.approx(evaluation["category.i2t.P@N"].value, abs=0.01)
