"""Datasets: images, the texts that describe them, categories and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ficoitr.data.registry import DatasetEntry, dataset_names, load_dataset

if TYPE_CHECKING:
    from ficoitr.data.dataset import Dataset

__all__ = ["Dataset", "DatasetEntry", "dataset_names", "load_dataset"]


def __getattr__(name: str) -> object:
    # Listing the datasets must not import NumPy and Pillow; only the class itself does.
    if name == "Dataset":
        from ficoitr.data.dataset import Dataset

        return Dataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
