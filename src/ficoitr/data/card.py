"""A data card: what a dataset holds, counted."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.card_page import card_page
from ficoitr.data.card_pixels import Pixels, count_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ficoitr.data.dataset import Dataset

    Progress = Callable[[str, int, int], None]

_WORD = re.compile(r"\w+")
_BLOCK = 256
_PAIRS_SHOWN = 10
_SAMPLES = 12


@dataclass(frozen=True)
class LabelCount:
    """A category, and how many images have it."""

    name: str
    images: int


@dataclass(frozen=True)
class LabelPair:
    """Two categories, and how many images have both."""

    first: str
    second: str
    images: int


@dataclass(frozen=True)
class Labels:
    """What the categories of a dataset are like.

    Attributes
    ----------
    source : str
        Where they come from if no person has set them, else empty.
    per_image : float
        Mean number of labels an image.
    images_without : int
        Images that have none: queries for which nothing is relevant on the category task.
    relevant_pairs : float
        Share of the pairs of images that share a label, each image paired with every image, itself included: what a
        random ranking scores as mAP.
    counts : tuple of LabelCount
        Every category, the most frequent first.
    together : tuple of LabelPair
        The pairs of categories that most often stand together.
    """

    source: str
    per_image: float
    images_without: int
    relevant_pairs: float
    counts: tuple[LabelCount, ...]
    together: tuple[LabelPair, ...]


@dataclass(frozen=True)
class Words:
    """What the texts of a dataset are like.

    Attributes
    ----------
    per_text : (int, float, int)
        Fewest, mean and most words.
    distinct : int
        Words told apart, ignoring case.
    texts_without : int
        Texts without a word.
    repeated_texts : int
        Texts that another one before them equals, ignoring case: no ranking can tell the two apart.
    """

    per_text: tuple[int, float, int]
    distinct: int
    texts_without: int
    repeated_texts: int


@dataclass(frozen=True)
class FeatureFacts:
    """Features that a dataset brings with it: of which side, and the shape and type of those of one item."""

    side: str
    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Sample:
    """An image to show, by its row, with its texts and the names of its labels."""

    row: int
    image_id: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DataCard:
    """What a dataset holds, counted.

    Attributes
    ----------
    name : str
        Of the dataset, and of the split if it is one.
    images, texts : int
    splits : dict of str to (int, int)
        Images and texts of each split.
    texts_per_image : dict of int to int
        How many images have so many texts.
    words : Words, optional
        None where only features of the texts are known.
    pixels : Pixels, optional
        None unless the images were opened.
    labels : Labels, optional
    features : tuple of FeatureFacts
    samples : tuple of Sample
        A few images, evenly spaced.
    digest : str
        `ficoitr.data.Dataset.digest` of what was counted.
    """

    name: str
    images: int
    texts: int
    splits: dict[str, tuple[int, int]]
    texts_per_image: dict[int, int]
    words: Words | None
    pixels: Pixels | None
    labels: Labels | None
    features: tuple[FeatureFacts, ...]
    samples: tuple[Sample, ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)

    def to_markdown(self, pictures: str | None = None) -> str:
        """All of it as a page of Markdown, with the address of a picture of the samples if there is one."""
        return card_page(self, pictures)


def data_card(dataset: Dataset, *, open_images: bool = False, progress: Progress | None = None) -> DataCard:
    """Count what a dataset holds.

    Parameters
    ----------
    dataset : Dataset
    open_images : bool
        Whether to decode every image too, to find repeated and unreadable ones; some hundred a second.
    progress : callable, optional
        Called as ``progress(what, done, total)`` while images are opened.

    Returns
    -------
    DataCard

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> card = data_card(load_dataset("scenes", train=40, validation=10, test=10))
    >>> card.images, card.texts, card.splits["test"], card.texts_per_image
    (60, 300, (10, 50), {5: 60})
    """
    n_images, n_texts = len(dataset.image_ids), len(dataset.texts)
    per_image = np.bincount(dataset.text_to_image, minlength=n_images)
    return DataCard(
        name=dataset.name if dataset.split_name is None else f"{dataset.name}, {dataset.split_name}",
        images=n_images,
        texts=n_texts,
        splits=_splits(dataset, per_image),
        texts_per_image={
            int(n): int(count) for n, count in zip(*np.unique(per_image, return_counts=True), strict=True)
        },
        words=_words(dataset.texts) if dataset.has_words else None,
        pixels=count_pixels(dataset, progress) if open_images and dataset.has_pixels else None,
        labels=None if dataset.categories is None else _labels(dataset, dataset.categories),
        features=tuple(
            FeatureFacts(side, name, features.shape[1:], str(features.dtype))
            for side, those in (("images", dataset.image_features), ("texts", dataset.text_features))
            for name, features in those.items()
        ),
        samples=_samples(dataset) if dataset.has_pixels or dataset.has_words else (),
        digest=dataset.digest(),
    )


def _words(texts: Sequence[str]) -> Words:
    texts = list(texts)
    words = [_WORD.findall(text.lower()) for text in texts]
    lengths = np.array([len(one) for one in words])
    return Words(
        per_text=(int(lengths.min()), float(lengths.mean()), int(lengths.max())),
        distinct=len({word for one in words for word in one}),
        texts_without=int((lengths == 0).sum()),
        repeated_texts=len(texts) - len({text.lower() for text in texts}),
    )


def _samples(dataset: Dataset) -> tuple[Sample, ...]:
    n_images = len(dataset.image_ids)
    rows = np.unique(np.linspace(0, n_images - 1, min(_SAMPLES, n_images)).astype(np.int64))
    return tuple(
        Sample(
            row=row,
            image_id=dataset.image_ids[row],
            texts=tuple(dataset.texts[text] for text in np.flatnonzero(dataset.text_to_image == row).tolist())
            if dataset.has_words
            else (),
            labels=()
            if dataset.categories is None
            else tuple(dataset.category_names[label] for label in np.flatnonzero(dataset.categories[row])),
        )
        for row in rows.tolist()
    )


def _splits(dataset: Dataset, texts_per_image: np.ndarray) -> dict[str, tuple[int, int]]:
    if dataset.splits is None:
        return {}
    rows = {name: np.flatnonzero(dataset.splits == name) for name in dataset.split_names}
    return {name: (len(those), int(texts_per_image[those].sum())) for name, those in rows.items()}


def relevant_pairs(categories: np.ndarray) -> float:
    """Share of the pairs of images that share a label, each image paired with every image, itself included.

    Parameters
    ----------
    categories : ndarray of bool, shape (N, L)

    Returns
    -------
    float
        In [0, 1].

    Examples
    --------
    >>> relevant_pairs(np.array([[True, False], [True, True], [False, False]]))
    0.4444444444444444
    """
    # Images of equal labels count together, which are most of a large set.
    kinds, counts = np.unique(np.packbits(categories, axis=1), axis=0, return_counts=True)
    values = np.unpackbits(kinds, axis=1).astype(np.float32)
    # Whole numbers below 2**53, which float64 adds exactly.
    weights = counts.astype(np.float64)
    shared = 0.0
    for start in range(0, len(kinds), _BLOCK):
        rows = slice(start, start + _BLOCK)
        shared += float(weights[rows] @ ((values[rows] @ values.T > 0).astype(np.float64) @ weights))
    return shared / len(categories) ** 2


def _labels(dataset: Dataset, categories: np.ndarray) -> Labels:
    names = dataset.category_names
    per_label = categories.sum(axis=0)
    values = categories.astype(np.float32)
    both = np.triu(values.T @ values, k=1)
    pairs = sorted(zip(*np.nonzero(both), strict=True), key=lambda pair: (-both[pair], pair))[:_PAIRS_SHOWN]
    return Labels(
        source=dataset.category_source,
        per_image=float(per_label.sum() / len(categories)),
        images_without=int((~categories.any(axis=1)).sum()),
        relevant_pairs=relevant_pairs(categories),
        counts=tuple(
            LabelCount(names[row], int(per_label[row])) for row in np.argsort(-per_label, kind="stable").tolist()
        ),
        together=tuple(LabelPair(names[a], names[b], int(both[a, b])) for a, b in pairs),
    )
