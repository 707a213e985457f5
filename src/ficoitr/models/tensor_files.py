"""Tensors with a header in JSON, in one file (safetensors): how trained networks lie on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ficoitr.errors import FileFormatError
from ficoitr.outputs.files import atomic_path, require_file

_HEADER = "ficoitr"


def write_tensors(path: Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write tensors and what is said of them, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    contiguous = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(contiguous, temporary, metadata={_HEADER: json.dumps(dict(header))})


def read_tensors(path: Path, form: str, foreign: FileFormatError) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read what `write_tensors` wrote.

    Parameters
    ----------
    path : Path
    form : str
        What the header must have under ``"format"``.
    foreign : FileFormatError
        What to raise for a file of another program, or a damaged one.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, of another program or a later format.
    """
    require_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            # Copies: the file may be replaced while the tensors are in use.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError) as problem:
        raise foreign from problem
    if not isinstance(header, dict) or header.get("format") != form:
        raise FileFormatError(
            f"the format is {header.get('format') if isinstance(header, dict) else header!r}",
            where=str(path),
            expected=form,
            fix="Use the version of this package that wrote the file",
        )
    return header, tensors
