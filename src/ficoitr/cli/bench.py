"""`ficoitr bench`: a suite of models on a dataset, compared, timed and reported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.cli.console import output, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from ficoitr.bench import BenchResult


def bench_command(
    suite: Annotated[str, typer.Option(help="A named suite of models.")] = "quick",
    dataset: Annotated[str, typer.Option(help="The name of a dataset, or a folder.")] = "scenes",
    root: Annotated[Path | None, typer.Option(help="The folder of a named dataset.", show_default=False)] = None,
    runs: Annotated[Path, typer.Option("--output", help="Where runs and the report are kept.")] = Path("runs"),
    seed: Annotated[int, typer.Option(help="Seed of fitting and resampling.")] = 0,
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples for 95% intervals; 0 for none.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Fit the models of a suite, evaluate both tasks, measure their cost, compare them, and write a report.

    [bold]Examples[/bold]

      ficoitr bench --suite quick --dataset scenes

      ficoitr bench --suite quick --dataset my_photos/
    """
    from ficoitr.bench import bench

    with progress_bar() as progress:
        result = bench(suite, dataset, root=root, output=runs, seed=seed, resamples=resamples, progress=progress)
    if as_json:
        print_json(_as_json(result))
        return
    _print(result)


def _print(result: BenchResult) -> None:
    from ficoitr.report.tables import category_table, efficiency_table, instance_table

    tables = (
        instance_table(result.evaluations, result.oracle or None),
        category_table(result.evaluations),
        efficiency_table(result.efficiency),
    )
    for table in tables:
        if table is not None:
            print_table(table)
            output.print()
    for name in result.found:
        output.print(f"{name} was found as an earlier run left it.", style="dim", markup=False)
    output.print(f"Report: {result.report}", markup=False, soft_wrap=True)


def _as_json(result: BenchResult) -> dict[str, Any]:
    return {
        "dataset": result.dataset.name,
        "evaluations": {one.name: one.model_dump(mode="json", by_alias=True) for one in result.evaluations},
        "efficiency": list(result.efficiency),
        "oracle": dict(result.oracle),
        "comparison": None if result.comparison is None else result.comparison.to_json(),
        "report": str(result.report),
    }
