"""Statistics of hash codes as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ficoitr.evaluation.compare import unique_names
from ficoitr.evaluation.tables import NOT_APPLICABLE, Cell, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.evaluation.result import Evaluation
    from ficoitr.metrics.codes import CodeStatistics

_NOTE = "p: share of 1s of a bit; r: Pearson's correlation of two bits that vary."
_WORST_BITS = 2  # as many as fit beside each other on a terminal


def print_codes(statistics: CodeStatistics) -> dict[str, str]:
    """Print each statistic, by its heading.

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.metrics.codes import code_statistics
    >>> shown = print_codes(code_statistics(np.array([[0], [1], [1], [3]], dtype=np.uint64), 2))
    >>> shown["worst bits"], shown["distinct codes"], shown["largest |r|"]
    ('0 (0.75), 1 (0.25)', '3 (75.0%)', '0.333')
    """
    one = statistics
    return {
        "items": f"{one.items:,}",
        "bits": f"{one.bits:,}",
        "mean |p−½|": f"{one.imbalance:.3f}",
        "worst bits": ", ".join(f"{bit} ({share:.2f})" for bit, share in one.worst_bits(_WORST_BITS)) or "none",
        "constant bits": f"{one.constant_bits:,}",
        "mean |r|": _decimals(one.mean_correlation),
        "largest |r|": _decimals(one.max_correlation),
        "distinct codes": _with_share(one.distinct, one.items),
        "items sharing a code": _with_share(one.colliding, one.items),
        "largest bucket": f"{one.largest_bucket:,}",
        "P(two share a code)": _probability(one.collision_probability),
    }


def _decimals(value: float | None) -> str:
    return NOT_APPLICABLE if value is None else f"{value:.3f}"


def _with_share(count: int, of: int) -> str:
    return f"{count:,} ({100 * count / of:.1f}%)"


def _probability(value: float | None) -> str:
    if value is None:
        return NOT_APPLICABLE
    return f"{value:.4f}" if value >= 0.001 else f"{value:.1e}" if value else "0"


def code_table(evaluations: Sequence[Evaluation]) -> Table | None:
    """Statistics of hash codes, a row each, images beside texts under each model that has codes; None without codes."""
    names = unique_names([one.name for one in evaluations])
    coded = [(name, one) for name, one in zip(names, evaluations, strict=True) if one.codes]
    if not coded:
        return None
    sides = [(side, print_codes(statistics)) for _, one in coded for side, statistics in one.codes.items()]
    rows = tuple((Cell(heading), *(Cell(printed[heading]) for _, printed in sides)) for heading in sides[0][1])
    groups = (("", 1), *((name, len(one.codes)) for name, one in coded)) if len(evaluations) > 1 else ()
    return Table("Hash codes", ("", *(side for side, _ in sides)), rows, groups, _NOTE)
