"""A dataset: images, the texts that describe them, their categories and splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np

from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.errors import (
    CaptionMapError,
    CategoryError,
    IdentifierError,
    OptionError,
    ShapeError,
    ValuesError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ficoitr.data.images import ImageSource
    from ficoitr.data.stored import StoredFeatures


@runtime_checkable
class ImageAligned(Protocol):
    """Something in ``Dataset.extra`` with one part an image, subset together with the images."""

    def take(self, rows: np.ndarray) -> Self:
        """Return the parts of the given rows, in their order."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images, the texts that describe them, and optionally categories and splits.

    Parameters
    ----------
    name : str
        The name that results carry.
    images : ImageSource
        N images, decoded when asked for: ``images[i]`` is an RGB ``PIL.Image.Image``. Where only features are known,
        `~ficoitr.data.absent.AbsentImages`.
    image_ids : tuple of str
        N unique identifiers.
    texts : sequence of str
        M texts. `~ficoitr.data.absent.AbsentTexts` where only features are known.
    text_ids : tuple of str
        M unique identifiers.
    text_to_image : ndarray of int64, shape (M,)
        The row of the image that each text describes; every image has at least one text.
    categories : ndarray of bool, shape (N, L), optional
        The labels of each image, multi-hot. An image may have none.
    category_names : tuple of str
        L names.
    category_source : str
        Where the labels come from if no person has set them, such as ``"query2label(…)"``; empty for annotations.
        Results that rest on such labels say so in their signatures.
    splits : ndarray of str, shape (N,), optional
        The split of each image: ``"train"``, ``"validation"``, ``"test"``, ``"retrieval"``.
    split_name : str, optional
        The split that this dataset is a view of.
    image_features, text_features : mapping from str to StoredFeatures
        Features that the dataset brings with it, a row an image or a text.
    extra : mapping
        What only this dataset has. Values with a method ``take(rows)`` are subset with the images.

    Raises
    ------
    ShapeError, IdentifierError, CaptionMapError, CategoryError, ValuesError
        If the parts do not fit together.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> test = load_dataset("scenes", train=20, validation=10, test=10).split("test")
    >>> len(test.images), len(test.texts), test.categories.shape
    (10, 50, (10, 24))
    """

    name: str
    images: ImageSource
    image_ids: tuple[str, ...]
    texts: Sequence[str]
    text_ids: tuple[str, ...]
    text_to_image: np.ndarray
    categories: np.ndarray | None = None
    category_names: tuple[str, ...] = ()
    category_source: str = ""
    splits: np.ndarray | None = None
    split_name: str | None = None
    image_features: Mapping[str, StoredFeatures] = field(default_factory=dict)
    text_features: Mapping[str, StoredFeatures] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_lengths(self)
        _check_unique(self.image_ids, "image_ids")
        _check_unique(self.text_ids, "text_ids")
        _check_map(self.text_to_image, self.image_ids)
        _check_categories(self.categories, self.category_names, len(self.image_ids))

    def __repr__(self) -> str:
        split = "" if self.split_name is None else f", {self.split_name}"
        labels = "" if self.categories is None else f", {len(self.category_names):,} categories"
        return f"Dataset({self.name!r}{split}: {len(self.image_ids):,} images, {len(self.text_ids):,} texts{labels})"

    @property
    def has_pixels(self) -> bool:
        """Whether the images can be looked at, rather than only their features."""
        return not isinstance(self.images, AbsentImages)

    @property
    def has_words(self) -> bool:
        """Whether the texts can be read, rather than only their features."""
        return not isinstance(self.texts, AbsentTexts)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits there are, in alphabetical order; empty if the dataset has none."""
        return () if self.splits is None else tuple(np.unique(self.splits).tolist())

    def split(self, name: str) -> Dataset:
        """Return the images of one split, and their texts.

        Raises
        ------
        OptionError
            If the dataset has no such split; the message lists those it has.
        """
        if self.splits is None or name not in self.split_names:
            there_are = ", ".join(self.split_names)
            raise OptionError(
                f"the dataset {self.name!r} has no split {name!r}",
                where="split",
                expected=f"one of {there_are}" if there_are else "the whole dataset, which has no splits",
            )
        return replace(self.select(self.splits == name), split_name=name)

    def select(self, images: np.ndarray) -> Dataset:
        """Return some of the images, in the order given, with their texts and labels.

        Parameters
        ----------
        images : ndarray of int, shape (n,), or of bool, shape (N,)
            Rows, each at most once, or a mask.

        Returns
        -------
        Dataset
            The texts follow their images: those of the first image first, in their original order.

        Raises
        ------
        ShapeError, ValuesError
            If the rows do not exist, repeat, or are none.
        """
        rows = _rows(images, len(self.image_ids))
        position = np.full(len(self.image_ids), -1, dtype=np.int64)
        position[rows] = np.arange(len(rows))
        text_to_image = position[self.text_to_image]
        kept = np.flatnonzero(text_to_image >= 0)
        kept = kept[np.argsort(text_to_image[kept], kind="stable")]
        return replace(
            self,
            images=self.images.take(rows),
            image_ids=tuple(self.image_ids[row] for row in rows.tolist()),
            texts=_take_texts(self.texts, kept),
            text_ids=tuple(self.text_ids[row] for row in kept.tolist()),
            text_to_image=text_to_image[kept],
            categories=None if self.categories is None else self.categories[rows],
            splits=None if self.splits is None else self.splits[rows],
            image_features={name: features.take(rows) for name, features in self.image_features.items()},
            text_features={name: features.take(kept) for name, features in self.text_features.items()},
            extra={
                key: value.take(rows) if isinstance(value, ImageAligned) else value for key, value in self.extra.items()
            },
        )

    def digest(self) -> str:
        """Return the SHA-256 of identifiers, texts, map, labels and splits, in hexadecimal.

        Pixels and features are not part of it: ``images.digest()`` and ``image_features[name].digest()`` are their
        hashes, which take longer, since they read them.
        """
        state = hashlib.sha256(b"ficoitr.dataset/1")
        for strings in (self.image_ids, self.text_ids, self.texts if self.has_words else (), self.category_names):
            _add_strings(state, strings)
        state.update(np.ascontiguousarray(self.text_to_image, dtype="<i8").tobytes())
        if self.categories is not None:
            state.update(np.packbits(self.categories, axis=1).tobytes())
        _add_strings(state, () if self.splits is None else self.splits.tolist())
        if self.category_source:
            _add_strings(state, (self.category_source,))
        return state.hexdigest()


