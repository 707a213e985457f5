"""The two networks of VSRN, with the names of its published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import FileFormatError, ShapeError
from ficoitr.models.features.weights import load_weights
from ficoitr.models.fine.last_state import LastState
from ficoitr.models.fine.words import Tokens

Variant = Literal["flickr30k", "coco"]
State = Mapping[str, Tensor]

# Named one by one in the published checkpoints, as in the paper's experiments.
_BLOCKS = tuple(f"Rs_GCN_{number}" for number in range(1, 5))
_SIDES = ("image", "text")


class RegionReasoning(nn.Module):
    """A residual block in which every region hears of every other: X + BN(W₀ A g(X)), A = θ(X) φ(X)ᵀ / R.

    θ, φ, g and W₀ are linear maps with biases; R is the number of regions. There is no softmax over A. It is the
    identity at first: BN's scale and shift begin at 0.

    Parameters
    ----------
    width : int
        Of a region, as it comes and as it leaves.

    Notes
    -----
    Li et al., "Visual Semantic Reasoning for Image-Text Matching", ICCV 2019, equations 2 and 3, with the division
    by R of its published code, which keeps its maps as convolutions of size 1.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.g = nn.Conv1d(width, width, 1)
        self.W = nn.Sequential(nn.Conv1d(width, width, 1), nn.BatchNorm1d(width))
        self.theta = nn.Conv1d(width, width, 1)
        self.phi = nn.Conv1d(width, width, 1)
        for parameter in self.W[1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, regions: Tensor) -> Tensor:
        """Reason over regions of shape (n, R, width); the result has the same shape."""
        affinities = _linear(self.theta, regions) @ _linear(self.phi, regions).mT / regions.shape[1]
        heard = _linear(self.W[0], affinities @ _linear(self.g, regions))
        # Over all regions of all images.
        refined: Tensor = self.W[1](heard.flatten(0, 1))
        return regions + refined.view_as(heard)


