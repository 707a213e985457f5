"""Doc2Vec: vectors of texts that are learnt by predicting their words."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from gensim.models.callbacks import CallbackAny2Vec
from gensim.models.doc2vec import Doc2Vec as GensimDoc2Vec
from gensim.models.doc2vec import TaggedDocument, train_document_dbow

from ficoitr.errors import ValuesError
from ficoitr.models.features.base import FittedTextExtractor
from ficoitr.models.features.terms import words_of
from ficoitr.outputs.files import digest_arrays

if TYPE_CHECKING:
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]

_WIDTH = 300
_EPOCHS = 50
_FEWEST = 2


class Doc2Vec(FittedTextExtractor):
    """Distributed bag of words (PV-DBOW) with negative sampling, 300 numbers a text.

    Le and Mikolov, "Distributed Representations of Sentences and Documents", ICML 2014, section 2.3, by gensim, with
    its defaults (5 negative samples, learning rate falling from 0.025 to 0.0001) and 50 epochs both to learn the words
    and to place a text among them.

    Parameters
    ----------
    words : tuple of str
        Those that at least two training texts have.
    counts : ndarray of int64, shape (n_words,)
        How often each occurs.
    outputs : ndarray of float32, shape (n_words, 300)
        The vectors that predict them.
    seed : int

    Notes
    -----
    Words are learnt in one thread, and the random numbers with which a text is placed depend on nothing but the seed
    and the text: the same texts always get the same vectors, whatever stands beside them.
    """

    name = "doc2vec"
    shape = (_WIDTH,)
    batch = 512

    def __init__(self, words: tuple[str, ...], counts: Array, outputs: Array, seed: int) -> None:
        self._words, self._counts, self._outputs, self._seed = words, counts, outputs, seed

    @classmethod
    def fit(cls, texts: Sequence[str], *, seed: int = 0, progress: Progress | None = None) -> Self:
        """Learn the vectors of words.

        Raises
        ------
        ValuesError
            If no word occurs twice.
        """
        documents = [TaggedDocument(words_of(text), [row]) for row, text in enumerate(texts)]
        model = _model(seed)
        model.build_vocab(documents)
        words = tuple(model.wv.index_to_key)
        if not words:
            raise ValuesError("no word occurs twice", where="texts", fix="Learn from more texts")
        callbacks = () if progress is None else (_Report(progress),)
        model.train(documents, total_examples=len(documents), epochs=_EPOCHS, callbacks=callbacks)
        counts = np.array([model.wv.get_vecattr(word, "count") for word in words])
        return cls(words, counts, model.syn1neg.copy(), seed)

    @property
    def identity(self) -> dict[str, Any]:
        """The name, the seed, and the hash of what was learnt."""
        learnt = digest_arrays(np.array(self._words), self._counts, self._outputs)
        return {"name": self.name, "seed": self._seed, "learnt": learnt}

    @property
    def n_parameters(self) -> int:
        """Numbers that fitting has set."""
        return int(self._outputs.size)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Describe texts; float32, shape (n_texts, 300)."""
        # gensim's models keep a state of random numbers: one for each call, since threads call at once.
        model = _model(self._seed)
        model.build_vocab_from_freq(dict(zip(self._words, self._counts.tolist(), strict=True)))
        # gensim orders words of the same frequency as its sorting happens to.
        row_of = {word: row for row, word in enumerate(self._words)}
        model.syn1neg = self._outputs[[row_of[word] for word in model.wv.index_to_key]]
        return np.stack([self._place(model, words_of(text)) for text in texts])

    def _place(self, model: GensimDoc2Vec, words: list[str]) -> Array:
        # gensim's own infer_vector starts from a hash that differs between processes.
        seed = zlib.crc32(" ".join(words).encode()) ^ self._seed
        model.random = np.random.RandomState(seed)
        start = (np.random.default_rng(seed).random((1, _WIDTH), dtype=np.float32) - np.float32(0.5)) / _WIDTH
        vector, work = start.astype(np.float32), np.zeros(_WIDTH, dtype=np.float32)
        for rate in np.linspace(model.alpha, model.min_alpha, _EPOCHS):
            train_document_dbow(
                model, words, [0], rate, work,
                learn_words=False, learn_hidden=False, doctag_vectors=vector, doctags_lockf=np.ones(1, np.float32),
            )  # fmt: skip
        return np.asarray(vector[0])

    def to_parts(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return the seed, and the words with their counts and vectors."""
        return {"seed": self._seed}, {"words": np.array(self._words), "counts": self._counts, "outputs": self._outputs}

    @classmethod
    def from_parts(cls, settings: Mapping[str, Any], arrays: Mapping[str, Array]) -> Self:
        """Rebuild the extractor from what `to_parts` returned."""
        return cls(tuple(arrays["words"].tolist()), arrays["counts"], arrays["outputs"], settings["seed"])


class _Report(CallbackAny2Vec):  # type: ignore[misc]
    def __init__(self, progress: Progress) -> None:
        self._progress, self._done = progress, 0

    def on_epoch_end(self, model: GensimDoc2Vec) -> None:
        """Report each pass over the texts."""
        del model
        self._done += 1
        self._progress("doc2vec", self._done, _EPOCHS)


def _model(seed: int) -> GensimDoc2Vec:
    return GensimDoc2Vec(
        dm=0, vector_size=_WIDTH, min_count=_FEWEST, epochs=_EPOCHS, workers=1, seed=seed, hashfxn=_hash
    )


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())
