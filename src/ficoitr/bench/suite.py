"""Suites: named lists of models to compare."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from ficoitr.errors import OptionError


class SuiteModel(BaseModel):
    """A model of a suite: what tables call it, its name in the registry, and its options."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    model: str
    config: dict[str, Any] = {}


class Suite(BaseModel):
    """Models to compare, and options of the datasets that are generated rather than read."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    description: str
    models: tuple[SuiteModel, ...]
    datasets: dict[str, dict[str, Any]] = {}


@lru_cache(maxsize=1)
def suites() -> dict[str, Suite]:
    """All named suites."""
    text = files("ficoitr.bench").joinpath("suites.toml").read_text(encoding="utf-8")
    return {name: Suite(name=name, **fields) for name, fields in tomllib.loads(text).items()}


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
