"""What a user sets of a training: typed, from presets, YAML files and single settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field

from ficoitr.errors import FileFormatError, OptionError, did_you_mean
from ficoitr.options import checked_options

Config = TypeVar("Config", bound=BaseModel)


class TrainingConfig(BaseModel):
    """How long and on what a model is trained; what it learns from is its own configuration.

    Attributes
    ----------
    epochs : int
        Most passes over the training pairs.
    batch_size : int
    drop_last : bool
        Whether a last, smaller batch of an epoch is left out.
    patience : int, optional
        Stop after so many validations without an improvement; by default never.
    validate_every : int
        Epochs between validations.
    device : str
        ``auto`` takes a GPU if there is one; else a name of torch, such as ``cpu`` or ``cuda:1``.
    precision : {"float32", "bfloat16"}
        ``bfloat16`` computes products in 16 bits (automatic mixed precision); weights stay float32.
    save_seconds : float
        Seconds between checkpoints within an epoch; one is written after every epoch in any case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=30, ge=1)
    batch_size: int = Field(default=128, ge=2)
    drop_last: bool = False
    patience: int | None = Field(default=None, ge=1)
    validate_every: int = Field(default=1, ge=1)
    device: str = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    save_seconds: float = Field(default=60.0, ge=0)


def preset_names(model: str) -> tuple[str, ...]:
    """List the presets of a model: published settings by dataset, and ``small`` for two cores, see ``preset_for``."""
    return tuple(_presets(model))


def preset_for(model: str, preset: str, dataset: str) -> str:
    """Return the preset of that name for a dataset, such as ``small-scenes`` for ``small``, or else that of the name.

    Examples
    --------
    >>> preset_for("ucch", "small", "scenes"), preset_for("ucch", "small", "wiki")
    ('small-scenes', 'small')
    """
    own = f"{preset}-{dataset}"
    return own if own in preset_names(model) else preset


def read_config(
    config_class: type[Config],
    model: str,
    *,
    preset: str | None = None,
    file: str | Path | None = None,
    settings: Mapping[str, Any] | Iterable[str] = (),
) -> Config:
    """Put a model's configuration together; what comes later goes before what came earlier.

    Parameters
    ----------
    config_class : type
        The model's pydantic class, whose defaults come first.
    model : str
        Whose presets.
    preset : str, optional
        A name of `preset_names`.
    file : path, optional
        A YAML file of the same form.
    settings : mapping, or iterable of str
        Nested values, or texts such as ``"training.epochs=5"``, whose values are read as YAML.

    Raises
    ------
    OptionError
        For an unknown preset or field, or a value out of its range.
    FileFormatError
        If the file cannot be read.
    """
    values: dict[str, Any] = {}
    if preset is not None:
        known = _presets(model)
        if preset not in known:
            raise OptionError(
                f"the model {model!r} has no preset {preset!r}",
                where="preset",
                expected=f"one of {', '.join(known)}" if known else "none",
                fix=did_you_mean(preset, known),
            )
        _merge(values, known[preset])
    if file is not None:
        _merge(values, _read_yaml(Path(file)))
    _merge(values, settings if isinstance(settings, Mapping) else read_settings(settings))
    return checked_config(config_class, values, model)


def read_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Read texts such as ``"training.epochs=5"``, whose values are YAML, into nested values.

    Raises
    ------
    OptionError
        For a text of another form.

    Examples
    --------
    >>> read_settings(["bits=32", "training.epochs=5"])
    {'bits': 32, 'training': {'epochs': 5}}
    """
    values: dict[str, Any] = {}
    for setting in settings:
        _merge(values, _nested(setting))
    return values


def checked_config(config_class: type[Config], values: Mapping[str, Any], model: str) -> Config:
    """Check values against a model's configuration, see `ficoitr.options.checked_options`."""
    return checked_options(config_class, values, f"the model {model!r}", where="config")


def _presets(model: str) -> dict[str, Any]:
    source = files("ficoitr.models").joinpath("presets", f"{model}.yaml")
    if not source.is_file():
        return {}
    presets: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return presets


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as problem:
        raise FileFormatError("the file does not exist", where=str(path)) from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise FileFormatError(f"the file cannot be read ({problem})", where=str(path)) from problem
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise FileFormatError("the file is not YAML", where=f"{path}{line}") from problem
    if not isinstance(values, dict):
        raise FileFormatError("the file holds no settings", where=str(path), expected="names and values")
    return values


def _nested(setting: str) -> dict[str, Any]:
    name, given, text = setting.partition("=")
    parts = name.split(".")
    if not given or not all(part.isidentifier() for part in parts):
        raise OptionError(f"{setting!r} is no setting", where="--set", expected="NAME=VALUE, such as training.epochs=5")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise OptionError(f"the value {text!r} cannot be read", where="--set", expected="a value in YAML") from problem
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = dict(value) if isinstance(value, Mapping) else value
