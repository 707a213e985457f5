"""Scores on disk: written block by block, continued after an interruption, and opened ever after."""

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
Index = Any

SCHEMA = "ficoitr.pair-scores/1"
_SECONDS_BETWEEN_CHECKPOINTS = 1.0


def kept_scores(
    folder: Path,
    name: str,
    key: Mapping[str, Any],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    plan: str,
    compute: Callable[[int], Iterator[tuple[Index, Array]]],
) -> Array:
    """Return scores from a folder, computing what is not there yet.

    Parameters
    ----------
    folder : Path
        Created if it is missing. It holds ``<name>-<hash of the key>.npy``, and beside it what the key is, as JSON.
    name : str
        Of the scores.
    key : mapping
        All that decides the values, as JSON can write it.
    shape : tuple of int
    dtype : dtype
        Of the scores.
    plan : str
        How the scores are cut into blocks; one that was begun by another plan is begun again.
    compute : callable
        Given how many blocks are done, yields the others in the plan's order, each as an index and its scores. While
        it is under way, they lie in a hidden file; about every second they are brought to the disk and counted.

    Returns
    -------
    ndarray
        Memory-mapped, read-only.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    FileFormatError
        If a file in it is damaged.

    Notes
    -----
    Of several processes that want the same scores one computes them while the others wait.
    """
    content = {"schema": SCHEMA, "key": dict(key), "shape": list(shape), "dtype": dtype.name}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    target = folder / f"{name}-{digest[:16]}.npy"
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with _naming(folder), hold_lock(folder / f".{target.stem}.lock", nullcontext()):
            # Another process may have finished meanwhile.
            if not target.exists():
                _compute(target, {**content, "plan": plan}, shape, dtype, compute)
    scores = read_array(target)
    if scores.shape != shape or scores.dtype != dtype:
        raise FileFormatError(
            f"the scores are {scores.dtype} of shape {scores.shape}",
            where=str(target),
            expected=f"{dtype} of shape {shape}",
            fix="Remove the file, so that they are computed again",
        )
    return scores


def _compute(
    target: Path,
    content: Mapping[str, Any],
    shape: tuple[int, int],
    dtype: np.dtype[Any],
    compute: Callable[[int], Iterator[tuple[Index, Array]]],
) -> None:
    partial, record = target.with_name(f".{target.name}"), target.with_suffix(".json")
    for leftover in target.parent.glob(f".{record.name}.*"):
        # What a process that was killed while it wrote the record has left.
        leftover.unlink(missing_ok=True)
    done = _done(partial, record, content, shape, dtype)
    array = np.lib.format.open_memmap(partial, "r+" if done else "w+", dtype, shape)
    written = time.monotonic()
    for index, scores in compute(done):
        array[index] = scores
        done += 1
        if time.monotonic() - written > _SECONDS_BETWEEN_CHECKPOINTS:
            _note(array, record, content, done)
            written = time.monotonic()
    _note(array, record, content, done)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def _done(partial: Path, record: Path, content: Mapping[str, Any], shape: tuple[int, int], dtype: np.dtype[Any]) -> int:
    """How many blocks an interrupted scoring has left."""
    try:
        found = read_json(record)
        there = np.load(partial, mmap_mode="r", allow_pickle=False)
    except (FileFormatError, OSError, ValueError):
        return 0
    if not isinstance(found, dict) or there.shape != shape or there.dtype != dtype:
        return 0
    blocks = found.pop("blocks", 0)
    return blocks if found == content and isinstance(blocks, int) else 0


def _note(array: Array, record: Path, content: Mapping[str, Any], done: int) -> None:
    """Bring the blocks to the disk, then write down how many there are: never more than are there."""
    array.flush()  # type: ignore[attr-defined]
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps({**content, "blocks": done}, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Turn what the system says into an error that names the folder."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"scores cannot be written ({error.strerror or error})",
            where=str(folder),
            fix="Choose a folder that you may write to and that has room",
        ) from error
