"""Scoring of all pairs of images and texts in tiles of bounded size, texts of like lengths together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

# Numbers that the largest intermediate result of a tile may hold: on a processor it should stay in the cache.
_CPU_NUMBERS = 2**21
_GPU_NUMBERS = 2**26
# Numbers that a training step keeps for its gradients; beyond, tiles are computed again on the way back.
_KEPT_NUMBERS = 2**29


@dataclass(frozen=True)
class Tile:
    """Some images with some texts.

    Parameters
    ----------
    images, texts : slice
        Rows; those of the texts count them by their lengths, the shortest first.
    words : int
        Of the longest text.
    """

    images: slice
    texts: slice
    words: int


def tile_numbers(device: torch.device) -> int:
    """Return how many numbers the largest intermediate result of a tile may hold."""
    return _CPU_NUMBERS if device.type == "cpu" else _GPU_NUMBERS


def by_length(lengths: Tensor) -> Tensor:
    """Return the rows of the texts, the shortest first: in a tile of like lengths, little is padding."""
    return torch.argsort(lengths, stable=True)


def score_tiles(
    score: Callable[[Tile], Tensor], n_images: int, lengths: Tensor, *, pairs: int, whole_columns: bool = False
) -> Tensor:
    """Score all pairs tile by tile.

    Parameters
    ----------
    score : callable
        Returns the scores of a tile, of shape (…, images, texts).
    n_images : int
    lengths : Tensor of int64, shape (m,)
        Words of each text.
    pairs : int
        About how many pairs make a tile.
    whole_columns : bool
        Whether a tile has to hold all images.

    Returns
    -------
    Tensor, shape (…, n_images, m)
        With the texts in the order of ``lengths``.
    """
    order = by_length(lengths)
    ordered = lengths[order].tolist()
    n_texts = len(ordered)
    most_images = n_images if whole_columns else min(n_images, max(1, math.isqrt(pairs)))
    most_texts = max(1, min(n_texts, pairs // most_images))
    if not whole_columns:
        most_images = max(1, min(n_images, pairs // most_texts))
    columns = []
    for start in range(0, n_texts, most_texts):
        texts = slice(start, min(start + most_texts, n_texts))
        column = [
            score(Tile(slice(first, min(first + most_images, n_images)), texts, ordered[texts.stop - 1]))
            for first in range(0, n_images, most_images)
        ]
        columns.append(torch.cat(column, dim=-2))
    return torch.cat(columns, dim=-1)[..., torch.argsort(order)]


def recomputed(score: Callable[[Tile], Tensor], kept: int) -> Callable[[Tile], Tensor]:
    """Let a tile's intermediate results be computed again for the gradients, if all tiles would keep too many.

    Parameters
    ----------
    score : callable
        As in `score_tiles`; it changes nothing, such as running statistics.
    kept : int
        Numbers that all tiles together keep for the gradients.
    """
    if kept <= _KEPT_NUMBERS or not torch.is_grad_enabled():
        return score

    def again(tile: Tile) -> Tensor:
        scores: Tensor = checkpoint(score, tile, use_reentrant=False)
        return scores

    return again
