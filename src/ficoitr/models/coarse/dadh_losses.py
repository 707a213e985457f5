"""What DADH minimises, and its discrete codes in closed form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def cosine_distances(one: Tensor, other: Tensor) -> Tensor:
    """Compute D_jk = max(0, 1 - cos(a_j, b_k)) of rows a and b, shape (n, n)."""
    return (1 - F.normalize(one, dim=1) @ F.normalize(other, dim=1).T).clamp(min=0)


def rank_weights(shared: Tensor) -> Tensor:
    """Weigh positives by their share of the ideal discounted cumulative gain of their anchor.

    With c_jk labels that j and k share: r_jk = (2^c_jk - 1) / Z_j, Z_j = Σ_r (2^c_j(r) - 1) / log2(r + 1) over c_j
    in descending order.

    Parameters
    ----------
    shared : Tensor of float, shape (n, n)
        c.

    Returns
    -------
    Tensor, shape (n, n)
        r; a row of zeros where Z_j is 0, since a row without a label is nobody's anchor.
    """
    gains = torch.exp2(shared) - 1
    places = torch.arange(2, len(shared) + 2, device=shared.device, dtype=shared.dtype)
    ideal = (gains.sort(dim=1, descending=True).values / places.log2()).sum(dim=1, keepdim=True)
    return gains / torch.where(ideal > 0, ideal, 1.0)


def triplet_loss(distances: Tensor, positive: Tensor, weights: Tensor | None = None, *, margin: float) -> Tensor:
    """Compute Σ_jkm w_jk max(0, D_jk - D_jm + m) over anchors j, their positives k and their negatives m.

    Parameters
    ----------
    distances : Tensor, shape (..., n, n)
        D.
    positive : Tensor of bool, shape (..., n, n)
        Who is whose positive; all others are negatives.
    weights : Tensor, shape (..., n, n), optional
        w, not negative; 1 by default.
    margin : float
        m.

    Notes
    -----
    Negatives m count for (j, k) where D_jm < D_jk + m. With a row's negatives in ascending order these are its first
    t_jk, and the sum over m is t_jk (D_jk + m) less the sum of those t_jk: n² log n steps and n² numbers, where
    looking at every triplet takes n³ of both.
    """
    ascending = distances.masked_fill(positive, torch.inf).sort(dim=-1).values
    reach = distances.contiguous() + margin
    within = torch.searchsorted(ascending.detach(), reach.detach())
    sums = ascending.masked_fill(ascending.isinf(), 0).cumsum(dim=-1)
    nearest = F.pad(sums, (1, 0)).gather(-1, within)
    hinges = (within * reach - nearest).masked_fill(~positive, 0)
    return hinges.sum() if weights is None else (weights * hinges).sum()


def cross_modal_triplet_loss(
    images: Tensor, texts: Tensor, labels: Tensor, *, margin: float, rank_weighted: bool = True
) -> Tensor:
    """Add up the triplet losses of images as anchors among texts, and of texts among images.

    Parameters
    ----------
    images, texts : Tensor, shape (n, K)
        h^i and h^t, pair by pair.
    labels : Tensor of float, shape (n, L)
        Multi-hot. Rows that share a label are positives, their own pair among them; a row without labels is no anchor
        and everyone's negative.
    margin : float
    rank_weighted : bool
        Whether positives are weighted by `rank_weights`.
    """
    shared = labels @ labels.T
    distances = cosine_distances(images, texts)
    both = torch.stack([distances, distances.T])
    weights = rank_weights(shared) if rank_weighted else None
    return triplet_loss(both, (shared > 0).expand_as(both), weights, margin=margin)


def quantization_loss(images: Tensor, texts: Tensor, codes: Tensor) -> Tensor:
    """Compute ‖B - h^i‖² + ‖B - h^t‖², sums over all elements of shape (n, K)."""
    return (codes - images).square().sum() + (codes - texts).square().sum()


def real_loss(logits: Tensor) -> Tensor:
    """Compute the mean of -log σ(D), by softplus(-D), which no logit makes infinite."""
    return F.softplus(-logits).mean()


def fake_loss(logits: Tensor) -> Tensor:
    """Compute the mean of -log(1 - σ(D)), by softplus(D)."""
    return F.softplus(logits).mean()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
    """Compute the mean over rows of (‖∇D(x)‖₂ - 1)², at x = a · real + (1 - a) · fake.

    Parameters
    ----------
    discriminator : callable
        D, from rows of shape (n, d) to logits.
    real, fake : Tensor, shape (n, d)
        No gradient passes into them.
    mixing : Tensor in [0, 1], shape (n, d) or (n, 1)
        a. Gulrajani et al. (NIPS 2017) draw one a row, DADH's published code one an element.
    """
    mixed = (mixing * real.detach() + (1 - mixing) * fake.detach()).requires_grad_()
    (slopes,) = torch.autograd.grad(discriminator(mixed).sum(), mixed, create_graph=True)
    penalty: Tensor = (slopes.norm(dim=1) - 1).square().mean()
    return penalty


@torch.no_grad()
def label_projection(labels: Tensor, codes: Tensor, *, ridge: float) -> Tensor:
    """Compute P = (LᵀL + λI)⁻¹ LᵀB, the ridge regression from labels to codes.

    Parameters
    ----------
    labels : Tensor, shape (N, L)
    codes : Tensor of ±1, shape (N, K)
        B.
    ridge : float
        λ.

    Returns
    -------
    Tensor, shape (L, K)
    """
    # Products of 0, 1 and ±1 are whole numbers: only the solution needs more digits.
    gram = (labels.T @ labels).double()
    gram.diagonal().add_(ridge)
    solution: Tensor = torch.linalg.solve(gram, (labels.T @ codes).double())
    return solution.to(codes.dtype)


@torch.no_grad()
def discrete_codes(labels: Tensor, projection: Tensor, images: Tensor, texts: Tensor, *, weight: float) -> Tensor:
    """Compute B = sign(L P + μ (H^i + H^t) / 2), the sign of 0 being +1.

    Parameters
    ----------
    labels : Tensor, shape (N, L)
    projection : Tensor, shape (L, K)
        P.
    images, texts : Tensor, shape (N, K)
        H^i and H^t, the latest outputs of all training pairs.
    weight : float
        μ.
    """
    values = labels @ projection + weight / 2 * (images + texts)
    return torch.where(values >= 0, 1.0, -1.0).to(values.dtype)
