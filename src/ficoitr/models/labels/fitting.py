"""Training a labeller, and measuring it on labelled images that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ficoitr.data.splits import stratified_splits
from ficoitr.errors import CategoryError, OptionError, ShapeError
from ficoitr.models.labels.labeller import Labeller, Origin, probabilities, region_features
from ficoitr.models.labels.quality import best_thresholds, common_threshold, held_out_decisions, label_quality
from ficoitr.models.labels.query2label import Query2Label, Query2LabelConfig
from ficoitr.models.labels.training import LabelTraining, network_logits, train_network

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

DEFAULT_FEATURES = "efficientnet-lite0-grid"
_GRID = "-grid"
_FEWEST_IMAGES = 20
_JUDGING_FOLDS = 4
_THRESHOLDS = {"common": common_threshold, "label": best_thresholds}


def fit_labeller(
    train: Dataset,
    validation: Dataset | None = None,
    *,
    features: str = DEFAULT_FEATURES,
    network: Query2LabelConfig | None = None,
    training: LabelTraining | None = None,
    thresholds: Literal["common", "label"] = "common",
    n_networks: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
) -> Labeller:
    """Train networks on labelled images, and measure them on labelled images that they have not seen.

    Parameters
    ----------
    train : Dataset
        At least 20 images with categories.
    validation : Dataset, optional
        With the same categories: measures the networks, each of which is then trained on all of ``train``. By default
        the training images are dealt out into ``n_networks`` parts, each of which is left out by one network and
        measures that one alone; the labeller uses the mean of all networks, which is better than each.
    features : str
        Features of images that the dataset brings or that `extract_features` knows, best one vector a region. The
        regions of those whose name ends in ``-grid`` form a square grid.
    network, training : Query2LabelConfig, LabelTraining, optional
    thresholds : {"common", "label"}
        One threshold for all labels, of the highest overall F1; or one a label, of the highest F1 of that label. The
        latter gives rare labels a chance, but to many images that do not have them: the less is known of a label, the
        more images it is best given to, by F1 (Lipton, Elkan and Naryanaswamy, ECML PKDD 2014).
    n_networks : int
        At least 2 without validation.
    seed : int
    progress : callable, optional

    Raises
    ------
    CategoryError
        If a dataset has no labels, or the labels of the two differ.
    ShapeError
        If there are too few images, or none has a label.
    OptionError
        If there are too few networks, or for unknown features or thresholds.
    MissingExtraError
        If the library iterative-stratification is not installed (extra ``data``).

    Notes
    -----
    Thresholds are those of the highest F1 on the images that measure; precision, recall and F1 are of decisions by
    thresholds from three quarters of these images on the fourth (``held_out_decisions``). Without ``validation`` each
    image is judged by a single network that was trained on fewer images: the labels are rather better than said.
    """
    labels = _labels(train)
    if len(labels) < _FEWEST_IMAGES:
        raise ShapeError(
            f"there are {len(labels)} labelled images to train on",
            where=f"dataset {train.name!r}",
            expected=f"at least {_FEWEST_IMAGES}",
        )
    if thresholds not in _THRESHOLDS:
        raise OptionError(f"thresholds is {thresholds!r}", where="thresholds", expected=" or ".join(_THRESHOLDS))
    choose = _THRESHOLDS[thresholds]
    if n_networks < (2 if validation is None else 1):
        raise OptionError(f"n_networks is {n_networks}", where="n_networks", expected="2 or more, 1 with validation")
    if validation is not None and validation.category_names != train.category_names:
        raise CategoryError("the labels are not those of the training images", where=f"dataset {validation.name!r}")
    regions = region_features(train, features, progress=progress)
    task = _Task(regions, labels, _grid(features, regions), network or Query2LabelConfig(), training or LabelTraining())
    if validation is None:
        parts = _parts(labels, n_networks, seed)
        networks = tuple(
            task.train(np.flatnonzero(parts != part), part, n_networks, seed, progress) for part in range(n_networks)
        )
        logits = np.empty(labels.shape, dtype=np.float32)
        for part, one in enumerate(networks):
            logits[parts == part] = network_logits(one, regions[parts == part])
        judged, judged_on = labels, f"each network on the part of {Origin.of(train)} that it had not seen"
    else:
        everything = np.arange(len(labels))
        networks = tuple(task.train(everything, number, n_networks, seed, progress) for number in range(n_networks))
        judging = region_features(validation, features, progress=progress)
        logits = np.mean([network_logits(one, judging) for one in networks], axis=0)
        judged, judged_on = _labels(validation), str(Origin.of(validation))
    scores = probabilities(logits)
    learnt = labels.any(axis=0)
    decisions = held_out_decisions(scores, judged, _parts(judged, _JUDGING_FOLDS, seed), choose) & learnt
    return Labeller(
        networks=networks,
        names=train.category_names,
        thresholds=np.where(learnt, choose(scores, judged), np.inf),
        features=features,
        quality=label_quality(scores, decisions, judged),
        judged_on=judged_on,
        origin=Origin.of(train),
        seed=seed,
    )


@dataclass(frozen=True, eq=False)
class _Task:
    regions: Array
    labels: Array
    grid: tuple[int, int] | None
    network: Query2LabelConfig
    training: LabelTraining

    def train(self, rows: Array, number: int, n_networks: int, seed: int, progress: Progress | None) -> Query2Label:
        """Train one of several networks on some of the images."""
        epochs = self.training.epochs

        def after_epoch(done: int) -> None:
            if progress is not None:
                progress("training", number * epochs + done, n_networks * epochs)

        return train_network(
            self.regions[rows],
            self.labels[rows],
            self.network,
            self.training,
            grid=self.grid,
            # Networks of neighbouring seeds have nothing in common.
            seed=int(np.random.SeedSequence([seed, number]).generate_state(1)[0]),
            after_epoch=after_epoch,
        )


def _labels(dataset: Dataset) -> Array:
    if dataset.categories is None:
        raise CategoryError(
            "the dataset has no labels", where=f"dataset {dataset.name!r}", expected="categories to learn from"
        )
    return dataset.categories


def _parts(labels: Array, count: int, seed: int) -> Array:
    """Deal images out into parts that each have their share of every label: numbers from 0, shape (n_images,)."""
    return stratified_splits(labels, {str(part): 1 / count for part in range(count)}, seed=seed).astype(np.int64)


def _grid(features: str, regions: Array) -> tuple[int, int] | None:
    side = round(regions.shape[1] ** 0.5)
    return (side, side) if features.endswith(_GRID) and side * side == regions.shape[1] else None
