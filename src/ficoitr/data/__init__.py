"""Datasets: images, the texts that describe them, categories and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ficoitr.data.registry import DatasetEntry, dataset_names, load_dataset

if TYPE_CHECKING:
    from ficoitr.data.card import DataCard, data_card
    from ficoitr.data.dataset import Dataset

__all__ = ["DataCard", "Dataset", "DatasetEntry", "data_card", "dataset_names", "load_dataset"]


def __getattr__(name: str) -> object:
    # Listing the datasets must not import NumPy and Pillow; only what works with them does.
    if name == "Dataset":
        from ficoitr.data.dataset import Dataset

        return Dataset
    if name in ("DataCard", "data_card"):
        from ficoitr.data import card

        return getattr(card, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
