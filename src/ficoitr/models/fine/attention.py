"""Cross attention between regions and words: raw scores, their norm, weights, and the cosines of what is attended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from ficoitr.errors import OptionError, did_you_mean

RawFeatureNorm = Literal["clipped_l2norm", "l2norm", "softmax", "clipped", "no_norm"]

# The published code offers these two, and stops with a NameError when one of them is asked for.
_NEVER_RAN = ("l1norm", "clipped_l1norm")
_BOUNDED = ("clipped_l2norm", "l2norm", "softmax")
_EPSILON = 1e-8
# Below this a sum of squares is 0, where the square root has no slope.
_TINY = 1e-30
# exp(30)² times the square of a few hundred contexts is still a float32.
_MOST_UNSHIFTED = 30.0


@dataclass(frozen=True)
class Attention:
    """How much each query attends to each context, given the products of both.

    With s_qc the product of query q and context c, LeakyReLU's slope being 0.1:
    ŝ_qc = LeakyReLU(s_qc) / (√(Σ_q LeakyReLU(s_qc)²) + 1e-8), a_qc = exp(λ ŝ_qc) / Σ_c exp(λ ŝ_qc)

    Parameters
    ----------
    raw_feature_norm : {"clipped_l2norm", "l2norm", "softmax", "clipped", "no_norm"}
        What becomes of s: as above; without LeakyReLU; a softmax over the queries; LeakyReLU alone; nothing.
    lambda_softmax : float
        λ.

    Raises
    ------
    OptionError
        For another norm. ``l1norm`` and ``clipped_l1norm``, which the published code names, never ran there.

    Notes
    -----
    Lee et al., "Stacked Cross Attention for Image-Text Matching", ECCV 2018, equations 1 to 3 and 6 to 8, and its
    published code, from which the slope of 0.1 and the epsilon come.
    """

    raw_feature_norm: RawFeatureNorm = "clipped_l2norm"
    lambda_softmax: float = 9.0

    def __post_init__(self) -> None:
        known = get_args(RawFeatureNorm)
        if self.raw_feature_norm in known:
            return
        never = self.raw_feature_norm in _NEVER_RAN
        raise OptionError(
            f"the norm {self.raw_feature_norm!r} "
            + ("has no definition: the published code stops with a NameError" if never else "is not known"),
            where="raw_feature_norm",
            expected=f"one of {', '.join(known)}",
            fix=None if never else did_you_mean(self.raw_feature_norm, known),
        )

    def weights(
        self,
        scores: Tensor,
        *,
        query_dim: int,
        context_dim: int,
        query_mask: Tensor | None = None,
        context_mask: Tensor | None = None,
    ) -> Tensor:
        """Compute a, which sums to 1 over the contexts.

        Parameters
        ----------
        scores : Tensor
            s.
        query_dim, context_dim : int
            Its axes.
        query_mask, context_mask : Tensor of bool, optional
            Which queries and contexts there are, in shapes that broadcast to that of the scores; what the others hold
            has to be finite, queries that are not there have to score 0.
        """
        normed = self._normed(scores, query_dim, query_mask) * self.lambda_softmax
        if context_mask is not None:
            normed = normed.masked_fill(~context_mask, -torch.inf)
        return torch.softmax(normed, dim=context_dim)

    def masses(
        self,
        scores: Tensor,
        *,
        query_dim: int,
        context_dim: int,
        query_mask: Tensor | None = None,
        context_mask: Tensor | None = None,
    ) -> Tensor:
        """Compute exp(λ ŝ), which is a up to a factor for each query; parameters as for `weights`, no gradients."""
        if self.raw_feature_norm in ("clipped_l2norm", "l2norm"):
            clipped = self.raw_feature_norm == "clipped_l2norm"
            normed = F.leaky_relu(scores, 0.1) if clipped else scores.clone()
            norms = (normed * normed).sum(query_dim, keepdim=True).sqrt_()
            normed.mul_(self.lambda_softmax / norms.add_(_EPSILON))
        else:
            normed = self._normed(scores, query_dim, query_mask) * self.lambda_softmax
        if self.raw_feature_norm not in _BOUNDED or self.lambda_softmax > _MOST_UNSHIFTED:
            normed.sub_(normed.amax(context_dim, keepdim=True))
        normed.exp_()
        return normed if context_mask is None else normed.masked_fill_(~context_mask, 0)

    def _normed(self, scores: Tensor, query_dim: int, query_mask: Tensor | None) -> Tensor:
        if self.raw_feature_norm == "softmax":
            masked = scores if query_mask is None else scores.masked_fill(~query_mask, -torch.inf)
            return torch.softmax(masked, dim=query_dim)
        if self.raw_feature_norm in ("clipped_l2norm", "clipped"):
            scores = F.leaky_relu(scores, 0.1)
        if self.raw_feature_norm in ("clipped_l2norm", "l2norm"):
            squares = scores.square().sum(query_dim, keepdim=True)
            return scores / (squares.clamp(min=_TINY).sqrt() + _EPSILON)
        return scores


def attend(
    queries: Tensor,
    contexts: Tensor,
    attention: Attention,
    *,
    query_mask: Tensor | None = None,
    context_mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Let each query look at the contexts.

    Parameters
    ----------
    queries : Tensor, shape (n, Q, d)
    contexts : Tensor, shape (n, C, d)
    attention : Attention
    query_mask : Tensor of bool, shape (n, Q), optional
        Which of them there are; the others have to be 0.
    context_mask : Tensor of bool, shape (n, C), optional
        Which of them there are; the others have to be finite.

    Returns
    -------
    attended : Tensor, shape (n, Q, d)
        Σ_c a_qc context_c.
    weights : Tensor, shape (n, C, Q)
        a.

    Examples
    --------
    >>> words, regions = torch.rand(2, 5, 16), torch.rand(2, 36, 16)
    >>> attended, weights = attend(words, regions, Attention())
    >>> attended.shape, weights.sum(dim=1).allclose(torch.ones(2, 5))
    (torch.Size([2, 5, 16]), True)
    """
    weights = attention.weights(
        torch.bmm(contexts, queries.transpose(1, 2)),
        query_dim=2,
        context_dim=1,
        query_mask=None if query_mask is None else query_mask[:, None],
        context_mask=None if context_mask is None else context_mask[:, :, None],
    )
    return torch.bmm(weights.transpose(1, 2), contexts), weights


