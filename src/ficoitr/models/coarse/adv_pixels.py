"""What ADV's screening model reads of an image: its pixels, and how they are varied in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ficoitr.models.features.photographs import normalised

if TYPE_CHECKING:
    from ficoitr.data.images import ImageSource

Array = np.ndarray[Any, Any]

SIDE = 256
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Of red, green and blue in the grey that contrast is measured around (ITU-R BT.601).
_GREY = (0.299, 0.587, 0.114)


class ScreeningPixels:
    """Images as the screening model takes them, decoded when they are asked for.

    Each is squeezed to a square of 256 pixels, whatever its sides' ratio (bilinear), and scaled by the mean and
    deviation of ImageNet's channels.

    Parameters
    ----------
    images : sequence of PIL.Image.Image
        RGB, of any size, such as ``dataset.images``.
    side : int
        256 as published.

    Examples
    --------
    >>> pixels = ScreeningPixels([Image.new("RGB", (640, 480))])
    >>> pixels[np.array([0])].shape
    (1, 3, 256, 256)
    """

    def __init__(self, images: ImageSource | Sequence[Image.Image], *, side: int = SIDE) -> None:
        self._images = images
        self._side = side

    def __len__(self) -> int:
        return len(self._images)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, channels, height and width."""
        return len(self._images), 3, self._side, self._side

    def __getitem__(self, rows: Array) -> Array:
        """Return float32 of shape (n, 3, side, side)."""
        squares = np.empty((len(rows), self._side, self._side, 3), dtype=np.uint8)
        for square, row in zip(squares, rows.tolist(), strict=True):
            image = self._images[row].convert("RGB")
            square[:] = np.asarray(image.resize((self._side, self._side), Image.Resampling.BILINEAR))
        return normalised(squares, _MEAN, _DEVIATION)


def varied(pixels: Tensor, *, contrast: float) -> Tensor:
    """Mirror every other image, and change each one's contrast, both at random.

    With c from U(1 - contrast, 1 + contrast) and the mean grey g of an image: p ← min(1, max(0, c p + (1 - c) g)).

    Parameters
    ----------
    pixels : Tensor, shape (n, 3, height, width)
        As `ScreeningPixels` gives them. Random numbers come from torch's global generator of the CPU.
    contrast : float
        0.4 as published.
    """
    mean, deviation = (pixels.new_tensor(one)[:, None, None] for one in (_MEAN, _DEVIATION))
    mirrored = (torch.rand(len(pixels), 1, 1, 1) < 0.5).to(pixels.device)
    factor = (1 + contrast * (2 * torch.rand(len(pixels), 1, 1, 1) - 1)).to(pixels.device)
    values = torch.where(mirrored, pixels.flip(3), pixels) * deviation + mean
    grey = torch.einsum("nchw,c->nhw", values, pixels.new_tensor(_GREY)).mean(dim=(1, 2))[:, None, None, None]
    return ((factor * values + (1 - factor) * grey).clamp(0, 1) - mean) / deviation
