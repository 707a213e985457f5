"""What a fine-grained model reads of texts: the words of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ficoitr.errors import InputError, ValuesError
from ficoitr.models.fine.vocabulary import Vocabulary
from ficoitr.models.fine.words import Tokens
from ficoitr.models.training import FeaturePairs
from ficoitr.outputs.files import digest_arrays

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress
    from ficoitr.models.trained.inputs import Parts

Array = np.ndarray[Any, Any]
_STEP = 2048
# So many texts may all be made of unknown words: a query of one is answered as it would be among others.
_MAY_BE_UNKNOWN = 20


class Captions:
    """Captions as rows of a vocabulary, end to end, so that a long one makes no others long.

    Parameters
    ----------
    captions : sequence of sequences of int
        The rows of each caption's tokens.
    """

    def __init__(self, captions: Sequence[Sequence[int]]) -> None:
        self._ids = np.fromiter(chain.from_iterable(captions), dtype=np.int32)
        self._ends = np.cumsum([len(one) for one in captions])

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def shape(self) -> tuple[int]:
        """Number of captions."""
        return (len(self),)

    def take(self, rows: Array) -> Tokens:
        """Read some captions, padded to the longest of them."""
        starts = np.where(rows > 0, self._ends[rows - 1], 0)
        return Tokens.of([self._ids[start:end].tolist() for start, end in zip(starts, self._ends[rows], strict=True)])


class WordInput:
    """Captions by the words that a model knows.

    Parameters
    ----------
    vocabulary : Vocabulary
    """

    side: Literal["text"] = "text"
    features = "words"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    @property
    def shape(self) -> tuple[int]:
        """What a word is of: the size of the vocabulary."""
        return (len(self.vocabulary),)

    def __call__(self, dataset: Dataset, progress: Progress | None = None) -> Captions:
        """Return the tokens of a dataset's texts.

        Raises
        ------
        InputError
            If the dataset has no words.
        ValuesError
            If of many texts none has a word that the vocabulary knows: they are in another language, or it is another
            model's.
        """
        _require_words(dataset)
        captions, total = [], len(dataset.texts)
        for start in range(0, total, _STEP):
            captions += [self.vocabulary.encode(text) for text in dataset.texts[start : start + _STEP]]
            if progress is not None:
                progress("texts", len(captions), total)
        special = self.vocabulary.special
        if total > _MAY_BE_UNKNOWN and all(one in special for caption in captions for one in caption):
            raise ValuesError(
                f"no text has a word of the {len(self.vocabulary):,} that the model knows",
                where=f"dataset {dataset.name!r}",
                expected="texts in the language that it was trained on",
                fix="Give a checkpoint the vocabulary file that it was trained with, or train on texts like these",
            )
        return Captions(captions)

    def content(self, dataset: Dataset) -> str:
        """Return nothing of its own: texts are known by those of the dataset."""
        del dataset
        return "of its texts"

    def to_parts(self) -> Parts:
        """Return what a file needs to hold."""
        words = np.array(self.vocabulary.words)
        return {"features": self.features, "words": digest_arrays(words)}, {"vocabulary": words}

    @classmethod
    def from_parts(cls, arrays: Mapping[str, Array]) -> Self:
        """Rebuild the input from what `to_parts` returned."""
        return cls(Vocabulary(tuple(arrays["vocabulary"].tolist())))


class CaptionPairs(FeaturePairs):
    """Pairs of the features of an image and a caption; the batch's texts are `Tokens`."""

    texts: Captions

    def _read_texts(self, rows: Array) -> Tokens:
        return self.texts.take(rows)


def _require_words(dataset: Dataset) -> None:
    if not dataset.has_words:
        raise InputError(
            "this dataset has no words",
            where=f"dataset {dataset.name!r}",
            expected="texts, which the model reads word by word",
            fix="Choose a dataset with captions, or a model that reads the features of texts",
        )


def training_vocabulary(train: Dataset, threshold: int) -> Vocabulary:
    """Collect the words of a training split.

    Raises
    ------
    InputError
        If the dataset has no words.
    ValuesError
        If no word is there as often.
    """
    _require_words(train)
    vocabulary = Vocabulary.build(train.texts, threshold=threshold)
    if len(vocabulary) == len(vocabulary.special):
        raise ValuesError(
            f"no word is there {threshold} times or more",
            where=f"texts of {train.name!r}",
            fix="Lower vocabulary_threshold, or train on more texts",
        )
    return vocabulary
