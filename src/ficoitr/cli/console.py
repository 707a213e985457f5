"""What commands share: where they print, how they show progress, how they read lists of values."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ficoitr.evaluation.tables import Table

output = Console(highlight=False, soft_wrap=False)
messages = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """Print an error."""
    messages.print("Error:", style="bold red", end=" ")
    messages.print(message, markup=False, soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning."""
    messages.print("Warning:", style="bold yellow", end=" ")
    messages.print(message, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print machine-readable output, and nothing else, to standard output."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def print_table(table: Table) -> None:
    """Print a table of figures, best values in bold."""
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    above = [heading for heading, span in table.groups for _ in range(span)] or [""] * len(table.columns)
    for number, (group, column) in enumerate(zip(above, table.columns, strict=True)):
        heading = f"{group}\n{column}" if any(above) else column
        drawn.add_column(Text(heading), justify="left" if number < table.text_columns else "right")
    for row in table.rows:
        drawn.add_row(*(Text(f"{cell.text}{cell.mark}", style="bold" if cell.best else "") for cell in row))
    output.print(drawn)
    if table.note:
        output.print(table.note, style="dim", markup=False)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield ``report(what, done, total)``: a bar for each thing under way, on a terminal; nothing elsewhere.

    A thing that is done has no bar any more; one of a total of 1 has a bar that only shows that it goes on.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        # A width of its own, so that bars do not jump from one thing to the next.
        TextColumn("{task.description:<26}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[count]}", justify="right"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if done >= total:
                if what in tasks:
                    progress.remove_task(tasks.pop(what))
                return
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None, count="")
            if total > 1:
                progress.update(tasks[what], completed=done, total=total, count=f"{done:,} of {total:,}")

        yield report


def split_list(text: str | None) -> list[str] | None:
    """Read ``1,5,10``; commas within parentheses part the options of a metric, not values."""
    if text is None:
        return None
    values = [part.strip() for part in re.split(r",(?![^()]*\))", text)]
    if not all(values):
        raise OptionError(
            f"cannot read the list {text!r}", where="command line", expected="values between commas: 1,5,10"
        )
    return values


def percent(value: float | None) -> str:
    """Format a fraction as a percentage with one decimal; n/a where there is no value."""
    return "n/a" if value is None else f"{100 * value:.1f}"
