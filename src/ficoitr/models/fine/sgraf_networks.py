"""The networks of SGRAF, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ficoitr.errors import FileFormatError
from ficoitr.models.features.weights import load_weights
from ficoitr.models.fine.gru import WordEncoder
from ficoitr.models.fine.imram_networks import matrix_of
from ficoitr.models.fine.regions import RegionEncoder
from ficoitr.models.fine.sgraf_similarity import Module, SGRAFSimilarity
from ficoitr.models.fine.words import Tokens, Words

State = Mapping[str, Tensor]

_SIDES = ("image", "text", "similarity")


class CaptionEncoder(WordEncoder):
    """A `WordEncoder` whose GRU has the name that the published checkpoints give it."""

    def __init__(self, n_words: int, width: int, *, word_width: int, dropout: float) -> None:
        super().__init__(n_words, width, word_width=word_width, dropout=dropout)
        self.cap_rnn: nn.GRU = self._modules.pop("rnn")  # type: ignore[assignment]

    @property
    def rnn(self) -> nn.GRU:  # type: ignore[override]
        """The GRU."""
        return self.cap_rnn


class SGRAFNetwork(nn.Module):
    """SGRAF's image and text networks, and the network that scores their regions and words.

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
    similarity_width : int
        s, of a similarity.
    module : {"SGR", "SAF"}
        Whether similarities are reasoned over or filtered. The paper's SGRAF is two models, one of each, whose scores
        are averaged (`ficoitr.outputs.mean_scores`).
    steps : int
        Of reasoning.
    regions : int
        R, of an image.
    lambda_softmax : float
        λ of the attention.
    dropout : float
        Of the vectors of words, and in the maps that make whole images and texts.

    Notes
    -----
    Diao et al., "Similarity Reasoning and Filtration for Image-Text Matching", AAAI 2021.

    Examples
    --------
    >>> network = SGRAFNetwork(20, 100, width=16, word_width=8, similarity_width=4, regions=5)
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
        similarity_width: int = 256,
        module: Module = "SGR",
        steps: int = 3,
        regions: int = 36,
        lambda_softmax: float = 9.0,
        dropout: float = 0.4,
    ) -> None:
        super().__init__()
        self.image = RegionEncoder(image_width, width)
        self.text = CaptionEncoder(n_words, width, word_width=word_width, dropout=dropout)
        self.similarity = SGRAFSimilarity(
            width,
            similarity_width=similarity_width,
            module=module,
            steps=steps,
            regions=regions,
            lambda_softmax=lambda_softmax,
            dropout=dropout,
        )

    @classmethod
    def from_published(
        cls,
        states: Sequence[State],
        *,
        path: Path = Path("checkpoint"),
        lambda_softmax: float = 9.0,
        dropout: float = 0.4,
    ) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes, SGR or SAF.

        Parameters
        ----------
        states : sequence of three mappings from str to Tensor
            Of the image, the text and the similarity network.
        path : Path
            What errors name.
        lambda_softmax, dropout
            What no tensor tells.

        Raises
        ------
        FileFormatError
            If a tensor is missing, unknown, or of another shape than the others ask for.
        """
        if len(states) != len(_SIDES):
            raise FileFormatError(
                f"there are {len(states)} networks", where=str(path), expected=f"three: {', '.join(_SIDES)}"
            )
        image, text, similarity = states
        width, image_width = matrix_of(image, "fc.weight", path, "SGRAF")
        n_words, word_width = matrix_of(text, "embed.weight", path, "SGRAF")
        similarity_width, _ = matrix_of(similarity, "sim_tranloc_w.weight", path, "SGRAF")
        if "v_global_w.embedding_local.1.weight" not in similarity:
            raise FileFormatError(
                "there is no 'v_global_w.embedding_local.1.weight'",
                where=str(path),
                expected="a checkpoint of SGRAF's published code",
            )
        steps = {name.split(".")[1] for name in similarity if name.startswith("SGR_module.")}
        network = cls(
            image_width,
            n_words,
            width=width,
            word_width=word_width,
            similarity_width=similarity_width,
            module="SGR" if steps else "SAF",
            steps=len(steps) or 1,
            regions=len(similarity["v_global_w.embedding_local.1.weight"]),
            lambda_softmax=lambda_softmax,
            dropout=dropout,
        )
        for side, state in zip(_SIDES, states, strict=True):
            load_weights(network.get_submodule(side), state, path)
        return network.eval().requires_grad_(requires_grad=True)

    @property
    def sizes(self) -> dict[str, Any]:
        """What it was built with, but for the widths of the features."""
        return {
            "width": self.image.linear.out_features,
            "word_width": self.text.embed.embedding_dim,
            **self.similarity.sizes,
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
        """Score all pairs of encoded images, (n, R, d), and m encoded texts; shape (n, m), in (0, 1)."""
        if not len(images) or not len(texts):
            return images.new_zeros((len(images), len(texts)))
        # Differences of scores are as small as the margin, for which 16 bits are too few.
        with torch.autocast(images.device.type, enabled=False):
            scores: Tensor = self.similarity(images, texts)
        return scores
