"""What every model offers: fitting, encoding both modalities, saving and loading."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, runtime_checkable

from ficoitr.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from ficoitr.data import Dataset
    from ficoitr.outputs import Embeddings, HashCodes, VectorSets

Granularity = Literal["fine", "coarse"]
Measure = Literal["cosine", "inner_product", "euclidean", "hamming", "pairs"]


class Progress(Protocol):
    """Whoever shows the progress of something slow: called with what is done so far."""

    def __call__(self, what: str, done: int, total: int, /) -> None:
        """Take note that ``done`` of ``total`` steps of ``what`` are done."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """A model that encodes images and texts into one space.

    Attributes
    ----------
    name : str
        The name in the registry.
    granularity : {"fine", "coarse"}
        Whether it hands on real-valued embeddings (fine) or hash codes (coarse).
    measure : {"cosine", "inner_product", "euclidean", "hamming", "pairs"}
        How its outputs are to be compared; ``pairs`` by itself alone, see `ficoitr.models.base.PairEncoder`.
    inputs : str
        What it reads of an image, such as the name of a feature set: tables name it, since it matters as much as
        the model.
    n_parameters : int
        Numbers that fitting has set.
    """

    name: str
    granularity: Granularity
    measure: Measure

    @property
    def inputs(self) -> str:
        """What it reads of an image."""
        ...

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        ...

    def fit(
        self,
        train: Dataset,
        validation: Dataset | None = None,
        *,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Self:
        """Fit to the pairs of ``train``, in place; choose settings on ``validation``. Returns itself."""
        ...

    def encode_images(
        self, dataset: Dataset, *, progress: Progress | None = None
    ) -> Embeddings | HashCodes | VectorSets:
        """Encode the images of ``dataset``, in their order."""
        ...

    def encode_texts(
        self, dataset: Dataset, *, progress: Progress | None = None
    ) -> Embeddings | HashCodes | VectorSets:
        """Encode the texts of ``dataset``, in their order."""
        ...

    def save(self, path: Path) -> None:
        """Write the fitted model to one file, whole or not at all."""
        ...

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model that `save` wrote."""
        ...


class PairEncoder(Encoder, Protocol):
    """A model of query-time attention: what a pair is worth is computed anew of what encoding has made of both."""

    def scorer(self, images: Embeddings | VectorSets, texts: Embeddings | VectorSets) -> Scorer:
        """Return what scores pairs of encoded images and texts."""
        ...


class Scorer(Protocol):
    """Scores of pairs."""

    def matrix(self, *, progress: Progress | None = None) -> np.ndarray:
        """Score every image with every text: shape (n_images, n_texts)."""
        ...


C = TypeVar("C")


def config_from(config_class: type[C], options: Mapping[str, Any], *, model: str) -> C:
    """Build a model's configuration from a mapping, naming unknown options.

    Raises
    ------
    OptionError
        For an option that the model does not have.
    """
    known = [field.name for field in fields(config_class)]  # type: ignore[arg-type]
    for option in options:
        if option not in known:
            raise OptionError(
                f"the model {model!r} has no option {option!r}",
                where="config",
                expected=f"options among {', '.join(known)}",
                fix=did_you_mean(option, known),
            )
    return config_class(**options)