def _take_texts(texts: Sequence[str], rows: np.ndarray) -> Sequence[str]:
    if isinstance(texts, AbsentTexts):
        return texts.take(rows)
    return tuple(texts[row] for row in rows.tolist())


def _add_strings(state: hashlib._Hash, strings: Sequence[str]) -> None:
    # Lengths go first, so that ("ab", "c") and ("a", "bc") differ.
    encoded = [string.encode() for string in strings]
    state.update(len(encoded).to_bytes(8, "little"))
    state.update(np.array([len(string) for string in encoded], dtype="<u4").tobytes())
    state.update(b"".join(encoded))


def _check_lengths(dataset: Dataset) -> None:
    n_images, n_texts = len(dataset.image_ids), len(dataset.text_ids)
    if n_images == 0:
        raise ShapeError("a dataset needs at least one image", where="image_ids")
    lengths = [("images", len(dataset.images), n_images), ("texts", len(dataset.texts), n_texts)]
    lengths.append(("text_to_image", len(dataset.text_to_image), n_texts))
    if dataset.splits is not None:
        lengths.append(("splits", len(dataset.splits), n_images))
    lengths += [(f"image_features[{name!r}]", len(one), n_images) for name, one in dataset.image_features.items()]
    lengths += [(f"text_features[{name!r}]", len(one), n_texts) for name, one in dataset.text_features.items()]
    for where, found, expected in lengths:
        if found != expected:
            raise ShapeError(f"there are {found:,} entries", where=where, expected=f"{expected:,}")


def _check_unique(ids: tuple[str, ...], where: str) -> None:
    if len(set(ids)) == len(ids):
        return
    seen: dict[str, int] = {}
    for row, identifier in enumerate(ids):
        if identifier in seen:
            raise IdentifierError(
                f"{identifier!r} stands in rows {seen[identifier]} and {row}",
                where=where,
                expected="unique ids",
            )
        seen[identifier] = row


def _check_map(text_to_image: np.ndarray, image_ids: tuple[str, ...]) -> None:
    where = "text_to_image"
    if not np.issubdtype(text_to_image.dtype, np.integer):
        raise CaptionMapError(f"the map is of type {text_to_image.dtype}", where=where, expected="integers")
    outside = np.flatnonzero((text_to_image < 0) | (text_to_image >= len(image_ids)))
    if len(outside):
        row = int(outside[0])
        raise CaptionMapError(
            f"text {row} points to image {text_to_image[row]}",
            where=where,
            expected=f"rows from 0 to {len(image_ids) - 1}",
        )
    alone = np.flatnonzero(np.bincount(text_to_image, minlength=len(image_ids)) == 0)
    if len(alone):
        raise CaptionMapError(
            f"{len(alone):,} images have no text, the first is row {alone[0]} ({image_ids[alone[0]]!r})",
            where=where,
            expected="at least one text an image",
            fix="Add texts, or leave these images out",
        )


def _check_categories(categories: np.ndarray | None, names: tuple[str, ...], n_images: int) -> None:
    if categories is None:
        if names:
            raise CategoryError("there are category names but no categories", where="categories")
        return
    if categories.dtype != np.bool_ or categories.shape != (n_images, len(names)) or not names:
        raise CategoryError(
            f"the labels are of type {categories.dtype} and shape {categories.shape}",
            where="categories",
            expected=f"bool of shape ({n_images}, {len(names)}): images by category names, at least one name",
        )
    _check_unique(names, "category_names")


def _rows(images: np.ndarray, n_images: int) -> np.ndarray:
    images = np.asarray(images)
    where = "select"
    if images.dtype == np.bool_:
        if images.shape != (n_images,):
            raise ShapeError(f"the mask has shape {images.shape}", where=where, expected=f"({n_images},)")
        images = np.flatnonzero(images)
    if images.ndim != 1 or len(images) == 0:
        raise ShapeError(f"the rows have shape {images.shape}", where=where, expected="at least one row")
    if not np.issubdtype(images.dtype, np.integer):
        raise ValuesError(f"the rows are of type {images.dtype}", where=where, expected="integers or a mask")
    if images.min() < 0 or images.max() >= n_images:
        raise ValuesError("a row does not exist", where=where, expected=f"rows from 0 to {n_images - 1}")
    if len(np.unique(images)) < len(images):
        raise ValuesError("a row is given twice", where=where, expected="each row at most once")
    return images.astype(np.int64)
