"""What a model brings to its training: networks, losses, optimisers, and all else that changes from step to step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ficoitr.models.training.batches import Batch


class Recipe(ABC):
    """One way to train one model.

    The loop seeds torch's generator before every step by the seed, the epoch and the batch, so that a recipe may draw
    random numbers from it and yet be continued at any step.
    """

    def start_epoch(self, epoch: int) -> None:  # noqa: B027 (most recipes have nothing to do here)
        """Prepare for an epoch, counted from 0; what this changes belongs to `state_dict`."""

    def end_epoch(self, epoch: int) -> None:  # noqa: B027
        """Do what is done once an epoch, such as lowering a learning rate."""

    @abstractmethod
    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Take one step of every optimiser; return the losses by name, the one that is minimised as ``"loss"``."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return all that changes: weights, optimisers, memory banks; tensors and plain values only."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Return the tensors that encoding needs, under the names of the published checkpoints."""

    @abstractmethod
    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
