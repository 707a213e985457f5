"""All commands under one name."""

from __future__ import annotations

from typing import Annotated

import typer

from ficoitr._version import __version__
from ficoitr.cli import bench, compare, data, encode, evaluate, listings, train

application = typer.Typer(
    name="ficoitr",
    help="Fine- and coarse-grained image-text retrieval: evaluate, compare and benchmark models on one protocol.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
application.command("evaluate")(evaluate.evaluate_command)
application.command("compare")(compare.compare_command)
application.command("bench")(bench.bench_command)
application.command("train")(train.train_command)
application.command("encode")(encode.encode_command)
application.add_typer(data.application, name="data")
application.command("models")(listings.models_command)
application.command("datasets")(listings.datasets_command)
application.command("features")(listings.features_command)
application.command("indexes")(listings.indexes_command)
application.command("metrics")(listings.metrics_command)
application.command("protocols")(listings.protocols_command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"ficoitr {__version__}")
        raise typer.Exit


@application.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version
