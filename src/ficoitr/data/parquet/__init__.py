"""The one form on disk of any dataset: parquet files that Hugging Face datasets and DuckDB read, and dataset.json."""

from __future__ import annotations

from ficoitr.data.parquet.images import ParquetImages
from ficoitr.data.parquet.reading import load
from ficoitr.data.parquet.writing import save_dataset

__all__ = ["ParquetImages", "load", "save_dataset"]
