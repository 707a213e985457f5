"""Regions of images as vectors in the space of words: one linear map, each region scaled to 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import ShapeError

_EPSILON = 1e-8


def unit(vectors: Tensor) -> Tensor:
    """Scale vectors to 1 along the last axis, x / (‖x‖ + 1e-8), in float32 or float64; the gradient at 0 is finite."""
    if vectors.dtype != torch.float64:
        vectors = vectors.float()
    norms: Tensor = torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)
    return vectors / (norms + _EPSILON)


class ScaledLinear(nn.Module):
    """A linear map by g V / ‖V‖, the norm being that of the whole matrix.

    Parameters
    ----------
    in_features, out_features : int

    Notes
    -----
    Salimans and Kingma, "Weight Normalization", NeurIPS 2016, with one g; the names are those of torch's
    ``weight_norm`` with ``dim=None``, which the published code uses.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        first = nn.Linear(in_features, out_features)
        self.bias = nn.Parameter(first.bias.detach())
        self.weight_g = nn.Parameter(first.weight.detach().norm())
        self.weight_v = nn.Parameter(first.weight.detach())

    @property
    def in_features(self) -> int:
        """Width of what is mapped."""
        return self.weight_v.shape[1]

    @property
    def out_features(self) -> int:
        """Width of what comes out."""
        return self.weight_v.shape[0]

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs of shape (…, in_features) to (…, out_features)."""
        return F.linear(inputs, self.weight_v * (self.weight_g / self.weight_v.norm()), self.bias)


class RegionEncoder(nn.Module):
    """Map each region by itself: v = W x + b, scaled to 1.

    Parameters
    ----------
    image_width : int
        Of the features of a region.
    width : int
        d.
    norm : bool
        Whether regions are scaled to 1.
    weight_norm : bool
        Whether W is a `ScaledLinear`'s, under torch's first weights, or begins with Xavier's uniform ones and b = 0.
    layer : str
        What the published checkpoints call W and b.
    """

    def __init__(
        self, image_width: int, width: int, *, norm: bool = True, weight_norm: bool = False, layer: str = "fc"
    ) -> None:
        super().__init__()
        self.norm = norm
        self._layer = layer
        self.add_module(layer, _linear(image_width, width, weight_norm=weight_norm))

    @property
    def linear(self) -> nn.Linear | ScaledLinear:
        """The linear map, whatever its name."""
        layer: Any = self.get_submodule(self._layer)
        linear: nn.Linear | ScaledLinear = layer
        return linear

    def forward(self, regions: Tensor) -> Tensor:
        """Map regions of shape (n, R, image_width) to (n, R, d).

        Raises
        ------
        ShapeError
            If they have another form or width.
        """
        width = self.linear.in_features
        if regions.ndim != 3 or regions.shape[1] == 0 or regions.shape[2] != width:
            raise ShapeError(
                f"features of shape {tuple(regions.shape)}",
                where="images",
                expected=f"regions of shape (n_images, n_regions, {width})",
            )
        mapped: Tensor = self.linear(regions)
        return unit(mapped) if self.norm else mapped


def _linear(image_width: int, width: int, *, weight_norm: bool) -> nn.Linear | ScaledLinear:
    if weight_norm:
        return ScaledLinear(image_width, width)
    linear = nn.Linear(image_width, width)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
