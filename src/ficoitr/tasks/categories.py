"""Category-level relevance: a candidate is relevant if it shares a label with the query."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.errors import CategoryError
from ficoitr.tasks.plain import plain_array

Array = np.ndarray[Any, Any]


def label_matrix(labels: Any, n_items: int, *, name: str) -> Array:
    """Check labels and return them as a bool matrix of shape (n_items, n_labels).

    Parameters
    ----------
    labels : array of shape (n_items, n_labels) of 0 and 1, or (n_items,) of class numbers
        Multi-hot labels, or one class an item, counted from 0.
    n_items : int
        How many there should be.
    name : str
        How errors name the argument.

    Raises
    ------
    CategoryError
        For another number of rows, other values, or labels of which none is set anywhere.
    """
    array = plain_array(
        labels, error=CategoryError, where=name, expected="as many labels each: multi-hot rows of 0 and 1"
    )
    if array.dtype.kind not in "biuf":
        raise CategoryError(
            f"the labels have dtype {array.dtype}",
            where=name,
            expected="multi-hot rows of 0 and 1, or one class number each",
        )
    if array.ndim not in (1, 2) or array.size == 0:
        raise CategoryError(
            f"the labels have shape {array.shape}",
            where=name,
            expected=f"({n_items}, n_labels), or ({n_items},) class numbers",
        )
    if len(array) != n_items:
        raise CategoryError(
            f"there are labels for {len(array)} items",
            where=name,
            expected=f"{n_items} rows",
            fix="categories are of the images; labels of the texts themselves are text_categories",
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise CategoryError("the labels hold NaN or infinity", where=name, expected="0 and 1")
    if array.ndim == 1:
        return _one_hot(array, name)
    bad = (array != 0) & (array != 1)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise CategoryError(
            f"row {row}, column {column} is {array[row, column]}",
            where=name,
            expected="0 and 1",
            fix="Class numbers go in one dimension: labels.ravel()"
            if array.shape[1] == 1
            else "Probabilities need a threshold first, lists of label numbers one column a label",
        )
    matrix: Array = array != 0
    if not matrix.any():
        raise CategoryError("not a single label is set", where=name, expected="at least one label")
    return matrix


def _one_hot(classes: Array, name: str) -> Array:
    if not np.array_equal(classes, np.rint(classes)) or classes.min() < 0:
        wrong = int(np.argmax((classes != np.rint(classes)) | (classes < 0)))
        raise CategoryError(
            f"row {wrong} is {classes[wrong]}",
            where=name,
            expected="class numbers: whole numbers of at least 0",
        )
    # Only the classes that occur get a column: identifiers used as class numbers may be large.
    return np.asarray(classes[:, None] == np.unique(classes))


def same_width(image_labels: Array, text_labels: Array) -> tuple[Array, Array]:
    """Check that labels of images and texts are the same labels.

    Raises
    ------
    CategoryError
        If there are more of one than of the other.
    """
    if image_labels.shape[1] != text_labels.shape[1]:
        raise CategoryError(
            f"images have {image_labels.shape[1]} labels, texts {text_labels.shape[1]}",
            where="text_categories",
            expected="the same labels, column by column, for images and texts",
        )
    return image_labels, text_labels


def pack_labels(matrix: Array) -> Array:
    """Labels as bits of uint64 words, shape (n_items, ceil(n_labels / 64)), so that sharing one is a single AND."""
    n_items, n_labels = matrix.shape
    as_bytes = np.zeros((n_items, 8 * -(-n_labels // 64)), dtype=np.uint8)
    packed = np.packbits(matrix, axis=1, bitorder="little")
    as_bytes[:, : packed.shape[1]] = packed
    return as_bytes.view("<u8").astype(np.uint64, copy=False)
