"""Trained models on disk: one file of tensors, with a header in JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ficoitr.errors import FileFormatError
from ficoitr.models.tensor_files import read_tensors, write_tensors
from ficoitr.models.trained.inputs import Parts

Array = np.ndarray[Any, Any]

_FORMAT = "ficoitr.model/1"
_WEIGHT, _INPUT = "network.", "input."


@dataclass(frozen=True, eq=False)
class SavedModel:
    """What a file holds: configuration, labels it learnt from, settings and arrays of both inputs, weights."""

    config: dict[str, Any]
    n_categories: int
    inputs: list[dict[str, Any]]
    arrays: dict[str, Array]
    weights: dict[str, Tensor]


def write_trained(
    path: Path,
    model: str,
    *,
    config: Mapping[str, Any],
    n_categories: int,
    inputs: Sequence[Parts],
    weights: Mapping[str, Tensor],
) -> None:
    """Write a trained model (safetensors, whatever the name), whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    arrays = {name: array for _, own in inputs for name, array in own.items()}
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind in "fiub"}
    header = {
        "format": _FORMAT,
        "model": model,
        "config": dict(config),
        "n_categories": n_categories,
        "inputs": [settings for settings, _ in inputs],
        # Tensors hold no texts.
        "words": {name: array.tolist() for name, array in arrays.items() if name not in numbers},
    }
    tensors = {f"{_WEIGHT}{name}": one for name, one in weights.items()}
    tensors |= {f"{_INPUT}{name}": torch.from_numpy(np.ascontiguousarray(one)) for name, one in numbers.items()}
    write_tensors(path, header, tensors)


def read_trained(path: Path, model: str) -> SavedModel:
    """Read a model that `write_trained` wrote.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, of another model or a later format.
    """
    header, tensors = read_tensors(path, _FORMAT, foreign_file(path, model))
    if header.get("model") != model:
        raise FileFormatError(f"this is a model {header.get('model')!r}", where=str(path), expected=repr(model))
    try:
        arrays = {name: np.array(words) for name, words in header["words"].items()}
        arrays |= {name: one.numpy() for name, one in _under(tensors, _INPUT).items()}
        return SavedModel(header["config"], header["n_categories"], header["inputs"], arrays, _under(tensors, _WEIGHT))
    except (KeyError, AttributeError) as problem:
        raise foreign_file(path, model) from problem


def foreign_file(path: Path, model: str) -> FileFormatError:
    """Return the error for a file that holds something else."""
    return FileFormatError(
        "this is no file of a trained model, or it is damaged",
        where=str(path),
        expected=f"a file written by the save method of the model {model!r}",
        fix="Train the model and save it again",
    )


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
