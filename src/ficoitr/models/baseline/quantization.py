"""Iterative quantization: the rotation that brings real vectors closest to the corners of a cube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Rotation:
    """The result of `iterative_quantization`.

    Parameters
    ----------
    matrix : ndarray of float64, shape (bits, bits)
        Orthogonal; the code of a vector v is ``v @ matrix > 0``.
    losses : ndarray of float64, shape (iterations + 1,)
        Mean squared distance of a rotated vector from its code in {-1, +1}, before the first iteration and
        after each; never rises.
    """

    matrix: Array
    losses: Array


def iterative_quantization(vectors: Array, *, iterations: int, seed: int) -> Rotation:
    """Find the rotation R that minimises the quantization loss ‖sign(V R) - V R‖².

    Parameters
    ----------
    vectors : ndarray of float64, shape (n, bits)
        V, of mean about zero.
    iterations : int
        Alternations between the codes (for a fixed rotation) and the rotation (for fixed codes, an orthogonal
        Procrustes problem). The paper uses 50.
    seed : int
        Of the random rotation that it starts from.

    Notes
    -----
    Gong and Lazebnik, "Iterative Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011,
    section 3 and equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).normal(size=(100, 8))
    >>> rotation = iterative_quantization(vectors, iterations=5, seed=0)
    >>> rotation.matrix.shape, bool((np.diff(rotation.losses) <= 0).all())
    ((8, 8), True)
    """
    bits = vectors.shape[1]
    matrix = _random_rotation(bits, seed)
    losses = [_loss(vectors @ matrix)]
    for _ in range(iterations):
        codes = np.where(vectors @ matrix > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(vectors.T @ codes)
        matrix = left @ right
        losses.append(_loss(vectors @ matrix))
    return Rotation(matrix, np.array(losses))


def _random_rotation(bits: int, seed: int) -> Array:
    orthogonal, upper = np.linalg.qr(np.random.default_rng(seed).normal(size=(bits, bits)))
    # Without this the distribution depends on the decomposition's choice of signs (Mezzadri 2007).
    rotation: Array = orthogonal * np.sign(np.diag(upper))
    return rotation


def _loss(rotated: Array) -> float:
    # |v| - 1 is the distance of v from the nearer of -1 and +1.
    return float(np.square(np.abs(rotated) - 1).sum(axis=1).mean())
