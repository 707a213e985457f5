"""What a comparison yields: figures of all models, tests of the pairs, and how they are printed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, fields, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ficoitr.errors import OptionError
from ficoitr.evaluation.tables import (
    Cell,
    Table,
    best_of,
    print_difference,
    print_figure,
    print_p,
)
from ficoitr.outputs.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = "ficoitr.comparison/1"
LEVEL = 0.05
_MARK = "†"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }}
table {{ border-collapse: collapse; display: block; overflow-x: auto }}
th, td {{ padding: .3rem .7rem; border-bottom: 1px solid #8886 }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}</body>
</html>
"""


@dataclass(frozen=True)
class Pair:
    """Two models in one figure: the difference first minus second, its 95% interval, and p-values.

    Fractions are in [0, 1], ranks and rSum as they are; None where a figure is not applicable or not tested.
    """

    figure: str
    first: str
    second: str
    first_value: float | None
    second_value: float | None
    effect: float | None
    interval: tuple[float, float] | None
    p: float | None
    p_holm: float | None

    @property
    def significant(self) -> bool | None:
        """Whether the corrected p-value is at most 0.05; None where there is none."""
        return None if self.p_holm is None else self.p_holm <= LEVEL

    def tested(self, *, interval: tuple[float, float], p: float) -> Pair:
        """Return this pair with the outcome of its test."""
        return replace(self, interval=interval, p=p)

    def corrected(self, p_holm: float) -> Pair:
        """Return this pair with its p-value corrected over all pairs."""
        return replace(self, p_holm=p_holm)


