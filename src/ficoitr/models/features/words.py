"""Bags of words: which of the most frequent words a text has."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ficoitr.errors import ValuesError
from ficoitr.models.features.base import FittedTextExtractor
from ficoitr.models.features.terms import words_of

if TYPE_CHECKING:
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

# As many as the bags of words of NUS-WIDE's tags (1,000) and MIRFlickr-25k's (1,386) have in the literature, about.
_MOST_WORDS = 1000


class BagOfWords(FittedTextExtractor):
    """A column a word: 1 where the text has it, else 0.

    A set of tags is a text of words for this purpose, and is described in the same way.

    Parameters
    ----------
    words : tuple of str
        The words that are told apart, in the order of the columns.

    Examples
    --------
    >>> bag = BagOfWords.fit(["a red car", "a red bus", "the sea"])
    >>> bag.words
    ('red', 'bus', 'car', 'sea', 'the')
    >>> bag(["The red sea", "nothing of it"]).tolist()
    [[1.0, 0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]]
    """

    name = "bag-of-words"
    batch = 512

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words
        self.shape = (len(words),)
        self._columns = {word: column for column, word in enumerate(words)}

    @classmethod
    def fit(cls, texts: Sequence[str], *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Learn the 1,000 words that most texts have, of two letters or more; equally frequent ones by the alphabet.

        Raises
        ------
        ValuesError
            If the texts have no word.
        """
        del seed, progress
        frequencies = Counter(word for text in texts for word in set(words_of(text)))
        words = sorted(frequencies, key=lambda word: (-frequencies[word], word))[:_MOST_WORDS]
        if not words:
            raise ValuesError("no text has a word", where="texts", expected="words of two letters or more")
        return cls(tuple(words))

    @property
    def identity(self) -> dict[str, Any]:
        """The name, and the hash of the words."""
        return {"name": self.name, "words": hashlib.sha256("\n".join(self.words).encode()).hexdigest()}

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set: none, it chose words."""
        return 0

    def __call__(self, texts: Sequence[str]) -> Array:
        """Describe texts; float32, shape (n_texts, n_words)."""
        bags = np.zeros((len(texts), *self.shape), dtype=np.float32)
        for bag, text in zip(bags, texts, strict=True):
            bag[[self._columns[word] for word in words_of(text) if word in self._columns]] = 1
        return bags

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the words as an array."""
        return {}, {"words": np.array(self.words)}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the extractor from what `to_parts` returned."""
        del settings
        return cls(tuple(arrays["words"].tolist()))