class ImageEncoder(nn.Module):
    """Regions to one unit vector: a linear map, four blocks of reasoning, and a GRU over the regions in their order.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    width : int
        d, of the embedding.
    variant : {"flickr30k", "coco"}
        With batch normalisation of what the GRU comes to, or with `over_regions` after the linear map.
    """

    def __init__(self, image_width: int, width: int, *, variant: Variant = "flickr30k") -> None:
        super().__init__()
        self.fc = nn.Linear(image_width, width)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)
        self.img_rnn = nn.GRU(width, width, batch_first=True)
        for name in _BLOCKS:
            self.add_module(name, RegionReasoning(width))
        self.bn = nn.BatchNorm1d(width) if variant == "flickr30k" else None

    def reason(self, regions: Tensor) -> Tensor:
        """Map features of regions, of shape (n, R, image_width), to regions that know of each other, (n, R, d)."""
        regions = self.fc(regions)
        if self.bn is None:
            regions = over_regions(regions)
        for name in _BLOCKS:
            regions = self.get_submodule(name)(regions)
        return over_regions(regions)

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Return unit rows of shape (n, d), and what `reason` gives, which captions are learnt from."""
        known = self.reason(regions)
        last = self.img_rnn(known)[1][0]
        if self.bn is not None:
            last = self.bn(last)
        return F.normalize(last.float(), dim=1), known


class VSRNNetwork(nn.Module):
    """VSRN's image and text networks, whose embeddings are compared by their cosine.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    n_words : int
        Of the vocabulary.
    width : int
        d, of the embeddings.
    word_width : int
        Of the vector of a word.
    variant : {"flickr30k", "coco"}
        Which of the two forms that the published code has, by dataset; see `ImageEncoder`.

    Notes
    -----
    Li et al., "Visual Semantic Reasoning for Image-Text Matching", ICCV 2019. The published checkpoints hold the state
    dicts of the ``image`` and of the ``text`` network; the branch that learns to caption is no part of them, see
    `ficoitr.models.fine.vsrn_captions.CaptionBranch`.

    Examples
    --------
    >>> network = VSRNNetwork(20, 100, width=16, word_width=8)
    >>> images = network.encode_images(torch.rand(3, 5, 20))
    >>> network.score(images, network.encode_texts(Tokens.of([[1, 7, 2], [1, 2]]))).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        image_width: int,
        n_words: int,
        *,
        width: int = 2048,
        word_width: int = 300,
        variant: Variant = "flickr30k",
    ) -> None:
        super().__init__()
        self.image = ImageEncoder(image_width, width, variant=variant)
        self.text = LastState(n_words, width, word_width=word_width)

    @classmethod
    def from_published(cls, states: Sequence[State], *, path: Path = Path("checkpoint")) -> Self:
        """Build the networks of a checkpoint of the authors' code, whatever their sizes and variant.

        Parameters
        ----------
        states : sequence of two mappings from str to Tensor
            Of the image and of the text network.
        path : Path
            What errors name.

        Raises
        ------
        FileFormatError
            If a tensor is missing, unknown, or of another shape than the others ask for.
        """
        image, text = states
        width, image_width = _matrix(image, "fc.weight", path)
        n_words, word_width = _matrix(text, "embed.weight", path)
        network = cls(
            image_width,
            n_words,
            width=width,
            word_width=word_width,
            variant="flickr30k" if any(name.startswith("bn.") for name in image) else "coco",
        )
        for side, state in zip(_SIDES, states, strict=True):
            load_weights(network.get_submodule(side), state, path)
        return network.eval().requires_grad_(requires_grad=True)

    @property
    def sizes(self) -> dict[str, int | str]:
        """What it was built with, but for the widths of the features."""
        return {
            "width": self.image.fc.out_features,
            "word_width": self.text.embed.embedding_dim,
            "variant": "coco" if self.image.bn is None else "flickr30k",
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Width of the features of a region, and number of words of the vocabulary."""
        return self.image.fc.in_features, self.text.embed.num_embeddings

    def encode_images(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, image_width), in the detector's order, to unit rows of shape (n, d).

        Raises
        ------
        ShapeError
            If they have another form or width.
        """
        embeddings: Tensor = self.encode_regions(regions)[0]
        return embeddings

    def encode_regions(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Map regions as `encode_images` does; return the regions after reasoning, of shape (n, R, d), too."""
        if regions.ndim != 3 or not regions.shape[1] or regions.shape[2] != self.widths[0]:
            raise ShapeError(
                f"regions of shape {tuple(regions.shape)}",
                where="images",
                expected=f"(n_images, n_regions, {self.widths[0]})",
            )
        found: tuple[Tensor, Tensor] = self.image(regions)
        return found

    def encode_texts(self, tokens: Tokens) -> Tensor:
        """Map tokens to unit rows of shape (m, d)."""
        found: Tensor = self.text(tokens)
        return found

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Compute the cosines of embeddings of images, (n, d), and of texts, (m, d); shape (n, m)."""
        return images @ texts.T


def over_regions(regions: Tensor) -> Tensor:
    """Scale every channel of an image to norm 1 over its regions; shape (n, R, d), as it was.

    The published code means to scale the regions, but takes the norm along the wrong axis; its weights need it so.
    A channel that is 0 in all regions stays 0.
    """
    return F.normalize(regions, dim=1)


def _linear(convolution: Any, values: Tensor) -> Tensor:
    """Apply a convolution of size 1 to channels that come last."""
    return F.linear(values, convolution.weight.squeeze(2), convolution.bias)


def _matrix(state: State, name: str, path: Path) -> torch.Size:
    if name not in state or state[name].ndim != 2:
        raise FileFormatError(
            f"there is no matrix {name!r}", where=str(path), expected="a checkpoint of VSRN's published code"
        )
    return state[name].shape
