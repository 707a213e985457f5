"""A data card: what a dataset holds, counted."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tabulate import tabulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.data.dataset import Dataset

_WORD = re.compile(r"\w+")
_BLOCK = 256
_PAIRS_SHOWN = 10


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

    per_image: float
    images_without: int
    relevant_pairs: float
    counts: tuple[LabelCount, ...]
    together: tuple[LabelPair, ...]


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
    words_per_text : (int, float, int)
        Fewest, mean and most.
    distinct_words : int
        Ignoring case.
    empty_texts : int
        Texts without a word.
    repeated_texts : int
        Texts that another one before them equals, ignoring case: no ranking can tell the two apart.
    labels : Labels, optional
    digest : str
        `ficoitr.data.Dataset.digest` of what was counted.
    """

    name: str
    images: int
    texts: int
    splits: dict[str, tuple[int, int]]
    texts_per_image: dict[int, int]
    words_per_text: tuple[int, float, int]
    distinct_words: int
    empty_texts: int
    repeated_texts: int
    labels: Labels | None
    digest: str

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self)

    def to_markdown(self) -> str:
        """All of it as a page of Markdown."""
        fewest, mean, most = self.words_per_text
        facts: list[tuple[str, str]] = [
            ("Images", f"{self.images:,}"),
            ("Texts", f"{self.texts:,}"),
            ("Texts an image", ", ".join(f"{n} ({images:,} images)" for n, images in self.texts_per_image.items())),
            ("Words a text", f"{mean:.1f} on average, {fewest} to {most}"),
            ("Distinct words", f"{self.distinct_words:,}"),
            ("Texts without a word", f"{self.empty_texts:,}"),
            ("Repeated texts, ignoring case", f"{self.repeated_texts:,}"),
        ]
        if self.labels is not None:
            facts += [
                ("Categories", f"{len(self.labels.counts):,}"),
                ("Labels an image", f"{self.labels.per_image:.2f} on average"),
                ("Images without a label", f"{self.labels.images_without:,}"),
                ("Pairs of images that share a label", f"{100 * self.labels.relevant_pairs:.1f}%"),
            ]
        facts.append(("SHA-256", self.digest))
        parts = [f"# {self.name}", _table(facts)]
        if self.splits:
            rows = [(name, f"{images:,}", f"{texts:,}") for name, (images, texts) in self.splits.items()]
            parts += ["## Splits", _table(rows, ("Split", "Images", "Texts"))]
        if self.labels is not None:
            share = [
                (one.name, f"{one.images:,}", f"{100 * one.images / self.images:.1f}%") for one in self.labels.counts
            ]
            parts += ["## Categories", _table(share, ("Category", "Images", "Share"))]
            together = [(f"{one.first}, {one.second}", f"{one.images:,}") for one in self.labels.together]
            if together:
                parts += ["## Categories that stand together most often", _table(together, ("Categories", "Images"))]
        return "\n\n".join(parts) + "\n"


def data_card(dataset: Dataset) -> DataCard:
    """Count what a dataset holds; images are not opened.

    Parameters
    ----------
    dataset : Dataset

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
    words = [_WORD.findall(text.lower()) for text in dataset.texts]
    lengths = np.array([len(one) for one in words])
    return DataCard(
        name=dataset.name if dataset.split_name is None else f"{dataset.name}, {dataset.split_name}",
        images=n_images,
        texts=n_texts,
        splits=_splits(dataset, per_image),
        texts_per_image={
            int(n): int(count) for n, count in zip(*np.unique(per_image, return_counts=True), strict=True)
        },
        words_per_text=(int(lengths.min()), float(lengths.mean()), int(lengths.max())),
        distinct_words=len({word for one in words for word in one}),
        empty_texts=int((lengths == 0).sum()),
        repeated_texts=n_texts - len({text.lower() for text in dataset.texts}),
        labels=None if dataset.categories is None else _labels(dataset.categories, dataset.category_names),
        digest=dataset.digest(),
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


def _labels(categories: np.ndarray, names: Sequence[str]) -> Labels:
    per_label = categories.sum(axis=0)
    values = categories.astype(np.float32)
    both = np.triu(values.T @ values, k=1)
    pairs = sorted(zip(*np.nonzero(both), strict=True), key=lambda pair: (-both[pair], pair))[:_PAIRS_SHOWN]
    return Labels(
        per_image=float(per_label.sum() / len(categories)),
        images_without=int((~categories.any(axis=1)).sum()),
        relevant_pairs=relevant_pairs(categories),
        counts=tuple(
            LabelCount(names[row], int(per_label[row])) for row in np.argsort(-per_label, kind="stable").tolist()
        ),
        together=tuple(LabelPair(names[a], names[b], int(both[a, b])) for a, b in pairs),
    )


def _table(rows: Sequence[Sequence[str]], columns: Sequence[str] = ("Fact", "Value")) -> str:
    align = ["left", *("right" if column in ("Images", "Texts", "Share") else "left" for column in columns[1:])]
    return str(tabulate(rows, columns, tablefmt="github", colalign=align, disable_numparse=True))
