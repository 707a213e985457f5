"""Descriptors of small RGB images, for many images at once."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Keeps a flat window's descriptor at zero instead of amplifying its noise; magnitudes lie in [0, 1].
_FLAT = 1e-2
_CLIP = 0.2


def gradient_histograms(pixels: Array, *, cells: int, orientations: int = 9, block: int = 2) -> Array:
    """Histograms of oriented gradients.

    Parameters
    ----------
    pixels : ndarray of float32, shape (n, height, width, 3)
        Values in [0, 1]; height and width are multiples of ``cells``.
    cells : int
        Cells along each side.
    orientations : int
        Bins over half a turn: the sign of a gradient does not count.
    block : int
        Cells along each side of a block, the unit of normalisation; blocks overlap, one cell apart.

    Returns
    -------
    ndarray of float32, shape (n, (cells - block + 1)² · block² · orientations)

    Notes
    -----
    Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", CVPR 2005: centred
    differences without smoothing, of the colour channel whose gradient is the longest; votes by length,
    shared between the two nearest orientations; blocks normalised by L2-Hys (length 1, values clipped at
    0.2, length 1 again).
    A vote goes to one cell only, where the paper also interpolates between cells.

    Examples
    --------
    >>> import numpy as np
    >>> gradient_histograms(np.zeros((5, 96, 96, 3), dtype=np.float32), cells=3).shape
    (5, 144)
    """
    across, down = _strongest_gradients(pixels)
    histograms = _vote(across, down, cells, orientations)
    return _normalise_blocks(histograms, block)


def _strongest_gradients(pixels: Array) -> tuple[Array, Array]:
    across = np.zeros_like(pixels)
    down = np.zeros_like(pixels)
    across[:, :, 1:-1] = pixels[:, :, 2:] - pixels[:, :, :-2]
    down[:, 1:-1] = pixels[:, 2:] - pixels[:, :-2]
    channel = np.argmax(across * across + down * down, axis=-1)[..., None]
    return (
        np.take_along_axis(across, channel, axis=-1)[..., 0],
        np.take_along_axis(down, channel, axis=-1)[..., 0],
    )


def _vote(across: Array, down: Array, cells: int, orientations: int) -> Array:
    n, height, width = across.shape
    length = np.hypot(across, down)
    # Bin centres lie at (o + 1/2) · π / orientations.
    position = np.mod(np.arctan2(down, across) / np.pi, 1.0) * orientations - 0.5
    lower = np.floor(position)
    share = position - lower
    lower_bin = lower.astype(np.int64) % orientations
    upper_bin = (lower_bin + 1) % orientations

    rows = np.arange(height) // (height // cells)
    columns = np.arange(width) // (width // cells)
    cell = rows[:, None] * cells + columns
    start = (np.arange(n)[:, None, None] * cells * cells + cell) * orientations
    size = n * cells * cells * orientations
    votes = np.bincount((start + lower_bin).ravel(), (length * (1 - share)).ravel(), size)
    votes += np.bincount((start + upper_bin).ravel(), (length * share).ravel(), size)
    return votes.reshape(n, cells, cells, orientations).astype(np.float32)


def _normalise_blocks(histograms: Array, block: int) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(histograms, (block, block), axis=(1, 2))
    n, rows, columns = windows.shape[:3]
    blocks = windows.reshape(n, rows * columns, -1)
    blocks = np.minimum(_unit(blocks), _CLIP)
    return _unit(blocks).reshape(n, -1)


def _unit(blocks: Array) -> Array:
    squared = np.einsum("nbd,nbd->nb", blocks, blocks)[..., None]
    unit: Array = blocks / np.sqrt(squared + _FLAT)
    return unit


def colour_histograms(hsv: Array, bins: tuple[int, int, int]) -> Array:
    """Square roots of joint histograms of hue, saturation and value.

    Parameters
    ----------
    hsv : ndarray of uint8, shape (n, height, width, 3)
        As Pillow's mode ``HSV`` gives it.
    bins : tuple of int
        Bins of hue, of saturation and of value.

    Returns
    -------
    ndarray of float32, shape (n, product of bins)
        Rows of length 1. The square root makes the inner product of two rows the Bhattacharyya coefficient
        of their histograms (the Hellinger kernel; Arandjelović and Zisserman, CVPR 2012).
    """
    n = len(hsv)
    size = int(np.prod(bins))
    levels = hsv.astype(np.int64) * np.asarray(bins) // 256
    joint = (levels[..., 0] * bins[1] + levels[..., 1]) * bins[2] + levels[..., 2]
    joint = joint.reshape(n, -1) + np.arange(n)[:, None] * size
    counts = np.bincount(joint.ravel(), minlength=n * size).reshape(n, size)
    roots: Array = np.sqrt(counts / joint.shape[1]).astype(np.float32)
    return roots


def reduced_pixels(pixels: Array, side: int) -> Array:
    """Mean colours of a ``side`` x ``side`` grid.

    Parameters
    ----------
    pixels : ndarray of float32, shape (n, height, width, 3)
        Height and width are multiples of ``side``.
    side : int
        Cells along each side.

    Returns
    -------
    ndarray of float32, shape (n, side² · 3)
    """
    n, height, width, channels = pixels.shape
    grid = pixels.reshape(n, side, height // side, side, width // side, channels)
    means: Array = grid.mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)
    return means
