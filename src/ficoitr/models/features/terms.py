"""Texts as weighted terms (TF-IDF)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from ficoitr.errors import ValuesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_matrix

Array = np.ndarray[Any, Any]

_WORD = re.compile(r"\w\w+")
_FEWEST_TEXTS = 5


def words_of(text: str) -> list[str]:
    """List the words of a text that have two letters or more, in lower case.

    Examples
    --------
    >>> words_of("A red car by a tree")
    ['red', 'car', 'by', 'tree']
    """
    return _WORD.findall(text.lower())


def terms_of(text: str) -> list[str]:
    """List the words of a text, and the pairs of neighbouring words that mean something.

    Words have two letters or more, in lower case. A pair with an English function word is left out: the most
    frequent pairs ("in the", "of the") would take the place of rarer words that tell more.

    Examples
    --------
    >>> terms_of("A red car by a tree")
    ['red', 'car', 'by', 'tree', 'red car']
    """
    words = words_of(text)
    pairs = [
        f"{first} {second}"
        for first, second in pairwise(words)
        if first not in ENGLISH_STOP_WORDS and second not in ENGLISH_STOP_WORDS
    ]
    return words + pairs


@dataclass(frozen=True, eq=False)
class TermWeights:
    """The terms that a model knows, each with its inverse document frequency.

    Parameters
    ----------
    terms : tuple of str
        Words and pairs of words, see `terms_of`.
    inverse_frequencies : ndarray of float64, shape (n_terms,)
        ``ln((1 + n_texts) / (1 + n_texts with the term)) + 1``, as in scikit-learn.

    Examples
    --------
    >>> weights = TermWeights.fit(["a red car", "a red cat", "by the car"] * 3, max_terms=10)
    >>> weights.terms
    ('car', 'red')
    >>> weights.encode(["red cat", "blue"]).shape
    (2, 2)
    """

    terms: tuple[str, ...]
    inverse_frequencies: Array

    @classmethod
    def fit(cls, texts: Sequence[str], *, max_terms: int) -> Self:
        """Learn the ``max_terms`` most frequent terms among those that five texts or more contain.

        Raises
        ------
        ValuesError
            If no term occurs in five texts.
        """
        vectorizer = TfidfVectorizer(analyzer=terms_of, min_df=_FEWEST_TEXTS, max_features=max_terms, sublinear_tf=True)
        try:
            vectorizer.fit(texts)
        except ValueError as problem:
            # scikit-learn's messages ("empty vocabulary", "no terms remain", "max_df … min_df") name its own
            # settings, which the user has not made.
            raise ValuesError(
                f"no term occurs in {_FEWEST_TEXTS} of the {len(texts):,} texts",
                where="texts",
                expected="texts that share words of two letters or more",
                fix="Fit on more texts",
            ) from problem
        return cls(tuple(vectorizer.get_feature_names_out().tolist()), vectorizer.idf_)

    def encode(self, texts: Sequence[str]) -> csr_matrix:
        """Weigh the known terms of each text.

        Returns
        -------
        sparse matrix of float64, shape (n_texts, n_terms)
            Rows of length 1; a row of zeros for a text without a known term.

        Raises
        ------
        ValuesError
            If no text at all has a known term.
        """
        vectorizer = TfidfVectorizer(analyzer=terms_of, vocabulary=self.terms, sublinear_tf=True)
        vectorizer.idf_ = self.inverse_frequencies
        weights: csr_matrix = vectorizer.transform(texts)
        if weights.nnz == 0:
            raise ValuesError(
                "no text contains a term that the model knows",
                where="texts",
                expected=f"texts with words such as {', '.join(self.terms[:5])}",
                fix="Fit the model on texts of the same language and domain",
            )
        return weights
