"""DCMH: deep cross-modal hashing by the labels that pairs share, one modality at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ficoitr.errors import CategoryError
from ficoitr.models.coarse.dcmh_losses import (
    balance_loss,
    extrapolated_sum,
    latest_sum,
    likelihood_loss,
    quantization_loss,
)
from ficoitr.models.coarse.perceptron import PerceptronPair
from ficoitr.models.coarse.ucch_losses import binary_keys
from ficoitr.models.training import Batch, Recipe, TrainingConfig
from ficoitr.models.training.optimisers import OptimiserName, make_optimiser


class DCMHConfig(BaseModel):
    """What DCMH learns and how; the defaults are the published settings.

    Attributes
    ----------
    bits : int
        Length of a code.
    hidden : int
        Width of the hidden layers.
    image_layers, text_layers : int
        Linear layers of each network.
    quantization_weight : float
        γ.
    balance_weight : float
        η.
    balance : {"latest", "extrapolated"}
        Which outputs for the pairs outside the batch are balanced: the latest, as published, or as they would be had
        they changed as the batch's have. The latest lag by up to an epoch, and with fast steps the bits of all pairs
        swing to and fro together.
    optimiser : {"sgd", "adam"}
        SGD without momentum, as published, or Adam, which minds less on what scale the features are.
    learning_rate, last_learning_rate : float
        It falls by equal amounts with every round of an image and a text epoch, towards the last.
    training : TrainingConfig
        An epoch trains one modality: the published 500 rounds are 1,000 epochs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=64, ge=1)
    hidden: int = Field(default=8192, ge=1)
    image_layers: int = Field(default=1, ge=1)
    text_layers: int = Field(default=2, ge=1)
    quantization_weight: float = Field(default=1.0, ge=0)
    balance_weight: float = Field(default=1.0, ge=0)
    balance: Literal["latest", "extrapolated"] = "latest"
    optimiser: OptimiserName = "sgd"
    learning_rate: float = Field(default=10**-1.5, gt=0)
    last_learning_rate: float = Field(default=1e-6, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=1000, batch_size=128)

    def network(self, image_width: int, text_width: int) -> PerceptronPair:
        """Build the networks for features of these widths."""
        return PerceptronPair(
            image_width,
            text_width,
            bits=self.bits,
            hidden=self.hidden,
            image_layers=self.image_layers,
            text_layers=self.text_layers,
        )


class DCMHRecipe(Recipe):
    """Training of DCMH.

    Epochs alternate: the first, third, … train the image network, the second, fourth, … the text network; after each
    of the latter the codes are set to B = sign(F + G), where F and G are the latest outputs for all pairs.

    Parameters
    ----------
    network : PerceptronPair
        On the device it is trained on.
    labels : array or Tensor of bool, shape (N, L)
        Of the training pairs. A pair without labels is similar to none, itself included.
    config : DCMHConfig
    seed : int
        Of the outputs that it begins with, which are normally distributed.

    Raises
    ------
    CategoryError
        If no pair has a label.

    Notes
    -----
    Jiang and Li, "Deep Cross-Modal Hashing", CVPR 2017. Outputs are not squashed. Losses are divided by nN, as in a
    public port to PyTorch, for batches of n out of N pairs; similarities are of a batch with all pairs, never of all
    with all. Differences:

    - CNN-F, fine-tuned from pixels, is a perceptron on stored features, which are brought to mean 0 and variance 1,
      as plain SGD hangs on their scale,
    - an epoch passes each pair once (in that port batches are drawn anew at every step), a smaller last batch included,
    - the sign of 0 is +1 (there 0).
    """

    def __init__(self, network: PerceptronPair, labels: Any, config: DCMHConfig, *, seed: int = 0) -> None:
        self.network = network
        self.config = config
        self.epoch = 0
        device = next(network.parameters()).device
        self.labels = torch.as_tensor(labels).float().to(device)
        if self.labels.ndim != 2 or not self.labels.any():
            raise CategoryError(
                "no training pair has a label", where="labels", expected="multi-hot labels of the training pairs"
            )
        self.optimisers = {
            side: make_optimiser(
                config.optimiser, network.get_submodule(side).parameters(), learning_rate=config.learning_rate
            )
            for side in ("image", "text")
        }
        generator = torch.Generator().manual_seed(seed)
        self.outputs = {
            side: torch.randn(len(self.labels), config.bits, generator=generator).to(device) for side in self.optimisers
        }
        self.codes = self._signs()
        self.total = self.outputs[self.side].sum(dim=0)

    def _signs(self) -> Tensor:
        return binary_keys(self.outputs["image"] + self.outputs["text"])

    @property
    def side(self) -> str:
        """Which network this epoch trains."""
        return ("image", "text")[self.epoch % 2]

    def start_epoch(self, epoch: int) -> None:
        """Turn to the other network, and set the learning rate."""
        self.epoch = epoch
        rounds = (self.config.training.epochs + 1) // 2
        fallen = epoch // 2 / rounds
        rate = self.config.learning_rate + fallen * (self.config.last_learning_rate - self.config.learning_rate)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
        self.total = self.outputs[self.side].sum(dim=0)

    def end_epoch(self, epoch: int) -> None:
        """Set the codes, if both networks have been trained since they were."""
        if epoch % 2:
            self.codes = self._signs()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of the network whose turn it is."""
        side, other = self.side, "text" if self.side == "image" else "image"
        values = self.network.encode_images(batch.images) if side == "image" else self.network.encode_texts(batch.texts)
        with torch.autocast(batch.images.device.type, enabled=False):
            if self.config.balance == "latest":
                elsewhere = latest_sum(self.outputs[side], batch.rows)
            else:
                elsewhere = extrapolated_sum(values, self.outputs[side][batch.rows], self.total, len(self.labels))
            self.outputs[side][batch.rows] = values.detach()
            similar = (self.labels[batch.rows] @ self.labels.T > 0).float()
            likelihood = likelihood_loss(values, self.outputs[other], similar)
            quantization = quantization_loss(values, self.codes[batch.rows])
            balance = balance_loss(values, elsewhere)
            total = (
                likelihood + self.config.quantization_weight * quantization + self.config.balance_weight * balance
            ) / similar.numel()
        self.optimisers[side].zero_grad()
        torch.autograd.backward(total)
        self.optimisers[side].step()
        parts = {"likelihood": likelihood, "quantization": quantization, "balance": balance}
        return {"loss": total, **{name: part / similar.numel() for name, part in parts.items()}}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, what the optimisers remember, the latest outputs, the codes and the epoch."""
        return {
            "network": self.network.state_dict(),
            "optimisers": {side: one.state_dict() for side, one in self.optimisers.items()},
            "outputs": dict(self.outputs),
            "codes": self.codes,
            "total": self.total,
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        for side, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][side])
            self.outputs[side].copy_(state["outputs"][side])
        self.codes.copy_(state["codes"])
        self.total.copy_(state["total"])
        self.epoch = state["epoch"]

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of both networks."""
        return self.network.state_dict()

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        self.network.load_state_dict(weights)
