"""Gradient clipping that reads the gradients once more, and does not write them."""

from __future__ import annotations

import torch
from torch import Tensor


def gradient_norm(parameters: list[Tensor]) -> Tensor:
    """Compute the Euclidean norm of all gradients together.

    The norms of rows come first: over a hundred million float32 values at once, torch's own norm is 0.4% too small.
    """
    gradients = [one.grad for one in parameters if one.grad is not None]
    norms = [torch.linalg.vector_norm(torch.linalg.vector_norm(one, dim=-1)) for one in gradients]
    whole: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return whole


def clipped_step(optimiser: torch.optim.Optimizer, most: float) -> Tensor:
    """Take a step with all gradients scaled by min(1, most / their norm); return the norm before.

    Parameters
    ----------
    optimiser : Optimizer
        A fused one: these divide the gradients by ``grad_scale`` as they read them, which is how
        `torch.amp.GradScaler` does it, too.
    most : float
    """
    norm = gradient_norm([one for group in optimiser.param_groups for one in group["params"]])
    optimiser.grad_scale = (norm / most).clamp(min=1)  # type: ignore[attr-defined]
    optimiser.found_inf = torch.zeros_like(norm)  # type: ignore[attr-defined]
    try:
        optimiser.step()
    finally:
        del optimiser.grad_scale, optimiser.found_inf  # type: ignore[attr-defined]
    return norm
