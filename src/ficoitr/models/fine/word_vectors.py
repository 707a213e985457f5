"""Vectors that words begin with, from an encoder of texts that has seen more than the training captions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ficoitr.data.texts import texts_alone
from ficoitr.errors import OptionError
from ficoitr.models.features import extract_features, feature_names

if TYPE_CHECKING:
    from ficoitr.models.base import Progress
    from ficoitr.models.fine.vocabulary import Vocabulary

Array = np.ndarray[Any, Any]
_LEAST_WIDTH = 1e-6


def begin_with(
    embedding: nn.Embedding, vocabulary: Vocabulary, features: str, progress: Progress | None = None
) -> None:
    """Replace the vectors of all words, which are random, by those of an encoder, as far as they can be told apart.

    The encoder's vectors of the words, each taken for a text, less their mean, are brought to as many principal axes as
    the embedding has numbers, or fewer where they have no more, and scaled to the deviation that the random ones have.
    ``<start>`` and its like stay as they are, and so do torch's random numbers.

    Parameters
    ----------
    embedding : torch.nn.Embedding
        A row a word of the vocabulary; changed in place.
    vocabulary : Vocabulary
    features : str
        A name of `ficoitr.models.features.feature_names` of vectors of texts that are learnt from no training texts.
    progress : callable, optional

    Raises
    ------
    OptionError
        If there are no such features.
    """
    require_word_vectors(features)
    rows = [row for row in range(len(vocabulary)) if row not in vocabulary.special]
    words = texts_alone([vocabulary.words[row] for row in rows], "words")
    # A network that is loaded now, and not where it was loaded before, draws its first weights.
    with torch.random.fork_rng(devices=[]):
        found = extract_features(words, features, modality="text", progress=progress)
    weight = embedding.weight
    vectors = torch.from_numpy(_principal(np.asarray(found[:]))[:, : weight.shape[1]]).to(weight)
    if vectors.shape[1]:
        with torch.no_grad():
            deviation = weight.std()
            weight[rows, : vectors.shape[1]] = vectors * (deviation / vectors.std())


def require_word_vectors(features: str) -> None:
    """Check that words can begin with the text features of that name.

    Raises
    ------
    OptionError
        If not.
    """
    known = [one.name for one in feature_names("text") if not one.fitted and len(one.shape or ()) == 1]
    if features not in known:
        raise OptionError(
            f"words cannot begin with the text features {features!r}",
            where="word_vectors",
            expected=f"vectors of a text that nothing is learnt for: {', '.join(known)}",
        )


def _principal(vectors: Array) -> Array:
    """Vectors less their mean, along those principal axes on which they differ, the widest first."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, widths, axes = np.linalg.svd(centred, full_matrices=False)
    # What was single precision differs by its rounding alone on the last of as many axes as there are words.
    differing = widths > _LEAST_WIDTH * max(float(widths[0]), np.finfo(np.float64).tiny)
    turned: Array = centred @ axes[differing].T
    return turned
