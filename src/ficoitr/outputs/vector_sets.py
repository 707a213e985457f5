"""Several vectors an item: the regions of images, the words of texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ficoitr.errors import ShapeError
from ficoitr.outputs.checks import Array, as_matrix, check_ids, require_finite


@dataclass(frozen=True, eq=False)
class VectorSets:
    """What models of query-time attention hand on: of every item a set of vectors, which only such a model compares.

    Parameters
    ----------
    values : array of shape (n_vectors, n_dimensions)
        The vectors of all items end to end, those of the first item first.
    lengths : array of int64, shape (n_items,)
        Vectors of each item, at least one.
    ids : sequence of str, optional
        Unique identifiers, one an item.

    Raises
    ------
    ShapeError
        If values and lengths do not fit together.
    ValuesError
        For NaN, infinity, or a dtype that is not real.

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.outputs import VectorSets
    >>> VectorSets(np.ones((6, 4), dtype="float32"), np.array([2, 1, 3]))
    VectorSets(3 items, 6 × 4, float32)
    """

    values: Array
    lengths: Array
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        name = "vector sets"
        values = as_matrix(self.values, name)
        require_finite(values, name)
        lengths = np.asarray(self.lengths)
        if (
            lengths.dtype.kind not in "iu"
            or lengths.ndim != 1
            or lengths.min(initial=1) < 1
            or lengths.sum() != len(values)
        ):
            raise ShapeError(
                f"{len(values):,} vectors and lengths of type {lengths.dtype} and shape {lengths.shape}",
                where=name,
                expected="whole numbers, at least 1 for each item, which sum up to the number of vectors",
            )
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "lengths", lengths.astype(np.int64))
        object.__setattr__(self, "ids", check_ids(self.ids, len(lengths), name))

    def __len__(self) -> int:
        return len(self.lengths)

    def __repr__(self) -> str:
        n_vectors, n_dimensions = self.values.shape
        return f"VectorSets({len(self)} items, {n_vectors} × {n_dimensions}, {self.values.dtype})"

    @property
    def nbytes(self) -> int:
        """Bytes of storage: vectors × dimensions × bytes a number, without padding."""
        return int(self.values.nbytes)

    @property
    def rows(self) -> Array:
        """A view of shape (n_items, R, n_dimensions), where all items have as many vectors, R.

        Raises
        ------
        ShapeError
            Where they have not.
        """
        sizes = np.unique(self.lengths)
        if len(sizes) != 1:
            raise ShapeError(
                f"items have {sizes[0]} to {sizes[-1]} vectors", where="vector sets", expected="as many an item"
            )
        return self.values.reshape(len(self), int(sizes[0]), -1)
