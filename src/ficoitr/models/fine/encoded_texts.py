"""Encoded texts of a gallery, read some at a time: words padded or end to end, or one vector a text."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ficoitr.errors import ShapeError
from ficoitr.models.fine.words import Words
from ficoitr.models.training.batches import Rows
from ficoitr.outputs import Embeddings, VectorSets

Array = np.ndarray[Any, Any]


class EncodedTexts(Protocol):
    """Texts that can be read in any order."""

    def __len__(self) -> int:
        """Count the texts."""
        ...

    @property
    def lengths(self) -> Array | None:
        """Words of each text, int64 of shape (m,); None where a text is one vector."""
        ...

    @property
    def item_numbers(self) -> int:
        """Numbers that the longest text takes."""
        ...

    def read(self, rows: Array, dtype: torch.dtype, device: torch.device) -> Words | Tensor:
        """Read some texts, padded to the longest of them."""
        ...

    def arrays(self) -> tuple[Any, ...]:
        """All that they are made of."""
        ...


def encoded_texts(texts: Any, lengths: Any = None) -> EncodedTexts:
    """Take encoded texts in any form.

    Parameters
    ----------
    texts : Embeddings; VectorSets; Words; array of shape (m, L, d), (W, d) or (m, d)
        Words padded at the end; the words of all texts one after the other, W in all; or, without lengths, one vector
        a text. Arrays may be memory-mapped.
    lengths : array of int64, shape (m,), optional
        Words of each text.

    Raises
    ------
    ShapeError
        If texts and lengths do not fit together.
    """
    if isinstance(texts, Words):
        texts, lengths = texts.states, texts.lengths
    elif isinstance(texts, VectorSets):
        texts, lengths = texts.values, texts.lengths
    values = as_rows(texts)
    if lengths is None:
        if len(values.shape) != 2:
            raise ShapeError(
                f"texts of shape {values.shape} without lengths",
                where="texts",
                expected="the lengths of all texts, or one vector a text",
            )
        return _Vectors(values)
    counts = np.asarray(as_rows(lengths), dtype=np.int64)
    if counts.ndim != 1 or len(values.shape) not in (2, 3):
        raise ShapeError(f"texts of shape {values.shape} and lengths of shape {counts.shape}", where="texts")
    padded = len(values.shape) == 3
    fits = (
        len(counts) == len(values) and counts.max(initial=1) <= values.shape[1]
        if padded
        else counts.sum() == len(values)
    )
    if not fits or counts.min(initial=1) < 1:
        raise ShapeError(
            f"texts of shape {values.shape} and {len(counts):,} lengths from {counts.min(initial=1)} to "
            f"{counts.max(initial=1)}, {counts.sum():,} in all",
            where="texts",
            expected="(m, L, d) and m lengths from 1 to L, or (W, d) and lengths from 1 that sum up to W",
        )
    return _Padded(values, counts) if padded else _EndToEnd(values, counts)


def as_rows(values: Any) -> Rows:
    """Take embeddings, arrays, tensors and lists; what is read row by row stays as it is."""
    if isinstance(values, Embeddings):
        return values.values
    if isinstance(values, Tensor):
        array: Rows = values.detach().cpu().numpy()
        return array
    if hasattr(values, "shape") and hasattr(values, "__getitem__"):
        rows: Rows = values
        return rows
    return np.asarray(values)


def read_rows(values: Rows, rows: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Read rows, side by side ones by a slice, which a memory-mapped file gives without looking for each."""
    first, n_rows = int(rows[0]), len(rows)
    together = n_rows == int(rows[-1]) - first + 1 and bool((np.diff(rows) == 1).all())
    block = np.asarray(values[first : first + n_rows] if together else values[rows])
    # torch would warn of an array that may not be written; nothing here writes it.
    if not block.flags.writeable and np.dtype(str(dtype).removeprefix("torch.")) == block.dtype:
        block = block.copy()
    return torch.as_tensor(np.ascontiguousarray(block).astype(str(dtype).removeprefix("torch."), copy=False)).to(device)


class _Vectors:
    lengths = None

    def __init__(self, values: Rows) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @property
    def item_numbers(self) -> int:
        return self.values.shape[1]

    def read(self, rows: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
        return read_rows(self.values, rows, dtype, device)

    def arrays(self) -> tuple[Any, ...]:
        return (self.values,)


class _Padded:
    def __init__(self, values: Rows, lengths: Array) -> None:
        self.values = values
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def item_numbers(self) -> int:
        return int(self.lengths.max(initial=1)) * self.values.shape[2]

    def read(self, rows: Array, dtype: torch.dtype, device: torch.device) -> Words:
        lengths = self.lengths[rows]
        states = read_rows(_Cut(self.values, int(lengths.max())), rows, dtype, device)
        return Words(states, torch.from_numpy(lengths).to(device))

    def arrays(self) -> tuple[Any, ...]:
        return self.values, self.lengths


class _Cut:
    """The first places of padded rows."""

    def __init__(self, values: Rows, places: int) -> None:
        self.values = values
        self.places = places

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.values), self.places, *self.values.shape[2:])

    def __getitem__(self, rows: Any, /) -> Array:
        if isinstance(self.values, np.ndarray):
            return np.asarray(self.values[rows, : self.places])
        return np.asarray(self.values[rows])[:, : self.places]


class _EndToEnd:
    def __init__(self, values: Rows, lengths: Array) -> None:
        self.values = values
        self.lengths = lengths
        self._starts = np.cumsum(lengths) - lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def item_numbers(self) -> int:
        return int(self.lengths.max(initial=1)) * self.values.shape[1]

    def read(self, rows: Array, dtype: torch.dtype, device: torch.device) -> Words:
        lengths = self.lengths[rows]
        counts = torch.from_numpy(lengths).to(device)
        # Padding repeats the last word: reading it with the others takes less than moving them apart afterwards.
        wanted = self._starts[rows, None] + np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)
        states = read_rows(self.values, wanted.ravel(), dtype, device)
        return Words(states.view(*wanted.shape, states.shape[1]), counts)

    def arrays(self) -> tuple[Any, ...]:
        return self.values, self.lengths
