"""VGG-19 and its layer fc7, the image features of most papers on cross-modal hashing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from ficoitr.models.features.base import ImageExtractor
from ficoitr.models.features.networks import NetworkExtractor
from ficoitr.models.features.photographs import central_squares, normalised
from ficoitr.models.features.weights import load_weights, read_weights

Array = np.ndarray[Any, Any]

# Convolutions of each of the five stages, and their channels (configuration E of the paper).
_STAGES = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
_FC, _CLASSES = 4096, 1000
_GRID = 7
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG19Network(nn.Module):
    """The network, from pixels to fc7, and on to ImageNet's classes.

    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015. Names of
    tensors are those of torchvision's weights: ``features.0.weight`` to ``features.34.bias``, ``classifier.0``,
    ``classifier.3`` and ``classifier.6``.

    Parameters
    ----------
    divisor : int
        All widths but that of the classes are divided by it: 1 is the network of the paper.
    """

    def __init__(self, divisor: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for repeats, wanted in _STAGES:
            for _ in range(repeats):
                layers += [nn.Conv2d(channels, wanted // divisor, 3, padding=1), nn.ReLU()]
                channels = wanted // divisor
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        # Dropout does nothing here; it keeps the numbers in the names.
        self.classifier = nn.Sequential(
            nn.Linear(channels * _GRID * _GRID, _FC // divisor),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(_FC // divisor, _FC // divisor),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(_FC // divisor, _CLASSES),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images of shape (n, 3, 224, 224) to fc7 after its ReLU, (n, 4096)."""
        fc7: torch.Tensor = self.classifier[:5](self.features(images).flatten(start_dim=1))
        return fc7


class VGG19(NetworkExtractor, ImageExtractor):
    """The second fully connected layer after its ReLU: 4,096 numbers an image, about four in five of them zero.

    Parameters
    ----------
    weights : Path
        torchvision's weights of VGG-19, such as ``vgg19-dcbb9e9d.pth``, or the same as ``.safetensors``.
    divisor : int
        See `VGG19Network`.

    Notes
    -----
    Images are resized (bilinear) until the shorter side has 256 pixels, cut to the central 224 × 224, and scaled by the
    mean and deviation of ImageNet's channels, as in the training of these weights.
    """

    name = "vgg19"

    def __init__(self, weights: Path, *, divisor: int = 1) -> None:
        super().__init__(weights)
        self.shape = (_FC // divisor,)
        self._network = VGG19Network(divisor)
        load_weights(self._network, read_weights(weights), weights)

    def __call__(self, images: Sequence[Image.Image]) -> Array:
        """Describe RGB images of any size; float32, shape (n_images, 4096)."""
        squares = central_squares(images, short=256, side=224, filter=Image.Resampling.BILINEAR)
        with torch.inference_mode():
            # One at a time, so that an image's features do not depend on the others.
            rows = [self._network(torch.from_numpy(normalised(one[None], _MEAN, _DEVIATION))) for one in squares]
            return torch.cat(rows).numpy()
