"""Checkpoints of a training: where it stands, whole or not at all."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from ficoitr.errors import FileFormatError, OptionError, TrainingError
from ficoitr.outputs.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from ficoitr.models.training.recipe import Recipe

SCHEMA = "ficoitr.training/1"
CHECKPOINT = "checkpoint.pt"
BEST = "best.safetensors"


@dataclass
class Position:
    """Where a training stands between two steps.

    Attributes
    ----------
    epoch, batch : int
        What comes next, counted from 0.
    sums : dict of str to float
        Losses of the batches of this epoch so far, added up.
    best : float, optional
        The best validation score.
    best_epoch : int, optional
    since_best : int
        Validations since then.
    history : list of dict
        What was logged of each finished epoch.
    finished : bool
    """

    epoch: int = 0
    batch: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int | None = None
    since_best: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False


class Checkpoints:
    """The checkpoint of one training, and its best weights, in a folder.

    Parameters
    ----------
    folder : Path
        Exists.
    identity : mapping
        All that the training hangs on, as JSON can write it: another training's checkpoint is refused.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.path = folder / CHECKPOINT
        self._best = folder / BEST
        self._identity = dict(identity)

    def save(self, position: Position, recipe: Recipe) -> None:
        """Write where the training stands.

        Raises
        ------
        TrainingError
            If a weight is not finite; the last checkpoint stays.
        """
        state = recipe.state_dict()
        for name, tensor in _tensors(state):
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise TrainingError(
                    f"{name} holds a value that is no number or infinite",
                    where=f"epoch {position.epoch + 1}, batch {position.batch}",
                    fix="Lower the learning rate; the last checkpoint is kept",
                )
        content = {"schema": SCHEMA, "identity": self._identity, "position": asdict(position), "recipe": state}
        with atomic_path(self.path) as temporary:
            torch.save(content, temporary)

    def load(self, recipe: Recipe) -> Position | None:
        """Continue from the checkpoint, if there is one.

        Raises
        ------
        FileFormatError
            If the file is damaged.
        OptionError
            If it is of another training; the message says what differs.
        """
        if not self.path.is_file():
            return None
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            found, position, state = content["identity"], Position(**content["position"]), content["recipe"]
        except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as problem:
            raise FileFormatError(
                "this is no checkpoint of a training, or it is damaged",
                where=str(self.path),
                fix="Remove it, and the training starts anew",
            ) from problem
        different = [name for name in {**self._identity, **found} if self._identity.get(name) != found.get(name)]
        if different:
            raise OptionError(
                f"the training begun here had another {' and '.join(different)}",
                where=str(self.path.parent),
                fix="Choose another folder, or remove this one to start anew",
            )
        recipe.load_state_dict(state)
        return position

    def save_best(self, recipe: Recipe) -> None:
        """Write the weights that encoding needs."""
        with atomic_path(self._best) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in recipe.weights().items()}, temporary)

    def load_best(self, recipe: Recipe) -> None:
        """Take over the best weights."""
        recipe.load_weights(load_file(self._best))


def _tensors(state: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, torch.Tensor):
        yield name, state
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from _tensors(value, f"{name}.{key}" if name else str(key))
    elif isinstance(state, list | tuple):
        for number, value in enumerate(state):
            yield from _tensors(value, f"{name}.{number}")
