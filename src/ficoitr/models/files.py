"""Fitted models on disk: one file of named arrays and a header, without pickle."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.errors import FileFormatError
from ficoitr.outputs.files import atomic_path, require_file

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

Array = np.ndarray[Any, Any]

_FORMAT = "ficoitr.model/1"
_HEADER = "header"


def write_model(path: Path, model: str, config: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write a model's options and arrays to ``path`` (``.npz``), whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    header = json.dumps({"format": _FORMAT, "model": model, "config": dict(config)})
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_HEADER: np.array(header)}, **arrays)


def read_model(path: Path, model: str, names: Collection[str]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the options and arrays that `write_model` wrote for ``model``.

    Parameters
    ----------
    path : Path
        The file.
    model : str
        The model it must be of.
    names : collection of str
        The arrays it must hold.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, pickled, of another program, another model or a later format.
    """
    require_file(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, AttributeError, TypeError) as problem:
        # np.load gives a bare array for .npy files, which has no ``files`` and no context manager.
        raise _foreign(path, model) from problem
    header = _header(arrays, path, model)
    if header.get("format") != _FORMAT:
        raise FileFormatError(
            f"the format is {header.get('format')!r}",
            where=str(path),
            expected=_FORMAT,
            fix="Use the version of this package that wrote the file",
        )
    if header.get("model") != model:
        raise FileFormatError(f"this is a model {header.get('model')!r}", where=str(path), expected=repr(model))
    missing = [name for name in names if name not in arrays]
    if missing or not isinstance(header.get("config"), dict):
        raise FileFormatError(f"the file lacks {', '.join(missing) or 'config'}", where=str(path))
    return header["config"], arrays


def _header(arrays: dict[str, Array], path: Path, model: str) -> dict[str, Any]:
    try:
        header = json.loads(str(arrays.pop(_HEADER)))
    except (KeyError, json.JSONDecodeError) as problem:
        raise _foreign(path, model) from problem
    if not isinstance(header, dict):
        raise _foreign(path, model)
    return header


def _foreign(path: Path, model: str) -> FileFormatError:
    return FileFormatError(
        "this is no file of a fitted model, or it is damaged",
        where=str(path),
        expected=f"a file written by the save method of the model {model!r}",
        fix="Fit the model and save it again",
    )
