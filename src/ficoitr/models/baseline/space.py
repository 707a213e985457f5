"""The common space of both baselines: classic image features and TF-IDF, brought together by correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ficoitr.errors import InputError, OptionError
from ficoitr.models.baseline.kernel import GaussianMap
from ficoitr.models.features.extract import FEATURE_SETS, extract_features, has_boxes
from ficoitr.models.features.terms import TermWeights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scipy.sparse import csr_matrix

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress
    from ficoitr.models.features.extract import FeatureSet

Array = np.ndarray[Any, Any]

_FEATURES = ("auto", *FEATURE_SETS)
_KERNELS = ("auto", "linear", "gaussian")

SPACE_ARRAYS = ("image_scale", "image_map", "terms", "inverse_frequencies", "text_map", "correlations")


@dataclass(frozen=True)
class SpaceConfig:
    """Options of both baselines.

    Parameters
    ----------
    dimensions : int
        Of the common space; at most as many as there are features and terms.
    features : {"auto", "global", "regions"}
        Image features. ``auto`` takes regions where the dataset knows boxes, else global.
    kernel : {"auto", "linear", "gaussian"}
        Whether image features are used as they are or through a Gaussian kernel, which is kernel CCA on the
        image side. ``auto`` takes linear for regions, whose mean is already a sum over objects as a text is
        one over words, and for global whichever retrieves held-out images better: Gaussian with few images,
        linear with many.
    n_landmarks : int
        Training images that span the kernel's space.
    max_terms : int
        Most words and word pairs of the texts that are told apart.
    correlation_power : float
        Each dimension is weighted by its canonical correlation to this power (Gong, Ke, Isard and Lazebnik,
        "A Multi-View Embedding Space", IJCV 106, 2014, use 4).
    """

    dimensions: int = 64
    features: Literal["auto", "global", "regions"] = "auto"
    kernel: Literal["auto", "linear", "gaussian"] = "auto"
    n_landmarks: int = 1024
    max_terms: int = 1500
    correlation_power: float = 1.0

    def __post_init__(self) -> None:
        for name in ("dimensions", "n_landmarks", "max_terms"):
            _require(name, getattr(self, name), is_whole(getattr(self, name), 1), "an integer of 1 or more")
        for name, choices in (("features", _FEATURES), ("kernel", _KERNELS)):
            _require(name, getattr(self, name), getattr(self, name) in choices, " or ".join(choices))
        power = self.correlation_power
        fits = isinstance(power, int | float) and 0 <= power < np.inf
        _require("correlation_power", power, fits, "a number of 0 or more")


def is_whole(value: object, least: int) -> bool:
    """Whether an option is an integer (and no bool) of ``least`` or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _require(name: str, value: object, fits: bool, expected: str) -> None:
    if not fits:
        raise OptionError(f"{name} is {value!r}", where="config", expected=expected)


@dataclass(frozen=True, eq=False)
class ImageInputs:
    """What the image map takes: features of one set, scaled, and perhaps put through a kernel.

    Parameters
    ----------
    features : {"global", "regions"}
        The feature set.
    boxed : bool
        Whether its regions were those that the dataset knows, rather than fixed ones.
    scale : ndarray of float64, shape (d,)
        Gives every kind of descriptor the same weight.
    kernel : GaussianMap or None
        What the scaled features go through, if anything.
    """

    features: FeatureSet
    boxed: bool
    scale: Array
    kernel: GaussianMap | None

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Extract the inputs of the images of ``dataset``; float64, one row an image.

        Raises
        ------
        InputError
            If the model was fitted on boxes and the dataset has none.
        """
        if self.boxed and not has_boxes(dataset):
            raise InputError(
                "the model was fitted on the boxes of regions, and this dataset has none",
                where=f"dataset {dataset.name!r}",
                fix='Fit the model with features="global"',
            )
        scaled = extract_features(dataset, self.features, progress=progress) * self.scale
        return scaled if self.kernel is None else self.kernel(scaled)

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        if self.kernel is None:
            return self.scale.size
        return self.scale.size + self.kernel.landmarks.size + self.kernel.whitening.size + 1


@dataclass(frozen=True, eq=False)
class CommonSpace:
    """A fitted pair of maps into one space.

    Parameters
    ----------
    inputs : ImageInputs
        What the image map takes.
    image_map : ndarray of float64, shape (d_inputs + 1, dimensions)
        The last row is the offset.
    terms : TermWeights
        What the text map takes.
    text_map : ndarray of float64, shape (n_terms + 1, dimensions)
    correlations : ndarray of float64, shape (dimensions,)
        On the training pairs, shrunk by the ridges.
    """

    inputs: ImageInputs
    image_map: Array
    terms: TermWeights
    text_map: Array
    correlations: Array

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        maps = self.image_map.size + self.text_map.size
        return self.inputs.n_parameters + self.terms.inverse_frequencies.size + maps

    def images(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Bring images into the space; float64, shape (n_images, dimensions), rows of length 1."""
        return project(self.inputs(dataset, progress), self.image_map)

    def texts(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Bring texts into the space; float64, shape (n_texts, dimensions), rows of length 1."""
        values = project(self.terms.encode(dataset.texts), self.text_map)
        if progress is not None:
            progress("text features", len(values), len(values))
        return values

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        inputs = self.inputs
        settings: dict[str, Any] = {"features": inputs.features, "boxed": inputs.boxed, "decay": None}
        arrays = {
            "image_scale": inputs.scale,
            "image_map": self.image_map,
            "terms": np.array(self.terms.terms),
            "inverse_frequencies": self.terms.inverse_frequencies,
            "text_map": self.text_map,
            "correlations": self.correlations,
        }
        if inputs.kernel is not None:
            settings["decay"] = inputs.kernel.decay
            arrays |= {"landmarks": inputs.kernel.landmarks, "whitening": inputs.kernel.whitening}
        return settings, arrays

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the space from what `to_parts` returned."""
        kernel = None
        if settings["decay"] is not None:
            kernel = GaussianMap(arrays["landmarks"], settings["decay"], arrays["whitening"])
        return cls(
            inputs=ImageInputs(settings["features"], settings["boxed"], arrays["image_scale"], kernel),
            image_map=arrays["image_map"],
            terms=TermWeights(tuple(arrays["terms"].tolist()), arrays["inverse_frequencies"]),
            text_map=arrays["text_map"],
            correlations=arrays["correlations"],
        )


def project(features: Array | csr_matrix, affine: Array) -> Array:
    """Apply an affine map, whose last row is the offset, and scale the results to length 1.

    A result of zeros, which has no direction, stays as it is.
    """
    values = features @ affine[:-1] + affine[-1]
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    projected: Array = values / np.where(lengths > 0, lengths, 1)
    return projected
