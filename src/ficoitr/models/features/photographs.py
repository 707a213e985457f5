"""Photographs as networks that were trained on ImageNet take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]


def central_squares(images: Sequence[Image.Image], *, short: int, side: int, filter: Image.Resampling) -> Array:  # noqa: A002
    """Resize each image until its shorter side has ``short`` pixels, and cut the square at its centre.

    Parameters
    ----------
    images : sequence of PIL.Image.Image
        RGB, of any size; sides keep their ratio, fractions of a pixel being cut off.
    short, side : int
        Of the resized image's shorter side, and of the square, in pixels.
    filter : PIL.Image.Resampling
        How pixels are interpolated.

    Returns
    -------
    ndarray of uint8, shape (n_images, side, side, 3)

    Examples
    --------
    >>> image = Image.new("RGB", (640, 480))
    >>> central_squares([image], short=256, side=224, filter=Image.Resampling.BICUBIC).shape
    (1, 224, 224, 3)
    """
    squares = np.empty((len(images), side, side, 3), dtype=np.uint8)
    for square, image in zip(squares, images, strict=True):
        width, height = (max(short, short * length // min(image.size)) for length in image.size)
        left, top = round((width - side) / 2), round((height - side) / 2)
        resized = image.convert("RGB").resize((width, height), filter)
        square[:] = np.asarray(resized.crop((left, top, left + side, top + side)))
    return squares


def normalised(pixels: Array, mean: Sequence[float], deviation: Sequence[float]) -> Array:
    """Scale pixels to [0, 1], take off the mean and divide by the deviation of each channel.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n_images, height, width, 3)
    mean, deviation : sequence of 3 floats

    Returns
    -------
    ndarray of float32, shape (n_images, 3, height, width)
    """
    channels = pixels.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
    scaled: Array = (channels - _column(mean)) / _column(deviation)
    return scaled


def _column(values: Sequence[float]) -> Array:
    return np.array(values, dtype=np.float32)[:, None, None]
