"""What ADV minimises: six terms, on codes before their signs are taken."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

# Names of tensors whose norms are left to themselves.
_FREE = ("bias", "gamma", "beta")


def triplet_loss(
    images: Tensor, texts: Tensor, *, margin: float, negatives: Tensor | None = None, hardest: bool = True
) -> Tensor:
    """Compute the hinge loss of both directions, each against the hardest negative of the batch.

    With s_ij = cos(v_i, t_j):
    L = Σ_i max_j≠i [m + s_ij - s_ii]₊ + Σ_j max_i≠j [m + s_ij - s_jj]₊, [x]₊ = max(0, x)

    Parameters
    ----------
    images, texts : Tensor, shape (n, D)
        v and t, pair by pair; the cosine with a row of zeros is 0.
    margin : float
        m.
    negatives : Tensor of bool, shape (n, n), optional
        Which text is a negative of which image; by default all but its own, see `pairs_of_other_images`.
    hardest : bool
        Whether only the hardest negative of each query counts (Faghri et al., "VSE++", BMVC 2018), or the sum over all.
    """
    scores = F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    if negatives is None:
        negatives = _others(scores)
    positive = scores.diagonal()
    of_images = (margin + scores - positive[:, None]).clamp(min=0).masked_fill(~negatives, 0)
    of_texts = (margin + scores - positive).clamp(min=0).masked_fill(~negatives, 0)
    if not hardest:
        return of_images.sum() + of_texts.sum()
    return of_images.max(dim=1).values.sum() + of_texts.max(dim=0).values.sum()


def angular_loss(images: Tensor, texts: Tensor, *, negatives: Tensor | None = None, hardest: bool = True) -> Tensor:
    """Compute the angular loss of both directions, at an angle of 45° (tan² α = 1).

    For unit vectors a (anchors), p (their positives) and the positives of others as negatives:
    x_ij = 4 (a_i + p_i)·p_j - 4 a_i·p_i;  L = Σ_i log(1 + exp(max_j≠i x_ij))

    Parameters
    ----------
    images, texts : Tensor, shape (n, D)
        Pair by pair; anchors are the images among texts, then the texts among images.
    negatives : Tensor of bool, shape (n, n), optional
        As in `triplet_loss`.
    hardest : bool
        Whether only the hardest negative of each anchor counts, as in ADV, or all, as in the loss's own paper:
        (1/n) Σ_i log(1 + Σ_j≠i exp(x_ij)).

    Notes
    -----
    Wang, Zhou, Wen, Liu and Lin, "Deep Metric Learning with Angular Loss", ICCV 2017, equation 6 and its extension to
    batches, without the factors that the angle does not change.
    """
    images, texts = F.normalize(images, dim=1), F.normalize(texts, dim=1)
    scores = images @ texts.T
    if negatives is None:
        negatives = _others(scores)
    total = scores.new_zeros(())
    for across, within, allowed in ((scores, texts @ texts.T, negatives), (scores.T, images @ images.T, negatives.T)):
        x = 4 * (across + within - scores.diagonal()[:, None])
        x = x.masked_fill(~allowed, -torch.inf)
        if hardest:
            total = total + F.softplus(x.max(dim=1).values).sum()
        else:
            total = total + torch.logsumexp(F.pad(x, (1, 0)), dim=1).mean()
    return total


def rephrased_loss(anchors: Tensor, rephrased: Tensor, present: Tensor | None = None) -> Tensor:
    """Compute Σ_ir (1 - cos(a_i, r_ir)): rephrased texts shall be coded as their image, or as their text.

    Parameters
    ----------
    anchors : Tensor, shape (n, D)
        a, images or texts.
    rephrased : Tensor, shape (n, R, D)
    present : Tensor of bool, shape (n, R), optional
        Which of them there are; by default all.
    """
    distances = 1 - F.cosine_similarity(anchors[:, None], rephrased, dim=-1)
    return _sum(distances, present)


def adversarial_image_loss(
    images: Tensor, texts: Tensor, adversarial: Tensor, *, margin: float, present: Tensor | None = None
) -> Tensor:
    """Compute Σ_ik [cos(v_i, a_ik) - cos(v_i, t_i) + m]₊: an image shall be nearer to its text than to altered ones.

    Parameters
    ----------
    images, texts : Tensor, shape (n, D)
        v and t, pair by pair.
    adversarial : Tensor, shape (n, A, D)
        a, texts that say something else than t in one point.
    margin : float
        m.
    present : Tensor of bool, shape (n, A), optional
        Which of them there are; by default all.
    """
    own = F.cosine_similarity(images, texts, dim=-1)
    altered = F.cosine_similarity(images[:, None], adversarial, dim=-1)
    return _sum((altered - own[:, None] + margin).clamp(min=0), present)


def adversarial_text_loss(
    texts: Tensor, adversarial: Tensor, *, margin: float, present: Tensor | None = None
) -> Tensor:
    """Compute Σ_ik [cos(t_i, a_ik) + m]₊: the screening model's form, which asks for cosines below -m.

    Parameters
    ----------
    texts : Tensor, shape (n, D)
    adversarial : Tensor, shape (n, A, D)
    margin : float
        m, -0.8 as published: altered texts may be that near.
    present : Tensor of bool, shape (n, A), optional
    """
    return _sum((F.cosine_similarity(texts[:, None], adversarial, dim=-1) + margin).clamp(min=0), present)


def concept_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the mean of -y log σ(z) - (1 - y) log(1 - σ(z)), in a form that no logit makes infinite.

    Parameters
    ----------
    logits : Tensor, shape (n, L)
        z, what the concept head returns.
    labels : Tensor of float, shape (n, L)
        y, multi-hot.
    """
    return F.binary_cross_entropy_with_logits(logits, labels)


def norm_loss(parameters: Iterable[tuple[str, Tensor]]) -> Tensor:
    """Compute Σ_W ‖W‖₂, norms, not their squares, of tensors that are not named bias, gamma or beta.

    Parameters
    ----------
    parameters : iterable of (str, Tensor)
        What ``network.named_parameters()`` gives.
    """
    norms = [one.norm() for name, one in parameters if name.rpartition(".")[2] not in _FREE]
    return torch.stack(norms).sum()


def _others(scores: Tensor) -> Tensor:
    return ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)


def _sum(values: Tensor, present: Tensor | None) -> Tensor:
    return values.sum() if present is None else values.masked_fill(~present, 0).sum()