def attended_cosines(
    scores: Tensor,
    contexts: Tensor,
    attention: Attention,
    *,
    query_dim: int,
    query_norms: Tensor,
    gram: Tensor | None = None,
    query_mask: Tensor | None = None,
    context_mask: Tensor | None = None,
) -> Tensor:
    """Compute the cosine of each query with what it attends to, without the attended vectors where ``gram`` is given.

    With v_c the contexts and e_q the queries, c_q = Σ_c a_qc v_c:
    e_q·c_q = Σ_c a_qc s_qc, ‖c_q‖² = a_q V Vᵀ a_q, r_q = e_q·c_q / max(‖e_q‖ ‖c_q‖, 1e-8)

    Parameters
    ----------
    scores : Tensor, shape (n, C, X, Y)
        s of n items' contexts and the queries of several others. Overwritten if it takes no part in a gradient.
    contexts : Tensor, shape (n, C, d)
        V.
    attention : Attention
    query_dim : {2, 3}
        Which of its axes counts the queries of one item; the other one counts items.
    query_norms : Tensor, broadcast to (n, X, Y)
        ‖e‖.
    gram : Tensor, shape (n, C, C), optional
        V Vᵀ, without which c is computed: that takes less work where an item's contexts have fewer than C queries.
    query_mask : Tensor of bool, broadcast to (n, 1, X, Y), optional
        Which queries there are; the others have to score 0.
    context_mask : Tensor of bool, broadcast to (n, C, 1, 1), optional

    Returns
    -------
    Tensor, shape (n, X, Y)
    """
    differentiable = scores.requires_grad
    masks = {"query_mask": query_mask, "context_mask": context_mask}
    if differentiable:
        weights = attention.weights(scores, query_dim=query_dim, context_dim=1, **masks)
        floor: Tensor | None = None
    else:
        weights = attention.masses(scores, query_dim=query_dim, context_dim=1, **masks)
        # The weights' common factor is that of both sides of the quotient.
        floor = weights.sum(dim=1).mul_(_EPSILON)
    numerators = (weights * scores if differentiable else scores.mul_(weights)).sum(dim=1)
    squares = _squares(weights.flatten(2), contexts, gram, differentiable).view(numerators.shape)
    norms = query_norms * squares.clamp(min=_TINY).sqrt()
    return numerators / (norms.clamp(min=_EPSILON) if floor is None else torch.maximum(norms, floor))


def _squares(weights: Tensor, contexts: Tensor, gram: Tensor | None, differentiable: bool) -> Tensor:
    """‖Σ_c a_c v_c‖² for weights of shape (n, C, Q), as (n, Q)."""
    if gram is None:
        return torch.bmm(weights.transpose(1, 2), contexts).square().sum(dim=2)
    products = torch.bmm(gram, weights)
    return (products * weights if differentiable else products.mul_(weights)).sum(dim=1)
