"""UCCH: contrastive hashing without labels, against a memory bank of binary keys."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from ficoitr.models.coarse.memory_bank import MemoryBank
from ficoitr.models.coarse.ucch_losses import (
    bank_logits,
    batch_logits,
    contrastive_loss,
    ranking_loss,
)
from ficoitr.models.coarse.ucch_networks import UCCHNetwork
from ficoitr.models.training import Batch, Recipe, TrainingConfig
from ficoitr.models.training.clipping import clipped_step


class UCCHConfig(BaseModel):
    """What UCCH learns and how; the defaults are the published settings for MIRFlickr-25K.

    Attributes
    ----------
    bits : int
        L, the length of a code.
    hidden : int
        Width of the hidden layers.
    image_layers, text_layers : int
        Linear layers of each network.
    contrastive_weight : float
        β of the paper, α of its code: L = β L_c + (1 - β) L_r.
    negatives : int
        K, keys that each sample is told from, drawn with replacement from the whole bank.
    temperature : float
        τ, of the contrastive loss on keys of unit norm.
    margin, shift, ranking_temperature : float
        m, ε and κ of the ranking loss.
    momentum : float
        How much of a row of the bank stays when its pair is seen again.
    warmup_epochs : int
        First epochs, whose batches are contrasted within themselves, and replace their rows of the bank.
    normalise_bank : bool
        Whether rows of the bank are scaled to 1, as in the published code, or not, as in the paper's text.
    learning_rate, weight_decay : float
        Of Adam.
    milestones : tuple of int
        Epochs before which the learning rate is multiplied by ``decay``; the published runs end before the first.
    decay : float
    clip_norm : float
        Most that the norm of all gradients together may be.
    training : TrainingConfig
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=64, ge=1)
    hidden: int = Field(default=8192, ge=1)
    image_layers: int = Field(default=3, ge=1)
    text_layers: int = Field(default=2, ge=1)
    contrastive_weight: float = Field(default=0.7, ge=0, le=1)
    negatives: int = Field(default=4096, ge=1)
    temperature: float = Field(default=0.9, gt=0)
    margin: float = Field(default=0.2, ge=0)
    shift: float = Field(default=0.1, ge=0)
    ranking_temperature: float = Field(default=1.0, gt=0)
    momentum: float = Field(default=0.4, ge=0, lt=1)
    warmup_epochs: int = Field(default=1, ge=0)
    normalise_bank: bool = True
    learning_rate: float = Field(default=1e-4, gt=0)
    weight_decay: float = Field(default=1e-6, ge=0)
    milestones: tuple[int, ...] = (30, 60, 90, 120)
    decay: float = Field(default=0.1, gt=0, le=1)
    clip_norm: float = Field(default=1.0, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=20, batch_size=256, drop_last=True)

    def network(self, image_width: int, text_width: int) -> UCCHNetwork:
        """Build the networks for features of these widths."""
        return UCCHNetwork(
            image_width,
            text_width,
            bits=self.bits,
            hidden=self.hidden,
            image_layers=self.image_layers,
            text_layers=self.text_layers,
        )


class UCCHRecipe(Recipe):
    """Training of UCCH.

    Parameters
    ----------
    network : UCCHNetwork
        On the device it is trained on.
    n_pairs : int
        N, training pairs; each has a row in the memory bank.
    config : UCCHConfig
    seed : int
        Of the first rows of the bank. Negatives are drawn from torch's global generator.

    Notes
    -----
    Hu et al., "Unsupervised Contrastive Cross-Modal Hashing", TPAMI 45(3), 2023, and its published code, which this
    follows, in that:

    - rows of the bank are scaled to 1 (``normalise_bank``; the paper's text does not say so),
    - negatives are drawn from all rows, the sample's own among them.

    It differs from that code where that has no effect on the published figures: the rows the bank begins with have
    random signs, + and - alike (there: 31% +), and the bank is part of the checkpoints.
    """

    def __init__(self, network: UCCHNetwork, n_pairs: int, config: UCCHConfig, *, seed: int = 0) -> None:
        self.network = network
        self.config = config
        self.epoch = 0
        parameters = list(network.parameters())
        self.optimiser = torch.optim.Adam(
            parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.bank = MemoryBank(n_pairs, config.bits, seed=seed, device=parameters[0].device)

    @property
    def warming_up(self) -> bool:
        """Whether the bank is still being filled."""
        return self.epoch < self.config.warmup_epochs

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate."""
        self.epoch = epoch
        lowered = bisect_right(sorted(self.config.milestones), epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.config.decay**lowered

    def draw_negatives(self, batch: Batch) -> Tensor:
        """Draw rows of the bank for each sample, int64 of shape (n, K)."""
        return torch.randint(len(self.bank), (len(batch), self.config.negatives), device=batch.rows.device)

    def losses(self, images: Tensor, texts: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Compute the losses of the networks' outputs, unit rows of shape (n, L); the bank stays as it is."""
        outputs = torch.stack([images, texts])
        if self.warming_up:
            logits = batch_logits(outputs, (images + texts) / 2, self.config.temperature)
            positives = torch.arange(len(batch), device=logits.device)
        else:
            chosen = torch.cat([batch.rows[:, None], self.draw_negatives(batch)], dim=1)
            logits = bank_logits(outputs, self.bank.keys, chosen, self.config.temperature)
            positives = torch.zeros_like(batch.rows)
        contrastive = contrastive_loss(logits, positives)
        ranking = ranking_loss(
            images,
            texts,
            margin=self.config.margin,
            shift=self.config.shift,
            temperature=self.config.ranking_temperature,
        )
        share = self.config.contrastive_weight
        return {
            "loss": share * contrastive + (1 - share) * ranking,
            "contrastive": contrastive,
            "ranking": ranking,
        }

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of Adam, and move the batch's rows of the bank."""
        images, texts = self.network.encode_images(batch.images), self.network.encode_texts(batch.texts)
        with torch.autocast(batch.images.device.type, enabled=False):
            losses = self.losses(images, texts, batch)
        self.optimiser.zero_grad()
        torch.autograd.backward(losses["loss"])
        norm = clipped_step(self.optimiser, self.config.clip_norm)
        self.bank.move(
            batch.rows,
            images,
            texts,
            momentum=0.0 if self.warming_up else self.config.momentum,
            normalise=self.config.normalise_bank,
        )
        return {**losses, "gradient_norm": norm}

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, Adam's moments, the bank and the epoch."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "bank": self.bank.rows,
            "epoch": self.epoch,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.bank.fill(state["bank"])
        self.epoch = state["epoch"]

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of both networks, each side's under the published names."""
        return self.network.state_dict()

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        self.network.load_state_dict(weights)
