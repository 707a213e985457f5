"""What the text map of the baselines takes: weighted terms, or vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from ficoitr.models.baseline.scaling import block_scale, require_same, scaled
from ficoitr.models.features.base import FittedTextExtractor
from ficoitr.models.features.registry import find_features, fit_extractor
from ficoitr.models.features.terms import TermWeights
from ficoitr.models.features.vectors import feature_source, feature_vectors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

TERMS = "terms"


def chosen_text_features(features: str, dataset: Dataset) -> str:
    """Replace ``"auto"`` by the terms of a dataset's words, or else by the first features of texts that it brings."""
    if features != "auto":
        return features
    return TERMS if dataset.has_words or not dataset.text_features else next(iter(dataset.text_features))


class TextInputs(Protocol):
    """What the text map takes.

    Attributes
    ----------
    features : str
        Their name.
    ridges : tuple of float
        Strengths of the ridge that are tried for them.
    """

    ridges: ClassVar[tuple[float, ...]]

    @property
    def features(self) -> str:
        """Their name."""
        ...

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        ...

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Array | csr_matrix:
        """Return the inputs of the texts of ``dataset``; float64, one row a text."""
        ...

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        ...


@dataclass(frozen=True, eq=False)
class TermInputs:
    """Texts as weighted terms (TF-IDF)."""

    terms: TermWeights
    ridges: ClassVar[tuple[float, ...]] = (0.3, 1.0, 3.0)

    @property
    def features(self) -> str:
        """``"terms"``."""
        return TERMS

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        return int(self.terms.inverse_frequencies.size)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> csr_matrix:
        """Weigh the terms of the texts; sparse, float64."""
        values = self.terms.encode(dataset.texts)
        if progress is not None:
            progress("text features", values.shape[0], values.shape[0])
        return values

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        terms = {"terms": np.array(self.terms.terms), "inverse_frequencies": self.terms.inverse_frequencies}
        return {"text_features": TERMS}, terms


@dataclass(frozen=True, eq=False)
class VectorInputs:
    """Texts as vectors, scaled to a total variance of 1.

    Parameters
    ----------
    features : str
        A name of `feature_names`, or of features that datasets bring.
    scale : ndarray of float64, shape (d,)
    source : mapping, optional
        What they were extracted by, see `feature_source`.
    extractor : FittedTextExtractor, optional
        For features that are learnt from the training texts.
    """

    features: str
    scale: Array
    source: Mapping[str, Any] | None = None
    extractor: FittedTextExtractor | None = None
    ridges: ClassVar[tuple[float, ...]] = (0.003, 0.03, 0.3, 3.0)

    @classmethod
    def fit(cls, dataset: Dataset, features: str, seed: int, progress: Progress | None) -> Self:
        """Learn the features, if they are of that kind, and their scale."""
        source = feature_source(dataset, features, "text", others=("auto", TERMS)).identity
        extractor = None
        if features not in dataset.text_features and find_features(features, "text").fitted:
            extractor = fit_extractor(features, dataset.texts, seed=seed, progress=progress)
        values = feature_vectors(dataset, extractor or features, modality="text", progress=progress)
        return cls(features, block_scale(values, (values.shape[1],)), source, extractor)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Array:
        """Extract the vectors of the texts; float64.

        Raises
        ------
        InputError
            If the model was fitted on other features of that name.
        """
        require_same(dataset, self.features, self.source, feature_source(dataset, self.features, "text").identity)
        values = feature_vectors(dataset, self.extractor or self.features, modality="text", progress=progress)
        return scaled(dataset, self.features, values, self.scale)

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        return int(self.scale.size) + (0 if self.extractor is None else self.extractor.n_parameters)

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""
        learnt, arrays = ({}, {}) if self.extractor is None else self.extractor.to_parts()
        settings = {
            "text_features": self.features,
            "text_source": None if self.source is None else dict(self.source),
            "text_learnt": None if self.extractor is None else learnt,
        }
        return settings, {"text_scale": self.scale, **{f"text_{name}": array for name, array in arrays.items()}}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the inputs from what `to_parts` returned."""
        features, extractor = settings["text_features"], None
        if settings["text_learnt"] is not None:
            learnt = {name.removeprefix("text_"): array for name, array in arrays.items() if name.startswith("text_")}
            extractor = find_features(features, "text").extractor_class().from_parts(settings["text_learnt"], learnt)
        return cls(features, arrays["text_scale"], settings["text_source"], extractor)


def fit_text_inputs(
    dataset: Dataset, features: str, *, max_terms: int, seed: int, progress: Progress | None
) -> TextInputs:
    """Learn what the text map takes from the texts of a dataset."""
    if features == TERMS:
        return TermInputs(TermWeights.fit(dataset.texts, max_terms=max_terms))
    return VectorInputs.fit(dataset, features, seed, progress)


def text_inputs_from_parts(settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> TextInputs:
    """Rebuild inputs from what their ``to_parts`` returned; a file that does not name them holds terms."""
    if settings.get("text_features", TERMS) == TERMS:
        return TermInputs(TermWeights(tuple(arrays["terms"].tolist()), arrays["inverse_frequencies"]))
    return VectorInputs.from_parts(settings, arrays)
