"""Datasets: images, the texts that describe them, categories and splits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ficoitr.data.registry import DatasetEntry, dataset_names, load_dataset

if TYPE_CHECKING:
    from ficoitr.data.card import DataCard, data_card
    from ficoitr.data.dataset import Dataset
    from ficoitr.data.parquet import save_dataset
    from ficoitr.data.positives import extra_positives
    from ficoitr.data.splits import stratified_splits
    from ficoitr.data.stored import StoredFeatures

# Listing the datasets must not import NumPy and Pillow; only what works with them does.
_HOMES = {
    "DataCard": "card",
    "Dataset": "dataset",
    "StoredFeatures": "stored",
    "data_card": "card",
    "extra_positives": "positives",
    "save_dataset": "parquet",
    "stratified_splits": "splits",
}

__all__ = [
    "DataCard",
    "Dataset",
    "DatasetEntry",
    "StoredFeatures",
    "data_card",
    "dataset_names",
    "extra_positives",
    "load_dataset",
    "save_dataset",
    "stratified_splits",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ficoitr.data.{_HOMES[name]}"), name)
