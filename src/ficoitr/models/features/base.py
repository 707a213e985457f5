"""What every extractor offers: a name, a shape, an identity, and the features of some items of a dataset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from PIL import Image

from ficoitr.outputs.files import digest_lines

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]
Modality = Literal["image", "text"]


class Extractor(ABC):
    """Turns images or texts into features.

    Attributes
    ----------
    name : str
        The name in the registry.
    modality : {"image", "text"}
    shape : tuple of int
        Of the features of one item: ``(d,)`` for a vector, ``(n_regions, d)`` for a set of regions.
    blocks : tuple of int
        Columns of each kind of descriptor, in their order; models give each kind the same weight. By default all
        columns are of one kind.
    batch : int
        Items that are described at a time. Batches are cut at the same places whenever a dataset is described, so
        that results do not depend on where an extraction was interrupted.
    """

    name: str
    modality: ClassVar[Modality]
    shape: tuple[int, ...]
    batch: ClassVar[int] = 64

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides the features of an item, as JSON can write it: the key of caches."""
        return {"name": self.name}

    @property
    def blocks(self) -> tuple[int, ...]:
        """Columns of each kind of descriptor."""
        return (self.shape[-1],)

    @abstractmethod
    def describe(self, dataset: Dataset, rows: range) -> Array:
        """Describe some items of a dataset; float32, shape ``(len(rows), *shape)``. Called on several threads."""

    @abstractmethod
    def content(self, dataset: Dataset) -> str:
        """Return a hash of all that `describe` reads of a dataset."""

    def threads(self, count: int) -> AbstractContextManager[ThreadPoolExecutor]:
        """Return the threads that `describe` is called on."""
        return ThreadPoolExecutor(max_workers=count)


class ImageExtractor(Extractor):
    """An extractor that needs nothing of a dataset but its images."""

    modality = "image"

    @abstractmethod
    def __call__(self, images: Sequence[Image.Image]) -> Array:
        """Describe RGB images of any size; float32, shape ``(n_images, *shape)``."""

    def describe(self, dataset: Dataset, rows: range) -> Array:
        """Describe some images of a dataset."""
        return self([dataset.images[row] for row in rows])

    def content(self, dataset: Dataset) -> str:
        """Return the hash of the images."""
        return f"sha256:{dataset.images.digest()}"


class TextExtractor(Extractor):
    """An extractor of texts."""

    modality = "text"

    @abstractmethod
    def __call__(self, texts: Sequence[str]) -> Array:
        """Describe texts; float32, shape ``(n_texts, *shape)``."""

    def describe(self, dataset: Dataset, rows: range) -> Array:
        """Describe some texts of a dataset."""
        return self(dataset.texts[rows.start : rows.stop])

    def content(self, dataset: Dataset) -> str:
        """Return the hash of the texts."""
        # A text may hold line breaks: as JSON would write it, it has none.
        return digest_lines(text.encode("unicode_escape").decode("ascii") for text in dataset.texts)


class FittedTextExtractor(TextExtractor):
    """An extractor of texts that is learnt from texts, those of a training split."""

    @classmethod
    @abstractmethod
    def fit(cls, texts: Sequence[str], *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Learn from texts.

        Raises
        ------
        ValuesError
            If the texts have too little in common.
        """

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""

    @abstractmethod
    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return what a file needs to hold: settings for its header, and arrays."""

    @classmethod
    @abstractmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the extractor from what `to_parts` returned."""
