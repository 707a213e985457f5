"""How good predicted labels are: average precision of scores; precision, recall and F1 of decisions; thresholds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ficoitr.errors import ShapeError
from ficoitr.metrics.average_precision import average_precision
from ficoitr.metrics.groups import Groups

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LabelQuality:
    """Figures of predicted labels against those that people have set, as fractions.

    Parameters
    ----------
    mean_average_precision : float
        mAP: the mean over labels of the average precision with which their scores rank the images.
    guessing : float
        mAP of guessing by frequency: each image gets the same score, so that a label ranks the images at random.
    class_precision, class_recall, class_f1 : float
        CP and CR: means over labels of precision (0 for a label that is never given) and recall; CF1: their harmonic
        mean.
    overall_precision, overall_recall, overall_f1 : float
        OP, OR, OF1: of all pairs of an image and a label together.
    n_images : int
    n_labels : int
        Labels that some image has: the means are over these.
    n_left_out : int
        Labels that no image has. What they are given to by mistake counts in the overall precision alone.
    """

    mean_average_precision: float
    guessing: float
    class_precision: float
    class_recall: float
    class_f1: float
    overall_precision: float
    overall_recall: float
    overall_f1: float
    n_images: int
    n_labels: int
    n_left_out: int

    def to_json(self) -> dict[str, float | int]:
        """Return the figures by their names."""
        return asdict(self)


def label_quality(scores: Array, predicted: Array, labels: Array) -> LabelQuality:
    """Measure scores and decisions against true labels.

    Parameters
    ----------
    scores : ndarray of float, shape (n_images, n_labels)
        Higher is likelier.
    predicted, labels : ndarray of bool, shape (n_images, n_labels)

    Raises
    ------
    ShapeError
        If the shapes differ, or no image has any label.

    Examples
    --------
    >>> labels = np.array([[True, False], [False, True], [False, True]])
    >>> scores = np.array([[0.9, 0.8], [0.2, 0.7], [0.1, 0.3]])
    >>> quality = label_quality(scores, scores > 0.5, labels)
    >>> round(quality.mean_average_precision, 3), quality.class_f1, round(quality.overall_f1, 3)
    (0.792, 0.75, 0.667)
    """
    _require_alike(scores, predicted, labels)
    known = labels.any(axis=0)
    if not known.any():
        raise ShapeError("no image has any label", where="labels", expected="labels to measure against")
    hits, given, held = (np.count_nonzero(one, axis=0) for one in (predicted & labels, predicted, labels))
    precision = np.divide(hits, given, out=np.zeros(len(hits)), where=given > 0)[known].mean()
    recall = (hits[known] / held[known]).mean()
    overall_precision, overall_recall = hits.sum() / max(1, given.sum()), hits.sum() / held.sum()
    return LabelQuality(
        mean_average_precision=float(np.nanmean(average_precisions(scores, labels))),
        guessing=float(np.nanmean(average_precisions(np.zeros(labels.shape), labels))),
        class_precision=float(precision),
        class_recall=float(recall),
        class_f1=_harmonic_mean(precision, recall),
        overall_precision=float(overall_precision),
        overall_recall=float(overall_recall),
        overall_f1=_harmonic_mean(overall_precision, overall_recall),
        n_images=len(labels),
        n_labels=int(known.sum()),
        n_left_out=int((~known).sum()),
    )


def average_precisions(scores: Array, labels: Array) -> Array:
    """Average precision of each label, expected over all orders of images with equal scores.

    Parameters
    ----------
    scores : ndarray of float, shape (n_images, n_labels)
    labels : ndarray of bool, shape (n_images, n_labels)

    Returns
    -------
    ndarray of float64, shape (n_labels,)
        NaN for a label that no image has.

    Notes
    -----
    If all n scores of a label with r images are equal, the expectation is (r - 1)/(n - 1) + (n - r)/(n - 1) · H_n/n,
    with H_n the n-th harmonic number: the first hit of a random order comes early more often than its share r/n says.
    Figures that take tied images as one step of the curve, such as those of scikit-learn, have r/n there.

    Examples
    --------
    >>> labels = np.array([[True], [False], [False], [False]])
    >>> average_precisions(np.zeros((4, 1)), labels).round(4)  # (1 + 1/2 + 1/3 + 1/4) / 4
    array([0.5208])
    """
    _require_alike(scores, labels)
    rows = [_tied_groups(of_label, has_label) for of_label, has_label in zip(scores.T, labels.T, strict=True)]
    before, size, relevant = np.concatenate(rows, axis=1).astype(np.int32)
    offsets = np.cumsum([0, *(row.shape[1] for row in rows)], dtype=np.int64)
    total = np.count_nonzero(labels, axis=0).astype(np.int64)
    groups = Groups.from_arrays(offsets, before, size, relevant, total, len(labels))
    expected: Array = average_precision(groups, "N", "total")[0]
    return np.where(total > 0, expected, np.nan)


def best_thresholds(scores: Array, labels: Array) -> Array:
    """Find the threshold of each label that has the highest F1 on these images.

    Parameters
    ----------
    scores : ndarray of float32 or float64, shape (n_images, n_labels)
    labels : ndarray of bool, shape (n_images, n_labels)

    Returns
    -------
    ndarray of float64, shape (n_labels,)
        Halfway between two scores: a label is given to an image whose score is this or more. Of equally good ones the
        highest. Infinite for a label that no image has.

    Examples
    --------
    >>> labels = np.array([[True], [True], [False], [False]])
    >>> best_thresholds(np.array([[0.9], [0.6], [0.2], [0.1]]), labels)
    array([0.4])
    """
    _require_alike(scores, labels)
    order = np.argsort(-scores, axis=0, kind="stable")
    falling = np.take_along_axis(scores, order, axis=0).astype(np.float64)
    hits = np.take_along_axis(labels, order, axis=0).cumsum(axis=0)
    given = np.arange(1, len(scores) + 1)[:, None]
    f1 = 2 * hits / (given + hits[-1])
    # Equal scores stay together.
    f1[:-1][falling[:-1] == falling[1:]] = -1
    last = f1.argmax(axis=0)
    columns = np.arange(scores.shape[1])
    following = falling[np.minimum(last + 1, len(scores) - 1), columns]
    thresholds: Array = (falling[last, columns] + following) / 2
    return np.where(hits[-1] > 0, thresholds, np.inf)


def common_threshold(scores: Array, labels: Array) -> Array:
    """Find the one threshold for all labels that has the highest overall F1 on these images, see `best_thresholds`.

    Returns
    -------
    ndarray of float64, shape (n_labels,)
        The same number throughout, but infinite for a label that no image has.
    """
    _require_alike(scores, labels)
    threshold = best_thresholds(scores.reshape(-1, 1), labels.reshape(-1, 1))
    return np.where(labels.any(axis=0), threshold, np.inf)


def held_out_decisions(
    scores: Array, labels: Array, folds: Array, choose: Callable[[Array, Array], Array] = best_thresholds
) -> Array:
    """Decide each fold's labels by the thresholds that are best on the other folds.

    Decisions by thresholds that were chosen on the same images would look better than they are.

    Parameters
    ----------
    scores : ndarray of float, shape (n_images, n_labels)
    labels : ndarray of bool, shape (n_images, n_labels)
    folds : ndarray, shape (n_images,)
        Two or more different values.
    choose : callable
        `best_thresholds` or `common_threshold`.

    Returns
    -------
    ndarray of bool, shape (n_images, n_labels)
    """
    decisions = np.zeros(labels.shape, dtype=np.bool_)
    for fold in np.unique(folds):
        inside = folds == fold
        decisions[inside] = scores[inside] >= choose(scores[~inside], labels[~inside])
    return decisions


def _tied_groups(scores: Array, labels: Array) -> Array:
    """Groups of images with equal scores, best first, of those with the label: before, size, relevant, (3, n)."""
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    relevant = np.bincount(group[labels], minlength=len(sizes))
    return np.stack([np.cumsum(sizes) - sizes, sizes, relevant])[:, relevant > 0]


def _harmonic_mean(first: float, second: float) -> float:
    return float(2 * first * second / (first + second)) if first + second > 0 else 0.0


def _require_alike(*arrays: Array) -> None:
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2 or 0 in shapes[0]:
        raise ShapeError(
            f"scores and labels have the shapes {', '.join(map(str, shapes))}",
            where="labels",
            expected="images by labels, the same for all",
        )
