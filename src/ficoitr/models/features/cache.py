"""Features on disk: written batch by batch, continued after an interruption, and opened ever after."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ficoitr.errors import FileFormatError, OutputError
from ficoitr.outputs.files import atomic_path, read_array, read_json
from ficoitr.outputs.lock import hold_lock

Array = np.ndarray[Any, Any]

SCHEMA = "ficoitr.features/1"
_SECONDS_BETWEEN_CHECKPOINTS = 1.0


def cached(
    folder: Path,
    name: str,
    key: Mapping[str, Any],
    shape: tuple[int, ...],
    extract: Callable[[int], Iterator[tuple[range, Array]]],
) -> Array:
    """Return features from a folder, extracting what is not there yet.

    Parameters
    ----------
    folder : Path
        Created if it is missing. It holds ``<name>-<hash of the key>.npy``, and beside it what the key is, as JSON.
    name : str
        Of the features.
    key : mapping
        All that decides the values, as JSON can write it.
    shape : tuple of int
        Of all features.
    extract : callable
        Given the row to start at, which is one that an earlier start had come to, yields rows and their features in
        order. While it is under way, the rows lie in a hidden file; about every second they are brought to the disk
        and counted. An interrupted extraction goes on from there.

    Returns
    -------
    ndarray of float32
        Memory-mapped, read-only.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    FileFormatError
        If a file in it is damaged.

    Notes
    -----
    Of several processes that want the same features one extracts them while the others wait.
    """
    content = {"schema": SCHEMA, "key": dict(key), "shape": list(shape), "dtype": "float32"}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    target = folder / f"{name}-{digest[:16]}.npy"
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with _naming(folder), hold_lock(folder / f".{target.stem}.lock", nullcontext()):
            # Another process may have finished meanwhile.
            if not target.exists():
                _extract(target, content, shape, extract)
    features = read_array(target)
    if features.shape != shape or features.dtype != np.float32:
        raise FileFormatError(
            f"the features are {features.dtype} of shape {features.shape}",
            where=str(target),
            expected=f"float32 of shape {shape}",
            fix="Remove the file, so that they are extracted again",
        )
    return features


def _extract(
    target: Path,
    content: Mapping[str, Any],
    shape: tuple[int, ...],
    extract: Callable[[int], Iterator[tuple[range, Array]]],
) -> None:
    partial, record = target.with_name(f".{target.name}"), target.with_suffix(".json")
    for leftover in target.parent.glob(f".{record.name}.*"):
        # What a process that was killed while it wrote the record has left.
        leftover.unlink(missing_ok=True)
    done = _done(partial, record, content, shape)
    array = np.lib.format.open_memmap(partial, "r+" if done else "w+", np.float32, shape)
    written = time.monotonic()
    for rows, features in extract(done):
        array[rows.start : rows.stop] = features
        done = rows.stop
        if time.monotonic() - written > _SECONDS_BETWEEN_CHECKPOINTS:
            _note(array, record, content, done)
            written = time.monotonic()
    _note(array, record, content, done)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def _done(partial: Path, record: Path, content: Mapping[str, Any], shape: tuple[int, ...]) -> int:
    """How many rows an interrupted extraction has left."""
    try:
        found = read_json(record)
        there = np.load(partial, mmap_mode="r", allow_pickle=False)
    except (FileFormatError, OSError, ValueError):
        return 0
    if not isinstance(found, dict) or there.shape != shape:
        return 0
    rows = found.pop("rows", 0)
    return rows if found == content and isinstance(rows, int) else 0


def _note(array: Array, record: Path, content: Mapping[str, Any], done: int) -> None:
    """Bring the rows to the disk, then write down how many there are: never more than are there."""
    array.flush()  # type: ignore[attr-defined]
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps({**content, "rows": done}, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Turn what the system says into an error that names the folder."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"features cannot be written ({error.strerror or error})",
            where=str(folder),
            fix="Choose a folder that you may write to and that has room",
        ) from error
