"""Which pairs of a matrix of scores, or of lists of candidates, are scored together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from ficoitr.errors import ValuesError

Array = np.ndarray[Any, Any]
Direction = Literal["i2t", "t2i"]
# Rows and columns of an array of scores: two slices, or two arrays, of shapes (q, 1) and (q, c).
Block = tuple[Any, Any]

# Listed texts are padded to the longest of those that are scored together: in so many parts, by length.
_PARTS = 8
_LEAST_COLUMNS = 8


def matrix_blocks(shape: tuple[int, int], most: tuple[int, int]) -> list[Block]:
    """Cut all pairs into blocks of at most so many rows and columns."""
    (n_rows, n_columns), (height, width) = shape, most
    return [
        (slice(top, min(top + height, n_rows)), slice(left, min(left + width, n_columns)))
        for top in range(0, n_rows, height)
        for left in range(0, n_columns, width)
    ]


def list_blocks(candidates: Array, direction: Direction, lengths: Array | None, most: int) -> Iterator[Block]:
    """Cut lists into blocks of texts of like lengths.

    Parameters
    ----------
    candidates : ndarray of int64, shape (n_queries, k)
    direction : {"i2t", "t2i"}
        Whether texts are the candidates, or the queries.
    lengths : ndarray of int64, shape (n_texts,), optional
        Words of each text.
    most : int
        Candidates of a block.

    Yields
    ------
    rows : ndarray of int64, shape (q, 1)
        Queries.
    places : ndarray of int64, shape (q, c)
        In their lists.
    """
    n_queries, k = candidates.shape
    queries = np.arange(n_queries)
    places = np.broadcast_to(np.arange(k), candidates.shape)
    wide = min(k, most)
    if lengths is not None and direction == "i2t":
        places = np.argsort(-lengths[candidates], axis=1, kind="stable")
        wide = min(wide, max(_LEAST_COLUMNS, -(-k // _PARTS)))
    elif lengths is not None:
        queries = np.argsort(-lengths, kind="stable")
    high = max(1, most // wide)
    for top in range(0, n_queries, high):
        rows = queries[top : top + high, None]
        for left in range(0, k, wide):
            yield rows, places[rows[:, 0], left : left + wide]


def n_pairs(block: Block) -> int:
    """Count the pairs of a block."""
    rows, columns = block
    if isinstance(rows, slice):
        return int((rows.stop - rows.start) * (columns.stop - columns.start))
    return int(columns.size)


def require_finite(scores: Array, block: Block) -> None:
    """Raise an error that names the first pair whose score is no number or infinite.

    Raises
    ------
    ValuesError
    """
    if np.isfinite(scores).all():
        return
    row, column = np.argwhere(~np.isfinite(scores))[0]
    rows, columns = block
    if isinstance(rows, slice):
        place = f"image {rows.start + row} and text {columns.start + column}"
    else:
        place = f"query {rows[row, 0]} and its candidate at place {columns[row, column]}"
    raise ValuesError(
        f"the score of {place} is {scores[row, column]}",
        where="scores",
        expected="a finite number",
        fix="Look at what was encoded: it holds values that are no numbers or infinite",
    )
