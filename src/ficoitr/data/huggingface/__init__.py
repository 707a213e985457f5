"""Hugging Face's datasets: from any of them to a dataset of ours, and back."""

from __future__ import annotations

from ficoitr.data.huggingface.reading import HuggingFaceImages, from_huggingface, load
from ficoitr.data.huggingface.writing import to_huggingface, write_huggingface

__all__ = ["HuggingFaceImages", "from_huggingface", "load", "to_huggingface", "write_huggingface"]
