"""The networks of ADV, with the names of its published checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import ShapeError
from ficoitr.models.coarse.adv_layer import BertLayer
from ficoitr.models.coarse.resnet import ResNet50
from ficoitr.models.features.tokens import TokenFeatures

_KERNELS = (1, 2, 3)
# Puts the value that is the median below it, so that of an even number of bits half are +1.
_NUDGE = 1e-8


def median_codes(values: Tensor, sharpness: float) -> Tensor:
    """Compute tanh(s · (v - (median(v) + 1e-8))), codes in (-1, 1) of which half are above 0.

    Parameters
    ----------
    values : Tensor, shape (..., D)
        v. The median is the lower of the two in the middle if D is even.
    sharpness : float
        s.

    Notes
    -----
    In float32, a median of 0.25 or more swallows the 1e-8, and the bits that equal it are exactly 0: the published code
    makes a third sign of them, this package bits that are set.
    """
    values = values.float()
    median = values.median(dim=-1, keepdim=True).values
    return torch.tanh(sharpness * (values - (median + _NUDGE)))


class RegionEncoder(nn.Module):
    """Codes of images from their regions, by one layer of a transformer, without positions.

    Each region becomes a distribution over the bits, and the image their mean e: tanh(s · (e - median(e))).

    Parameters
    ----------
    width : int
        Of the features of a region.
    bits : int
        D, the length of a code.
    hidden, heads, inner : int
        Widths of the layer and of its feed-forward network, and its attention heads.
    dropout : float
        Share of attention weights, and of what each half of the layer adds, that is set to zero in training.
    sharpness : float
        100 as published.
    """

    def __init__(
        self,
        width: int,
        bits: int,
        *,
        hidden: int = 256,
        heads: int = 16,
        inner: int = 2048,
        dropout: float = 0.1,
        sharpness: float = 100.0,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.sharpness = sharpness
        self.layer = BertLayer(hidden, heads, inner, dropout)
        self.mapping = nn.Linear(width, hidden)
        self.mapping2 = nn.Linear(hidden, bits)

    def forward(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, width) to codes of shape (n, D).

        Raises
        ------
        ShapeError
            If they have another form, such as one vector an image.
        """
        width = self.mapping.in_features
        if regions.ndim != 3 or regions.shape[2] != width:
            raise ShapeError(
                f"image features of shape {tuple(regions.shape)}",
                where="image features",
                expected=f"sets of regions, (n_images, n_regions, {width})",
            )
        states = self.mapping2(self.layer(self.mapping(regions)))
        return median_codes(states.float().softmax(dim=-1).mean(dim=1), self.sharpness)


class PixelEncoder(nn.Module):
    """Codes of images from their pixels, by a ResNet-50 whose last layer gives z: tanh(10 · (z - median(z))).

    Parameters
    ----------
    bits : int
        D, the length of a code.
    divisor : int
        All widths of the ResNet are divided by it: 1 is the published network.
    """

    sharpness = 10.0

    def __init__(self, bits: int, *, divisor: int = 1) -> None:
        super().__init__()
        self.backbone = ResNet50(bits, divisor=divisor)

    def forward(self, pixels: Tensor) -> Tensor:
        """Map normalised pixels of shape (n, 3, height, width) to codes of shape (n, D)."""
        return median_codes(self.backbone(pixels), self.sharpness)


