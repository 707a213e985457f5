"""Fitting the common space of both baselines, with ridges chosen on held-out images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.errors import ShapeError, ValuesError
from ficoitr.models.baseline.correlation import (
    CanonicalDirections,
    PairedMoments,
    Ridges,
    canonical_directions,
    paired_moments,
)
from ficoitr.models.baseline.image_inputs import ImageInputs, chosen_image_features
from ficoitr.models.baseline.kernel import GaussianMap
from ficoitr.models.baseline.space import CommonSpace, SpaceConfig, project
from ficoitr.models.baseline.text_inputs import TextInputs, chosen_text_features, fit_text_inputs
from ficoitr.models.baseline.threads import one_blas_thread
from ficoitr.models.features.extract import shared_features
from ficoitr.models.features.vectors import feature_vectors
from ficoitr.models.judging import mean_recall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_matrix

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_FEWEST_IMAGES = 10
_ALIKE = 1e-9  # total variance; both sides are scaled to about one
_IMAGE_RIDGES = (0.003, 0.03, 0.3, 3.0)
_FOLDS = 4
_JUDGED_IMAGES = 500


@dataclass(frozen=True, eq=False)
class _Pairs:
    """What the two maps take: image features, scaled and perhaps mapped, and texts as weighted terms or vectors."""

    images: Array
    texts: Array | csr_matrix
    text_to_image: Array

    def select(self, images: Array) -> _Pairs:
        position = np.full(len(self.images), -1)
        position[images] = np.arange(len(images))
        text_to_image = position[self.text_to_image]
        kept = np.flatnonzero(text_to_image >= 0)
        return _Pairs(self.images[images], self.texts[kept], text_to_image[kept])


_Trial = tuple[PairedMoments, _Pairs]


@dataclass(frozen=True, eq=False)
class _Choice:
    """The ridges that suit some image inputs best, and how well they do."""

    inputs: ImageInputs
    moments: PairedMoments
    ridges: Ridges
    score: float


def fit_common_space(
    train: Dataset,
    validation: Dataset | None,
    config: SpaceConfig,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> CommonSpace:
    """Fit both maps to the pairs of ``train``.

    Parameters
    ----------
    train : Dataset
        At least 10 images.
    validation : Dataset, optional
        The strengths of the two ridges, and the kernel where it is open, are those that retrieve it best, by
        the mean of R@1, R@5 and R@10 in both directions (on at most 500 images). By default they are chosen by
        fourfold cross-validation on the training images.
    config : SpaceConfig
    seed : int
        Of the choice of the landmarks, and of the images that judge the ridges.
    progress : callable, optional
        Told of the features' extraction and of the choice of the ridges.

    Raises
    ------
    ShapeError
        If there are too few images.
    ValuesError
        If the texts share no words, or if all images or all texts are alike.
    OptionError
        If there are no such features.
    """
    require_enough_images(train)
    with one_blas_thread(), shared_features():
        texts = fit_text_inputs(
            train,
            chosen_text_features(config.text_features, train),
            max_terms=config.max_terms,
            seed=seed,
            progress=progress,
        )
        candidates = [
            _choose_ridges(images, texts, train, validation, config, seed, progress)
            for images in _candidate_inputs(train, config, seed, progress)
        ]
        best = max(candidates, key=lambda choice: choice.score)
        directions = canonical_directions(best.moments, config.dimensions, best.ridges)
    image_map, text_map = _maps(best.moments, directions, config.correlation_power)
    return CommonSpace(best.inputs, image_map, texts, text_map, directions.correlations)


def _candidate_inputs(train: Dataset, config: SpaceConfig, seed: int, progress: Progress | None) -> list[ImageInputs]:
    features = chosen_image_features(config.features, train)
    linear = ImageInputs.fit(train, features, config.weights, progress)
    if config.kernel == "linear" or (config.kernel == "auto" and linear.linear_by_nature):
        return [linear]
    values = feature_vectors(train, features, modality="image", weights=config.weights)
    kernel = GaussianMap.fit(values * linear.scale, n_landmarks=config.n_landmarks, seed=seed)
    gaussian = replace(linear, kernel=kernel)
    return [gaussian] if config.kernel == "gaussian" else [linear, gaussian]


def _choose_ridges(
    images: ImageInputs,
    texts: TextInputs,
    train: Dataset,
    validation: Dataset | None,
    config: SpaceConfig,
    seed: int,
    progress: Progress | None,
) -> _Choice:
    pairs = _Pairs(images(train), texts(train), train.text_to_image)
    moments = _moments(pairs)
    require_differences(moments, train)
    random = np.random.default_rng(seed)
    if validation is None:
        trials = _folds(pairs, random)
    else:
        judges = _Pairs(images(validation, progress), texts(validation, progress), validation.text_to_image)
        judging = random.permutation(len(validation.images))[:_JUDGED_IMAGES]
        trials = [(moments, judges.select(np.sort(judging)))]
    ridges, score = _best_ridges(trials, texts.ridges, config, progress)
    return _Choice(images, moments, ridges, score)


def _moments(pairs: _Pairs) -> PairedMoments:
    return paired_moments(pairs.images, pairs.texts, pairs.text_to_image)


def require_enough_images(train: Dataset) -> None:
    """Raise a ShapeError for fewer images than any baseline can be fitted to."""
    if len(train.images) < _FEWEST_IMAGES:
        raise ShapeError(
            f"there are {len(train.images)} images to fit to",
            where=f"dataset {train.name!r}",
            expected=f"at least {_FEWEST_IMAGES}",
        )


def require_differences(moments: PairedMoments, train: Dataset) -> None:
    """Raise a ValuesError where all images or all texts have the same features."""
    for side, spectrum in (("images", moments.images), ("texts", moments.texts)):
        if spectrum.values.sum() < _ALIKE:
            raise ValuesError(f"all {side} have the same features", where=f"dataset {train.name!r}")


def _maps(moments: PairedMoments, directions: CanonicalDirections, power: float) -> tuple[Array, Array]:
    weights = directions.correlations**power
    sides = ((moments.images, directions.images), (moments.texts, directions.texts))
    image_map, text_map = (np.vstack([matrix * weights, -side.mean @ matrix * weights]) for side, matrix in sides)
    return image_map, text_map


def _folds(pairs: _Pairs, random: np.random.Generator) -> list[_Trial]:
    order = random.permutation(len(pairs.images))
    trials = []
    for fold in range(_FOLDS):
        judges = order[fold::_FOLDS]
        others = np.setdiff1d(order, judges)
        trials.append((_moments(pairs.select(others)), pairs.select(np.sort(judges[:_JUDGED_IMAGES]))))
    return trials


def _best_ridges(
    trials: Sequence[_Trial], text_ridges: tuple[float, ...], config: SpaceConfig, progress: Progress | None
) -> tuple[Ridges, float]:
    candidates = [Ridges(*pair) for pair in product(_IMAGE_RIDGES, text_ridges)]
    scores = []
    for done, ridges in enumerate(candidates, start=1):
        scores.append(sum(_judge(moments, judges, ridges, config) for moments, judges in trials))
        if progress is not None:
            progress("ridges", done, len(candidates))
    best = int(np.argmax(scores))
    return candidates[best], scores[best]


def _judge(moments: PairedMoments, judges: _Pairs, ridges: Ridges, config: SpaceConfig) -> float:
    directions = canonical_directions(moments, config.dimensions, ridges)
    image_map, text_map = _maps(moments, directions, config.correlation_power)
    scores = project(judges.images, image_map) @ project(judges.texts, text_map).T
    return mean_recall(scores, judges.text_to_image)
