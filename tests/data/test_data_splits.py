"""Splits made here: each has its share of the images and of every label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ficoitr.data import load_dataset, stratified_splits
from ficoitr.errors import OptionError, ShapeError

if TYPE_CHECKING:
    from pathlib import Path

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def test_every_label_is_shared_out(test_data: Path) -> None:
    dataset = load_dataset(test_data / "coco5k")
    splits = stratified_splits(dataset.categories, SHARES, seed=1)
    by_chance = stratified_splits(None, SHARES, n_images=5000, seed=1)

    def unevenness(those: np.ndarray) -> float:
        shares = np.stack([dataset.categories[those == name].sum(axis=0) for name in SHARES]) / dataset.categories.sum(
            0
        )
        return float(np.abs(shares - np.array(list(SHARES.values()))[:, None]).mean())

    assert unevenness(splits) < unevenness(by_chance) / 3
    again = replace(dataset, splits=splits)
    sizes = [len(again.split(name).image_ids) for name in SHARES]
    assert sum(sizes) == 5000
    assert np.abs(np.array(sizes) - [4000, 500, 500]).max() <= 5


def test_a_seed_decides() -> None:
    labels = np.random.default_rng(0).random((300, 6)) < 0.3
    first, again, other = (stratified_splits(labels, SHARES, seed=seed) for seed in (3, 3, 4))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_without_labels_by_chance() -> None:
    splits = stratified_splits(None, SHARES, n_images=101, seed=0)
    assert [int((splits == name).sum()) for name in SHARES] == [81, 10, 10]
    assert splits.tolist() != sorted(splits.tolist())


@pytest.mark.parametrize(
    ("shares", "error", "says"),
    [
        ({}, OptionError, "the shares are {}"),
        ({"train": 0.8, "test": 0.1}, OptionError, "whose sum is 1"),
        ({"train": 1.2, "test": -0.2}, OptionError, "numbers above 0"),
        ({"train": 0.999, "test": 0.001}, ShapeError, "none is left for test"),
    ],
)
def test_shares_that_cannot_be(shares: dict[str, float], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        stratified_splits(None, shares, n_images=20)


def test_neither_labels_nor_a_number() -> None:
    with pytest.raises(OptionError, match="neither labels nor"):
        stratified_splits(None, SHARES)
