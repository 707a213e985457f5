"""Figures in plain NumPy, one query after the other, for rankings without ties."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def sorted_relevance(scores: Array, relevant: Array) -> Array:
    """Relevance in the order of the ranking, shape (n_queries, n_candidates)."""
    return np.take_along_axis(relevant, np.argsort(-scores, axis=1, kind="stable"), axis=1)


def best_ranks(scores: Array, relevant: Array) -> Array:
    """Rank of the best relevant candidate of every query, from 1."""
    return sorted_relevance(scores, relevant).argmax(axis=1) + 1


def average_precisions(scores: Array, relevant: Array, k: int | None = None) -> Array:
    """AP@K of every query over the hits among the first K; NaN where there are none."""
    hits = sorted_relevance(scores, relevant)[:, :k]
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    with np.errstate(invalid="ignore"):
        return np.asarray((precision * hits).sum(axis=1) / hits.sum(axis=1))


def mean_average_precision(scores: Array, relevant: Array, k: int | None = None) -> float:
    """mAP@K, queries without a hit counting as 0."""
    return float(np.nan_to_num(average_precisions(scores, relevant, k)).mean())


def own_texts(text_to_image: Array, n_images: int) -> Array:
    """Relevance of the instance task, shape (n_images, n_texts)."""
    return np.asarray(np.arange(n_images)[:, None] == text_to_image)


def shared_labels(queries: Array, candidates: Array) -> Array:
    """Relevance of the category task."""
    return np.asarray(queries.astype(int) @ candidates.astype(int).T > 0)
