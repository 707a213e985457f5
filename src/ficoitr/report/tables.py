"""Tables of the paper's shape, and what the report adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from ficoitr.evaluation.compare import unique_names, value_of
from ficoitr.evaluation.result import DIRECTIONS, Evaluation
from ficoitr.evaluation.tables import (
    NOT_APPLICABLE,
    Cell,
    Table,
    best_of,
    is_fraction,
    print_figure,
    print_interval,
)
from ficoitr.report.figures import DIRECTION_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_UNITS = (("bytes", ""), ("seconds", "s"), ("milliseconds", "ms"))


def instance_table(evaluations: Sequence[Evaluation], oracle: Mapping[str, float] | None = None) -> Table | None:
    """Table 2 of the paper: recalls of both directions and rSum, best in bold, intervals below."""
    groups = [(DIRECTION_NAMES[direction], _keys(evaluations, f"instance.{direction}.R@")) for direction in DIRECTIONS]
    groups.append(("Both", _keys(evaluations, "instance.rsum")))
    return _paper_table("Instance-level retrieval", groups, evaluations, oracle)


def category_table(evaluations: Sequence[Evaluation]) -> Table | None:
    """Table 4 of the paper: mean average precision of both directions, best in bold, intervals below."""
    groups = [(DIRECTION_NAMES[direction], _keys(evaluations, f"category.{direction}.mAP")) for direction in DIRECTIONS]
    return _paper_table("Category-level retrieval", groups, evaluations, None)


def _keys(evaluations: Sequence[Evaluation], start: str) -> list[str]:
    """Dotted keys with that start in any of the evaluations."""
    keys = dict.fromkeys(chain.from_iterable(one.keys() for one in evaluations))
    return [key for key in keys if key.startswith(start)]


def _paper_table(
    title: str,
    groups: Sequence[tuple[str, Sequence[str]]],
    evaluations: Sequence[Evaluation],
    oracle: Mapping[str, float] | None,
) -> Table | None:
    keys = [key for _, those in groups for key in those]
    if not keys:
        return None
    names = unique_names([one.name for one in evaluations])
    values = {key: [value_of(one, key) for one in evaluations] for key in keys}
    best = {key: best_of(key, column) if len(evaluations) > 1 else set() for key, column in values.items()}
    rows = [
        (
            Cell(name),
            *(
                Cell(
                    print_figure(key, values[key][at]),
                    best=at in best[key],
                    detail=print_interval(key, one.intervals.get(key)),
                )
                for key in keys
            ),
        )
        for at, (name, one) in enumerate(zip(names, evaluations, strict=True))
    ]
    if oracle and any(key in oracle for key in keys):
        rows.append((Cell("oracle"), *(Cell(print_figure(key, oracle[key]) if key in oracle else "") for key in keys)))
    shown = tuple("rSum" if key == "instance.rsum" else key.rpartition(".")[2] for key in keys)
    headed = tuple((name, len(those)) for name, those in groups if those)
    intervals = " Below: 95% intervals." if any(one.intervals for one in evaluations) else ""
    limit = " Oracle: what knowing which texts fit which images comes to." if len(rows) > len(evaluations) else ""
    bold = " Bold: the best." if len(evaluations) > 1 else ""
    percent = "Percent; rSum is a sum of percentages." if "instance.rsum" in keys else "Percent."
    return Table(title, ("Model", *shown), tuple(rows), (("", 1), *headed), f"{percent}{bold}{intervals}{limit}")


@dataclass(frozen=True)
class Range:
    """A figure of one model with its interval and tie band, as text and, for fractions, as percentages to draw."""

    model: int
    name: str
    value: str
    interval: str
    ties: str
    drawn: dict[str, float]


def range_groups(evaluations: Sequence[Evaluation]) -> dict[str, dict[str, list[Range]]]:
    """Ranges by task and direction, then by figure, one a model."""
    names = unique_names([one.name for one in evaluations])
    keys = list(dict.fromkeys(figure.key for one in evaluations for figure in one.figures()))
    groups: dict[str, dict[str, list[Range]]] = {}
    for key in keys:
        task, _, rest = key.partition(".")
        direction, _, metric = rest.partition(".")
        group = f"{task.capitalize()}, {DIRECTION_NAMES[direction].lower() if metric else 'both directions'}"
        rows = groups.setdefault(group, {}).setdefault(metric or "rSum", [])
        rows += [_range(at, name, one, key) for at, (name, one) in enumerate(zip(names, evaluations, strict=True))]
    return groups


def _range(at: int, name: str, evaluation: Evaluation, key: str) -> Range:
    value = value_of(evaluation, key)
    interval, ties = evaluation.intervals.get(key), evaluation.ties.get(key)
    drawn: dict[str, float] = {}
    if value is not None and is_fraction(key):
        drawn["value"] = 100 * value
        for kind, ends in (("interval", interval), ("ties", ties)):
            if ends:
                drawn |= {f"{kind}_low": 100 * min(ends), f"{kind}_width": 100 * abs(ends[1] - ends[0])}
    band = print_interval(key, ties) if ties and ties[0] != ties[1] else "none" if ties else NOT_APPLICABLE
    return Range(at, name, print_figure(key, value), print_interval(key, interval) or NOT_APPLICABLE, band, drawn)


def curve_table(evaluations: Sequence[Evaluation]) -> Table | None:
    """The numbers of the precision-recall curves."""
    names = unique_names([one.name for one in evaluations])
    rows = []
    levels: list[float] = []
    for direction in DIRECTIONS:
        for name, one in zip(names, evaluations, strict=True):
            curve = one.category.get(direction, {}).get("pr_curve")
            if curve is not None:
                levels = curve["recall"]
                precisions = (Cell(f"{100 * precision:.1f}") for precision in curve["precision"])
                rows.append((Cell(name), Cell(direction), *precisions))
    if not rows:
        return None
    columns = ("Model", "Direction", *(f"{level:g}" for level in levels))
    note = "Interpolated precision in percent at each recall, averaged over queries."
    return Table("Precision at eleven recalls", columns, tuple(rows), note=note, text_columns=2)


def efficiency_table(rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """One row a model; names that end in ``_bytes``, ``_seconds`` or ``_per_second`` say their unit."""
    if not rows:
        return None
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = tuple(tuple(Cell(_quantity(key, row.get(key))) for key in keys) for row in rows)
    return Table("Efficiency", tuple(_heading(key) for key in keys), cells)


def _heading(key: str) -> str:
    for suffix, unit in _UNITS:
        if key.endswith(f"_{suffix}"):
            name = key.removesuffix(f"_{suffix}").replace("_", " ")
            return f"{_capital(name)} ({unit})" if unit else _capital(name)
    return _capital(key.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _quantity(key: str, value: Any) -> str:
    if value is None:
        return NOT_APPLICABLE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if key.endswith("bytes"):
        return print_bytes(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def print_bytes(count: float) -> str:
    """Print a number of bytes in binary units.

    Examples
    --------
    >>> print_bytes(8), print_bytes(1536), print_bytes(6 * 2**30)
    ('8 B', '1.5 KiB', '6.0 GiB')
    """
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
