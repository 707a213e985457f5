"""Tables of figures, printed as Markdown, LaTeX, HTML or drawn by a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from ficoitr.metrics.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_APPLICABLE = "n/a"
# Characters of Unicode's private use area stand for bold while tabulate escapes the rest.
_BOLD, _END = "\ue000", "\ue001"
_LATEX_SYMBOLS = {"−": "$-$", "†": "$^{\\dagger}$", "–": "--", "…": "\\ldots{}", "×": "$\\times$"}


@dataclass(frozen=True)
class Cell:
    """One cell: text, whether it is the best of its kind, a footnote sign, small print such as an interval."""

    text: str
    best: bool = False
    mark: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a heading, a column of row names first, and a note.

    Parameters
    ----------
    title : str
    columns : tuple of str
        The first is the heading of the row names.
    rows : tuple of tuples of Cell
        As many cells as there are columns.
    groups : tuple of (str, int), optional
        Headings over several columns and how many each spans, all columns together; for a report only.
    note : str, optional
        What a reader needs in order to read it.
    text_columns : int
        How many columns, from the first, hold names and stand to the left.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    groups: tuple[tuple[str, int], ...] = ()
    note: str = ""
    text_columns: int = 1

    def to_markdown(self) -> str:
        """Return the table in GitHub's Markdown."""
        # A vertical bar or an asterisk in a name would end the cell or start bold; `<` would start HTML.
        escapes = str.maketrans({mark: f"\\{mark}" for mark in "\\|*<`"})
        columns = [column.translate(escapes) for column in self.columns]
        rows = [[_bold(_plain(cell, escapes), "**", "**") for cell in row] for row in self.rows]
        return str(tabulate(rows, columns, tablefmt="github", **self._options()))

    def to_latex(self) -> str:
        """Return a ``tabular`` for the package booktabs."""
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        body = tabulate(rows, self.columns, tablefmt="latex_booktabs", **self._options())
        for symbol, command in _LATEX_SYMBOLS.items():
            body = body.replace(symbol, command)
        return _bold(body, "\\textbf{", "}")

    def to_html(self) -> str:
        """Return a ``<table>`` element."""
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        body = tabulate(rows, self.columns, tablefmt="html", **self._options())
        return _bold(str(body), "<strong>", "</strong>")

    def _options(self) -> dict[str, Any]:
        alignment = ["left"] * self.text_columns + ["right"] * (len(self.columns) - self.text_columns)
        return {"disable_numparse": True, "colalign": alignment}


def _plain(cell: Cell, escapes: dict[int, str] | None = None) -> str:
    text = cell.text.translate(escapes or {})
    shown = f"{_BOLD}{text}{_END}" if cell.best else text
    return f"{shown}{cell.mark}{f' {cell.detail}' if cell.detail else ''}"


def _bold(text: str, start: str, end: str) -> str:
    return text.replace(_BOLD, start).replace(_END, end)


def metric_of(key: str) -> Metric | None:
    """Return the metric of a dotted key; None for rSum, which is a sum of several."""
    name = key.rpartition(".")[2]
    return None if name == "rsum" else Metric.parse(name)


def lower_is_better(key: str) -> bool:
    """Whether the figure of a dotted key is a rank."""
    metric = metric_of(key)
    return metric is not None and metric.family.better == "lower"


def is_median(key: str) -> bool:
    """Whether the figure of a dotted key puts queries together by their median."""
    metric = metric_of(key)
    return metric is not None and metric.family.average == "median"


def is_fraction(key: str) -> bool:
    """Whether the figure of a dotted key is printed as a percentage."""
    return metric_of(key) is not None and not lower_is_better(key)


def print_figure(key: str, value: float | None) -> str:
    """Print a figure with one decimal: fractions in percent, ranks and rSum as they are.

    Examples
    --------
    >>> print_figure("instance.t2i.R@1", 0.4567), print_figure("instance.t2i.median_rank", 3.0)
    ('45.7', '3.0')
    """
    if value is None:
        return NOT_APPLICABLE
    return f"{100 * value if is_fraction(key) else value:.1f}"


def print_difference(key: str, value: float | None) -> str:
    """Print a difference of figures in the unit of `print_figure`, with its sign."""
    if value is None:
        return NOT_APPLICABLE
    if value == 0:
        return "0.0"
    return f"{100 * value if is_fraction(key) else value:+.1f}".replace("-", "−")


def print_interval(key: str, interval: Sequence[float] | None) -> str:
    """Print an interval of figures as ``[low, high]``; nothing where there is none."""
    return f"[{', '.join(print_figure(key, end) for end in interval)}]" if interval else ""


def print_p(p: float | None) -> str:
    """Print a p-value with four decimals, or as a power of ten below that."""
    if p is None:
        return NOT_APPLICABLE
    return f"{p:.4f}" if p >= 0.00005 else f"{p:.0e}"


def best_of(key: str, values: Sequence[float | None]) -> set[int]:
    """Positions of the best value of a figure, several when equal, none without a value."""
    known = [value for value in values if value is not None]
    if not known:
        return set()
    best = min(known) if lower_is_better(key) else max(known)
    return {at for at, value in enumerate(values) if value == best}
