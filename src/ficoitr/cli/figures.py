"""Figures as a person reads them: fractions in percent, ranks as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ficoitr.evaluation import Figure


def _number(key: str, value: float) -> str:
    if key.endswith(("_rank", "rsum")):
        return f"{value:.1f}"
    return f"{100 * value:.1f}"


def format_figure(figure: Figure) -> str:
    """Value and interval, such as ``83.2 [77.8, 87.8]``; n/a where the figure is not applicable."""
    if figure.value is None:
        return "n/a"
    text = _number(figure.key, figure.value)
    if figure.interval is None:
        return text
    return f"{text} \\[{', '.join(_number(figure.key, end) for end in figure.interval)}]"


def format_band(figure: Figure) -> str:
    """Worst to best over all orders of tied candidates, where they differ in print."""
    if figure.ties is None or figure.value is None:
        return ""
    worst, best = (_number(figure.key, end) for end in figure.ties)
    return "" if worst == best else f"{worst} to {best}"
