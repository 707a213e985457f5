"""The two networks of VSE++, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.features.weights import load_weights
from ficoitr.models.fine.last_state import LastState
from ficoitr.models.fine.words import Tokens

Similarity = Literal["cosine", "order"]
State = Mapping[str, Tensor]

_SIDES = ("image", "text")
# Differences of an image and a text that are held at a time: 128 images, 128 texts, 1,024 numbers.
_MOST_NUMBERS = 1 << 24


class ImageEncoder(nn.Module):
    """A linear map of one vector an image, or of the mean of its regions.

    Parameters
    ----------
    image_width : int
        Of the features.
    width : int
        d, of the embedding.
    hidden : int
        Of the layer that each region passes before the mean; 0 for none, as in the published code.
    """

    def __init__(self, image_width: int, width: int, hidden: int = 0) -> None:
        super().__init__()
        self.hidden = nn.Linear(image_width, hidden) if hidden else None
        self.fc = nn.Linear(hidden or image_width, width)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map features of shape (n, image_width) or (n, R, image_width) to (n, d)."""
        if self.hidden is not None:
            features = self.hidden(features).relu()
        found: Tensor = self.fc(features if features.ndim == 2 else features.mean(dim=1))
        return found


class VSEPPNetwork(nn.Module):
    """VSE++'s image and text networks, whose embeddings are compared by their product or by their order.

    Parameters
    ----------
    image_width : int
        Of the features of an image or of a region.
    n_words : int
        Of the vocabulary.
    width : int
        d, of the embeddings.
    word_width : int
        Of the vector of a word.
    similarity : {"cosine", "order"}
        How embeddings are compared, see `score`.
    image_norm : bool
        Whether the embeddings of images are scaled to norm 1; those of texts always are.
    absolute : bool
        Whether embeddings are replaced by their absolute values at the end, as order embeddings want it.
    hidden : int
        Of the layer that each region passes before the mean of the regions is taken; 0 for none, as published.

    Notes
    -----
    Faghri et al., "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives", BMVC 2018. The published
    checkpoints hold the state dicts of the ``image`` and of the ``text`` network.

    Examples
    --------
    >>> network = VSEPPNetwork(20, 100, width=16, word_width=8)
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
        similarity: Similarity = "cosine",
        image_norm: bool = True,
        absolute: bool = False,
        hidden: int = 0,
    ) -> None:
        super().__init__()
        self.similarity: Similarity = similarity
        self.image_norm = image_norm
        self.absolute = absolute
        self.image = ImageEncoder(image_width, width, hidden)
        self.text = LastState(n_words, width, word_width=word_width)

    @classmethod
    def from_published(
        cls,
        states: Sequence[State],
        *,
        path: Path = Path("checkpoint"),
        similarity: Similarity = "cosine",
        image_norm: bool = True,
        absolute: bool = False,
    ) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes.

        Parameters
        ----------
        states : sequence of two mappings from str to Tensor
            Of the image and of the text network.
        path : Path
            What errors name.
        similarity, image_norm, absolute
            What no tensor tells: in the checkpoint's ``opt`` they are ``measure``, ``not no_imgnorm`` and ``use_abs``.

        Raises
        ------
        FileFormatError
            If a tensor is missing, unknown, or of another shape than the others ask for; so it is with networks that
            read pixels.
        """
        image, text = states
        width, image_width = _matrix(image, "fc.weight", path)
        n_words, word_width = _matrix(text, "embed.weight", path)
        network = cls(
            image_width,
            n_words,
            width=width,
            word_width=word_width,
            similarity=similarity,
            image_norm=image_norm,
            absolute=absolute,
        )
        for side, state in zip(_SIDES, states, strict=True):
            load_weights(network.get_submodule(side), state, path)
        return network.requires_grad_(requires_grad=True)

    @property
    def sizes(self) -> dict[str, int | str | bool]:
        """What it was built with, but for the widths of the features."""
        return {
            "width": self.image.fc.out_features,
            "word_width": self.text.embed.embedding_dim,
            "similarity": self.similarity,
            "image_norm": self.image_norm,
            "absolute": self.absolute,
            "hidden": 0 if self.image.hidden is None else self.image.hidden.out_features,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Width of the features of an image or a region, and number of words of the vocabulary."""
        first = self.image.hidden or self.image.fc
        return first.in_features, self.text.embed.num_embeddings

    def encode_images(self, features: Tensor) -> Tensor:
        """Map images to embeddings of shape (n, d).

        Parameters
        ----------
        features : Tensor, shape (n, image_width) or (n, R, image_width)
            Of whole images, or of regions, whose mean is taken.

        Raises
        ------
        ShapeError
            If they have another form or width.
        """
        if features.ndim not in {2, 3} or 0 in features.shape[1:] or features.shape[-1] != self.widths[0]:
            raise ShapeError(
                f"features of shape {tuple(features.shape)}",
                where="images",
                expected=f"(n_images, {self.widths[0]}) or (n_images, n_regions, {self.widths[0]})",
            )
        embeddings: Tensor = self.image(features).float()
        if self.image_norm:
            embeddings = F.normalize(embeddings, dim=1)
        return embeddings.abs() if self.absolute else embeddings

    def encode_texts(self, tokens: Tokens) -> Tensor:
        """Map tokens to embeddings of shape (m, d), unit rows."""
        embeddings: Tensor = self.text(tokens)
        return embeddings.abs() if self.absolute else embeddings

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score embeddings of images, v of shape (n, d), and of texts, t of shape (m, d).

        ``cosine`` is v·t, the cosine where both are of norm 1; ``order`` is -‖max(0, t - v)‖, which is 0 where no
        coordinate of the text is above the image's (Vendrov et al., "Order-Embeddings of Images and Language",
        ICLR 2016, equation 2, without the square).

        Returns
        -------
        Tensor, shape (n, m)
        """
        if self.similarity == "cosine":
            # 16 bits are too few to tell cosines apart.
            with torch.autocast(images.device.type, enabled=False):
                return images @ texts.T
        rows = max(1, _MOST_NUMBERS // max(1, texts.numel()))
        return torch.cat([_order(block, texts) for block in torch.split(images, rows)])


def _order(images: Tensor, texts: Tensor) -> Tensor:
    # The norm's gradient is 0 at 0, where that of a square root would be no number.
    norms: Tensor = torch.linalg.vector_norm((texts - images[:, None]).clamp(min=0), dim=-1)
    return -norms


def _matrix(state: State, name: str, path: Path) -> torch.Size:
    if name not in state or state[name].ndim != 2:
        raise FileFormatError(
            f"there is no matrix {name!r}", where=str(path), expected="a checkpoint of VSE++'s published code"
        )
    return state[name].shape
