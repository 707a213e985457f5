"""The neighbour graph of all training pairs, of which only the nearest neighbours are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ficoitr.errors import OptionError
from ficoitr.models.training.batches import FeaturePairs, Rows, finite_tensor

Array = np.ndarray[Any, Any]

# Of similarities, and of features, that are in memory at a time beside the unit vectors.
_MOST_NUMBERS = 1 << 24


class NeighbourGraph:
    """Steps from each training pair to its nearest neighbours, with probabilities that follow their similarity.

    With C = b cos_I + (1 - b) cos_T, row i of P has the entries C_ij / Σ_l C_il at the k pairs j ≠ i of greatest C_ij,
    and 0 elsewhere. A neighbour whose similarity is not positive has the probability 0.

    Parameters
    ----------
    pairs : FeaturePairs
        N pairs, whose features are vectors; each is read once.
    image_share : float
        b.
    neighbours : int
        k; all others, where the pairs are fewer.
    device : torch.device
        Where the graph is made and kept.

    Attributes
    ----------
    indices : Tensor of int32, shape (N, k)
        Neighbours of each pair, the most similar first.
    weights : Tensor of float32, shape (N, k)
        Their probabilities.

    Raises
    ------
    OptionError
        If there are no two pairs.

    Notes
    -----
    Memory is that of the unit vectors of all images and texts while the graph is made, and 8 Nk bytes afterwards; no
    matrix of N × N is. Time grows with N².
    """

    def __init__(self, pairs: FeaturePairs, *, image_share: float, neighbours: int, device: torch.device) -> None:
        n_pairs = len(pairs)
        if n_pairs < 2:
            raise OptionError(f"there are {n_pairs} pairs", where="neighbour graph", expected="two or more")
        kept = min(neighbours, n_pairs - 1)
        self.n_pairs = n_pairs
        self.indices = torch.empty(n_pairs, kept, dtype=torch.int32, device=device)
        self.weights = torch.empty(n_pairs, kept, device=device)
        images, texts = _unit_rows(pairs.images, "image", device), _unit_rows(pairs.texts, "text", device)
        owners = torch.from_numpy(np.asarray(pairs.text_to_image)).to(device)
        block = max(1, _MOST_NUMBERS // n_pairs)
        for start in range(0, n_pairs, block):
            rows = torch.arange(start, min(start + block, n_pairs), device=device)
            similarities = (1 - image_share) * (texts[rows] @ texts.T)
            similarities += image_share * (images[owners[rows]] @ images.T)[:, owners]
            similarities[torch.arange(len(rows), device=device), rows] = -torch.inf
            nearest = similarities.topk(kept, dim=1)
            positive = nearest.values.clamp(min=0)
            self.indices[rows] = nearest.indices.int()
            # Where no neighbour is similar, there is nowhere to go.
            self.weights[rows] = positive / positive.sum(dim=1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)

    def coherence(self, rows: Tensor) -> Tensor:
        """Compute (P Pᵀ)_ij of some pairs: how likely a step from i and one from j end at the same neighbour.

        Parameters
        ----------
        rows : Tensor of int64, shape (n,)

        Returns
        -------
        Tensor of float32, shape (n, n)
        """
        # Columns that none of the rows reaches add nothing.
        reached, places = torch.unique(self.indices[rows], return_inverse=True)
        steps = torch.zeros(len(rows), len(reached), device=rows.device)
        steps.scatter_(1, places, self.weights[rows])
        return steps @ steps.T


def _unit_rows(features: Rows, side: str, device: torch.device) -> Tensor:
    """Read all features, and scale each row to 1; float32, shape (n, d)."""
    n_rows = len(features)
    width = finite_tensor(features, np.arange(1), side).shape[1]
    unit = torch.empty(n_rows, width, device=device)
    block = max(1, _MOST_NUMBERS // width)
    for start in range(0, n_rows, block):
        rows = np.arange(start, min(start + block, n_rows))
        unit[start : start + block] = F.normalize(finite_tensor(features, rows, side).to(device), dim=1)
    return unit
