"""The asymmetric loss: labels that an image does not have count less, the easier they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from ficoitr.errors import OptionError

_TINY = 1e-12


@dataclass(frozen=True)
class AsymmetricLoss:
    """Asymmetric loss of multi-label classification, the mean over images and labels.

    Parameters
    ----------
    positive_focus, negative_focus : float
        γ+ and γ-, at least 0: the powers by which easy labels count less.
    margin : float
        m, from 0 to below 1: labels an image does not have count for nothing below this probability.

    Raises
    ------
    OptionError
        For numbers outside these ranges.

    Notes
    -----
    Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021 (arXiv 2009.14119): with p = σ(logit)
    and p_m = max(p - m, 0), a label that is set costs -(1 - p)^γ+ · log p, another -p_m^γ- · log(1 - p_m). With γ+,
    γ- and m of 0 it is binary cross-entropy. Query2Label takes it without the margin.

    Examples
    --------
    >>> loss = AsymmetricLoss(positive_focus=0, negative_focus=0, margin=0)
    >>> round(float(loss(torch.zeros(2, 3), torch.ones(2, 3))), 4)
    0.6931
    """

    positive_focus: float = 0.0
    negative_focus: float = 2.0
    margin: float = 0.0

    def __post_init__(self) -> None:
        for name in ("positive_focus", "negative_focus"):
            if not getattr(self, name) >= 0:
                raise OptionError(f"{name} is {getattr(self, name)}", where="loss", expected="0 or more")
        if not 0 <= self.margin < 1:
            raise OptionError(f"margin is {self.margin}", where="loss", expected="0 or more, below 1")

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Compute the loss of ``logits`` against ``labels`` of 0 and 1, both of shape (n, L)."""
        present = -F.logsigmoid(logits)
        if self.positive_focus:
            present = present * _power(torch.sigmoid(-logits), self.positive_focus)
        if self.margin:
            shifted = (torch.sigmoid(logits) - self.margin).clamp(min=0)
            absent = -torch.log1p(-shifted)
        else:
            # Through the logits, since 1 - p loses all its digits as p nears 1.
            shifted, absent = torch.sigmoid(logits), -F.logsigmoid(-logits)
        if self.negative_focus:
            absent = absent * _power(shifted, self.negative_focus)
        return torch.where(labels > 0, present, absent).mean()


def _power(chance: torch.Tensor, exponent: float) -> torch.Tensor:
    # Below an exponent of 1 the slope at 0 is infinite, and times 0 it would be NaN.
    return chance.clamp(min=_TINY) ** exponent
