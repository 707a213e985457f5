"""Training of the fine-grained models: Adam on the triplet loss, and what a model adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ficoitr.models.fine.losses import triplet_loss
from ficoitr.models.training import Batch, Recipe, TrainingConfig
from ficoitr.models.training.batches import pairs_of_other_images
from ficoitr.models.training.clipping import clipped_step


class TripletConfig(BaseModel):
    """How a fine-grained model learns, whatever its networks are; the configuration of each model is one.

    Attributes
    ----------
    margin : float
        m of the triplet loss.
    hardest_negatives : bool
        Whether only the hardest negative of each query counts, or the sum over all.
    warmup_epochs : int
        First epochs, in which the sum over all negatives counts in any case.
    same_image_negatives : bool
        Whether another text of the same image counts as a negative, as in the published codes.
    learning_rate : float
        Of Adam.
    decay : float
    decay_every : int
        The learning rate is multiplied by ``decay`` every so many epochs.
    clip_norm : float
        Most that the norm of all gradients together may be.
    training : TrainingConfig
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin: float = Field(default=0.2, ge=0)
    hardest_negatives: bool = True
    warmup_epochs: int = Field(default=0, ge=0)
    same_image_negatives: bool = True
    learning_rate: float = Field(default=2e-4, gt=0)
    decay: float = Field(default=0.1, gt=0, le=1)
    decay_every: int = Field(default=15, ge=1)
    clip_norm: float = Field(default=2.0, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=30, batch_size=128)


class TripletRecipe(Recipe):
    """Training of a network on the triplet loss.

    A model that learns from more overrides ``encode`` (what its network sees of a batch), ``added_losses`` (what is
    added to the triplet loss) or ``make_optimiser``.

    Parameters
    ----------
    network : torch.nn.Module
        On the device it is trained on, with ``encode_images``, ``encode_texts`` and ``score``.
    config : TripletConfig
    """

    def __init__(self, network: Any, config: TripletConfig) -> None:
        self.network = network
        self.config = config
        self.epoch = 0
        self.optimiser = self.make_optimiser()

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Make the optimiser, a fused one, of all that is trained."""
        return torch.optim.Adam(self.network.parameters(), lr=self.config.learning_rate, fused=True)

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate."""
        self.epoch = epoch
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.config.decay ** (epoch // self.config.decay_every)

    def encode(self, batch: Batch) -> tuple[Any, Any]:
        """Encode a batch's images and texts, as ``network.score`` takes them."""
        return self.network.encode_images(batch.images), self.network.encode_texts(batch.texts)

    def triplet_loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Compute the triplet loss of a batch's scores, of shape (n, n), as the configuration and the epoch say."""
        config = self.config
        return triplet_loss(
            # Differences of scores are smaller than what 16 bits can tell.
            scores.to(torch.promote_types(scores.dtype, torch.float32)),
            margin=config.margin,
            hardest=config.hardest_negatives and self.epoch >= config.warmup_epochs,
            negatives=None if config.same_image_negatives else pairs_of_other_images(batch.image_rows),
        )

    def added_losses(self, batch: Batch, images: Any, texts: Any) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute what is added to the triplet loss, by name; ``images`` and ``texts`` are what `encode` returned."""
        return {}

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the terms by name, and their sum as ``"loss"``."""
        images, texts = self.encode(batch)
        triplet = self.triplet_loss(self.network.score(images, texts), batch)
        added = self.added_losses(batch, images, texts)
        if not added:
            return {"loss": triplet}
        return {"loss": torch.stack([triplet, *added.values()]).sum(), "triplet": triplet, **added}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of the optimiser."""
        self.network.train()
        losses = self.losses(batch)
        self.optimiser.zero_grad()
        torch.autograd.backward(losses["loss"])
        norm = clipped_step(self.optimiser, self.config.clip_norm)
        return {**losses, "gradient_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, the optimiser's moments and the epoch."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]

    def weights(self) -> dict[str, Tensor]:
        """Return the weights that encoding needs, each side's under the published names."""
        weights: dict[str, Tensor] = self.network.state_dict()
        return weights

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        self.network.load_state_dict(weights)
