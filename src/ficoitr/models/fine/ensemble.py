"""Ensembles: several models' scores of the same pairs as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ficoitr.errors import OptionError, ShapeError

Array = np.ndarray[Any, Any]


def mean_scores(matrices: Sequence[Array]) -> Array:
    """Return the mean of matrices of scores, as the papers of SCAN, VSRN and SGRAF report their ensembles.

    Parameters
    ----------
    matrices : sequence of ndarray of float, shape (n_images, n_texts)
        A matrix a model, with the same images and texts in the same order.

    Returns
    -------
    ndarray, shape (n_images, n_texts)
        Of the widest dtype among them, at least float32.

    Raises
    ------
    OptionError
        If there is none.
    ShapeError
        If their shapes differ.

    Examples
    --------
    >>> mean_scores([np.array([[0.2, 0.8]]), np.array([[0.4, 0.0]])])
    array([[0.3, 0.4]])
    """
    if not matrices:
        raise OptionError("there are no scores to take the mean of", where="matrices", expected="one or more")
    shapes = [np.shape(one) for one in matrices]
    for number, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ShapeError(f"the scores have the shape {shape}", where=f"matrix {number}", expected=f"{shapes[0]}")
    total = np.zeros(shapes[0], dtype=np.result_type(np.float32, *matrices))
    for one in matrices:
        total += one
    total /= len(matrices)
    return total
