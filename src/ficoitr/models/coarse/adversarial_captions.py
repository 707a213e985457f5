"""Texts that belong to other texts: wrong in one point, or saying the same, for the losses of ADV that need them.

The authors of ADV took adversarial texts from the generator of VSE-C (Shi et al., COLING 2018), which knows WordNet,
and rephrased ones from translation to and fro. Neither is here: `exchanged_words` goes by rules, and `other_texts`
takes what else people wrote of an image. Figures that were trained on them are not those of the paper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Self

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

Array = np.ndarray[Any, Any]

_PIECE = re.compile(r"[A-Za-z][A-Za-z'-]*|\s+|.", re.DOTALL)
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DETERMINERS = frozenset(("a", "an", "the", "some", "his", "her", "their", "its", "one", *_NUMBERS))
_FEWEST_OCCURRENCES = 3
_LONGEST_PHRASE = 3


@dataclass(frozen=True, eq=False)
class LinkedTexts:
    """Texts that belong to other texts.

    Parameters
    ----------
    texts : tuple of str
    rows : ndarray of int64, shape (n, k)
        For each of n texts the rows of those that belong to it; -1 for none.
    """

    texts: tuple[str, ...]
    rows: Array

    @classmethod
    def of(cls, groups: Sequence[Sequence[str]]) -> Self:
        """Put groups, one a text, into one list."""
        rows = np.full((len(groups), max(map(len, groups), default=0) or 1), -1, dtype=np.int64)
        texts: list[str] = []
        for row, group in zip(rows, groups, strict=True):
            row[: len(group)] = np.arange(len(texts), len(texts) + len(group))
            texts += group
        return cls(tuple(texts), rows)


def other_texts(text_to_image: Array, most: int) -> Array:
    """Point from each text to others of the same image: rows of int64, shape (n_texts, most), -1 for none.

    Examples
    --------
    >>> other_texts(np.array([0, 0, 0, 1]), 2).tolist()
    [[1, 2], [2, 0], [0, 1], [-1, -1]]
    """
    rows = np.full((len(text_to_image), most), -1, dtype=np.int64)
    order = np.argsort(text_to_image, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(text_to_image[order])) + 1):
        for place, text in enumerate(group):
            others = np.roll(group, -place)[1 : most + 1]
            rows[text, : len(others)] = others
    return rows


class ExchangedWords:
    """Replaces one noun or one number of an English text by another.

    Parameters
    ----------
    nouns : tuple of str

    Notes
    -----
    By rules, not by a grammar: a word counts as a noun if in the texts that it was learnt from it mostly ends a phrase
    of up to three words after a determiner ("a small *dog* on"), and does not end in -ing. A noun is replaced by one
    of the same number, by its last letter, that no text of the image has. So an altered text may still be true (a
    *girl* for a *child*) or odd (a *sky* for a *dog*).

    Examples
    --------
    >>> words = ExchangedWords.fit(["a dog by the tree", "two cats on a roof", "the car in a street"] * 3)
    >>> words.nouns
    ('car', 'cats', 'dog', 'roof', 'street', 'tree')
    >>> words.altered("A dog by the tree", avoid={"dog", "tree"}, number=2, seed=1)
    ['A car by the tree', 'A dog by the street']
    """

    def __init__(self, nouns: tuple[str, ...]) -> None:
        self.nouns = nouns
        self._by_number = {plural: [one for one in nouns if one.endswith("s") is plural] for plural in (False, True)}
        self._known = frozenset(nouns)

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Self:
        """Learn which words are nouns."""
        occurrences: Counter[str] = Counter()
        heads: Counter[str] = Counter()
        for text in texts:
            words = [piece.lower() for piece in _PIECE.findall(text) if not piece.isspace()]
            occurrences.update(words)
            for start, word in enumerate(words):
                if word in _DETERMINERS:
                    phrase = _phrase(words[start + 1 : start + 2 + _LONGEST_PHRASE])
                    heads.update(phrase[-1:] if len(phrase) <= _LONGEST_PHRASE else ())
        return cls(
            tuple(
                sorted(
                    word
                    for word, count in heads.items()
                    if count >= _FEWEST_OCCURRENCES and 2 * count > occurrences[word] and not word.endswith("ing")
                )
            )
        )

    def altered(self, text: str, *, avoid: set[str], number: int, seed: int | Sequence[int] = 0) -> list[str]:
        """Make texts that differ from one in a noun or in a number.

        Parameters
        ----------
        text : str
        avoid : set of str
            Words, in lower case, that would not make the text wrong.
        number : int
            How many to make; fewer if there are not as many, or the text has no noun or number.
        seed : int or sequence of int
        """
        pieces = _PIECE.findall(text)
        generator = np.random.default_rng(seed)
        choices = []
        for place, piece in enumerate(pieces):
            words = [word for word in self._replacements(piece.lower()) if word not in avoid]
            choices.append([(place, str(word)) for word in generator.permutation(words)])
        # Every noun and number of the text has its turn before one has a second.
        turns = [one for turn in zip_longest(*choices) for one in turn if one is not None]
        return [_with(pieces, place, word) for place, word in turns[:number]]

    def _replacements(self, word: str) -> Sequence[str]:
        if word in _NUMBERS:
            return [one for one in _NUMBERS if one != word]
        return self._by_number[word.endswith("s")] if word in self._known else ()


def exchanged_words(
    texts: Sequence[str], text_to_image: Array, *, number: int = 10, seed: int = 0, words: ExchangedWords | None = None
) -> LinkedTexts:
    """Make adversarial texts for each text of a training split, see `ExchangedWords`.

    Parameters
    ----------
    texts : sequence of str, n_texts
    text_to_image : ndarray of int64, shape (n_texts,)
    number : int
        At most so many a text.
    seed : int
    words : ExchangedWords, optional
        By default learnt from the texts.
    """
    words = words or ExchangedWords.fit(texts)
    said: dict[int, set[str]] = {}
    for text, image in zip(texts, text_to_image.tolist(), strict=True):
        said.setdefault(image, set()).update(piece.lower() for piece in _PIECE.findall(text))
    return LinkedTexts.of(
        [
            words.altered(text, avoid=said[image], number=number, seed=(seed, row))
            for row, (text, image) in enumerate(zip(texts, text_to_image.tolist(), strict=True))
        ]
    )


def _phrase(words: Sequence[str]) -> list[str]:
    for length, word in enumerate(words):
        if word in ENGLISH_STOP_WORDS or not word[0].isalpha():
            return list(words[:length])
    return list(words)


def _with(pieces: list[str], place: int, word: str) -> str:
    """Put a word in the place of a piece, as it was written, and its article right."""
    changed = [*pieces]
    changed[place] = word.capitalize() if pieces[place][0].isupper() else word
    if place >= 2 and pieces[place - 2].lower() in ("a", "an"):
        article = "an" if word[0] in "aeiou" else "a"
        changed[place - 2] = article.capitalize() if pieces[place - 2][0].isupper() else article
    return "".join(changed)
