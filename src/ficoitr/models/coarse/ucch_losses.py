"""What UCCH minimises, and how its memory bank moves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Keys are gathered, or all of them scored, for some samples at a time: all at once the former are n (K + 1) L numbers,
# 268 MB at the published sizes, and fresh memory of that size takes longer to get than the keys to score.
_NUMBERS_AT_ONCE = 1 << 22
# A product with all keys, from which the chosen scores are picked, is four times as fast as gathering the chosen keys
# where the bank has four times as many rows as are chosen; at twenty times as many it is no faster.
_ALL_KEYS_UP_TO = 8


def binary_keys(values: Tensor) -> Tensor:
    """Return the signs of ``values`` as -1.0 and +1.0; the sign of 0 is +1, as in the paper."""
    return torch.where(values >= 0, 1.0, -1.0).to(values.dtype)


def bank_logits(outputs: Tensor, keys: Tensor, chosen: Tensor, temperature: float) -> Tensor:
    """Score outputs against the binary keys of rows of the memory bank.

    logits_ik = <k_c(i,k), h_i> / (τ √L), k = sign(V)

    Parameters
    ----------
    outputs : Tensor, shape (..., n, L)
        h, unit rows.
    keys : Tensor of ±1, shape (N, L)
        k; no gradient passes into them.
    chosen : Tensor of int64, shape (n, K + 1)
        c, rows of the bank for each sample.
    temperature : float
        τ, for keys of unit norm; √L is the norm of a binary key.

    Returns
    -------
    Tensor, shape (..., n, K + 1)
    """
    scaled = outputs / (temperature * keys.shape[1] ** 0.5)
    flat = scaled.reshape(-1, *scaled.shape[-2:])
    logits: Tensor = _ChosenScores.apply(flat, keys, chosen)  # type: ignore[no-untyped-call]
    return logits.reshape(*scaled.shape[:-1], -1)


class _ChosenScores(torch.autograd.Function):
    """Inner products of outputs (modalities, n, L) with rows (n, K) of the keys (N, L), shape (modalities, n, K)."""

    @staticmethod
    def forward(ctx: Any, outputs: Tensor, keys: Tensor, chosen: Tensor) -> Tensor:
        ctx.save_for_backward(keys, chosen)
        score = _picked_scores if len(keys) <= _ALL_KEYS_UP_TO * chosen.shape[1] else _gathered_scores
        return score(outputs, keys, chosen)

    @staticmethod
    def backward(ctx: Any, slopes: Tensor) -> tuple[Tensor, None, None]:
        keys, chosen = ctx.saved_tensors
        sums = [F.embedding_bag(chosen, keys, per_sample_weights=one.contiguous(), mode="sum") for one in slopes]
        return torch.stack(sums), None, None


def _picked_scores(outputs: Tensor, keys: Tensor, chosen: Tensor) -> Tensor:
    """Score all keys, and pick the chosen ones."""
    modalities, bits = len(outputs), outputs.shape[2]
    scores = outputs.new_empty(modalities, *chosen.shape)
    at_once = max(1, _NUMBERS_AT_ONCE // (modalities * len(keys)))
    products = outputs.new_empty(modalities * min(at_once, len(chosen)), len(keys))
    for start in range(0, len(chosen), at_once):
        part = slice(start, start + at_once)
        rows = outputs[:, part].reshape(-1, bits)
        every = torch.mm(rows, keys.T, out=products[: len(rows)]).view(modalities, -1, len(keys))
        for picked, own in zip(scores, every, strict=True):
            torch.gather(own, 1, chosen[part], out=picked[part])
    return scores


def _gathered_scores(outputs: Tensor, keys: Tensor, chosen: Tensor) -> Tensor:
    """Gather the chosen keys, and score them."""
    n_chosen, bits = chosen.shape[1], keys.shape[1]
    columns = outputs.permute(1, 2, 0)
    scores = outputs.new_empty(len(chosen), n_chosen, len(outputs))
    at_once = max(1, _NUMBERS_AT_ONCE // (n_chosen * bits))
    gathered = keys.new_empty(min(at_once, len(chosen)) * n_chosen, bits)
    for start in range(0, len(chosen), at_once):
        part = slice(start, start + at_once)
        rows = gathered[: chosen[part].numel()]
        torch.index_select(keys, 0, chosen[part].flatten(), out=rows)
        torch.bmm(rows.view(-1, n_chosen, bits), columns[part], out=scores[part])
    return scores.permute(2, 0, 1)


def batch_logits(outputs: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Score outputs against the binary keys of the batch itself, which is what the warm-up does.

    logits_ij = <sign(k_j), h_i> / (τ √L)

    Parameters
    ----------
    outputs : Tensor, shape (..., n, L)
        h, unit rows.
    keys : Tensor, shape (n, L)
        k, the means of both modalities' outputs; no gradient passes into them.
    temperature : float
        τ.

    Returns
    -------
    Tensor, shape (..., n, n)
        The positives are on the diagonal.
    """
    logits: Tensor = outputs @ binary_keys(keys.detach()).T / (temperature * keys.shape[1] ** 0.5)
    return logits


