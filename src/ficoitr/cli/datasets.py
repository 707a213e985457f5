"""How commands name a dataset: a name or a folder, its root, a split, and options of its loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.data import Dataset

Name = Annotated[str, typer.Argument(help="The name of a dataset, or a folder.", show_default=False)]
Root = Annotated[Path | None, typer.Option("--root", help="The folder of a named dataset.", show_default=False)]
Split = Annotated[str | None, typer.Option("--split", help="Only this split.", show_default=False)]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", help="An option of the dataset's loader: NAME=VALUE.", show_default=False),
]


def load_named(name: str, root: Path | None, split: str | None = None, options: Sequence[str] | None = None) -> Dataset:
    """Load the dataset that a command names."""
    from ficoitr.data import load_dataset

    dataset = load_dataset(name, root, **loader_options(options))
    return dataset if split is None else dataset.split(split)


def loader_options(options: Sequence[str] | None) -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs; a value that is a number, true, false or null in JSON is that, else a text.

    Examples
    --------
    >>> loader_options(["test=100", "pixels=none", "test_folds=true"])
    {'test': 100, 'pixels': 'none', 'test_folds': True}
    """
    read: dict[str, Any] = {}
    for option in options or ():
        name, given, value = option.partition("=")
        if not given or not name.isidentifier() or name in ("name", "root"):
            raise OptionError(f"{option!r} is no option", where="--option", expected="NAME=VALUE, such as test=100")
        try:
            read[name] = json.loads(value)
        except json.JSONDecodeError:
            read[name] = value
    return read
