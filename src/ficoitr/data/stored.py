"""Features that a dataset brings with it: arrays in memory or in files, read row by row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.errors import ShapeError, ValuesError

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = np.ndarray[Any, Any]

_BLOCK_BYTES = 1 << 26


@dataclass(frozen=True, eq=False, repr=False)
class StoredFeatures:
    """Features of n items, as rows of one or several arrays that may lie in files.

    Nothing is copied until rows are asked for: the regions of COCO's training images take 33 GB.

    Parameters
    ----------
    parts : tuple of ndarray
        Arrays of numbers with equal shapes but for the first axis; memory-mapped ones stay so.
    rows : ndarray of int64, shape (n,)
        Which row of the parts, counted through all of them, describes each item.

    Raises
    ------
    ShapeError, ValuesError
        If the shapes of the parts differ, a row does not exist, or the parts hold no numbers.

    Examples
    --------
    >>> import numpy as np
    >>> features = StoredFeatures.of(np.zeros((3, 36, 2048), np.float32), np.ones((2, 36, 2048), np.float32))
    >>> features.shape, features.take(np.array([4, 0]))[:].mean(axis=(1, 2)).tolist()
    ((5, 36, 2048), [1.0, 0.0])
    """

    parts: tuple[Array, ...]
    rows: Array

    def __post_init__(self) -> None:
        shapes = {part.shape[1:] for part in self.parts}
        if len(shapes) != 1 or any(part.ndim < 2 for part in self.parts):
            raise ShapeError(
                f"the features have the shapes {', '.join(str(part.shape) for part in self.parts)}",
                where="features",
                expected="a row an item, of the same shape throughout",
            )
        for part in self.parts:
            if not (np.issubdtype(part.dtype, np.number) or part.dtype == np.bool_):
                raise ValuesError(f"the features are of type {part.dtype}", where="features", expected="numbers")
        if len(self.rows) and not 0 <= self.rows.min() <= self.rows.max() < sum(map(len, self.parts)):
            raise ValuesError("a row does not exist", where="features")

    @classmethod
    def of(cls, *parts: Array) -> StoredFeatures:
        """Take every row of the given arrays, in their order."""
        return cls(parts, np.arange(sum(len(part) for part in parts)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of items, and the shape of the features of one."""
        return (len(self.rows), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return np.result_type(*self.parts)

    def __repr__(self) -> str:
        return f"StoredFeatures({' × '.join(map(str, self.shape))}, {self.dtype})"

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | slice | Array) -> Array:
        """Read the features of some items: shape (*index, …), a copy in memory."""
        rows = self.rows[index]
        values = self._read(np.atleast_1d(rows))
        return np.asarray(values[0]) if np.ndim(rows) == 0 else values

    def __array__(self, dtype: np.dtype[Any] | None = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype=dtype)

    def take(self, rows: Array) -> StoredFeatures:
        """Return the features of the given items, in their order, without reading them."""
        return StoredFeatures(self.parts, self.rows[rows])

    def blocks(self) -> Iterator[Array]:
        """Read all items in order, some 64 MB at a time."""
        size = max(1, _BLOCK_BYTES // max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize))
        for start in range(0, len(self), size):
            yield self[start : start + size]

    def digest(self) -> str:
        """Return the SHA-256 of shape, type and values, in hexadecimal; reads them all."""
        state = hashlib.sha256(f"{self.shape} {self.dtype.str}".encode())
        for block in self.blocks():
            state.update(np.ascontiguousarray(block, dtype=self.dtype).tobytes())
        return state.hexdigest()

    def _read(self, rows: Array) -> Array:
        if len(self.parts) == 1:
            return np.asarray(self.parts[0][rows])
        values = np.empty((len(rows), *self.shape[1:]), dtype=self.dtype)
        start = 0
        for part in self.parts:
            inside = (rows >= start) & (rows < start + len(part))
            values[inside] = part[rows[inside] - start]
            start += len(part)
        return values
