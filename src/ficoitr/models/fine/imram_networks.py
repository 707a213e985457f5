"""The networks of IMRAM, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ficoitr.errors import FileFormatError
from ficoitr.models.features.weights import load_weights
from ficoitr.models.fine.gru import WordEncoder
from ficoitr.models.fine.imram_similarity import IMRAMSimilarity, Mode
from ficoitr.models.fine.regions import RegionEncoder
from ficoitr.models.fine.words import Tokens, Words

State = Mapping[str, Tensor]

_SIDES = ("image", "text", "similarity")


class IMRAMNetwork(nn.Module):
    """IMRAM's image and text networks, and the recurrent attention that scores their regions and words.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    n_words : int
        Of the vocabulary.
    width : int
        d, of regions and words.
    word_width : int
        Of the vector of a word.
    mode : {"text", "image", "full"}
        Whether words ask regions, regions ask words, or both.
    steps : int
        K.
    lambda_softmax : float
        λ of the attention.
    normalise : bool
        Whether updated queries are scaled to 1; the published scripts do not do so.

    Notes
    -----
    Chen et al., "IMRAM: Iterative Matching with Recurrent Attention Memory for Cross-Modal Image-Text Retrieval", CVPR
    2020.

    Examples
    --------
    >>> network = IMRAMNetwork(20, 100, width=16, word_width=8)
    >>> images = network.encode_images(torch.rand(3, 5, 20))
    >>> network.score(images, network.encode_texts(Tokens.of([[1, 7, 2], [1, 2]]))).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        image_width: int,
        n_words: int,
        *,
        width: int = 1024,
        word_width: int = 300,
        mode: Mode = "full",
        steps: int = 3,
        lambda_softmax: float = 9.0,
        normalise: bool = False,
    ) -> None:
        super().__init__()
        self.image = RegionEncoder(image_width, width, layer="fc_local")
        self.text = WordEncoder(n_words, width, word_width=word_width)
        self.similarity = IMRAMSimilarity(
            width, mode=mode, steps=steps, lambda_softmax=lambda_softmax, normalise=normalise
        )

    @classmethod
    def from_published(
        cls,
        states: Sequence[State],
        *,
        path: Path = Path("checkpoint"),
        mode: Mode = "full",
        steps: int = 3,
        lambda_softmax: float = 9.0,
        normalise: bool = False,
    ) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes.

        Parameters
        ----------
        states : sequence of three mappings from str to Tensor
            Of the image and the text network and the memories, as
            `ficoitr.models.fine.checkpoints.published_states` splits what the file holds.
        path : Path
            What errors name.
        mode, steps, lambda_softmax, normalise
            What no tensor tells: in the checkpoint's ``opt`` they are ``model_mode``, ``iteration_step``,
            ``lambda_softmax`` and ``not no_IMRAM_norm``.

        Raises
        ------
        FileFormatError
            If a tensor is missing, unknown, or of another shape than the others ask for.
        """
        if len(states) != len(_SIDES):
            raise FileFormatError(
                f"there are {len(states)} networks", where=str(path), expected=f"three: {', '.join(_SIDES)}"
            )
        width, image_width = matrix_of(states[0], "fc_local.weight", path, "IMRAM")
        n_words, word_width = matrix_of(states[1], "embed.weight", path, "IMRAM")
        network = cls(
            image_width,
            n_words,
            width=width,
            word_width=word_width,
            mode=mode,
            steps=steps,
            lambda_softmax=lambda_softmax,
            normalise=normalise,
        )
        for side, state in zip(_SIDES, states, strict=True):
            load_weights(network.get_submodule(side), state, path)
        return network.eval().requires_grad_(requires_grad=True)

    @property
    def sizes(self) -> dict[str, Any]:
        """What it was built with, but for the widths of the features."""
        similarity = self.similarity
        return {
            "width": self.image.linear.out_features,
            "word_width": self.text.embed.embedding_dim,
            "mode": similarity.mode,
            "steps": similarity.steps,
            "lambda_softmax": similarity.attention.lambda_softmax,
            "normalise": similarity.normalise,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Width of the features of a region, and number of words of the vocabulary."""
        return self.image.linear.in_features, self.text.embed.num_embeddings

    def encode_images(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, image_width) to unit vectors of shape (n, R, d), each by itself."""
        encoded: Tensor = self.image(regions)
        return encoded

    def encode_texts(self, tokens: Tokens) -> Words:
        """Map tokens to unit vectors of shape (m, L, d); ``<start>`` and ``<end>`` are words, too."""
        encoded: Words = self.text(tokens)
        return encoded

    def score(self, images: Tensor, texts: Words) -> Tensor:
        """Score all pairs of encoded images, (n, R, d), and m encoded texts; shape (n, m)."""
        if not len(images) or not len(texts):
            return images.new_zeros((len(images), len(texts)))
        # Differences of scores are as small as the margin, for which 16 bits are too few.
        with torch.autocast(images.device.type, enabled=False):
            scores: Tensor = self.similarity(images, texts)
        return scores


def matrix_of(state: State, name: str, path: Path, title: str) -> torch.Size:
    """Return the shape of a matrix of a checkpoint, or complain that there is none."""
    if name not in state or state[name].ndim != 2:
        raise FileFormatError(
            f"there is no matrix {name!r}", where=str(path), expected=f"a checkpoint of {title}'s published code"
        )
    return state[name].shape
