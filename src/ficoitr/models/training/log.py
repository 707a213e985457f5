"""What a training leaves to be read: a line of JSON an epoch, and TensorBoard's curves."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ficoitr.extras import require
from ficoitr.outputs.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOG = "log.jsonl"
_TENSORBOARD = "tensorboard"


class Log:
    """The log of a training in its folder; what a killed start had logged beyond its checkpoint is logged again.

    Parameters
    ----------
    folder : Path
    history : sequence of dict
        Epochs that the checkpoint knows.
    """

    def __init__(self, folder: Path, history: Sequence[dict[str, Any]]) -> None:
        self._path = folder / LOG
        with atomic_path(self._path) as temporary:
            temporary.write_text("".join(_line(entry) for entry in history), encoding="utf-8")
        self._writer = None
        if find_spec("tensorboardX") is not None:
            writer = require("tensorboardX", "models").SummaryWriter
            self._writer = writer(str(folder / _TENSORBOARD), purge_step=len(history))

    def add(self, entry: dict[str, Any]) -> None:
        """Write the entry of an epoch."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(entry))
        if self._writer is not None:
            for name, value in entry.items():
                if name != "epoch" and value is not None:
                    self._writer.add_scalar(name, value, entry["epoch"])
            self._writer.flush()

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._writer is not None:
            self._writer.close()


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry) + "\n"