@dataclass(frozen=True)
class Comparison:
    """The result of `ficoitr.compare`.

    Parameters
    ----------
    names : tuple of str
        The models, in the order given.
    figures : dict from dotted key to one value a model
    rows : tuple of Pair
        Figure by figure, every pair of models, or every model and the baseline.
    baseline : str, optional
    permutations, resamples, seed : int
        Of the tests and intervals.
    notes : tuple of str
    """

    names: tuple[str, ...]
    figures: dict[str, tuple[float | None, ...]]
    rows: tuple[Pair, ...]
    baseline: str | None
    permutations: int
    resamples: int
    seed: int
    notes: tuple[str, ...] = ()

    def pair(self, figure: str, first: str, second: str) -> Pair | None:
        """Find the test of two models, whichever is named first; None where they were not compared."""
        both = {first, second}
        return next((row for row in self.rows if row.figure == figure and {row.first, row.second} == both), None)

    def figure_table(self) -> Table:
        """Figures of all models: the best in bold, a mark where a difference is not significant."""
        rows = []
        for key, values in self.figures.items():
            best = best_of(key, values)
            reference = self.baseline or (self.names[min(best)] if best else "")
            cells = [
                Cell(
                    print_figure(key, value),
                    at in best,
                    "" if at in best else self._mark(key, self.names[at], reference),
                )
                for at, value in enumerate(values)
            ]
            rows.append((Cell(key), *cells))
        against = f"the baseline {self.baseline}" if self.baseline else "the best"
        note = (
            f"Fractions in percent. Bold: the best. {_MARK} not significantly different from {against} (paired "
            f"randomisation test over images, {self.permutations:,} permutations, Holm-corrected, p > {LEVEL})."
        )
        return Table("Figures", ("Figure", *self.names), tuple(rows), note=note)

    def _mark(self, key: str, name: str, reference: str) -> str:
        pair = self.pair(key, name, reference) if name != reference else None
        return _MARK if pair is not None and pair.significant is False else ""

    def pair_table(self) -> Table:
        """Differences of pairs with interval and p-values."""
        columns = ("Figure", "First", "Second", "First − second", "95% interval", "p", "p (Holm)")
        rows = tuple(
            (
                Cell(row.figure),
                Cell(row.first),
                Cell(row.second),
                Cell(print_difference(row.figure, row.effect)),
                Cell(_print_ends(row)),
                Cell(print_p(row.p)),
                Cell(print_p(row.p_holm), best=row.significant is True),
            )
            for row in self.rows
        )
        note = (
            "Differences of fractions in percentage points. Interval: 95%, bootstrap over images "
            f"({self.resamples:,} resamples). p: paired randomisation test that flips whole images "
            f"({self.permutations:,} permutations, seed {self.seed}); corrected over the pairs of each figure; "
            f"bold: at most {LEVEL}."
        )
        return Table("Differences", columns, rows, note=note, text_columns=3)

    def to_markdown(self) -> str:
        """Return both tables in Markdown."""
        parts = [f"### {table.title}\n\n{table.to_markdown()}\n\n{table.note}\n" for table in self._tables()]
        return "\n".join([*parts, *(f"{note}.\n" for note in self.notes)])

    def to_latex(self) -> str:
        """Return both tables in LaTeX (package booktabs), their notes as comments."""
        parts = [f"% {table.title}. {table.note}\n{table.to_latex()}\n" for table in self._tables()]
        return "\n".join([*parts, *(f"% {note}.\n" for note in self.notes)])

    def to_html(self) -> str:
        """Return both tables as HTML, to be put into a page."""
        parts = [
            f"<h3>{escape(table.title)}</h3>\n{table.to_html()}\n<p>{escape(table.note)}</p>\n"
            for table in self._tables()
        ]
        return "".join([*parts, *(f"<p>{escape(note)}.</p>\n" for note in self.notes)])

    def to_csv(self) -> str:
        """Return one row a figure and pair, numbers in full precision and fractions in [0, 1], empty for None."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [field.name for field in fields(Pair) if field.name != "interval"]
        at = columns.index("p")
        writer.writerow([*columns[:at], "interval_low", "interval_high", *columns[at:]])
        for row in self.rows:
            cells = [getattr(row, name) for name in columns]
            writer.writerow([*cells[:at], *(row.interval or (None, None)), *cells[at:]])
        return text.getvalue()

    def to_json(self) -> dict[str, Any]:
        """Return everything as a dict that JSON can hold."""
        figures = {key: dict(zip(self.names, values, strict=True)) for key, values in self.figures.items()}
        rows = [{**asdict(row), "interval": row.interval and list(row.interval)} for row in self.rows]
        return {
            "schema": SCHEMA,
            "names": list(self.names),
            "baseline": self.baseline,
            "permutations": self.permutations,
            "resamples": self.resamples,
            "seed": self.seed,
            "figures": figures,
            "rows": rows,
            "notes": list(self.notes),
        }

    def save(self, path: str | Path) -> Path:
        """Write ``.md``, ``.tex``, ``.csv``, ``.html`` or ``.json``, as the suffix says, whole or not at all.

        Raises
        ------
        OptionError
            For another suffix.
        OutputError
            If the file cannot be written.
        """
        path = Path(path)
        formats: dict[str, Callable[[], str]] = {
            ".md": self.to_markdown,
            ".tex": self.to_latex,
            ".csv": self.to_csv,
            ".html": self._page,
            ".json": lambda: json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n",
        }
        if path.suffix not in formats:
            raise OptionError(
                f"the suffix {path.suffix!r} is unknown",
                where=str(path),
                expected=f"one of {', '.join(formats)}",
            )
        content: str = formats[path.suffix]()
        with atomic_path(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
        return path

    def _tables(self) -> tuple[Table, Table]:
        return self.figure_table(), self.pair_table()

    def _page(self) -> str:
        title = escape(" and ".join(self.names) if len(self.names) < 4 else f"{len(self.names)} models")
        return _PAGE.format(title=f"Comparison of {title}", body=self.to_html())


def _print_ends(row: Pair) -> str:
    if row.interval is None:
        return "n/a"
    return f"[{', '.join(print_difference(row.figure, end) for end in row.interval)}]"
