"""Two sets of classic image features: of the whole image, and of its regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ficoitr.models.features.pixels import colour_histograms, gradient_histograms, reduced_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, Any]

_GLOBAL_SIDE = 96
_REGION_SIDE = 24
_GLOBAL_COLOURS = (17, 4, 3)
_REGION_COLOURS = (12, 3, 3)

# Eight fixed regions for images whose objects nobody has boxed, as shares of width and height:
# the whole, the four quarters, the centre, the upper and the lower half.
FIXED_REGIONS = np.array(
    [
        [0.00, 0.00, 1.00, 1.00],
        [0.00, 0.00, 0.50, 0.50],
        [0.50, 0.00, 1.00, 0.50],
        [0.00, 0.50, 0.50, 1.00],
        [0.50, 0.50, 1.00, 1.00],
        [0.25, 0.25, 0.75, 0.75],
        [0.00, 0.00, 1.00, 0.50],
        [0.00, 0.50, 1.00, 1.00],
    ]
)


@dataclass(frozen=True)
class Block:
    """Columns of a feature set that are one kind of descriptor, and are scaled together."""

    name: str
    size: int


GLOBAL_BLOCKS = (Block("colours", 204), Block("gradients", 144), Block("pixels", 432))
REGION_BLOCKS = (Block("colours", 108), Block("gradients", 36), Block("pixels", 192), Block("geometry", 9))


def global_features(images: Sequence[Image.Image]) -> Array:
    """Describe whole images: colours (204), gradients (144) and 12 x 12 pixels (432).

    Parameters
    ----------
    images : sequence of PIL.Image.Image
        RGB, of any size; each is reduced to 96 x 96.

    Returns
    -------
    ndarray of float32, shape (n_images, 780)
    """
    reduced = [image.resize((_GLOBAL_SIDE, _GLOBAL_SIDE), Image.Resampling.BILINEAR) for image in images]
    pixels, hsv = _stack(reduced)
    return np.concatenate(
        [
            colour_histograms(hsv, _GLOBAL_COLOURS),
            gradient_histograms(pixels, cells=3),
            reduced_pixels(pixels, 12),
        ],
        axis=1,
    )


def region_features(images: Sequence[Image.Image], boxes: Sequence[Array]) -> list[Array]:
    """Describe regions: colours (108), gradients (36), 8 x 8 pixels (192) and geometry (9).

    Parameters
    ----------
    images : sequence of PIL.Image.Image
        RGB, of any size.
    boxes : sequence of ndarray, each of shape (n_regions, 4)
        Left, top, right and bottom in pixels, one array an image; cut to the image, at least a pixel wide.

    Returns
    -------
    list of ndarray of float32, each of shape (n_regions, 345)
    """
    cut = [_inside(image_boxes, image.size) for image, image_boxes in zip(images, boxes, strict=True)]
    crops = [
        image.resize((_REGION_SIDE, _REGION_SIDE), Image.Resampling.BILINEAR, box=tuple(box))
        for image, image_boxes in zip(images, cut, strict=True)
        for box in image_boxes.tolist()
    ]
    pixels, hsv = _stack(crops)
    shares = np.concatenate([box / np.tile(image.size, 2) for image, box in zip(images, cut, strict=True)]).astype(
        np.float32
    )
    features = np.concatenate(
        [
            colour_histograms(hsv, _REGION_COLOURS),
            gradient_histograms(pixels, cells=2),
            reduced_pixels(pixels, 8),
            _geometry(shares),
        ],
        axis=1,
    )
    ends = np.cumsum([len(image_boxes) for image_boxes in cut])
    return np.split(features, ends[:-1])


def fixed_boxes(size: tuple[int, int]) -> Array:
    """Return the fixed regions of an image of ``size`` (width, height), in pixels; shape (8, 4)."""
    boxes: Array = FIXED_REGIONS * np.tile(size, 2)
    return boxes


def _inside(boxes: Array, size: tuple[int, int]) -> Array:
    limits = np.array(size)
    left_top = np.clip(boxes[:, :2], 0, limits - 1)
    right_bottom = np.clip(boxes[:, 2:], left_top + 1, limits)
    return np.concatenate([left_top, right_bottom], axis=1)


def _geometry(shares: Array) -> Array:
    left, top, right, bottom = shares.T
    width, height = right - left, bottom - top
    centre = ((left + right) / 2, (top + bottom) / 2)
    return np.stack([left, top, right, bottom, *centre, width, height, width * height], axis=1)


def _stack(images: Sequence[Image.Image]) -> tuple[Array, Array]:
    pixels = np.stack([np.asarray(image) for image in images]).astype(np.float32) / np.float32(255)
    hsv = np.stack([np.asarray(image.convert("HSV")) for image in images])
    return pixels, hsv
