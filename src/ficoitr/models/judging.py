"""What fitted models are judged by on validation data: mean average precision of codes, or recall of scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.metrics.average_precision import EXPECTED, average_precision
from ficoitr.metrics.ranking import Relevance
from ficoitr.outputs import HashCodes
from ficoitr.similarity.hamming import hamming_scorer
from ficoitr.tasks import pack_labels

Array = np.ndarray[Any, Any]

_NO_LIST = np.zeros(0, dtype=np.int64)


def mean_average_precision(images: HashCodes, texts: HashCodes, labels: Array, text_to_image: Array) -> float:
    """Mean of mAP@N in both directions, relevance being a shared label, ties in expectation.

    Parameters
    ----------
    images, texts : HashCodes
    labels : ndarray of bool, shape (n_images, L)
        A text has those of its image. Queries for which nothing is relevant count 0.
    text_to_image : ndarray of int64, shape (n_texts,)
    """
    packed = pack_labels(labels), pack_labels(labels[text_to_image])
    return float(np.mean([_one_way(images, texts, *packed), _one_way(texts, images, *reversed(packed))]))


def _one_way(queries: HashCodes, candidates: HashCodes, query_labels: Array, candidate_labels: Array) -> float:
    scorer = hamming_scorer(queries, candidates)
    relevance = Relevance(query_labels, candidate_labels, _NO_LIST, _NO_LIST)
    groups = scorer.ordered_groups(0, len(queries), relevance)
    return float(average_precision(groups, "N", "retrieved")[EXPECTED].mean())


def mean_recall(scores: Array, text_to_image: Array) -> float:
    """Mean of R@1, R@5 and R@10 in both directions, a sixth of rSum as a fraction.

    Tied candidates count as better, so that a model that collapses to a point cannot look good.

    Parameters
    ----------
    scores : ndarray of shape (n_images, n_texts)
        Higher is closer.
    text_to_image : ndarray of int64, shape (n_texts,)
    """
    own = scores[text_to_image, np.arange(scores.shape[1])]
    best_own = np.full(len(scores), -np.inf)
    np.maximum.at(best_own, text_to_image, own)
    better_images = (scores >= own).sum(axis=0) - 1
    better_texts = (scores >= best_own[:, None]).sum(axis=1) - 1
    return float(np.mean([(better < k).mean() for better in (better_images, better_texts) for k in (1, 5, 10)]))
