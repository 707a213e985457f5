"""Where runs lie: a folder a model, written whole or not at all, found again only if nothing it hangs on changed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ficoitr.errors import FileFormatError, OutputError
from ficoitr.outputs.files import digest_file, read_json
from ficoitr.outputs.lock import hold_lock

SCHEMA = "ficoitr.run/1"
_MANIFEST = "manifest.json"
_TEMPORARY = "[0-9a-f]{8}"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    measured : mapping
        What its manifest says was measured.
    found : bool
        Whether an earlier start had made it.
    """

    folder: Path
    measured: Mapping[str, Any]
    found: bool


@dataclass(frozen=True)
class RunStore:
    """The folders ``root/<dataset>/<model>``, one a run.

    Parameters
    ----------
    root : Path
        Created when the first run is made.
    """

    root: Path

    def folder(self, dataset: str, model: str) -> Path:
        """Where the run of a model on a dataset lies."""
        return self.root / dataset / model

    def find(self, dataset: str, model: str, inputs: Mapping[str, Any]) -> Run | None:
        """Return the finished run with exactly these inputs, if its files are as they were written; else None."""
        folder = self.folder(dataset, model)
        try:
            manifest = read_json(folder / _MANIFEST)
        except FileFormatError:
            return None
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            return None
        if manifest["inputs"] != json.loads(json.dumps(inputs)):
            return None
        intact = all(
            (folder / name).is_file() and digest_file(folder / name) == digest
            for name, digest in manifest["files"].items()
        )
        return Run(folder, manifest["measured"], found=True) if intact else None

    def find_or_make(
        self,
        dataset: str,
        model: str,
        inputs: Mapping[str, Any],
        make: Callable[[Path], Mapping[str, Any]],
        waiting: AbstractContextManager[None],
    ) -> Run:
        """Return the run with these inputs; make it, in place of any other, if it is missing or damaged.

        Of several processes that ask for one run, one makes it while the others wait.

        Parameters
        ----------
        dataset, model : str
        inputs : mapping
            All that the run hangs on, as JSON can write it.
        make : callable
            Fills the empty folder that it is given, and returns what it measured.
        waiting : context manager
            Entered only if another process is making the run, until it has ended.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        found = self.find(dataset, model, inputs)
        if found is not None:
            return found
        folder = self.folder(dataset, model)
        with _locked(folder, waiting) as alone:
            # Another process may have made it meanwhile.
            found = self.find(dataset, model, inputs)
            if found is not None:
                return found
            if alone:
                _remove_leftovers(folder)
            temporary = _beside(folder)
            try:
                with _naming(folder):
                    temporary.mkdir()
                measured = make(temporary)
                with _naming(folder):
                    _finish(temporary, inputs, measured)
                    _replace(folder, temporary)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return Run(folder, measured, found=False)


@contextmanager
def _locked(folder: Path, waiting: AbstractContextManager[None]) -> Iterator[bool]:
    lock = folder.with_name(f".{folder.name}.lock")
    with _naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    with hold_lock(lock, waiting) as alone:
        yield alone


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Turn what the system says into an error that names the folder."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"the run cannot be written ({error.strerror or error})",
            where=str(folder),
            fix="Choose a folder that you may write to and that has room (--output)",
        ) from error


def _beside(folder: Path) -> Path:
    """Name a folder that does not exist, beside the final one so that moving it there is one rename."""
    return folder.with_name(f".{folder.name}.{uuid4().hex[:8]}")


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left; only for the holder of the lock, since a live one's looks the same."""
    name = re.compile(rf"\.{re.escape(folder.name)}\.{_TEMPORARY}")
    for path in folder.parent.iterdir():
        if name.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _finish(folder: Path, inputs: Mapping[str, Any], measured: Mapping[str, Any]) -> None:
    """Write the manifest, which lists the other files, and bring all to the disk."""
    names = sorted(path.name for path in folder.iterdir())
    manifest = {
        "schema": SCHEMA,
        "inputs": inputs,
        "measured": measured,
        "files": {name: digest_file(folder / name) for name in names},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (folder / _MANIFEST).write_text(text, encoding="utf-8")
    for name in (*names, _MANIFEST):
        with (folder / name).open("rb+") as file:
            os.fsync(file.fileno())


def _replace(folder: Path, temporary: Path) -> None:
    """Put a finished folder in the place of an old one, which is whole until it is out of sight."""
    old = _beside(folder)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
