"""The generalised pooling operator: a set of vectors becomes one, by weights that are learnt for each rank."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ficoitr.models.fine.words import length_mask

_TEMPERATURE = 0.1


class GPO(nn.Module):
    """Pools sets of vectors of different sizes: Σ_k θ_k x_(k), where x_(k) is the k-th largest value of a channel.

    The weights θ, of sum 1, depend on the size of a set only: a bidirectional GRU reads a code of each rank, and a
    linear map scores the mean of its two states; a softmax at temperature 0.1 makes weights of the scores. The mean,
    the maximum and the mean of the K largest are cases of it.

    Parameters
    ----------
    rank_width : int
        Of the code of a rank.
    hidden : int
        Of the states of the GRU.

    Notes
    -----
    Chen et al., "Learning the Best Pooling Strategy for Visual Semantic Embedding", CVPR 2021, section 4.

    Examples
    --------
    >>> GPO()(torch.rand(2, 5, 16), torch.tensor([5, 3])).shape
    torch.Size([2, 16])
    """

    def __init__(self, rank_width: int = 32, hidden: int = 32) -> None:
        super().__init__()
        self.gru = nn.GRU(rank_width, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(hidden, 1, bias=False)

    def weights(self, lengths: Tensor) -> Tensor:
        """Compute the weights of all ranks for sets of these sizes.

        Parameters
        ----------
        lengths : Tensor of int64, shape (n,)
            1 or more.

        Returns
        -------
        Tensor, shape (n, max(lengths))
            0 behind the size of a set.
        """
        # Sets of one size have the same weights.
        sizes, which = torch.unique(lengths, return_inverse=True)
        most = int(sizes[-1])
        codes = rank_codes(most, self.gru.input_size, device=lengths.device)
        packed = nn.utils.rnn.pack_padded_sequence(
            codes.expand(len(sizes), -1, -1), sizes.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        scores = self.linear(sum(states.chunk(2, dim=-1)) / 2).squeeze(-1).float()
        scores = scores.masked_fill(~length_mask(sizes, most), -torch.inf)
        weights: Tensor = (scores / _TEMPERATURE).softmax(dim=1)
        return weights[which]

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Pool the first vectors of each set, of shape (n, K, d), to shape (n, d)."""
        weights = self.weights(lengths)
        values = values[:, : weights.shape[1]]
        absent = ~length_mask(lengths, values.shape[1])[:, :, None]
        ranked = values.masked_fill(absent, -torch.inf).sort(dim=1, descending=True).values
        # What is absent has come to lie at the end again.
        return torch.einsum("nk,nkd->nd", weights.to(values.dtype), ranked.masked_fill(absent, 0))


def rank_codes(n_ranks: int, width: int, *, device: torch.device | None = None) -> Tensor:
    """Code the ranks 0, 1, … by sines and cosines of falling frequencies, alternating; shape (n_ranks, width).

    The j-th pair of rank k is sin(k ω) and cos(k ω), ω = 10000^(-2j / width) (Vaswani et al., "Attention Is All You
    Need", 2017, section 3.5).
    """
    frequencies = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10_000) / width))
    angles = torch.arange(n_ranks, device=device)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]
