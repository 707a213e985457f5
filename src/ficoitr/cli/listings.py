"""What there is: models, datasets, features, indexes, metrics, protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ficoitr.cli.console import output, print_json

AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


def models_command(as_json: AsJson = False) -> None:
    """List the models.

    [bold]Example[/bold]

      ficoitr models --json
    """
    from ficoitr.models import model_names

    _show(
        ("name", "granularity", "description"),
        [(one.name, one.granularity, one.description) for one in model_names()],
        as_json,
    )


def datasets_command(as_json: AsJson = False) -> None:
    """List the datasets.

    [bold]Example[/bold]

      ficoitr datasets --json
    """
    from ficoitr.data import dataset_names

    rows = [
        (one.name, "a folder" if one.origin == "folder" else one.origin, one.description) for one in dataset_names()
    ]
    _show(("name", "from", "description"), rows, as_json)


def indexes_command(as_json: AsJson = False) -> None:
    """List the indexes that embeddings and codes can be searched by.

    [bold]Example[/bold]

      ficoitr indexes --json
    """
    from ficoitr.search import index_names

    _show(("name", "of", "description"), [(one.name, one.kind, one.description) for one in index_names()], as_json)


def features_command(as_json: AsJson = False) -> None:
    """List the features that can be extracted from images and texts.

    [bold]Example[/bold]

      ficoitr features --json
    """
    from ficoitr.models.features.registry import feature_names

    weights = {"none": "", "package": "from a package", "file": "from a file"}
    rows = [
        (one.name, one.modality, " × ".join(map(str, one.shape)), weights[one.weights], one.description)
        for one in feature_names()
    ]
    _show(("name", "of", "shape", "weights", "description"), rows, as_json)


def metrics_command(as_json: AsJson = False) -> None:
    """List the metrics, with the forms that --metrics takes.

    [bold]Example[/bold]

      ficoitr metrics --json
    """
    from ficoitr.metrics.metric import FAMILIES

    rows = []
    for family in FAMILIES.values():
        options = ", ".join(f"{name}: {' '.join(values)}" for name, values in family.options.items())
        cutoff = {"number": "@K", "radius": "@bits", "none": ""}[family.cutoffs]
        rows.append((f"{family.name}{cutoff}", family.description, options, family.source))
    _show(("metric", "description", "options", "source"), rows, as_json)


def protocols_command(as_json: AsJson = False) -> None:
    """List the protocols.

    [bold]Example[/bold]

      ficoitr protocols --json
    """
    from ficoitr.evaluation import protocols

    rows = [(one.name, one.description, one.source) for one in protocols().values()]
    _show(("protocol", "description", "source"), rows, as_json)


def _show(names: Sequence[str], rows: Sequence[Sequence[str]], as_json: bool) -> None:
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    from rich.table import Table

    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    output.print(table)
