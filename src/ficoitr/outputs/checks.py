"""What every array that comes from a user must satisfy, with one wording for all rooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ficoitr.errors import IdentifierError, ShapeError, ValuesError

Array = np.ndarray[Any, Any]
_BLOCK_BYTES = 32 << 20


def as_matrix(values: Any, name: str) -> Array:
    """Return ``values`` as a two-dimensional array of real numbers with at least one row and column."""
    if isinstance(values, np.ma.MaskedArray):
        raise ValuesError(
            "the array is masked", where=name, expected="a plain array", fix="Fill it, or leave the masked rows out"
        )
    if hasattr(values, "toarray"):
        raise ValuesError(
            "the matrix is sparse",
            where=name,
            expected="a dense array",
            fix="Convert it with values.toarray(), or reduce it with sklearn.decomposition.TruncatedSVD",
        )
    array = values if isinstance(values, np.ndarray) else _from_sequence(values, name)
    if array.dtype.kind not in "biuf":
        kind = {"c": "complex", "O": "object", "U": "text", "S": "bytes"}.get(array.dtype.kind, str(array.dtype))
        raise ValuesError(
            f"the array holds {kind} values (dtype {array.dtype})",
            where=name,
            expected="real numbers: a float, integer or bool dtype",
            fix="Convert it with numpy.asarray(values, dtype='float32')",
        )
    if array.ndim != 2:
        raise ShapeError(
            f"the array has {array.ndim} dimension{'s' if array.ndim != 1 else ''}, shape {array.shape}",
            where=name,
            expected="two dimensions: one row an item",
            fix="A single item is values[None, :]; token features need pooling first",
        )
    if 0 in array.shape:
        raise ShapeError(
            f"the array is empty, shape {array.shape}", where=name, expected="one row an item, at least one"
        )
    return array


def _from_sequence(values: Any, name: str) -> Array:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ShapeError(
            "lists of unequal length make no array", where=name, expected="rows of equal length"
        ) from error


def require_finite(array: Array, name: str) -> None:
    """Raise an error that names the first row and column holding NaN or infinity."""
    if array.dtype.kind != "f":
        return
    for start, block in row_blocks(array):
        # A sum is finite when all terms are (and no overflow): the exact search runs only on suspicion.
        with np.errstate(over="ignore", invalid="ignore"):
            if np.isfinite(block.sum(dtype=np.float64)):
                continue
        bad = ~np.isfinite(block)
        if not bad.any():
            continue
        row, column = np.argwhere(bad)[0]
        value = block[row, column]
        raise ValuesError(
            f"row {start + row}, column {column} is {'NaN' if np.isnan(value) else 'infinite'}",
            where=name,
            expected="finite numbers, since NaN has no rank",
            fix="Find where the model produced it (an empty caption, an overflow in float16) and mend that row",
        )


def row_blocks(array: Array) -> Any:
    """Iterate over ``(start, block of rows)`` so that a memory-mapped array is never held whole."""
    rows = max(1, _BLOCK_BYTES // max(1, array.itemsize * array.shape[1]))
    for start in range(0, array.shape[0], rows):
        yield start, array[start : start + rows]


def check_ids(ids: Sequence[str] | None, n_items: int, name: str) -> tuple[str, ...] | None:
    """Return identifiers as unique strings, one an item."""
    if ids is None:
        return None
    identifiers = tuple(map(str, ids))
    if len(identifiers) != n_items:
        raise IdentifierError(
            f"there are {len(identifiers)} identifiers for {n_items} items",
            where=name,
            expected="one identifier a row",
        )
    if len(set(identifiers)) != len(identifiers):
        seen: set[str] = set()
        double = next(one for one in identifiers if one in seen or seen.add(one))  # type: ignore[func-returns-value]
        raise IdentifierError(f"the identifier {double!r} occurs twice", where=name, expected="unique identifiers")
    return identifiers
