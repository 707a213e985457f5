"""How alike the pairs of a batch should be: targets made of the cosines of their features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F

from ficoitr.errors import ShapeError

Array = np.ndarray[Any, Any]

_BINS = 100


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """Compute the cosines of the rows of two matrices of shape (n, d) and (m, d); shape (n, m).

    A row of zeros has the cosine 0 with every other.
    """
    return F.normalize(one, dim=1) @ F.normalize(other, dim=1).T


def feature_similarities(features: Tensor) -> Tensor:
    """Compute S = 2 cos(x_i, x_j) - 1 of features of shape (n, d): from -1 to 1 where they are not negative."""
    return 2 * cosines(features, features) - 1


def reconstruction_target(
    image_similarities: Tensor, text_similarities: Tensor, *, image_share: float, mutual_share: float, scale: float
) -> Tensor:
    """Compute the target of DJSRH.

    S̃ = β S_I + (1 - β) S_T; S = μ ((1 - η) S̃ + η S̃ S̃ᵀ / n).

    Parameters
    ----------
    image_similarities, text_similarities : Tensor, shape (n, n)
        S_I and S_T, of ``feature_similarities``.
    image_share, mutual_share, scale : float
        β, η and μ.

    Notes
    -----
    Su, Zhong and Zhang, "Deep Joint-Semantics Reconstructing Hashing for Large-Scale Unsupervised Cross-Modal
    Retrieval", ICCV 2019.
    """
    joint = image_share * image_similarities + (1 - image_share) * text_similarities
    return scale * ((1 - mutual_share) * joint + mutual_share * joint @ joint.T / len(joint))


def joint_similarities(
    image_similarities: Tensor,
    text_similarities: Tensor,
    *,
    image_weight: float,
    text_weight: float,
    mutual_weight: float,
) -> Tensor:
    """Compute the joint similarities of JDSH.

    S = α S_I + β S_T + γ (H + Hᵀ) / 2, where H_ij is the cosine of row i of S_I and row j of S_T.

    Parameters
    ----------
    image_similarities, text_similarities : Tensor, shape (n, n)
        S_I and S_T, of ``feature_similarities``.
    image_weight, text_weight, mutual_weight : float
        α, β and γ.

    Notes
    -----
    Liu et al., "Joint-modal Distribution-based Similarity Hashing for Large-scale Unsupervised Deep Cross-modal
    Retrieval", SIGIR 2020; the mean of H and Hᵀ is that of its published code.
    """
    mutual = cosines(image_similarities, text_similarities)
    return image_weight * image_similarities + text_weight * text_similarities + mutual_weight * (mutual + mutual.T) / 2


class SimilarityDistribution(BaseModel):
    """How the joint similarities of a training set spread: two halves of normal distributions around their mode.

    Attributes
    ----------
    mode : float
    left_scale, right_scale : float
        Standard deviations of the half below the mode, and of the half above.
    lowest, highest : float
        Least and greatest similarity of two different pairs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: float
    left_scale: float = Field(ge=0)
    right_scale: float = Field(ge=0)
    lowest: float
    highest: float

    @classmethod
    def measured(cls, similarities: Array) -> Self:
        """Measure similarities of different pairs, an array of floats of any shape.

        The mode is the middle of the fullest of 100 equal bins; a scale is the root of the mean squared distance from
        the mode, of the values on its side.
        """
        values = np.asarray(similarities, dtype=np.float64).ravel()
        if not len(values):
            raise ShapeError("there are no similarities to measure", where="similarities", expected="one or more")
        counts, edges = np.histogram(values, bins=_BINS)
        fullest = int(counts.argmax())
        mode = float((edges[fullest] + edges[fullest + 1]) / 2)
        left, right = values[values < mode], values[values > mode]
        scales = [float(np.sqrt(np.mean((one - mode) ** 2))) if len(one) else 0.0 for one in (left, right)]
        return cls(
            mode=mode,
            left_scale=scales[0],
            right_scale=scales[1],
            lowest=float(values.min()),
            highest=float(values.max()),
        )


def weighted_similarities(
    similarities: Tensor,
    distribution: SimilarityDistribution,
    *,
    left_deviations: float,
    right_deviations: float,
    left_weight: float,
    right_weight: float,
) -> Tensor:
    """Strengthen similarities that lie far from the mode, as JDSH's distribution-based weighting does.

    With m the mode, σ_l, σ_r its scales, and a, b the lowest and highest similarity:

    - S < m - d_l σ_l becomes (1 + w_l exp(a - S)) S,
    - S > m + d_r σ_r becomes (1 + w_r exp(S - b)) S,
    - what lies between stays.

    Parameters
    ----------
    similarities : Tensor, shape (n, n)
    distribution : SimilarityDistribution
    left_deviations, right_deviations : float
        d_l and d_r.
    left_weight, right_weight : float
        w_l and w_r.

    Notes
    -----
    Liu et al., SIGIR 2020, and its published code, in which the signs of the exponents are these. A negative S above
    the right threshold is lowered, since the factor is more than 1; there, too.
    """
    below = similarities < distribution.mode - left_deviations * distribution.left_scale
    above = similarities > distribution.mode + right_deviations * distribution.right_scale
    factor = torch.ones_like(similarities)
    factor = torch.where(below, 1 + left_weight * torch.exp(distribution.lowest - similarities), factor)
    factor = torch.where(above, 1 + right_weight * torch.exp(similarities - distribution.highest), factor)
    return factor * similarities


def coherence_target(pair_cosines: Tensor, coherence: Tensor, *, coherence_share: float, scale: float) -> Tensor:
    """Compute the target of DGCPN: S = 2 ((1 - a) C + a s P Pᵀ) - 1.

    Parameters
    ----------
    pair_cosines : Tensor, shape (n, n)
        C, the joint cosines of the pairs.
    coherence : Tensor, shape (n, n)
        P Pᵀ of the neighbour graph, see ``NeighbourGraph.coherence``.
    coherence_share, scale : float
        a and s.

    Notes
    -----
    Yu et al., "Deep Graph-neighbor Coherence Preserving Network for Unsupervised Cross-modal Hashing", AAAI 2021.
    """
    return 2 * ((1 - coherence_share) * pair_cosines + coherence_share * scale * coherence) - 1
