"""Where runs lie: a folder a model, written whole or not at all, found again only if nothing it hangs on changed."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ficoitr.errors import FileFormatError, OutputError
from ficoitr.outputs.files import digest_file, read_json

SCHEMA = "ficoitr.run/1"
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and what its manifest says was measured."""

    folder: Path
    measured: Mapping[str, Any]


@dataclass(frozen=True)
class RunStore:
    """The folder ``root/<dataset>/<model>`` of every run."""

    root: Path

    def folder(self, dataset: str, model: str) -> Path:
        """Where the run of a model on a dataset lies."""
        return self.root / dataset / model

    def find(self, dataset: str, model: str, inputs: Mapping[str, Any]) -> Run | None:
        """Return the finished run with exactly these inputs whose files are as they were written; else None."""
        folder = self.folder(dataset, model)
        try:
            manifest = read_json(folder / _MANIFEST)
        except FileFormatError:
            return None
        if manifest.get("schema") != SCHEMA or manifest.get("inputs") != json.loads(json.dumps(inputs)):
            return None
        intact = all(
            (folder / name).is_file() and digest_file(folder / name) == digest
            for name, digest in manifest["files"].items()
        )
        return Run(folder, manifest["measured"]) if intact else None

    @contextmanager
    def write(self, dataset: str, model: str, inputs: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield a folder to fill and a dictionary for what is measured; both become the run when the block ends.

        A run that was there before is replaced only then.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        folder = self.folder(dataset, model)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            # Beside the final folder, so that moving it there is one rename.
            temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{model}."))
        except OSError as error:
            raise OutputError(
                f"cannot write here ({error.strerror})", where=str(folder.parent), fix="Choose another --output"
            ) from error
        measured: dict[str, Any] = {}
        try:
            yield temporary, measured
            names = sorted(path.name for path in temporary.iterdir())
            manifest = {
                "schema": SCHEMA,
                "inputs": inputs,
                "measured": measured,
                "files": {name: digest_file(temporary / name) for name in names},
            }
            text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
            (temporary / _MANIFEST).write_text(text, encoding="utf-8")
            _flush(temporary)
            temporary.chmod(0o755)
            if folder.exists():
                shutil.rmtree(folder)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _flush(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
