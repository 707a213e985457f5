"""Captions of about the same length put together, so that little is computed on padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ficoitr.models.fine.words import Words


@dataclass(frozen=True, eq=False)
class Group:
    """Captions cut to the length of the longest among them.

    Parameters
    ----------
    rows : Tensor of int64, shape (m,)
        Which captions these are.
    states : Tensor, shape (m, L, d)
        Of their words; what is padded is 0.
    mask : Tensor of bool, shape (m, L), optional
        Which places hold a word; None if all do.
    """

    rows: Tensor
    states: Tensor
    mask: Tensor | None


def groups(words: Words, *, least: int = 1, most: int | None = None) -> Iterator[Group]:
    """Yield captions by length, the longest first.

    Parameters
    ----------
    words : Words
    least : int
        A group takes in shorter captions, padded, until it has so many; with 1, nothing is ever padded.
    most : int, optional
        No group has more.

    Yields
    ------
    Group
        Every caption is in one of them.
    """
    order = torch.argsort(words.lengths, descending=True, stable=True)
    lengths = words.lengths[order].tolist()
    start = 0
    while start < len(lengths):
        stop = start + 1
        while (
            stop < len(lengths)
            and (stop - start < least or lengths[stop] == lengths[stop - 1])
            and (most is None or stop - start < most)
        ):
            stop += 1
        rows, length = order[start:stop], lengths[start]
        states = words.states[:, :length].index_select(0, rows)
        mask = None
        if lengths[stop - 1] < length:
            mask = torch.arange(length, device=rows.device) < words.lengths[rows, None]
            states = states.masked_fill(~mask[:, :, None], 0)
        yield Group(rows, states, mask)
        start = stop


def ungrouped(columns: list[Tensor], rows: list[Tensor], dim: int) -> Tensor:
    """Put what was computed group by group, along an axis, in the order of the captions."""
    order = torch.cat(rows)
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order), device=order.device)
    return torch.cat(columns, dim=dim).index_select(dim, back)
