"""The two networks of SCAN, with the names of its published code's checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from ficoitr.errors import FileFormatError
from ficoitr.models.features.weights import load_weights
from ficoitr.models.fine.attention import Attention, RawFeatureNorm
from ficoitr.models.fine.gru import WordEncoder
from ficoitr.models.fine.regions import RegionEncoder
from ficoitr.models.fine.scan_scores import Aggregation, Direction, StackedAttention
from ficoitr.models.fine.words import Tokens, Words

State = Mapping[str, Tensor]

_SIDES = ("image", "text")


class SCANNetwork(nn.Module):
    """SCAN's image and text networks, and the attention that compares regions with words.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    n_words : int
        Of the vocabulary.
    width : int
        d, of regions and words.
    word_width : int
        Of the vector of a token.
    layers : int
        Of the GRU.
    bidirectional : bool
        Whether captions are read in both directions.
    weight_norm : bool
        Whether the regions' linear map is weight-normalised.
    image_norm, text_norm : bool
        Whether regions and words are scaled to 1.
    direction, aggregation, raw_feature_norm, lambda_softmax, lambda_lse
        See `StackedAttention` and `Attention`.

    Notes
    -----
    Lee et al., "Stacked Cross Attention for Image-Text Matching", ECCV 2018. The published code's checkpoints hold the
    state dicts of the ``image`` and of the ``text`` network.

    Examples
    --------
    >>> network = SCANNetwork(20, 100, width=16, word_width=8)
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
        layers: int = 1,
        bidirectional: bool = True,
        weight_norm: bool = False,
        image_norm: bool = True,
        text_norm: bool = True,
        direction: Direction = "t2i",
        aggregation: Aggregation = "LogSumExp",
        raw_feature_norm: RawFeatureNorm = "clipped_l2norm",
        lambda_softmax: float = 9.0,
        lambda_lse: float = 6.0,
    ) -> None:
        super().__init__()
        self.similarity = StackedAttention(
            direction, aggregation, Attention(raw_feature_norm, lambda_softmax), lambda_lse
        )
        self.image = RegionEncoder(image_width, width, norm=image_norm, weight_norm=weight_norm)
        self.text = WordEncoder(
            n_words, width, word_width=word_width, layers=layers, bidirectional=bidirectional, norm=text_norm
        )

    @classmethod
    def from_published(cls, states: Sequence[State], *, path: Path = Path("checkpoint"), **options: Any) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes.

        Parameters
        ----------
        states : sequence of two mappings from str to Tensor
            Of the image and of the text network.
        path : Path
            What errors name.
        **options
            What no tensor tells: ``image_norm``, ``text_norm``, and all of the attention. In the checkpoint's ``opt``
            they are ``not no_imgnorm``, ``not no_txtnorm``, ``cross_attn``, ``agg_func``, ``raw_feature_norm``,
            ``lambda_softmax`` and ``lambda_lse``.

        Raises
        ------
        FileFormatError
            If a tensor is missing, unknown, or of another shape than the others ask for.
        """
        image, text = states
        weight_norm = "fc.weight_v" in image
        width, image_width = _matrix(image, "fc.weight_v" if weight_norm else "fc.weight", path)
        n_words, word_width = _matrix(text, "embed.weight", path)
        network = cls(
            image_width,
            n_words,
            width=width,
            word_width=word_width,
            layers=sum(name.startswith("rnn.weight_hh_l") and "reverse" not in name for name in text) or 1,
            bidirectional="rnn.weight_hh_l0_reverse" in text,
            weight_norm=weight_norm,
            **options,
        )
        for side, state in zip(_SIDES, states, strict=True):
            load_weights(network.get_submodule(side), state, path)
        return network.requires_grad_(requires_grad=True)

    @property
    def sizes(self) -> dict[str, int | float | str | bool]:
        """What it was built with, but for the widths of the features."""
        return {
            "width": self.image.linear.out_features,
            "word_width": self.text.embed.embedding_dim,
            "layers": self.text.rnn.num_layers,
            "bidirectional": self.text.rnn.bidirectional,
            "weight_norm": not isinstance(self.image.linear, nn.Linear),
            "image_norm": self.image.norm,
            "text_norm": self.text.norm,
            "direction": self.similarity.direction,
            "aggregation": self.similarity.aggregation,
            "raw_feature_norm": self.similarity.attention.raw_feature_norm,
            "lambda_softmax": self.similarity.attention.lambda_softmax,
            "lambda_lse": self.similarity.lambda_lse,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Width of the features of a region, and number of words of the vocabulary."""
        return self.image.linear.in_features, self.text.embed.num_embeddings

    def encode_images(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, image_width) to (n, R, d), each by itself."""
        encoded: Tensor = self.image(regions)
        return encoded

    def encode_texts(self, tokens: Tokens) -> Words:
        """Map tokens to the states of words; ``<start>`` and ``<end>`` are words, too."""
        words: Words = self.text(tokens)
        return words

    def score(self, images: Tensor, texts: Words) -> Tensor:
        """Score encoded images (n, R, d) with encoded texts, all pairs: shape (n, m); see `StackedAttention.score`."""
        # Differences of scores are as small as the margin, for which 16 bits are too few.
        with torch.autocast(images.device.type, enabled=False):
            return self.similarity.score(_whole(images), Words(_whole(texts.states), texts.lengths))

    def score_lists(self, images: Tensor, texts: Words) -> Tensor:
        """Score each image with its own texts, or each text with its own images; `StackedAttention.score_lists`."""
        with torch.autocast(images.device.type, enabled=False):
            return self.similarity.score_lists(_whole(images), Words(_whole(texts.states), texts.lengths))


def _whole(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def _matrix(state: State, name: str, path: Path) -> torch.Size:
    if name not in state or state[name].ndim != 2:
        raise FileFormatError(
            f"there is no matrix {name!r}", where=str(path), expected="a checkpoint of SCAN's published code"
        )
    return state[name].shape
