"""What the image map of the baselines takes: features of one kind, scaled, and perhaps put through a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ficoitr.errors import InputError
from ficoitr.models.baseline.kernel import GaussianMap
from ficoitr.models.baseline.scaling import block_scale, require_same, scaled
from ficoitr.models.features.classic_sets import has_boxes
from ficoitr.models.features.vectors import feature_source, feature_vectors

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_REGIONS = ("regions", "region-set")


def chosen_image_features(features: str, dataset: Dataset) -> str:
    """Replace ``"auto"`` by the regions that a dataset knows or brings, else by what can be had of its images."""
    if features != "auto":
        return features
    if has_boxes(dataset) or "regions" in dataset.image_features:
        return "regions"
    return "global" if dataset.has_pixels or not dataset.image_features else next(iter(dataset.image_features))


@dataclass(frozen=True, eq=False)
class ImageInputs:
    """Features of images, scaled, and perhaps put through a kernel.

    Parameters
    ----------
    features : str
        A name of `feature_names`, or of features that datasets bring. Sets of regions are averaged.
    boxed : bool
        Whether regions were those that the dataset knows, rather than fixed ones.
    scale : ndarray of float64, shape (d,)
        Gives every kind of descriptor the same weight.
    kernel : GaussianMap, optional
        What the scaled features go through.
    weights : str, optional
        The file of the features' weights.
    source : mapping, optional
        What they were extracted by, see `feature_source`.
    """

    features: str
    boxed: bool
    scale: Array
    kernel: GaussianMap | None = None
    weights: str | None = None
    source: Mapping[str, Any] | None = None

    @classmethod
    def fit(cls, dataset: Dataset, features: str, weights: str | None, progress: Progress | None) -> Self:
        """Learn how to scale the features of a dataset, without a kernel."""
        source = feature_source(dataset, features, "image", weights=weights, others=("auto",))
        values = feature_vectors(dataset, features, modality="image", weights=weights, progress=progress)
        return cls(
            features=features,
            boxed=features in _REGIONS and features not in dataset.image_features and has_boxes(dataset),
            scale=block_scale(values, source.blocks or (values.shape[1],)),
            weights=weights,
            source=source.identity,
        )

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Extract the inputs of the images of ``dataset``; float64, one row an image.

        Raises
        ------
        InputError
            If the model was fitted on boxes and the dataset has none, or on other features of that name.
        """
        if self.boxed and not has_boxes(dataset):
            raise InputError(
                "the model was fitted on the boxes of regions, and this dataset has none",
                where=f"dataset {dataset.name!r}",
                fix='Fit the model with features="global"',
            )
        found = feature_source(dataset, self.features, "image", weights=self.weights).identity
        require_same(dataset, self.features, self.source, found)
        values = feature_vectors(dataset, self.features, modality="image", weights=self.weights, progress=progress)
        inputs = scaled(dataset, self.features, values, self.scale)
        return inputs if self.kernel is None else self.kernel(inputs)

    @property
    def linear_by_nature(self) -> bool:
        """Whether they are means of regions, which a kernel does not help."""
        return self.features in _REGIONS

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        if self.kernel is None:
            return self.scale.size
        return self.scale.size + self.kernel.landmarks.size + self.kernel.whitening.size + 1

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        settings = {
            "features": self.features,
            "boxed": self.boxed,
            "decay": None if self.kernel is None else self.kernel.decay,
            "weights": self.weights,
            "source": None if self.source is None else dict(self.source),
        }
        arrays = {"image_scale": self.scale}
        if self.kernel is not None:
            arrays |= {"landmarks": self.kernel.landmarks, "whitening": self.kernel.whitening}
        return settings, arrays

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the inputs from what `to_parts` returned."""
        decay = settings["decay"]
        return cls(
            features=settings["features"],
            boxed=settings["boxed"],
            scale=arrays["image_scale"],
            kernel=None if decay is None else GaussianMap(arrays["landmarks"], decay, arrays["whitening"]),
            weights=settings.get("weights"),
            source=settings.get("source"),
        )
