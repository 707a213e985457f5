"""Whole similarity matrices, for those who want one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.errors import OptionError, ShapeError, ValuesError
from ficoitr.outputs.checks import as_matrix, require_finite

Array = np.ndarray[Any, Any]
_BLOCK_BYTES = 64 << 20


def similarity_matrix(x: Any, y: Any, measure: str = "cosine") -> Array:
    """Similarities of all rows of ``x`` with all rows of ``y``; see `ficoitr.compute_similarity`."""
    left, right = as_matrix(x, "x"), as_matrix(y, "y")
    if left.shape[1] != right.shape[1]:
        raise ShapeError(f"x has {left.shape[1]} columns, y {right.shape[1]}", where="x and y", expected="equal widths")
    for name, array in (("x", left), ("y", right)):
        require_finite(array, name)
    if measure == "hamming":
        return _hamming(left, right)
    left, right = _floating(left), _floating(right)
    if measure == "cosine":
        return np.asarray(_unit(left, "x") @ _unit(right, "y").T)
    if measure == "inner_product":
        return np.asarray(left @ right.T)
    if measure == "euclidean":
        return _euclidean(left, right)
    raise OptionError(
        f"{measure!r} is unknown",
        where="measure",
        expected="one of cosine, euclidean, hamming, inner_product",
    )


def _floating(array: Array) -> Array:
    """In float32 or better: narrower products overflow, whole numbers would wrap."""
    narrow = array.dtype.itemsize < 4 or array.dtype == np.float32
    return array.astype(np.float32 if narrow else np.float64, copy=False)


def _unit(array: Array, name: str) -> Array:
    lengths = np.sqrt(np.einsum("ij,ij->i", array, array, dtype=np.float64))
    if not lengths.all():
        raise ValuesError(
            f"row {int(np.argmin(lengths))} is a vector of zeros, which has no cosine",
            where=name,
            expected="vectors that are not 0",
        )
    unit: Array = (array / lengths[:, None]).astype(array.dtype)
    return unit


def _euclidean(left: Array, right: Array) -> Array:
    """1 / (1 + distance), computed in float64 about the mean of ``right``.

    Distances do not depend on the origin, but far from it their squares are small differences of large numbers.
    """
    result = np.empty((len(left), len(right)), dtype=np.result_type(left, right))
    centre = right.mean(axis=0, dtype=np.float64)
    right = right - centre
    right_squares = np.einsum("ij,ij->i", right, right)
    rows = max(1, _BLOCK_BYTES // (8 * len(right)))
    for start in range(0, len(left), rows):
        block = left[start : start + rows] - centre
        squares = np.einsum("ij,ij->i", block, block)[:, None] + right_squares - 2 * block @ right.T
        # The small constant is fico-itr's.
        result[start : start + rows] = 1 / (1 + np.sqrt(np.maximum(squares, 0)) + 1e-8)
    return result


def _hamming(left: Array, right: Array) -> Array:
    """Minus the share of differing entries, whatever the values; codes of two values by a product of matrices."""
    low = min(left.min(), right.min())
    high = max(left.max(), right.max())
    if all(((side == low) | (side == high)).all() for side in (left, right)):
        # Of ±1 codes, the product counts equal entries less differing ones: exact in float32 below 2**24 entries.
        signs = (np.where(side == high, np.float32(1), np.float32(-1)) for side in (left, right))
        agreement = np.matmul(next(signs), next(signs).T)
        return np.asarray((agreement.astype(np.float64) / left.shape[1] - 1) / 2)
    result = np.empty((len(left), len(right)))
    rows = max(1, _BLOCK_BYTES // right.size)
    for start in range(0, len(left), rows):
        block = left[start : start + rows]
        result[start : start + rows] = -(block[:, None, :] != right[None, :, :]).mean(axis=2)
    return result
