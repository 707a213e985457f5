"""What a hashing network reads: features of images or texts, as they are or brought to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ficoitr.errors import InputError, ShapeError
from ficoitr.models.features import extract_features
from ficoitr.models.features.base import FittedTextExtractor
from ficoitr.models.features.extract import find_stored
from ficoitr.models.features.registry import find_features, fit_extractor
from ficoitr.models.features.vectors import feature_source

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.data.stored import StoredFeatures
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_DEFAULTS = {"image": "global", "text": "bag-of-words"}


class Standardised:
    """Features less a number and times another, row by row when they are asked for."""

    def __init__(self, features: Array | StoredFeatures, shift: float, scale: float) -> None:
        self._features = features
        self._shift = np.float32(shift)
        self._scale = np.float32(scale)

    def __len__(self) -> int:
        return len(self._features)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of items, and the shape of the features of one."""
        return tuple(self._features.shape)

    def __getitem__(self, rows: Any) -> Array:
        values: Array = np.asarray(self._features[rows], dtype=np.float32)
        return (values - self._shift) * self._scale


@dataclass(frozen=True, eq=False)
class FeatureInput:
    """Features of one side, learnt and scaled as on the training split.

    Parameters
    ----------
    side : {"image", "text"}
    features : str
        A name of `ficoitr.models.features.feature_names`, or of features that datasets bring.
    shape : tuple of int
        Of the features of one item.
    shift, scale : float
        The one mean and the one reciprocal deviation of all their values, where they are brought to mean 0 and
        variance 1 (as DADH does); else 0 and 1.
    source : mapping, optional
        What they were extracted by: its name, settings, and the hash of its weights.
    weights : str, optional
        The file of the weights, where no package brings them.
    extractor : FittedTextExtractor, optional
        Where they were learnt from the training texts.
    """

    side: Literal["image", "text"]
    features: str
    shape: tuple[int, ...]
    shift: float = 0.0
    scale: float = 1.0
    source: Mapping[str, Any] | None = None
    weights: str | None = None
    extractor: FittedTextExtractor | None = None

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        side: Literal["image", "text"],
        features: str,
        *,
        weights: str | None = None,
        standardise: bool = False,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> tuple[Self, Standardised]:
        """Learn what there is to learn; also return the features of the dataset.

        Parameters
        ----------
        dataset : Dataset
            The training split.
        side : {"image", "text"}
        features : str
            ``auto`` takes what the dataset brings, or else ``global`` and ``bag-of-words``.
        weights, standardise, seed, progress
        """
        brought = dataset.image_features if side == "image" else dataset.text_features
        if features == "auto":
            features = next(iter(brought), _DEFAULTS[side])
        source = feature_source(dataset, features, side, weights=weights, others=("auto",)).identity
        extractor = None
        if features not in brought and find_features(features, side).fitted:
            extractor = fit_extractor(features, dataset.texts, seed=seed, progress=progress)
        plain = cls(side, features, (), source=source, weights=weights, extractor=extractor)
        values = plain._read(dataset, progress)
        shift, scale = _moments(values) if standardise else (0.0, 1.0)
        fitted = cls(side, features, tuple(values.shape[1:]), shift, scale, source, weights, extractor)
        return fitted, Standardised(values, shift, scale)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Standardised:
        """Return the features of a dataset.

        Raises
        ------
        InputError
            If they were extracted by something else than those of the training split.
        ShapeError
            If they have another shape.
        """
        found = feature_source(dataset, self.features, self.side, weights=self.weights).identity
        if self.extractor is None and found != self.source:
            raise InputError(
                f"these {self.side} features {self.features!r} are not those that the model was trained on",
                where=f"dataset {dataset.name!r}",
                fix="Extract them with the same weights and settings, or train anew",
            )
        values = self._read(dataset, progress)
        if tuple(values.shape[1:]) != self.shape:
            raise ShapeError(
                f"the {self.side} features {self.features!r} have the shape {tuple(values.shape[1:])}",
                where=f"dataset {dataset.name!r}",
                expected=f"{self.shape}, as on the training split",
            )
        return Standardised(values, self.shift, self.scale)

    def _read(self, dataset: Dataset, progress: Progress | None) -> Array | StoredFeatures:
        stored = find_stored(dataset, self.features, self.side)
        if stored is not None:
            return stored
        return extract_features(
            dataset, self.extractor or self.features, modality=self.side, weights=self.weights, progress=progress
        )

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        learnt, arrays = ({}, {}) if self.extractor is None else self.extractor.to_parts()
        settings = {
            "features": self.features,
            "shape": list(self.shape),
            "shift": self.shift,
            "scale": self.scale,
            "source": None if self.source is None else dict(self.source),
            "weights": self.weights,
            "learnt": None if self.extractor is None else learnt,
        }
        return settings, {f"{self.side}_{name}": array for name, array in arrays.items()}

    @classmethod
    def from_parts(
        cls, side: Literal["image", "text"], settings: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> Self:
        """Rebuild the input from what `to_parts` returned."""
        fields = {name: value for name, value in settings.items() if name not in ("learnt", "shape")}
        extractor = None
        if settings["learnt"] is not None:
            prefix = f"{side}_"
            own = {name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)}
            found = find_features(settings["features"], side).extractor_class()
            extractor = found.from_parts(settings["learnt"], own)
        return cls(side, shape=tuple(settings["shape"]), extractor=extractor, **fields)


def _moments(values: Array | StoredFeatures) -> tuple[float, float]:
    """Mean and reciprocal deviation of all values, read some rows at a time."""
    count, total, squares = 0, 0.0, 0.0
    step = max(1, (1 << 24) // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), step):
        block = np.asarray(values[start : start + step], dtype=np.float64)
        count, total, squares = count + block.size, total + block.sum(), squares + np.square(block).sum()
    mean = total / count
    deviation = np.sqrt(max(squares / count - mean**2, 0.0))
    return float(mean), float(1 / deviation) if deviation > 0 else 1.0
