"""`ficoitr bench`: a suite of models on a dataset, compared, timed and reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.cli.console import output, print_json, print_table, progress_bar
from ficoitr.cli.datasets import Options, loader_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ficoitr.bench import BenchResult
    from ficoitr.evaluation.tables import Table


def bench_command(
    suite: Annotated[str, typer.Option(help="A named suite of models.")] = "quick",
    dataset: Annotated[str, typer.Option(help="The name of a dataset, or a folder.")] = "scenes",
    root: Annotated[Path | None, typer.Option(help="The folder of a named dataset.", show_default=False)] = None,
    options: Options = None,
    runs: Annotated[Path, typer.Option("--output", help="Where runs and the report are kept.")] = Path("runs"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of fitting and resampling.")] = 0,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples for 95% intervals; 0 for none.")] = 1000,
    image_features: Annotated[
        str | None,
        typer.Option(help="Image features for all models that take them by name.", show_default=False),
    ] = None,
    text_features: Annotated[
        str | None, typer.Option(help="Text features, in the same way.", show_default=False)
    ] = None,
    image_weights: Annotated[
        Path | None, typer.Option(help="File of the image features' weights, if they need one.", show_default=False)
    ] = None,
    feature_cache: Annotated[
        Path | None, typer.Option(help="Keep features in this folder, and find them there.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Fit the models of a suite, evaluate both tasks, measure their cost, compare them, and write a report.

    The dataset needs the splits train and test. A second start makes only what is missing or changed.

    [bold]Examples[/bold]

      ficoitr bench --suite quick --dataset scenes

      ficoitr bench --suite quick --dataset my_photos/

      ficoitr bench --dataset my_photos/ --image-features efficientnet-lite0 --text-features minilm
    """
    from ficoitr.bench import bench

    with progress_bar() as progress:
        result = bench(
            suite,
            dataset,
            root=root,
            output=runs,
            seed=seed,
            resamples=resamples,
            image_features=image_features,
            text_features=text_features,
            image_weights=image_weights,
            feature_cache=feature_cache,
            progress=progress,
            **loader_options(options),
        )
    if as_json:
        print_json(_as_json(result))
    else:
        _print(result)


def _print(result: BenchResult) -> None:
    from ficoitr.report.tables import category_table, instance_table
    from ficoitr.report.words import headlines

    tables = (
        instance_table(result.evaluations, result.oracle or None),
        category_table(result.evaluations),
    )
    for table in (*tables, _efficiency_table(result.efficiency)):
        if table is not None:
            print_table(_narrow(table))
            output.print()
    for line in headlines(list(result.evaluations), result.comparison):
        output.print(f"{line.figure}: {line.winner} {line.value}, {line.text}", markup=False)
    intervals = " 95% intervals are in the report." if result.evaluations[0].intervals else ""
    output.print(f"Percent; rSum is a sum of percentages.{intervals}", style="dim")
    if result.found:
        output.print(f"Found as an earlier start left them: {', '.join(result.found)}.", style="dim", markup=False)
    output.print(f"Report: {result.report}", markup=False, soft_wrap=True)


def _narrow(table: Table) -> Table:
    """Shorten headings for a terminal, and leave out the note, which speaks of what only a report shows."""
    from ficoitr.report.figures import DIRECTION_NAMES

    short = {name: direction for direction, name in DIRECTION_NAMES.items()}
    groups = tuple((short.get(heading, ""), span) for heading, span in table.groups)
    return replace(table, groups=groups, note="")


def _efficiency_table(efficiency: Sequence[Mapping[str, Any]]) -> Table:
    """What matters most of each model's cost, in so few columns that they fit a terminal."""
    from ficoitr.evaluation.tables import Cell, Table
    from ficoitr.report.tables import print_bytes

    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "Model": lambda one: one["model"],
        "Fit (s)": lambda one: f"{one['fit_seconds']:.1f}",
        "Images/s": lambda one: f"{one['images_per_second']:,.0f}",
        "Texts/s": lambda one: f"{one['texts_per_second']:,.0f}",
        "Bytes/item": lambda one: f"{one['bytes_per_item']:,.0f}",
        "Storage": lambda one: print_bytes(one["storage_bytes"]),
    }
    if any("pairs_per_second" in one for one in efficiency):
        # Of query-time attention: other models compare by a product, or count bits.
        columns["Pairs/s"] = lambda one: f"{one['pairs_per_second']:,.0f}" if "pairs_per_second" in one else "-"
    rows = tuple(tuple(Cell(show(one)) for show in columns.values()) for one in efficiency)
    return Table("Efficiency", tuple(columns), rows)


def _as_json(result: BenchResult) -> dict[str, Any]:
    return {
        "dataset": result.dataset.name,
        "evaluations": {one.name: one.model_dump(mode="json", by_alias=True) for one in result.evaluations},
        "efficiency": list(result.efficiency),
        "oracle": dict(result.oracle),
        "comparison": None if result.comparison is None else result.comparison.to_json(),
        "report": str(result.report),
    }
