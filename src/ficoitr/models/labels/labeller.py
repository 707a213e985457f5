"""A labeller: trained on images that people have labelled, it labels others and says how well."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.errors import OptionError, ShapeError
from ficoitr.models.features import extract_features
from ficoitr.models.labels.quality import LabelQuality
from ficoitr.models.labels.query2label import Query2Label
from ficoitr.models.labels.store import LabellerFile, read_labeller, write_labeller
from ficoitr.models.labels.training import network_logits

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Origin:
    """The labelled images that a labeller was trained on.

    Parameters
    ----------
    dataset : str
        Name.
    split : str, optional
    n_images : int
    digest : str
        ``Dataset.digest()``.
    category_source : str
        Of their labels, if they too were not set by people.
    """

    dataset: str
    split: str | None
    n_images: int
    digest: str
    category_source: str = ""

    @classmethod
    def of(cls, dataset: Dataset) -> Origin:
        """Describe a dataset."""
        return cls(dataset.name, dataset.split_name, len(dataset.image_ids), dataset.digest(), dataset.category_source)

    def __str__(self) -> str:
        name = self.dataset if self.split is None else f"{self.dataset} {self.split}"
        return f"{name} labelled by {self.category_source}" if self.category_source else name


@dataclass(frozen=True, eq=False)
class Labeller:
    """Networks whose mean logit says how likely each label is, and a threshold a label.

    Parameters
    ----------
    networks : tuple of Query2Label
    names : tuple of str
        Of the L labels.
    thresholds : ndarray of float64, shape (L,)
        A label is given where its score is this or more; infinite for labels that no training image has.
    features : str
        The features of regions that the networks read.
    quality : LabelQuality
        Measured on labelled images that the networks were not trained on.
    judged_on : str
        Which images these were.
    origin : Origin
        Of the training images.
    seed : int
    """

    networks: tuple[Query2Label, ...]
    names: tuple[str, ...]
    thresholds: Array
    features: str
    quality: LabelQuality
    judged_on: str
    origin: Origin
    seed: int

    @property
    def category_source(self) -> str:
        """What datasets and signatures say of labels from this labeller."""
        return (
            f"query2label({self.features}, trained on {self.origin}, "
            f"mAP {100 * self.quality.mean_average_precision:.1f})"
        )

    @property
    def n_parameters(self) -> int:
        """Numbers that training has set, of all networks."""
        return sum(parameter.numel() for network in self.networks for parameter in network.parameters())

    def scores(self, dataset: Dataset, *, progress: Progress | None = None) -> Array:
        """Compute the probability of each label: float32, shape (n_images, L).

        Raises
        ------
        ShapeError
            If the dataset's features are not as long as those of the training images.
        """
        regions = region_features(dataset, self.features, progress=progress)
        expected = self.networks[0].project.in_features
        if regions.shape[2] != expected:
            raise ShapeError(
                f"the features {self.features!r} have {regions.shape[2]:,} numbers a region",
                where=f"dataset {dataset.name!r}",
                expected=f"{expected:,}, as in training",
            )
        return probabilities(np.mean([network_logits(network, regions) for network in self.networks], axis=0))

    def decide(self, scores: Array) -> Array:
        """Give the labels whose scores reach their thresholds: bool, shape (n_images, L)."""
        decisions: Array = scores >= self.thresholds
        return decisions

    def label(self, dataset: Dataset, *, progress: Progress | None = None) -> Dataset:
        """Return the dataset with predicted labels in the place of its own, and marked as such."""
        return self.labelled(dataset, self.decide(self.scores(dataset, progress=progress)))

    def labelled(self, dataset: Dataset, decisions: Array) -> Dataset:
        """Return the dataset with the given decisions, marked as this labeller's."""
        return replace(dataset, categories=decisions, category_names=self.names, category_source=self.category_source)

    def may_have_seen(self, dataset: Dataset) -> bool:
        """Whether images of the dataset may have been among the training images: same name, and no other split."""
        same_split = None in (self.origin.split, dataset.split_name) or self.origin.split == dataset.split_name
        return self.origin.dataset == dataset.name and same_split

    def save(self, path: str | Path) -> None:
        """Write to one file (``.safetensors``), whole or not at all."""
        write_labeller(
            Path(path),
            LabellerFile(
                networks=self.networks,
                thresholds=self.thresholds,
                header={
                    "names": list(self.names),
                    "features": self.features,
                    "quality": self.quality.to_json(),
                    "judged_on": self.judged_on,
                    "origin": asdict(self.origin),
                    "seed": self.seed,
                },
            ),
        )

    @classmethod
    def load(cls, path: str | Path) -> Labeller:
        """Read a labeller that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, damaged, or not of a labeller.
        """
        read = read_labeller(Path(path))
        header = read.header
        return cls(
            networks=read.networks,
            names=tuple(header["names"]),
            thresholds=read.thresholds,
            features=header["features"],
            quality=LabelQuality(**header["quality"]),
            judged_on=header["judged_on"],
            origin=Origin(**header["origin"]),
            seed=header["seed"],
        )


def region_features(dataset: Dataset, features: str, *, progress: Progress | None = None) -> Array:
    """Extract features, an image of a single vector being one region: float32, (n_images, n_regions, n_features).

    Raises
    ------
    OptionError
        For features that are unknown, or of texts.
    """
    values = extract_features(dataset, features, modality="image", progress=progress)
    if len(values) != len(dataset.image_ids):
        raise OptionError(f"{features!r} describes texts", where="features", expected="features of images")
    return values.reshape(len(values), -1, values.shape[-1])


def probabilities(logits: Array) -> Array:
    """Turn logits into float32 probabilities."""
    return (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
