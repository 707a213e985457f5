"""The one layer of a transformer that ADV's region network has, with the names of its published checkpoints."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BertLayer(nn.Module):
    """A layer of BERT: attention among all, then a feed-forward network, each normalised after its sum."""

    def __init__(self, hidden: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"self": _Attention(hidden, heads, dropout), "output": _Output(hidden, hidden, dropout)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, inner)})
        self.output = _Output(inner, hidden, dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Map states of shape (n, R, hidden) to states."""
        states = self.attention["output"](self.attention["self"](states), states)
        changed: Tensor = self.output(F.gelu(self.intermediate["dense"](states)), states)
        return changed


class _Attention(nn.Module):
    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)
        self._heads = heads
        self._dropout = dropout

    def forward(self, states: Tensor) -> Tensor:
        """Attend with several heads, scaled by the square root of a head's width."""
        query, key, value = (
            part(states).unflatten(-1, (self._heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        dropout = self._dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        return attended.transpose(1, 2).flatten(start_dim=2)


class _Output(nn.Module):
    def __init__(self, inputs: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, hidden)
        self.dropout = nn.Dropout(dropout)
        self.LayerNorm = _Norm(hidden)

    def forward(self, changed: Tensor, states: Tensor) -> Tensor:
        """Project, add what was there before, and normalise."""
        normalised: Tensor = self.LayerNorm(self.dropout(self.dense(changed)) + states)
        return normalised


class _Norm(nn.Module):
    """Layer normalisation under the names that old weights of BERT have."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))

    def forward(self, states: Tensor) -> Tensor:
        """Normalise the last axis."""
        return F.layer_norm(states, self.gamma.shape, self.gamma, self.beta, eps=1e-12)
