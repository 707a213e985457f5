"""Captions of different lengths in one tensor: the ids of their tokens, and the states of their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ficoitr.errors import ShapeError


@dataclass(frozen=True, eq=False)
class Tokens:
    """The ids of the tokens of m captions, in any order.

    Parameters
    ----------
    ids : Tensor of int64, shape (m, L)
        Padded at the end; what the padding holds is never read.
    lengths : Tensor of int64, shape (m,)
        Tokens of each caption, 1 to L.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.

    Examples
    --------
    >>> Tokens.of([[1, 7, 2], [1, 2]]).ids.tolist()
    [[1, 7, 2], [1, 2, 0]]
    """

    ids: Tensor
    lengths: Tensor

    def __post_init__(self) -> None:
        _require_lengths("token ids", self.ids, 2, self.lengths)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, captions: Sequence[Sequence[int]]) -> Self:
        """Pad the ids of some captions with 0, to the length of the longest.

        Raises
        ------
        ShapeError
            If a caption has no token: every vocabulary begins and ends it with one.
        """
        lengths = np.array([len(one) for one in captions], dtype=np.int64)
        if len(lengths) and not lengths.min():
            raise ShapeError(
                "a caption has no token",
                where=f"caption {int(lengths.argmin())}",
                expected="at least one, such as <start>",
            )
        ids = np.zeros((len(lengths), lengths.max(initial=0)), dtype=np.int64)
        for row, one in enumerate(captions):
            ids[row, : len(one)] = one
        return cls(torch.from_numpy(ids), torch.from_numpy(lengths))

    @property
    def mask(self) -> Tensor:
        """Which places hold a token: bool, shape (m, L)."""
        return length_mask(self.lengths, self.ids.shape[1])

    def to(self, device: torch.device | str) -> Tokens:
        """Move them to a device."""
        return Tokens(self.ids.to(device), self.lengths.to(device))


@dataclass(frozen=True, eq=False)
class Words:
    """The states of the words of m captions, in any order.

    Parameters
    ----------
    states : Tensor, shape (m, L, d)
        Padded at the end; what the padding holds is never read.
    lengths : Tensor of int64, shape (m,)
        Words of each caption, 1 to L.

    Raises
    ------
    ShapeError
        If the shapes do not fit together.
    """

    states: Tensor
    lengths: Tensor

    def __post_init__(self) -> None:
        _require_lengths("word states", self.states, 3, self.lengths)

    def __len__(self) -> int:
        return len(self.states)

    @property
    def mask(self) -> Tensor:
        """Which places hold a word: bool, shape (m, L)."""
        return length_mask(self.lengths, self.states.shape[1])

    def to(self, device: torch.device | str) -> Words:
        """Move them to a device."""
        return Words(self.states.to(device), self.lengths.to(device))


def length_mask(lengths: Tensor, most: int) -> Tensor:
    """Mark the first places of each row: bool, shape (m, most), from lengths of shape (m,)."""
    return torch.arange(most, device=lengths.device) < lengths[:, None]


def _require_lengths(where: str, values: Tensor, axes: int, lengths: Tensor) -> None:
    # Values are not looked at: on a GPU, every look would wait for what is being computed.
    if values.ndim != axes or lengths.shape != values.shape[:1]:
        raise ShapeError(
            f"values of shape {tuple(values.shape)} and lengths of shape {tuple(lengths.shape)}",
            where=where,
            expected=f"values of {axes} axes, and a length for each row",
        )
