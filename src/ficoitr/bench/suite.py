"""Suites: named lists of models to compare."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ficoitr.errors import OptionError

# A model's name becomes that of a folder; a point at the start is for what is not finished.
_NAME = re.compile(r"\w[\w.+-]*")


@dataclass(frozen=True)
class SuiteModel:
    """A model of a suite.

    Parameters
    ----------
    name : str
        What tables and the folder of its run are called: letters, digits, and ``. _ + -``.
    model : str
        Its name in the registry.
    config : mapping
        Its options.

    Raises
    ------
    OptionError
        For another name.
    """

    name: str
    model: str
    config: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise OptionError(
                f"a model cannot be called {self.name!r}",
                where="suite",
                expected="letters, digits and . _ + -, since its run lies in a folder of that name",
            )


@dataclass(frozen=True)
class Suite:
    """Models to compare.

    Parameters
    ----------
    name : str
    description : str
        One sentence without the full stop, for reports.
    models : tuple of SuiteModel
        At least one, of different names.
    datasets : mapping from str to mapping
        Options of datasets, such as how much of a generated one to make.

    Raises
    ------
    OptionError
        Without a model, or if two share a name.

    Examples
    --------
    >>> suite = Suite("narrow", "Few dimensions", (SuiteModel("cca-16", "cca", {"dimensions": 16}),))
    >>> [model.name for model in suite.models]
    ['cca-16']
    """

    name: str
    description: str
    models: tuple[SuiteModel, ...]
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if not names or len(set(names)) < len(names):
            raise OptionError(
                f"the suite {self.name!r} has the models {', '.join(names) or 'none'}",
                where="suite",
                expected="at least one model, each under a name of its own",
            )


@lru_cache(maxsize=1)
def suites() -> dict[str, Suite]:
    """All named suites."""
    text = files("ficoitr.bench").joinpath("suites.toml").read_text(encoding="utf-8")
    return {
        name: Suite(name, models=tuple(SuiteModel(**model) for model in fields.pop("models")), **fields)
        for name, fields in tomllib.loads(text).items()
    }


def get_suite(name: str) -> Suite:
    """Find a suite by its name.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    known = suites()
    if name not in known:
        raise OptionError(f"there is no suite {name!r}", where="suite", expected=f"one of {', '.join(known)}")
    return known[name]
