"""Score matrices: what query-time attention and fusion models hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ficoitr.errors import OptionError, ShapeError
from ficoitr.outputs.checks import Array, as_matrix, require_finite
from ficoitr.outputs.files import atomic_path, naming


@dataclass(frozen=True, eq=False)
class Scores:
    """Similarities of all images with all texts, higher is closer.

    Parameters
    ----------
    i2t : array of shape (n_images, n_texts)
        One row an image query.
    t2i : array of shape (n_texts, n_images), optional
        One row a text query, where the directions are scored differently; by default the transpose of ``i2t``.
    """

    i2t: Array
    t2i: Array | None = None

    def __post_init__(self) -> None:
        i2t = as_matrix(self.i2t, "scores i2t")
        require_finite(i2t, "scores i2t")
        object.__setattr__(self, "i2t", i2t)
        if self.t2i is None:
            return
        t2i = as_matrix(self.t2i, "scores t2i")
        require_finite(t2i, "scores t2i")
        if t2i.shape != i2t.shape[::-1]:
            raise ShapeError(
                f"the t2i scores have shape {t2i.shape} beside i2t scores of shape {i2t.shape}",
                where="scores t2i",
                expected=f"shape {i2t.shape[::-1]}: one row a text, one column an image",
                fix="Transpose it" if t2i.shape == i2t.shape else None,
            )
        object.__setattr__(self, "t2i", t2i)

    def __repr__(self) -> str:
        directions = "one matrix" if self.t2i is None else "two matrices"
        return f"Scores({self.n_images} images × {self.n_texts} texts, {directions})"

    @property
    def n_images(self) -> int:
        """Number of images."""
        return int(self.i2t.shape[0])

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return int(self.i2t.shape[1])

    def save(self, path: str | Path) -> None:
        """Write the matrix of image queries to ``path`` (``.npy``).

        Raises
        ------
        OptionError
            If the directions are scored differently: they are two files.
        """
        if self.t2i is not None:
            raise OptionError(
                "the directions have a matrix each",
                where="scores",
                fix="Save i2t and t2i by themselves, as ficoitr evaluate takes them (--scores-i2t, --scores-t2i)",
            )
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, self.i2t, allow_pickle=False)

    def direction(self, direction: str) -> Array:
        """Rows of scores for ``"i2t"`` or ``"t2i"``; the transpose of one matrix is a view."""
        if direction == "i2t":
            return self.i2t
        return self.i2t.T if self.t2i is None else self.t2i


def as_scores(values: Any) -> Scores:
    """Turn a matrix, a pair of matrices or Scores into Scores."""
    if isinstance(values, Scores):
        return values
    if isinstance(values, tuple):
        if len(values) != 2:
            raise ShapeError(f"a tuple of {len(values)} score matrices", where="scores", expected="(i2t, t2i)")
        return Scores(*values)
    return Scores(values)


def mean_scores(models: Sequence[Any], names: Sequence[str] | None = None) -> Scores:
    """Take the mean of several models' scores of the same pairs, as SCAN, VSRN and SGRAF report their ensembles.

    Parameters
    ----------
    models : sequence of Scores, or of arrays of shape (n_images, n_texts)
        Those of a model each, with the same images and texts in the same order.
    names : sequence of str, optional
        What errors call them, such as their paths.

    Returns
    -------
    Scores
        Of the widest dtype among them, at least float32.

    Raises
    ------
    OptionError
        If there is none.
    ShapeError
        If their shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> mean_scores([np.array([[0.2, 0.8]]), np.array([[0.4, 0.0]])]).i2t
    array([[0.3, 0.4]])
    """
    if not models:
        raise OptionError("there are no scores to take the mean of", where="models", expected="one or more")
    called = names or [f"model {number}" for number in range(1, len(models) + 1)]
    given = []
    for name, one in zip(called, models, strict=True):
        with naming(name):
            given.append(as_scores(one))
        if given[-1].i2t.shape != given[0].i2t.shape:
            raise ShapeError(
                f"the scores have the shape {given[-1].i2t.shape}",
                where=name,
                expected=f"{given[0].i2t.shape}, as of {called[0]}",
            )
    i2t = _mean([one.i2t for one in given])
    if all(one.t2i is None for one in given):
        return Scores(i2t)
    return Scores(i2t, _mean([one.direction("t2i") for one in given]))


def _mean(matrices: Sequence[Array]) -> Array:
    total = np.zeros(matrices[0].shape, dtype=np.result_type(np.float32, *matrices))
    for one in matrices:
        total += one
    total /= len(matrices)
    return total
