"""A row for each training pair that follows what the networks make of it, and the row's signs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ficoitr.models.coarse.ucch_losses import binary_keys, moved_rows


class MemoryBank:
    """The memory bank of UCCH.

    Parameters
    ----------
    n_pairs, bits : int
        N and L.
    seed : int
        Of its first rows, which are random.
    device : torch.device

    Attributes
    ----------
    rows : Tensor of float32, shape (N, L)
        V.
    keys : Tensor of float32, shape (N, L)
        sign(V), kept since most rows stay as they are from step to step.
    """

    def __init__(self, n_pairs: int, bits: int, *, seed: int, device: torch.device) -> None:
        drawn = torch.randn(n_pairs, bits, generator=torch.Generator().manual_seed(seed))
        self.rows = F.normalize(drawn, dim=1).to(device)
        self.keys = binary_keys(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def fill(self, rows: Tensor) -> None:
        """Set all rows."""
        self.rows.copy_(rows)
        self.keys.copy_(binary_keys(self.rows))

    def move(self, pairs: Tensor, images: Tensor, texts: Tensor, *, momentum: float, normalise: bool) -> None:
        """Move the rows of some pairs towards the networks' outputs, see `moved_rows`."""
        moved = moved_rows(self.rows[pairs], images, texts, momentum=momentum, normalise=normalise)
        self.rows[pairs] = moved
        self.keys[pairs] = binary_keys(moved)
