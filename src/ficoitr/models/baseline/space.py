"""The common space of both baselines: features of images and of texts, brought together by correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ficoitr.errors import OptionError
from ficoitr.models.baseline.image_inputs import ImageInputs
from ficoitr.models.baseline.text_inputs import TERMS, TextInputs, text_inputs_from_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scipy.sparse import csr_matrix

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_KERNELS = ("auto", "linear", "gaussian")

SPACE_ARRAYS = ("image_scale", "image_map", "text_map", "correlations")


@dataclass(frozen=True)
class SpaceConfig:
    """Options of both baselines.

    Parameters
    ----------
    dimensions : int
        Of the common space; at most as many as there are features on either side.
    features : str
        Image features: a name of `ficoitr.models.features.feature_names`, or of the dataset's ``image_features``.
        ``auto`` takes ``regions`` where the dataset knows boxes or brings them, else ``global``, or the first features
        that it brings if it has no pixels. Sets of regions are averaged.
    text_features : str
        Text features: ``terms`` (TF-IDF), a name of `ficoitr.models.features.feature_names`, or of the dataset's
        ``text_features``. ``auto`` takes ``terms``, or the first features that the dataset brings if it has no words.
    weights : str, optional
        File of the weights of the image features, where no package brings them.
    kernel : {"auto", "linear", "gaussian"}
        Whether image features are used as they are or through a Gaussian kernel, which is kernel CCA on the
        image side. ``auto`` takes linear for regions, whose mean is already a sum over objects as a text is
        one over words, and for others whichever retrieves held-out images better: Gaussian with few images,
        linear with many.
    n_landmarks : int
        Training images that span the kernel's space.
    max_terms : int
        Most words and word pairs of the texts that are told apart (``terms`` only).
    correlation_power : float
        Each dimension is weighted by its canonical correlation to this power (Gong, Ke, Isard and Lazebnik,
        "A Multi-View Embedding Space", IJCV 106, 2014, use 4).
    """

    dimensions: int = 64
    features: str = "auto"
    text_features: str = "auto"
    weights: str | None = None
    kernel: Literal["auto", "linear", "gaussian"] = "auto"
    n_landmarks: int = 1024
    max_terms: int = 1500
    correlation_power: float = 1.0

    def __post_init__(self) -> None:
        for name in ("dimensions", "n_landmarks", "max_terms"):
            _require(name, getattr(self, name), is_whole(getattr(self, name), 1), "an integer of 1 or more")
        for name in ("features", "text_features"):
            _require(name, getattr(self, name), isinstance(getattr(self, name), str), "a name of features")
        _require("weights", self.weights, isinstance(self.weights, str | None), "the path of a file")
        _require("kernel", self.kernel, self.kernel in _KERNELS, " or ".join(_KERNELS))
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
class CommonSpace:
    """A fitted pair of maps into one space.

    Parameters
    ----------
    image_inputs : ImageInputs
        What the image map takes.
    image_map : ndarray of float64, shape (d_images + 1, dimensions)
        The last row is the offset.
    text_inputs : TextInputs
        What the text map takes.
    text_map : ndarray of float64, shape (d_texts + 1, dimensions)
    correlations : ndarray of float64, shape (dimensions,)
        On the training pairs, shrunk by the ridges.
    """

    image_inputs: ImageInputs
    image_map: Array
    text_inputs: TextInputs
    text_map: Array
    correlations: Array

    @property
    def inputs(self) -> str:
        """The features it reads, of images and, unless they are terms, of texts."""
        names = [self.image_inputs.features, self.text_inputs.features]
        return ", ".join(name for name in names if name != TERMS)

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        maps = self.image_map.size + self.text_map.size
        return self.image_inputs.n_parameters + self.text_inputs.n_parameters + maps

    def images(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Bring images into the space; float64, shape (n_images, dimensions), rows of length 1."""
        return project(self.image_inputs(dataset, progress), self.image_map)

    def texts(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Bring texts into the space; float64, shape (n_texts, dimensions), rows of length 1."""
        return project(self.text_inputs(dataset, progress), self.text_map)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        image_settings, image_arrays = self.image_inputs.to_parts()
        text_settings, text_arrays = self.text_inputs.to_parts()
        maps = {"image_map": self.image_map, "text_map": self.text_map, "correlations": self.correlations}
        return {**image_settings, **text_settings}, {**image_arrays, **text_arrays, **maps}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the space from what `to_parts` returned."""
        return cls(
            image_inputs=ImageInputs.from_parts(settings, arrays),
            image_map=arrays["image_map"],
            text_inputs=text_inputs_from_parts(settings, arrays),
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