class TextEncoder(nn.Module):
    """Codes of texts from the states of their tokens, by convolutions over one, two and three of them.

    Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014: the maximum of each channel over
    time. A last layer gives a distribution e over the bits: tanh(s · (e - median(e))).

    Parameters
    ----------
    width : int
        Of the states.
    bits : int
        D, the length of a code.
    channels : int
        Of each of the three convolutions.
    dropout : float
        Share of the maxima that is set to zero in training.
    ignore_padding : bool
        Whether windows that reach into padding are left out; the published network reads them.
    sharpness : float
        10 as published.
    """

    def __init__(
        self,
        width: int,
        bits: int,
        *,
        channels: int = 512,
        dropout: float = 0.1,
        ignore_padding: bool = False,
        sharpness: float = 10.0,
    ) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.width = width
        self.channels = channels
        self.convs1 = nn.ModuleList(nn.Conv2d(1, channels, (size, width)) for size in _KERNELS)
        self.dropout = nn.Dropout(dropout)
        self.mapping = nn.Linear(len(_KERNELS) * channels, bits)
        self.ignore_padding = ignore_padding

    def forward(self, tokens: TokenFeatures) -> Tensor:
        """Map states of shape (..., T, width) to codes of shape (..., D).

        Raises
        ------
        ShapeError
            If T is below 3, the longest window.
        """
        length = tokens.states.shape[-2]
        if length < max(_KERNELS):
            raise ShapeError(f"texts of {length} tokens", where="token features", expected="3 or more, with padding")
        states, mask = tokens.states.flatten(0, -3), tokens.mask.flatten(0, -2)
        maxima = self._maxima(states, mask)
        values = self.mapping(self.dropout(maxima))
        codes = median_codes(values.float().softmax(dim=-1), self.sharpness)
        return codes.view(*tokens.mask.shape[:-1], -1)

    def _maxima(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return the maximum over time of each channel of the three convolutions, after ReLU; (n, 3 · channels)."""
        # One product of all states with the weights of every place in a window, whose results are then added up with
        # a shift, copies less than windows would. A maximum can come before what does not change the order.
        weights = [one.get_parameter("weight")[:, 0].transpose(0, 1).flatten(0, 1) for one in self.convs1]
        parts = F.linear(states, torch.cat(weights)).chunk(sum(_KERNELS), dim=2)
        maxima, start = [], 0
        for size, convolution in zip(_KERNELS, self.convs1, strict=True):
            windows = states.shape[1] - size + 1
            values = parts[start][:, :windows]
            for place in range(1, size):
                values = values + parts[start + place][:, place : place + windows]
            start += size
            if self.ignore_padding:
                # The first window stays, for texts that are shorter.
                outside = ~mask[:, size - 1 :]
                outside[:, 0] = False
                values = values.masked_fill(outside[:, :, None], -torch.inf)
            maxima.append(F.relu(values.max(dim=1).values + convolution.get_parameter("bias")))
        return torch.cat(maxima, dim=1)


class ADVNetwork(nn.Module):
    """ADV's image and text networks, and the head that reads concepts from the codes of texts.

    Parameters
    ----------
    image : RegionEncoder or PixelEncoder
    text : TextEncoder
    n_concepts : int
        L; 0 for no such head.
    concept_hidden : int
        Width of its hidden layer.

    Notes
    -----
    Li et al., "Efficient Fine-Grained Visual-Text Search Using Adversarially-Learned Hash Codes", ICME 2021. The
    published checkpoints hold a list of state dicts, of the ``image``, the ``text`` and the ``concept`` network, whose
    names are those of these modules; the text network's also holds its frozen BERT, see
    `ficoitr.models.coarse.adv_checkpoints`.

    Examples
    --------
    >>> network = ADVNetwork(RegionEncoder(20, 16, hidden=32, heads=4, inner=64), TextEncoder(24, 16, channels=8))
    >>> network.eval().encode_images(torch.rand(4, 6, 20)).shape
    torch.Size([4, 16])
    >>> tokens = TokenFeatures(torch.rand(4, 12, 24), torch.ones(4, 12, dtype=torch.bool))
    >>> network.encode_texts(tokens).shape
    torch.Size([4, 16])
    """

    def __init__(
        self,
        image: RegionEncoder | PixelEncoder,
        text: TextEncoder,
        *,
        n_concepts: int = 0,
        concept_hidden: int = 1024,
    ) -> None:
        super().__init__()
        self.image = image
        self.text = text
        self.n_concepts = n_concepts
        self.bits = text.mapping.out_features
        self.concept = None
        if n_concepts:
            self.concept = nn.Sequential(
                nn.Linear(self.bits, concept_hidden), nn.ReLU(), nn.Linear(concept_hidden, n_concepts)
            )

    @property
    def sizes(self) -> dict[str, Any]:
        """What it was built with, but for the widths of the features and the number of concepts."""
        image = self.image
        of_regions = (
            {
                "hidden": image.mapping.out_features,
                "heads": image.heads,
                "image_sharpness": image.sharpness,
                "inner": image.layer.intermediate["dense"].out_features,
            }
            if isinstance(image, RegionEncoder)
            else {}
        )
        of_concepts = {} if self.concept is None else {"concept_hidden": self.concept[0].out_features}
        return {
            "bits": self.bits,
            "image_encoder": "regions" if of_regions else "pixels",
            "text_sharpness": self.text.sharpness,
            "ignore_padding": self.text.ignore_padding,
            "dropout": self.text.dropout.p,
            "channels": self.text.channels,
            "concepts": self.concept is not None,
            **of_regions,
            **of_concepts,
        }

    @property
    def widths(self) -> tuple[int, int]:
        """Those of a region, or the channels of a pixel, and of the state of a token."""
        image = self.image.mapping.in_features if isinstance(self.image, RegionEncoder) else 3
        return image, self.text.width

    def encode_images(self, features: Tensor) -> Tensor:
        """Map regions of shape (n, R, width), or pixels, to codes in (-1, 1) of shape (n, D)."""
        codes: Tensor = self.image(features)
        return codes

    def encode_texts(self, tokens: TokenFeatures) -> Tensor:
        """Map token features of shape (..., T, width) to codes in (-1, 1) of shape (..., D)."""
        codes: Tensor = self.text(tokens)
        return codes
