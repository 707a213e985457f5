"""What DJSRH, JDSH and DGCPN share: two perceptrons, an optimiser each, and codes that sharpen with the epochs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ficoitr.models.coarse.perceptron import TanhPair
from ficoitr.models.training import Batch, Recipe, TrainingConfig
from ficoitr.models.training.optimisers import OptimiserName, make_optimiser


class GramConfig(BaseModel):
    """What the models that reconstruct similarities have in common.

    Attributes
    ----------
    bits : int
        Length of a code.
    hidden : int
        Width of the hidden layers.
    image_layers, text_layers : int
        Linear layers of each network.
    sharpening : float
        p: codes are tanh(αz) with α = e^p in epoch e, counted from 1; 0 leaves α at 1.
    optimiser : {"sgd", "adam"}
        SGD with momentum, as published, or Adam, which minds less on what scale the features are.
    image_learning_rate, text_learning_rate : float
    momentum : float
        Of SGD.
    weight_decay : float
    training : TrainingConfig
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=64, ge=1)
    hidden: int = Field(default=4096, ge=1)
    image_layers: int = Field(default=2, ge=1)
    text_layers: int = Field(default=2, ge=1)
    sharpening: float = Field(default=0.5, ge=0)
    optimiser: OptimiserName = "sgd"
    image_learning_rate: float = Field(default=0.001, gt=0)
    text_learning_rate: float = Field(default=0.01, gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=5e-4, ge=0)
    training: TrainingConfig = TrainingConfig(epochs=80, batch_size=32, drop_last=True)

    def network(self, image_width: int, text_width: int) -> TanhPair:
        """Build the networks for features of these widths."""
        return TanhPair(
            image_width,
            text_width,
            bits=self.bits,
            hidden=self.hidden,
            image_layers=self.image_layers,
            text_layers=self.text_layers,
        )


class GramRecipe(Recipe):
    """Training of two perceptrons by what the cosines of their codes should be.

    Parameters
    ----------
    network : TanhPair
        On the device it is trained on.
    config : GramConfig
    """

    def __init__(self, network: TanhPair, config: GramConfig) -> None:
        self.network = network
        self.epoch = 0
        self._sharpening = config.sharpening
        rates = {"image": config.image_learning_rate, "text": config.text_learning_rate}
        self.optimisers = {
            side: make_optimiser(
                config.optimiser,
                network.get_submodule(side).parameters(),
                learning_rate=rate,
                momentum=config.momentum,
                weight_decay=config.weight_decay,
            )
            for side, rate in rates.items()
        }

    @property
    def sharpness(self) -> float:
        """α of this epoch."""
        return float((self.epoch + 1) ** self._sharpening)

    def start_epoch(self, epoch: int) -> None:
        """Sharpen the codes."""
        self.epoch = epoch

    @abstractmethod
    def target(self, batch: Batch) -> Tensor:
        """Compute how alike the pairs should be, shape (n, n)."""

    @abstractmethod
    def losses(self, images: Tensor, texts: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compute the losses of relaxed codes of shape (n, bits); ``"loss"`` is what is minimised."""

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of both optimisers."""
        images = self.network.encode_images(batch.images, self.sharpness)
        texts = self.network.encode_texts(batch.texts, self.sharpness)
        with torch.autocast(batch.images.device.type, enabled=False):
            losses = self.losses(images, texts, self.target(batch))
        self.update(losses["loss"], *self.optimisers)
        return losses

    def update(self, loss: Tensor, *sides: str) -> None:
        """Take one step of these sides' optimisers."""
        for side in sides:
            self.optimisers[side].zero_grad()
        torch.autograd.backward(loss)
        for side in sides:
            self.optimisers[side].step()
        # Within one step, automatic mixed precision would go on with the weights of before.
        torch.clear_autocast_cache()

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, what the optimisers remember, and the epoch."""
        return {
            "network": self.network.state_dict(),
            "optimisers": {side: one.state_dict() for side, one in self.optimisers.items()},
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        for side, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][side])
        self.epoch = state["epoch"]

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of both networks."""
        return self.network.state_dict()

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        self.network.load_state_dict(weights)
