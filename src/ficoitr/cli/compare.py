"""`ficoitr compare`: two or more results in one table, with significance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ficoitr.cli.console import messages, output, print_json, split_list


def compare_command(
    results: Annotated[list[Path], typer.Argument(help="Two or more result files.", show_default=False)],
    table: Annotated[
        Path | None,
        typer.Option("--output", help="Write the table: .md, .tex, .csv, .html or .json.", show_default=False),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Compare all with this one, instead of all pairs.", show_default=False)
    ] = None,
    figures: Annotated[
        str | None,
        typer.Option(help="Only these figures, e.g. instance.t2i.R@1,category.i2t.mAP@N.", show_default=False),
    ] = None,
    permutations: Annotated[int, typer.Option(help="Permutations of the randomisation test.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Seed of the test.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare results: effects, 95% intervals, paired randomisation tests, Holm-corrected.

    [bold]Example[/bold]

      ficoitr compare cca.json cca-itq.json --output table.md
    """
    from ficoitr.evaluation.compare import compare

    # A status line is drawn on a terminal only.
    with messages.status("Comparing"):
        comparison = compare(
            results, baseline=baseline, figures=split_list(figures), permutations=permutations, seed=seed
        )
    if table is not None:
        comparison.save(table)
        messages.print(f"Wrote {table}")
    if as_json:
        print_json(comparison.to_json())
    else:
        output.print(comparison.to_markdown(), markup=False, soft_wrap=True)
