"""What a network reads: features of images or texts, as they are or brought to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import numpy as np

from ficoitr.errors import InputError, OptionError, ShapeError, ValuesError
from ficoitr.models.features import extract_features, feature_names
from ficoitr.models.features.base import FittedTextExtractor
from ficoitr.models.features.extract import find_stored
from ficoitr.models.features.registry import find_features, fit_extractor
from ficoitr.models.features.vectors import feature_source

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.data.stored import StoredFeatures
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]
# What `ModelInput.to_parts` returns: settings for the header of a file, and arrays.
Parts = tuple[dict[str, Any], dict[str, Array]]

# How features are scaled: not at all, by one mean and one deviation of all their values to mean 0 and variance 1, or so
# that each number of a vector has mean 0 and variance 1; as they are on the training split.
Scaling = Literal["none", "whole", "each"]
_LEAST_DEVIATION = 1e-8
# What ``auto`` takes where the dataset brings nothing, by the axes that an item's features have.
_DEFAULTS = {
    ("image", 1): "global",
    ("text", 1): "bag-of-words",
    ("image", 2): "region-set",
    ("text", 2): "minilm-tokens",
}


class ModelInput(Protocol):
    """What a model reads of one side of a dataset."""

    @property
    def side(self) -> Literal["image", "text"]:
        """Whether it is read of images or of texts."""
        ...

    @property
    def features(self) -> str:
        """The name of what is read."""
        ...

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Of what is read of one item; None for a length that does not matter."""
        ...

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Any:
        """Return what is read of a dataset, by rows."""
        ...

    def content(self, dataset: Dataset) -> str:
        """Return a hash of what is read of a dataset, but for its texts."""
        ...

    def to_parts(self) -> Parts:
        """Return what a file needs to hold: settings for its header, and arrays."""
        ...


