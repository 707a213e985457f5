"""Checkpoints of the fine-grained models' published codes, as they are: ``model_best.pth.tar`` and alike."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ficoitr.errors import FileFormatError, OptionError, did_you_mean
from ficoitr.models.features.weights import read_checkpoint
from ficoitr.models.fine.layouts import LAYOUTS, Layout, State

# What `torch.nn.DataParallel` puts before every name.
_PARALLEL = "module."
# Of batch normalisation; torch has it since 0.4.1, and takes 0 for it in older files.
_COUNT = ".num_batches_tracked"


@dataclass(frozen=True, eq=False)
class PublishedWeights:
    """What a checkpoint of the authors' code holds.

    Attributes
    ----------
    model : str
    states : tuple of dict from str to Tensor
        Of the image and the text network, and of the similarity, where it has weights.
    options : dict
        What the authors' command was called with, such as ``lambda_softmax``; empty where the checkpoint does not say.
    epoch : int or None
        As the checkpoint says it: where the authors' code would go on, or how many it was trained for.
    best : float or None
        The best validation score, as each code computes it.
    """

    model: str
    states: tuple[dict[str, Tensor], ...]
    options: dict[str, Any]
    epoch: int | None
    best: float | None


def read_published(path: Path, model: str) -> PublishedWeights:
    """Read a checkpoint of a model's authors; no code in it is run.

    Parameters
    ----------
    path : Path
    model : {"scan", "vsrn", "imram", "sgraf", "vsepp", "vse-infinity"}

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or of another model, or a tensor is missing or unknown; the message says which,
        or which model's it seems to be. Names that the authors' code leaves out are left out here, too; names that
        the code of VSE-infinity does without are missing here, since their weights would be random.
    OptionError
        For another name of a model.
    """
    layout = _layout(model)
    foreign = FileFormatError(
        "this is no checkpoint, or it is damaged", where=str(path), expected=f"one of {layout.title}'s published code"
    )
    # The authors' options come as a Namespace, which is data only.
    content = read_checkpoint(path, foreign, allowed=[argparse.Namespace])
    if not isinstance(content, Mapping) or "model" not in content:
        raise FileFormatError("there is no 'model'", where=str(path), expected=foreign.expected)
    found = content.get("opt")
    options = dict(vars(found)) if isinstance(found, argparse.Namespace) else {}
    states = published_states(content["model"], model, options=options, path=path)
    epoch, best = content.get("epoch"), content.get("best_rsum")
    return PublishedWeights(
        model,
        states,
        options,
        epoch if isinstance(epoch, int) else None,
        float(best) if isinstance(best, Real) else None,
    )


def published_states(
    weights: Any, model: str, *, options: Mapping[str, Any] | None = None, path: Path = Path("checkpoint")
) -> tuple[dict[str, Tensor], ...]:
    """Split and check what a checkpoint holds under ``model``.

    Parameters
    ----------
    weights : list of mappings from str to Tensor, or one such mapping
        As the authors' code writes it.
    model : str
        Whose, as in `read_published`.
    options : mapping, optional
        The authors' options: they tell models apart whose networks have the same names.
    path : Path
        What errors name.

    Raises
    ------
    FileFormatError, OptionError
        As `read_published` does.
    """
    layout = _layout(model)
    given = _given(weights)
    if given is None:
        raise FileFormatError(
            "there are no networks' weights under 'model'",
            where=str(path),
            expected=f"a checkpoint of {layout.title}'s published code",
        )
    states = _split(given, layout)
    nearest = _nearest(given, options or {})
    if nearest and model not in nearest:
        raise FileFormatError(
            f"this seems to be a checkpoint of {' or '.join(LAYOUTS[name].title for name in nearest)}",
            where=str(path),
            expected=f"one of {layout.title}'s published code",
        )
    if states is None or (difference := _difference(states, layout)):
        wanted = "one state dict" if layout.prefixes else f"a list of {len(layout.parts)} state dicts"
        raise FileFormatError(
            f"these are weights of another network: {f'they are not {wanted}' if states is None else difference}",
            where=str(path),
            expected=f"a checkpoint of {layout.title}'s published code",
        )
    return tuple(
        {name: state[name] if name in state else torch.tensor(0) for name in part.names(state)}
        for part, state in zip(layout.parts, states, strict=True)
    )


def _layout(model: str) -> Layout:
    if model not in LAYOUTS:
        raise OptionError(
            f"there is no fine-grained model {model!r} with published checkpoints",
            where="model",
            expected=f"one of {', '.join(LAYOUTS)}",
            fix=did_you_mean(model, LAYOUTS),
        )
    return LAYOUTS[model]


def _given(weights: Any) -> list[State] | State | None:
    """Take state dicts, or one of them, without the prefix of parallel training; None for anything else."""
    if isinstance(weights, list | tuple) and weights and all(map(_is_state, weights)):
        return [_unwrapped(state) for state in weights]
    return _unwrapped(weights) if _is_state(weights) else None


def _is_state(state: Any) -> bool:
    return (
        isinstance(state, Mapping)
        and bool(state)
        and all(isinstance(name, str) and isinstance(one, Tensor) for name, one in state.items())
    )


def _unwrapped(state: State) -> State:
    if not all(name.startswith(_PARALLEL) for name in state):
        return state
    return {name.removeprefix(_PARALLEL): one for name, one in state.items()}


def _split(given: list[State] | State, layout: Layout) -> list[State] | None:
    """Split weights into the parts of a layout; None where they come in another way or number."""
    if isinstance(given, list):
        return given if not layout.prefixes and len(given) == len(layout.parts) else None
    if not layout.prefixes:
        return None
    parts: list[dict[str, Tensor]] = [{} for _ in layout.parts]
    for name, one in given.items():
        part = next(number for number, prefix in enumerate(layout.prefixes) if name.startswith(prefix))
        parts[part][name.removeprefix(layout.prefixes[part])] = one
    return list(parts)


def _nearest(given: list[State] | State, options: Mapping[str, Any]) -> list[str]:
    """Name the models whose checkpoints differ in the fewest names, of those with most of their names there.

    Of several, the authors' options may tell which one it is.
    """
    distances = {}
    for model, layout in LAYOUTS.items():
        states = _split(given, layout)
        if states is None:
            continue
        wanted = [part.names(state) for part, state in zip(layout.parts, states, strict=True)]
        missing = sum(len(_missing(state, names)) for state, names in zip(states, wanted, strict=True))
        unknown = sum(len(_unknown(state, names)) for state, names in zip(states, wanted, strict=True))
        if missing <= sum(map(len, wanted)) / 2:
            distances[model] = missing + unknown
    nearest = [model for model, distance in distances.items() if distance == min(distances.values())]
    marked = [model for model in nearest if LAYOUTS[model].mark and LAYOUTS[model].mark in options]
    return marked or nearest


def _difference(states: list[State], layout: Layout) -> str:
    """Say the first thing that keeps state dicts from fitting a layout; nothing if they fit."""
    for state, part in zip(states, layout.parts, strict=True):
        names = part.names(state)
        if missing := _missing(state, names):
            return f"the {part.name} network lacks {missing[0]!r}"
        if not part.filtered and (unknown := _unknown(state, names)):
            return f"the {part.name} network holds {unknown[0]!r}, which is unknown"
    return ""


def _missing(state: State, names: list[str]) -> list[str]:
    return [name for name in names if name not in state and not name.endswith(_COUNT)]


def _unknown(state: State, names: list[str]) -> list[str]:
    known = set(names)
    return [name for name in state if name not in known]
