"""SGRAF's parts: whole images and texts, reasoning over similarities, and their filter."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.models.fine.regions import unit

_EPSILON = 1e-8
# How far BN's running moments go towards those of a text.
_MOMENTUM = 0.1


class WholeItem(nn.Module):
    """One vector of the regions of an image, or of the words of a text: a sum weighted by how they fit their mean.

    With x̄ the mean of x_i, f and g being linear maps with tanh: Σ_i a_i x_i, scaled to 1, with
    a = softmax_i(w · (f(x_i) ∘ g(x̄)) + b).

    Parameters
    ----------
    width : int
        d.
    places : int, optional
        Regions of an image, whose maps are normalised over the batch, f's for each region; by default not.
    dropout : float
        After both tanh.

    Notes
    -----
    Diao et al., "Similarity Reasoning and Filtration for Image-Text Matching", AAAI 2021, and its
    published code, whose names the modules have.
    """

    def __init__(self, width: int, *, places: int | None = None, dropout: float) -> None:
        super().__init__()
        self.embedding_local = _map(width, places, dropout)
        self.embedding_global = _map(width, None if places is None else width, dropout)
        self.embedding_common = nn.Sequential(nn.Linear(width, 1))

    def forward(self, states: Tensor, lengths: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Return unit rows of shape (n, d).

        Parameters
        ----------
        states : Tensor, shape (n, P, d)
            0 where there is nothing.
        lengths : Tensor of int64, shape (n,), optional
        mask : Tensor of bool, shape (n, P), optional
            Which places there are; by default all.
        """
        mean = states.sum(dim=1) / (states.shape[1] if lengths is None else lengths[:, None])
        fit: Tensor = self.embedding_common(self.embedding_local(states) * self.embedding_global(mean)[:, None])
        fit = fit.squeeze(2)
        if mask is not None:
            fit = fit.masked_fill(~mask, -torch.inf)
        return unit(torch.bmm(torch.softmax(fit, dim=1)[:, None], states).squeeze(1))


class GraphReasoning(nn.Module):
    """A step over the similarities of a pair, in which every one hears of all: X ← ReLU(W (softmax(Q Kᵀ) X) + b).

    Q and K are linear maps of X. Their products are computed as (X M + u) Xᵀ with M = W_qᵀ W_k and u = b_q W_k, which
    differs from Q Kᵀ by a term that the softmax does not see.

    Parameters
    ----------
    width : int
        s, of a similarity.

    Notes
    -----
    Diao et al., "Similarity Reasoning and Filtration for Image-Text Matching", AAAI 2021, and its published code, whose
    names the modules have.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.graph_query_w = nn.Linear(width, width)
        self.graph_key_w = nn.Linear(width, width)
        self.sim_graph_w = nn.Linear(width, width)

    def forward(self, nodes: Tensor, mask: Tensor | None, *, asking: int | None = None) -> Tensor:
        """Reason.

        Parameters
        ----------
        nodes : Tensor, shape (n, P, s)
            X.
        mask : Tensor of bool, shape (n, 1, P), optional
            Which nodes there are.
        asking : int, optional
            How many of the first nodes are wanted; by default all.

        Returns
        -------
        Tensor, shape (n, asking, s)
        """
        key = self.graph_key_w.weight
        queries = F.linear(nodes[:, :asking], key.T @ self.graph_query_w.weight, self.graph_query_w.bias @ key)
        fit = queries @ nodes.mT
        if mask is not None:
            fit = fit.masked_fill(~mask, -torch.inf)
        return torch.relu(self.sim_graph_w(torch.softmax(fit, dim=2) @ nodes))


class SimilarityFilter(nn.Module):
    """The similarities of a pair, weighted by a gate each: Σ_p g_p x_p / Σ_p g_p, scaled to 1, g = σ(BN(w · x + b)).

    In training BN takes the moments of one text's gates with all images of the batch, so that a score hangs on what
    other images there are.

    Parameters
    ----------
    width : int
        s, of a similarity.

    Notes
    -----
    Diao et al., "Similarity Reasoning and Filtration for Image-Text Matching", AAAI 2021, and its published code, whose
    names the modules have.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn_sim_w = nn.Linear(width, 1)
        self.bn = nn.BatchNorm1d(1, momentum=_MOMENTUM)

    def forward(self, nodes: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Filter.

        Parameters
        ----------
        nodes : Tensor, shape (n, m, P, s)
            x, of all pairs of n images and m texts.
        mask : Tensor of bool, shape (m, P)
            Which nodes there are.

        Returns
        -------
        vectors : Tensor, shape (n, m, s)
            Unit rows.
        moments : Tensor, shape (2, m)
            Means and variances (of all, not of a sample) of the gates of each text before BN, as BN took them.
        """
        gates = self.attn_sim_w(nodes).squeeze(3)
        if self.training:
            numbers = len(nodes) * mask.sum(dim=1)
            means = (gates * mask).sum(dim=(0, 2)) / numbers
            variances = ((gates - means[:, None]).square() * mask).sum(dim=(0, 2)) / numbers
        else:
            means, variances = (one.expand(len(mask)) for one in self._running())
        moments = torch.stack([means, variances])
        scale = self.bn.weight * torch.rsqrt(moments[1] + self.bn.eps)
        gates = torch.sigmoid((gates - moments[0][:, None]) * scale[:, None] + self.bn.bias) * mask
        weights = gates / (gates.sum(dim=2, keepdim=True) + _EPSILON)
        return unit((weights[:, :, None] @ nodes).squeeze(2)), moments

    @torch.no_grad()
    def remember(self, moments: Tensor, n_images: int, nodes: Tensor) -> None:
        """Move BN's running moments, text by text, as the published code does: those of most nodes come first.

        Parameters
        ----------
        moments : Tensor, shape (2, m)
        n_images : int
            Of the batch.
        nodes : Tensor of int64, shape (m,)
            Of a pair of each text.
        """
        order = torch.argsort(nodes, descending=True, stable=True)
        numbers = n_images * nodes[order]
        means, variances = moments[:, order]
        kept = (1 - _MOMENTUM) ** torch.arange(len(order), dtype=moments.dtype, device=order.device).flip(0)
        for running, one in zip(self._running(), (means, variances * numbers / (numbers - 1)), strict=True):
            running.mul_((1 - _MOMENTUM) ** len(order)).add_(_MOMENTUM * (kept * one).sum())
        self.bn.get_buffer("num_batches_tracked").add_(len(order))

    def _running(self) -> tuple[Tensor, Tensor]:
        return self.bn.get_buffer("running_mean"), self.bn.get_buffer("running_var")


def _map(width: int, normalised: int | None, dropout: float) -> nn.Sequential:
    norm = [] if normalised is None else [nn.BatchNorm1d(normalised)]
    return nn.Sequential(nn.Linear(width, width), *norm, nn.Tanh(), nn.Dropout(dropout))