class Scaled:
    """Features less a shift and times a scale, row by row when they are asked for.

    Parameters
    ----------
    features : array or StoredFeatures, shape (n, …)
    shift, scale : float, or ndarray of shape (n_numbers,), the last axis of an item
    """

    def __init__(self, features: Array | StoredFeatures, shift: float | Array, scale: float | Array) -> None:
        self._features = features
        self._shift = np.float32(shift)
        self._scale = np.float32(scale)
        self._changed = bool(np.any(self._shift) or np.any(self._scale != 1))

    def __len__(self) -> int:
        return len(self._features)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of items, and the shape of the features of one."""
        return tuple(self._features.shape)

    def __getitem__(self, rows: Any) -> Array:
        values: Array = np.asarray(self._features[rows], dtype=np.float32)
        if self._changed:
            values = values - self._shift
            values *= self._scale
        return values


@dataclass(frozen=True, eq=False)
class FeatureInput:
    """Features of one side, learnt and scaled as on the training split.

    Parameters
    ----------
    side : {"image", "text"}
    features : str
        A name of `ficoitr.models.features.feature_names`, or of features that datasets bring; ``auto`` for whatever
        they bring of that shape, where nobody has said.
    shape : tuple of int or None
        Of the features of one item; None for a length that does not matter.
    shift, scale : float, or ndarray of shape (n_numbers,), the last axis of an item
        What is taken from the features, and what they are then multiplied by, see `Scaling`.
    source : mapping, optional
        What they were extracted by: its name, settings, and the hash of its weights.
    weights : str, optional
        The file of the weights, where no package brings them.
    extractor : FittedTextExtractor, optional
        Where they were learnt from the training texts.
    source_known : bool
        Whether ``source`` is what the model was trained on; the checkpoints of other programs do not say.
    """

    side: Literal["image", "text"]
    features: str
    shape: tuple[int | None, ...]
    shift: float | Array = 0.0
    scale: float | Array = 1.0
    source: Mapping[str, Any] | None = None
    weights: str | None = None
    extractor: FittedTextExtractor | None = None
    source_known: bool = True

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        side: Literal["image", "text"],
        features: str,
        *,
        weights: str | None = None,
        axes: int = 1,
        scaling: Scaling = "none",
        seed: int = 0,
        progress: Progress | None = None,
    ) -> tuple[Self, Scaled]:
        """Learn what there is to learn; also return the features of the dataset.

        Parameters
        ----------
        dataset : Dataset
            The training split.
        side : {"image", "text"}
        features : str
            ``auto`` takes the first that the dataset brings with so many axes, or else: of images ``global`` or
            ``region-set``, of texts ``bag-of-words`` or ``minilm-tokens``.
        axes : {1, 2}
            Those of one item: 1 for a vector, 2 for a set of regions or the tokens of a text.
        scaling : {"none", "whole", "each"}
            See `Scaling`.
        weights, seed, progress
        """
        brought = dataset.image_features if side == "image" else dataset.text_features
        if features == "auto":
            features = _brought(brought, lambda shape: len(shape) == axes) or _DEFAULTS[side, axes]
        source = feature_source(dataset, features, side, weights=weights, others=("auto",)).identity
        extractor = None
        if features not in brought and find_features(features, side).fitted:
            extractor = fit_extractor(features, dataset.texts, seed=seed, progress=progress)
        plain = cls(side, features, (), source=source, weights=weights, extractor=extractor)
        values = plain._read(dataset, progress)
        shift, scale = _moments(values, scaling, side)
        fitted = cls(side, features, tuple(values.shape[1:]), shift, scale, source, weights, extractor)
        return fitted, Scaled(values, shift, scale)

    @classmethod
    def published(
        cls,
        side: Literal["image", "text"],
        features: str,
        shape: tuple[int | None, ...],
        *,
        weights: str | None = None,
        shift: float = 0.0,
        scale: float = 1.0,
    ) -> Self:
        """Return the input of a model that another program has trained.

        Raises
        ------
        OptionError
            For features that are learnt from training texts.
        """
        entries = {entry.name: entry for entry in feature_names(side)}
        if features in entries and entries[features].fitted:
            raise OptionError(
                f"the features {features!r} are learnt from training texts, which a checkpoint does not hold",
                where=f"{side} features",
                fix="Let the dataset bring those that the model was trained on, and name them",
            )
        return cls(side, features, shape, shift, scale, weights=weights, source_known=False)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Scaled:
        """Return the features of a dataset.

        Raises
        ------
        InputError
            If they were extracted by something else than those of the training split.
        ShapeError
            If they have another shape.
        """
        if self.source_known and self.extractor is None:
            found = feature_source(dataset, self.features, self.side, weights=self.weights).identity
            if found != self.source:
                raise InputError(
                    f"these {self.side} features {self.features!r} are not those that the model was trained on",
                    where=f"dataset {dataset.name!r}",
                    fix="Extract them with the same weights and settings, or train anew",
                )
        values = self._read(dataset, progress)
        if not _fits(tuple(values.shape[1:]), self.shape):
            raise ShapeError(
                f"the {self.side} features {self.features!r} have the shape {tuple(values.shape[1:])}",
                where=f"dataset {dataset.name!r}",
                expected=f"{self.shape}, as on the training split",
            )
        return Scaled(values, self.shift, self.scale)

    def content(self, dataset: Dataset) -> str:
        """Return a hash of the features that the dataset brings, or of the images that they are extracted from."""
        stored = find_stored(dataset, self.features, self.side)
        if stored is not None:
            return stored.digest()
        return dataset.images.digest() if self.side == "image" else "of its texts"

    def _read(self, dataset: Dataset, progress: Progress | None) -> Array | StoredFeatures:
        features = self.features
        if features == "auto":
            features = self._found(dataset)
        stored = find_stored(dataset, features, self.side)
        if stored is not None:
            return stored
        return extract_features(
            dataset, self.extractor or features, modality=self.side, weights=self.weights, progress=progress
        )

    def _found(self, dataset: Dataset) -> str:
        brought = dataset.image_features if self.side == "image" else dataset.text_features
        found = _brought(brought, lambda shape: _fits(shape, self.shape))
        if found is None:
            there = ", ".join(f"{name} of shape {tuple(one.shape[1:])}" for name, one in brought.items())
            raise ShapeError(
                f"the dataset brings no {self.side} features of the shape {self.shape}, which the model reads",
                where=f"dataset {dataset.name!r}",
                expected=f"among {there}" if there else None,
                fix="Name those that the model was trained on, when you load it (vsepp on vectors: vectors=true)",
            )
        return found

    def to_parts(self) -> Parts:
        """Return what a file needs to hold: settings for its header, and arrays."""
        learnt, arrays = ({}, {}) if self.extractor is None else self.extractor.to_parts()
        for name, value in (("shift", self.shift), ("scale", self.scale)):
            if isinstance(value, np.ndarray):
                arrays = {**arrays, name: value}
        settings = {
            "features": self.features,
            "shape": list(self.shape),
            "shift": None if isinstance(self.shift, np.ndarray) else self.shift,
            "scale": None if isinstance(self.scale, np.ndarray) else self.scale,
            "source": None if self.source is None else dict(self.source),
            "weights": self.weights,
            "source_known": self.source_known,
            "learnt": None if self.extractor is None else learnt,
        }
        return settings, {f"{self.side}_{name}": array for name, array in arrays.items()}

    @classmethod
    def from_parts(
        cls, side: Literal["image", "text"], settings: Mapping[str, Any], arrays: Mapping[str, Array]
    ) -> Self:
        """Rebuild the input from what `to_parts` returned."""
        prefix = f"{side}_"
        own = {name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)}
        fields = {name: value for name, value in settings.items() if name not in ("learnt", "shape")}
        for name in ("shift", "scale"):
            if fields[name] is None:
                fields[name] = own.pop(name)
        extractor = None
        if settings["learnt"] is not None:
            found = find_features(settings["features"], side).extractor_class()
            extractor = found.from_parts(settings["learnt"], own)
        return cls(side, shape=tuple(settings["shape"]), extractor=extractor, **fields)


def _brought(features: Mapping[str, StoredFeatures], fits: Callable[[tuple[int, ...]], bool]) -> str | None:
    return next((name for name, one in features.items() if fits(tuple(one.shape[1:]))), None)


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(two in (None, one) for one, two in zip(shape, wanted, strict=True))


def _moments(values: Array | StoredFeatures, scaling: Scaling, side: str) -> tuple[float | Array, float | Array]:
    """Mean and reciprocal deviation of all values together or of each number of a vector, some rows at a time."""
    if scaling == "none":
        return 0.0, 1.0
    # The vectors of a set share their moments: a region means the same wherever it stands in its image.
    axes = None if scaling == "whole" else tuple(range(len(values.shape) - 1))
    total: Any = 0.0
    squares: Any = 0.0
    step = max(1, (1 << 24) // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), step):
        block = np.asarray(values[start : start + step], dtype=np.float64)
        if not np.isfinite(block.sum()):
            bad = np.flatnonzero(~np.isfinite(block.reshape(len(block), -1)).all(axis=1))
            raise ValuesError(
                f"the features of {side} {start + int(bad[0])} hold a value that is no number or infinite",
                where=f"{side} features",
                expected="finite numbers",
            )
        total, squares = total + block.sum(axis=axes), squares + np.square(block).sum(axis=axes)
    count = int(np.prod(values.shape if scaling == "whole" else values.shape[:-1]))
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    # What does not vary stays near 0, whatever it is.
    scale = np.divide(1.0, deviation, out=np.ones_like(deviation), where=deviation > _LEAST_DEVIATION)
    return (float(mean), float(scale)) if scaling == "whole" else (mean.astype(np.float32), scale.astype(np.float32))
