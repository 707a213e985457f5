"""Labellers on disk: one file of tensors, with a header in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ficoitr.errors import FileFormatError, InputError
from ficoitr.models.labels.query2label import Query2Label, Query2LabelConfig
from ficoitr.models.tensor_files import read_tensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]

_FORMAT = "ficoitr.labeller/1"
_THRESHOLDS = "thresholds"
_FIELDS = ("names", "features", "quality", "judged_on", "origin", "seed")


@dataclass(frozen=True, eq=False)
class LabellerFile:
    """What a file holds: networks of one size, thresholds, and what is said about them."""

    networks: tuple[Query2Label, ...]
    thresholds: Array
    header: Mapping[str, Any]


def write_labeller(path: Path, content: LabellerFile) -> None:
    """Write a labeller (``.safetensors``), whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    first = content.networks[0]
    header = {
        **content.header,
        "format": _FORMAT,
        "config": asdict(first.config),
        "n_features": first.project.in_features,
        "n_networks": len(content.networks),
        "grid": first.grid,
    }
    tensors = {
        f"{number}.{name}": tensor
        for number, network in enumerate(content.networks)
        for name, tensor in network.state_dict().items()
    }
    tensors[_THRESHOLDS] = torch.from_numpy(content.thresholds)
    write_tensors(path, header, tensors)


def read_labeller(path: Path) -> LabellerFile:
    """Read a labeller that `write_labeller` wrote.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, of another program or a later format.
    """
    header, tensors = read_tensors(path, _FORMAT, _foreign(path))
    try:
        grid = header["grid"]
        networks = tuple(
            _network(tensors, number, header, None if grid is None else (int(grid[0]), int(grid[1])))
            for number in range(header["n_networks"])
        )
        return LabellerFile(networks, tensors[_THRESHOLDS].numpy(), {name: header[name] for name in _FIELDS})
    except (KeyError, TypeError, IndexError, RuntimeError, InputError) as problem:
        # RuntimeError is torch's for tensors that are missing or of another shape.
        raise _foreign(path) from problem


def _network(
    tensors: Mapping[str, torch.Tensor], number: int, header: Mapping[str, Any], grid: tuple[int, int] | None
) -> Query2Label:
    network = Query2Label(header["n_features"], len(header["names"]), Query2LabelConfig(**header["config"]), grid=grid)
    start = f"{number}."
    network.load_state_dict({name[len(start) :]: one for name, one in tensors.items() if name.startswith(start)})
    return network.eval()


def _foreign(path: Path) -> FileFormatError:
    return FileFormatError(
        "this is no file of a labeller, or it is damaged",
        where=str(path),
        expected="a file written by the save method of a labeller",
        fix="Train the labeller and save it again",
    )