def contrastive_loss(logits: Tensor, positives: Tensor) -> Tensor:
    """Compute the mean of -log softmax(logits_i)[p_i] over samples i, added up over modalities.

    Parameters
    ----------
    logits : Tensor, shape (modalities, n, K)
    positives : Tensor of int64, shape (n,)
        p, the column of each sample's own key.
    """
    chosen = positives.expand(logits.shape[:-1])
    return F.cross_entropy(logits.flatten(0, 1), chosen.flatten(), reduction="sum") / len(positives)


def ranking_loss(images: Tensor, texts: Tensor, *, margin: float, shift: float, temperature: float = 1.0) -> Tensor:
    """Compute the cross-modal ranking loss, a smooth maximum over all negatives of a batch.

    With S = h^x (h^y)ᵀ, d_i = S_ii, A_ij = S_ij if S_ij ≥ d_i - m else S_ij - ε, and C_ij alike with d_j:

    L_r = mean_i (m - d_i + κ log Σ_j exp(A_ij / κ)) + mean_j (m - d_j + κ log Σ_i exp(C_ij / κ))

    Negatives that are further than the margin from the positive count less, by exp(-ε / κ), but are not dropped.
    Which they are is not differentiated. The diagonal belongs to the sums.

    Parameters
    ----------
    images, texts : Tensor, shape (n, L)
        h^x and h^y, unit rows, pair by pair.
    margin, shift, temperature : float
        m, ε and κ.
    """
    scores = images @ texts.T
    positive = scores.diagonal()
    total = 2 * (margin - positive.mean())
    for one in (scores, scores.T):
        shifted = torch.where(one.detach() >= positive.detach()[:, None] - margin, one, one - shift)
        total = total + temperature * torch.logsumexp(shifted / temperature, dim=1).mean()
    return total


@torch.no_grad()
def moved_rows(rows: Tensor, images: Tensor, texts: Tensor, *, momentum: float, normalise: bool = True) -> Tensor:
    """Move rows of the memory bank towards the outputs of their pairs.

    With u = norm((h^x + h^y) / 2): V ← norm(m V + (1 - m) u), norm scaling rows to 1; as the paper's text has it,
    V ← m V + (1 - m) (h^x + h^y) / 2, without either.

    Parameters
    ----------
    rows, images, texts : Tensor, shape (n, L)
        V, h^x and h^y.
    momentum : float
        m; 0 replaces the rows.
    normalise : bool
        Whether rows are scaled to 1, as the published code does.
    """
    mean = (images + texts) / 2
    if not normalise:
        return momentum * rows + (1 - momentum) * mean
    return F.normalize(momentum * rows + (1 - momentum) * F.normalize(mean, dim=1), dim=1)
