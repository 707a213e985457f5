"""Labels without training: how close an image is to sentences that name a label, by any dual encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.splits import stratified_splits
from ficoitr.data.texts import texts_alone
from ficoitr.errors import CategoryError, InputError, OptionError, ShapeError
from ficoitr.models.labels.quality import LabelQuality, best_thresholds, held_out_decisions, label_quality
from ficoitr.outputs import Embeddings, HashCodes, VectorSets

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Encoder, Progress

Array = np.ndarray[Any, Any]

TEMPLATES = ("a photo of a {}.",)
_JUDGING_FOLDS = 4


@dataclass(frozen=True, eq=False)
class ZeroShotLabeller:
    """An encoder, a vector a label, and one rule for which labels an image is given.

    Parameters
    ----------
    encoder : Encoder
    names : tuple of str
        Of the L labels.
    vectors : ndarray of float64, shape (L, d)
        Of length 1.
    thresholds : ndarray of float64, shape (L,), optional
        A label is given where its score is this or more.
    top : int, optional
        Each image is given so many labels.
    share : float, optional
        Each label is given to this share of the images, at least to one.
    quality : LabelQuality, optional
        On the labelled images that set the thresholds.
    judged_on : str
        Which images these were.
    """

    encoder: Encoder
    names: tuple[str, ...]
    vectors: Array
    thresholds: Array | None = None
    top: int | None = None
    share: float | None = None
    quality: LabelQuality | None = None
    judged_on: str = ""

    @property
    def category_source(self) -> str:
        """What datasets and signatures say of labels from this labeller."""
        if self.top is not None:
            return f"zero-shot({self.encoder.name}, the {self.top} closest labels of an image)"
        if self.share is not None:
            return f"zero-shot({self.encoder.name}, the closest {100 * self.share:g}% of the images of a label)"
        figure = "" if self.quality is None else f", mAP {100 * self.quality.mean_average_precision:.1f}"
        return f"zero-shot({self.encoder.name}, thresholds from {self.judged_on}{figure})"

    def scores(self, dataset: Dataset, *, progress: Progress | None = None) -> Array:
        """Compute the cosine of each image and label: float64, shape (n_images, L)."""
        return zero_shot_scores(_vectors(self.encoder.encode_images(dataset, progress=progress)), self.vectors)

    def decide(self, scores: Array) -> Array:
        """Give labels by the rule: bool, shape (n_images, L)."""
        if self.top is not None:
            return _closest(scores, self.top)
        if self.share is not None:
            return _closest(scores.T, max(1, round(self.share * len(scores)))).T
        decisions: Array = scores >= self.thresholds
        return decisions

    def label(self, dataset: Dataset, *, progress: Progress | None = None) -> Dataset:
        """Return the dataset with predicted labels in the place of its own, and marked as such."""
        decisions = self.decide(self.scores(dataset, progress=progress))
        return replace(dataset, categories=decisions, category_names=self.names, category_source=self.category_source)


def zero_shot_labeller(
    encoder: Encoder,
    names: Sequence[str],
    *,
    templates: Sequence[str] = TEMPLATES,
    validation: Dataset | None = None,
    top: int | None = None,
    share: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ZeroShotLabeller:
    """Label by the names of labels alone.

    Parameters
    ----------
    encoder : Encoder
        Fitted, of embeddings or of hash codes, whose bits count as -1 and 1.
    names : sequence of str
        Of the labels, as words that the encoder can read.
    templates : sequence of str
        Sentences with ``{}`` in the place of the name; a label's vector is the mean over them.
    validation : Dataset, optional
        Labelled images with these labels: set the thresholds, of the highest F1.
    top : int, optional
        Without labelled images: give each image so many labels.
    share : float, optional
        Or: give each label to this share of the images.
    seed : int
        Of the parts of ``validation`` in which decisions are measured by thresholds of the others.
    progress : callable, optional

    Raises
    ------
    OptionError
        Unless exactly one of ``validation``, ``top`` and ``share`` is given, in its range.
    CategoryError
        If ``validation`` has other labels.

    Notes
    -----
    Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, section 3.1.4,
    with a decision for each label, where that paper chooses one among them.
    """
    _require_one_rule(validation, top, share, len(names))
    texts = [template.format(name) for name in names for template in templates]
    encoded = _vectors(encoder.encode_texts(texts_alone(texts, "prompts"), progress=progress))
    vectors = label_vectors(encoded.reshape(len(names), len(templates), -1))
    labeller = ZeroShotLabeller(encoder, tuple(names), vectors, top=top, share=share)
    if validation is None:
        return labeller
    labels = validation.categories
    if labels is None or validation.category_names != labeller.names:
        raise CategoryError("the labels are not those that are asked for", where=f"dataset {validation.name!r}")
    scores = labeller.scores(validation, progress=progress)
    folds = stratified_splits(labels, {str(fold): 1 / _JUDGING_FOLDS for fold in range(_JUDGING_FOLDS)}, seed=seed)
    judged_on = validation.name if validation.split_name is None else f"{validation.name} {validation.split_name}"
    return replace(
        labeller,
        thresholds=best_thresholds(scores, labels),
        quality=label_quality(scores, held_out_decisions(scores, labels, folds), labels),
        judged_on=judged_on,
    )


def label_vectors(prompts: Array) -> Array:
    """Put the prompts of each label together: the mean of their unit vectors, scaled to length 1.

    Parameters
    ----------
    prompts : ndarray of float, shape (n_labels, n_prompts, d)

    Returns
    -------
    ndarray of float64, shape (n_labels, d)

    Examples
    --------
    >>> label_vectors(np.array([[[2.0, 0.0], [0.0, 5.0]]])).round(3)
    array([[0.707, 0.707]])
    """
    return _unit(_unit(prompts).mean(axis=1))


def zero_shot_scores(images: Array, labels: Array) -> Array:
    """Compute the cosine of images and labels.

    Parameters
    ----------
    images : ndarray of float, shape (n_images, d)
    labels : ndarray of float, shape (n_labels, d)

    Returns
    -------
    ndarray of float64, shape (n_images, n_labels)
        0 for vectors of zeros.

    Raises
    ------
    ShapeError
        If the vectors are not equally long.
    """
    if images.shape[1] != labels.shape[1]:
        raise ShapeError(
            f"images have {images.shape[1]} dimensions, labels {labels.shape[1]}",
            where="labels",
            expected="vectors of one space",
        )
    scores: Array = _unit(images) @ _unit(labels).T
    return scores


def _vectors(encoded: Embeddings | HashCodes | VectorSets) -> Array:
    if isinstance(encoded, VectorSets):
        raise InputError(
            "the encoder has several vectors an item, of which no single one stands for a label",
            where="encoder",
            expected="a model that encodes to embeddings or codes, such as cca",
        )
    if isinstance(encoded, HashCodes):
        return np.where(encoded.unpack(), 1.0, -1.0)
    return np.asarray(encoded.values, dtype=np.float64)


def _unit(vectors: Array) -> Array:
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Array = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


def _closest(scores: Array, count: int) -> Array:
    """Mark the ``count`` highest of each row; of equal ones the first."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    marked = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(marked, order, values=True, axis=1)
    return marked


def _require_one_rule(validation: Dataset | None, top: int | None, share: float | None, n_labels: int) -> None:
    if sum(rule is not None for rule in (validation, top, share)) != 1:
        raise OptionError(
            "which labels an image is given is not said, or twice",
            where="validation, top, share",
            expected="one of the three",
        )
    if top is not None and not 1 <= top <= n_labels:
        raise OptionError(f"top is {top}", where="top", expected=f"1 to {n_labels}, the number of labels")
    if share is not None and not 0 < share < 1:
        raise OptionError(f"share is {share}", where="share", expected="a number between 0 and 1")
