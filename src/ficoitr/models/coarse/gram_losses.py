"""Losses on how alike codes are: the cosines of the codes of a batch against a target."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ficoitr.models.coarse.similarity_targets import cosines


def reconstruction_losses(images: Tensor, texts: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Compute how far the cosines of codes are from a target, by modality.

    With B_I, B_T the codes scaled to 1 and MSE the mean over all entries of an (n, n) matrix:

    - ``images``: MSE(B_I B_Iᵀ, S),
    - ``cross``: MSE(B_I B_Tᵀ, S),
    - ``texts``: MSE(B_T B_Tᵀ, S).

    Parameters
    ----------
    images, texts : Tensor, shape (n, bits)
        Relaxed codes; those of a row are of the same pair.
    target : Tensor, shape (n, n)
        S.

    Notes
    -----
    Su, Zhong and Zhang, ICCV 2019 (DJSRH), whose loss is their weighted sum; also that of JDSH, with a second
    cross-modal term MSE(B_T B_Iᵀ, S), which is the same as S is symmetric.
    """
    return {
        "images": F.mse_loss(cosines(images, images), target),
        "cross": F.mse_loss(cosines(images, texts), target),
        "texts": F.mse_loss(cosines(texts, texts), target),
    }


def agreement(images: Tensor, texts: Tensor) -> Tensor:
    """Compute the mean cosine of the codes of a pair, of codes of shape (n, bits).

    JDSH (Liu et al., SIGIR 2020) takes it from the loss.
    """
    return F.cosine_similarity(images, texts, dim=1).mean()


def coherence_losses(images: Tensor, texts: Tensor, target: Tensor, *, pair_target: float) -> dict[str, Tensor]:
    """Compute the losses of DGCPN.

    With G_II, G_IT, G_TT the cosines of the codes of images and texts, and MSE the mean over all entries:

    - ``neighbours``: Σ MSE((1 - E) ∘ G, (1 - E) ∘ S) over the three G, E being the unit matrix,
    - ``pairs``: the mean of (G_IT,ii - K)² over i; with K above 1 its pull does not end,
    - ``consistency``: MSE(G_IT, G_II) + MSE(G_IT, G_TT) + MSE(G_II, G_TT) + MSE(G_IT, G_ITᵀ).

    Parameters
    ----------
    images, texts : Tensor, shape (n, bits)
        Relaxed or binary codes; those of a row are of the same pair.
    target : Tensor, shape (n, n)
        S.
    pair_target : float
        K.

    Notes
    -----
    Yu et al., AAAI 2021.
    """
    within, cross, texts_within = cosines(images, images), cosines(images, texts), cosines(texts, texts)
    apart = 1 - target.new_ones(len(target)).diag()
    kept = apart * target
    neighbours = (
        F.mse_loss(apart * within, kept) + F.mse_loss(apart * cross, kept) + F.mse_loss(apart * texts_within, kept)
    )
    consistency = (
        F.mse_loss(cross, within)
        + F.mse_loss(cross, texts_within)
        + F.mse_loss(within, texts_within)
        + F.mse_loss(cross, cross.T)
    )
    return {
        "neighbours": neighbours,
        "pairs": (cross.diagonal() - pair_target).square().mean(),
        "consistency": consistency,
    }
