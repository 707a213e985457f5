"""Rows that are equal bit for bit: found before the product, so that they share one score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel

Array = np.ndarray[Any, Any]


def first_occurrences(matrix: Array) -> Array:
    """For every row the index of the first row equal to it bit for bit, int64 of shape (n_rows,)."""
    rows = np.ascontiguousarray(matrix)
    as_bytes = rows.view(np.uint8).reshape(len(rows), -1)
    width = as_bytes.shape[1]
    words = as_bytes.view(np.uint64) if width % 8 == 0 else as_bytes
    hashes = _row_hashes(words)
    order = np.argsort(hashes, kind="stable")
    first: Array = _first_equal(words, hashes, order)
    return first


@kernel
def _row_hashes(words):  # type: ignore[no-untyped-def]
    result = np.empty(len(words), np.uint64)
    for row in range(len(words)):
        value = np.uint64(14695981039346656037)
        for column in range(words.shape[1]):
            value = (value ^ np.uint64(words[row, column])) * np.uint64(1099511628211)
            value ^= value >> np.uint64(29)
        result[row] = value
    return result


@kernel
def _first_equal(words, hashes, order):  # type: ignore[no-untyped-def]
    """Compare rows of equal hash with each other; a stable order puts first occurrences first."""
    first = np.arange(len(order))
    start = 0
    for stop in range(1, len(order) + 1):
        if stop < len(order) and hashes[order[stop]] == hashes[order[start]]:
            continue
        for i in range(start + 1, stop):
            row = order[i]
            for j in range(start, i):
                other = order[j]
                if first[other] == other and np.array_equal(words[row], words[other]):
                    first[row] = other
                    break
        start = stop
    return first
