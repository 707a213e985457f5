"""The two networks of VSE-infinity, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.features.weights import load_weights
from ficoitr.models.fine.gpo import GPO
from ficoitr.models.fine.words import Tokens, Words

State = Mapping[str, Tensor]

_SIDES = ("image", "text")


class RegionMLP(nn.Module):
    """Two linear maps of a region; between them, batch normalisation over all regions of all images, and a ReLU.

    Parameters
    ----------
    image_width, width : int
        Of a region, as it comes and as it leaves; half of the latter lies between.
    """

    def __init__(self, image_width: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(image_width, width // 2), nn.Linear(width // 2, width)])
        # The checkpoints hold a normalisation for the second layer as well, though nothing passes through it.
        self.bns = nn.ModuleList([nn.BatchNorm1d(width // 2), nn.BatchNorm1d(width)])

    def forward(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, image_width) to (n, R, width)."""
        hidden = self.bns[0](self.layers[0](regions.flatten(0, 1))).relu()
        mapped: Tensor = self.layers[1](hidden)
        return mapped.view(*regions.shape[:2], -1)


class ImageEncoder(nn.Module):
    """Regions to one vector: a linear map and a perceptron beside it, then pooling.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    width : int
        d, of the embedding.
    rank_width, rank_hidden : int
        Of the pooling, see ``GPO``.
    """

    def __init__(self, image_width: int, width: int, *, rank_width: int, rank_hidden: int) -> None:
        super().__init__()
        self.fc = nn.Linear(image_width, width)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)
        self.mlp = RegionMLP(image_width, width)
        self.gpool = GPO(rank_width, rank_hidden)

    def project(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, image_width) to (n, R, d)."""
        found: Tensor = self.mlp(regions) + self.fc(regions)
        return found

    def forward(self, regions: Tensor, lengths: Tensor) -> Tensor:
        """Map the first regions of each image, as many as ``lengths`` of shape (n,) says, to shape (n, d)."""
        pooled: Tensor = self.gpool(self.project(regions), lengths)
        return pooled


class TextEncoder(nn.Module):
    """Tokens to one vector: a bidirectional GRU, whose two states of a word are averaged, then pooling.

    Parameters
    ----------
    n_words : int
        Of the vocabulary.
    width : int
        d, of the embedding.
    word_width : int
        Of the vector of a word.
    rank_width, rank_hidden : int
        Of the pooling, see ``GPO``.
    """

    def __init__(self, n_words: int, width: int, *, word_width: int, rank_width: int, rank_hidden: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_words, word_width)
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        self.rnn = nn.GRU(word_width, width, batch_first=True, bidirectional=True)
        self.gpool = GPO(rank_width, rank_hidden)

    def read(self, tokens: Tokens) -> Words:
        """Return the states of the words, of shape (m, L, d)."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(tokens.ids), tokens.lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        forward, backward = states.chunk(2, dim=-1)
        return Words((forward + backward) / 2, tokens.lengths)

    def forward(self, tokens: Tokens) -> Tensor:
        """Map tokens to shape (m, d)."""
        words = self.read(tokens)
        pooled: Tensor = self.gpool(words.states, words.lengths)
        return pooled


class VSEInftyNetwork(nn.Module):
    """VSE-infinity's image and text networks, whose embeddings are compared by their cosine.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    n_words : int
        Of the vocabulary, ``<mask>`` included.
    width : int
        d, of the embeddings, at least 2.
    word_width : int
        Of the vector of a word.
    rank_width, rank_hidden : int
        Of the pooling, see ``GPO``.

    Notes
    -----
    Chen et al., "Learning the Best Pooling Strategy for Visual Semantic Embedding", CVPR 2021: the variant that reads
    regions and has a GRU for captions. The published checkpoints hold the state dicts of the ``image`` and of the
    ``text`` network.

    Examples
    --------
    >>> network = VSEInftyNetwork(20, 100, width=16, word_width=8)
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
        rank_width: int = 32,
        rank_hidden: int = 32,
    ) -> None:
        super().__init__()
        self.image = ImageEncoder(image_width, width, rank_width=rank_width, rank_hidden=rank_hidden)
        self.text = TextEncoder(n_words, width, word_width=word_width, rank_width=rank_width, rank_hidden=rank_hidden)

    @classmethod
    def from_published(cls, states: Sequence[State], *, path: Path = Path("checkpoint")) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes.

        Parameters
        ----------
        states : sequence of two mappings from str to Tensor
            Of the image and of the text network.
        path : Path
            What errors name.

        Raises
        ------
        FileFormatError
            If a tensor is missing, unknown, or of another shape than the others ask for; so it is with networks that
            read pixels, or captions by BERT.
        """
        image, text = states
        width, image_width = _matrix(image, "fc.weight", path)
        n_words, word_width = _matrix(text, "embed.weight", path)
        network = cls(
            image_width,
            n_words,
            width=width,
            word_width=word_width,
            rank_width=_matrix(image, "gpool.gru.weight_ih_l0", path)[1],
            rank_hidden=_matrix(image, "gpool.gru.weight_hh_l0", path)[1],
        )
        for side, state in zip(_SIDES, states, strict=True):
            load_weights(network.get_submodule(side), state, path)
        return network.requires_grad_(requires_grad=True)

    @property
    def sizes(self) -> dict[str, int]:
        """What it was built with, but for the widths of the features."""
        return {
            "width": self.image.fc.out_features,
            "word_width": self.text.embed.embedding_dim,
            "rank_width": self.image.gpool.gru.input_size,
            "rank_hidden": self.image.gpool.gru.hidden_size,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Width of the features of a region, and number of words of the vocabulary."""
        return self.image.fc.in_features, self.text.embed.num_embeddings

    def encode_images(self, regions: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map images to unit rows of shape (n, d).

        Parameters
        ----------
        regions : Tensor, shape (n, R, image_width)
            In any order: the pooling ranks them.
        lengths : Tensor of int64, shape (n,), optional
            How many of the R regions each image has, 1 or more, the others being 0; by default all.

        Raises
        ------
        ShapeError
            If they have another form or width.
        """
        if regions.ndim != 3 or not regions.shape[1] or regions.shape[2] != self.widths[0]:
            raise ShapeError(
                f"regions of shape {tuple(regions.shape)}",
                where="images",
                expected=f"(n_images, n_regions, {self.widths[0]})",
            )
        if lengths is None:
            lengths = torch.full(regions.shape[:1], regions.shape[1], device=regions.device)
        return F.normalize(self.image(regions, lengths).float(), dim=1)

    def encode_texts(self, tokens: Tokens) -> Tensor:
        """Map tokens to unit rows of shape (m, d)."""
        return F.normalize(self.text(tokens).float(), dim=1)

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Compute the cosines of embeddings of images, (n, d), and of texts, (m, d); shape (n, m)."""
        # 16 bits are too few to tell cosines apart.
        with torch.autocast(images.device.type, enabled=False):
            return images @ texts.T


def _matrix(state: State, name: str, path: Path) -> torch.Size:
    if name not in state or state[name].ndim != 2:
        raise FileFormatError(
            f"there is no matrix {name!r}", where=str(path), expected="a checkpoint of VSE-infinity's published code"
        )
    return state[name].shape
