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


def begin_with(
    embedding: nn.Embedding, vocabulary: Vocabulary, features: str, progress: Progress | None = None
) -> None:
    """Replace the vectors of all words, which are random, by those of an encoder, as far as they can be told apart.

    The encoder's vectors of the words, each taken for a text, are brought to their mean and to as many principal axes
    as the embedding has numbers, or fewer where there are no more, and scaled to the deviation that the random ones
    have. ``<start>`` and its like stay as they are.

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
    known = [one.name for one in feature_names("text") if not one.fitted and len(one.shape or ()) == 1]
    if features not in known:
        raise OptionError(
            f"words cannot begin with the text features {features!r}",
            where="word_vectors",
            expected=f"vectors of a text that nothing is learnt for: {', '.join(known)}",
        )
    rows = [row for row in range(len(vocabulary)) if row not in vocabulary.special]
    words = texts_alone([vocabulary.words[row] for row in rows], "words")
    vectors = _principal(np.asarray(extract_features(words, features, modality="text", progress=progress)[:]))
    weight = embedding.weight
    scaled = torch.from_numpy(vectors[:, : weight.shape[1]]).to(weight)
    with torch.no_grad():
        deviation = weight.std()
        weight[rows, : scaled.shape[1]] = scaled * (deviation / scaled.std())


def _principal(vectors: Array) -> Array:
    """Vectors less their mean, along their principal axes, the widest first."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    turned: Array = centred @ axes.T
    return turned
