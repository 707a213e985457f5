"""What the fine-grained models minimise: the triplet loss on a matrix of scores."""

from __future__ import annotations

import torch
from torch import Tensor

from ficoitr.errors import ShapeError


def triplet_loss(scores: Tensor, *, margin: float, hardest: bool = True, negatives: Tensor | None = None) -> Tensor:
    """Compute the hinge loss of both directions, summed over the batch.

    With s_ij the score of image i and text j, of which those of equal index belong together:
    L = Σ_i max_j≠i [m + s_ij - s_ii]₊ + Σ_j max_i≠j [m + s_ij - s_jj]₊, [x]₊ = max(0, x)

    Parameters
    ----------
    scores : Tensor, shape (n, n)
        s, higher being better.
    margin : float
        m.
    hardest : bool
        Whether only the hardest negative of each query counts, or the sum over all: Σ in the place of max.
    negatives : Tensor of bool, shape (n, n), optional
        Which text is a negative of which image; by default all but its own.
        `ficoitr.models.training.batches.pairs_of_other_images` leaves out other texts of the same image.

    Raises
    ------
    ShapeError
        If the matrix is not square.

    Notes
    -----
    Faghri et al., "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives", BMVC 2018, equations 4 to 6.

    Examples
    --------
    >>> triplet_loss(torch.tensor([[0.9, 0.8], [0.1, 0.5]]), margin=0.2)
    tensor(0.6000)
    """
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1]:
        raise ShapeError(
            f"scores of shape {tuple(scores.shape)}", where="scores", expected="(n, n), pair by pair along the diagonal"
        )
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    excluded = own if negatives is None else own | ~negatives
    positive = scores.diagonal()
    of_images = (margin + scores - positive[:, None]).clamp(min=0).masked_fill(excluded, 0)
    of_texts = (margin + scores - positive).clamp(min=0).masked_fill(excluded, 0)
    if not hardest:
        return of_images.sum() + of_texts.sum()
    return of_images.max(dim=1).values.sum() + of_texts.max(dim=0).values.sum()
