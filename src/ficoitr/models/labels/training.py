"""Training of a Query2Label network on features of regions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ficoitr.errors import OptionError
from ficoitr.models.labels.asymmetric import AsymmetricLoss
from ficoitr.models.labels.query2label import Query2Label, Query2LabelConfig

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]

_WARM_UP = 0.2
_LONGEST_GRADIENT = 1.0
_BLOCK_IMAGES = 64


@dataclass(frozen=True)
class LabelTraining:
    """How long, how fast and against what a network is trained.

    Parameters
    ----------
    epochs : int
        Passes over the training images. The learning rate rises over the first fifth and falls to zero at the end, so
        that the last epoch is the one to keep.
    batch_images : int
    learning_rate : float
        The highest.
    weight_decay : float
        Of matrices; queries, biases and norms have none.
    loss : AsymmetricLoss

    Raises
    ------
    OptionError
        For numbers outside their range.
    """

    epochs: int = 24
    batch_images: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    loss: AsymmetricLoss = field(default_factory=AsymmetricLoss)

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_images"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}", where="training", expected="1 or more")
        if not self.learning_rate > 0:
            raise OptionError(f"learning_rate is {self.learning_rate}", where="training", expected="a number above 0")
        if not self.weight_decay >= 0:
            raise OptionError(f"weight_decay is {self.weight_decay}", where="training", expected="0 or more")


def train_network(
    regions: Array,
    labels: Array,
    network_config: Query2LabelConfig,
    config: LabelTraining,
    *,
    grid: tuple[int, int] | None = None,
    seed: int = 0,
    after_epoch: Callable[[int], None] | None = None,
) -> Query2Label:
    """Train a network from random weights.

    Parameters
    ----------
    regions : ndarray of float32, shape (n_images, n_regions, n_features)
    labels : ndarray of bool, shape (n_images, n_labels)
    network_config : Query2LabelConfig
    config : LabelTraining
    grid : tuple of int, optional
        Rows and columns of the regions.
    seed : int
        Of weights, batches and dropout: on one machine, the same seed and number of threads give the same network.
        The random state of the caller's torch is left as it was.
    after_epoch : callable, optional
        Called with the number of epochs done.

    Returns
    -------
    Query2Label
        Set to evaluate.
    """
    inputs, targets = torch.from_numpy(regions), torch.from_numpy(labels.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Query2Label(regions.shape[2], labels.shape[1], network_config, grid=grid)
        _start(network, inputs, targets)
        optimizer = _optimizer(network, config)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            config.learning_rate,
            total_steps=config.epochs * math.ceil(len(inputs) / config.batch_images),
            pct_start=_WARM_UP,
        )
        network.train()
        for epoch in range(1, config.epochs + 1):
            for batch in torch.split(torch.randperm(len(inputs)), config.batch_images):
                optimizer.zero_grad()
                loss = config.loss(network(inputs[batch]), targets[batch])
                torch.autograd.backward(loss)
                torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_GRADIENT)
                optimizer.step()
                schedule.step()
            if after_epoch is not None:
                after_epoch(epoch)
    return network.eval()


def network_logits(network: Query2Label, regions: Array) -> Array:
    """Compute the logits of regions of shape (n_images, n_regions, n_features): float32, (n_images, n_labels)."""
    with torch.inference_mode():
        blocks = [
            # Copied, since torch warns of arrays that may not be written, such as features kept on disk.
            network(torch.from_numpy(regions[start : start + _BLOCK_IMAGES].copy()))
            for start in range(0, len(regions), _BLOCK_IMAGES)
        ]
        logits: Array = torch.cat(blocks).numpy()
    return logits


def _start(network: Query2Label, inputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Begin with each label as likely as it is among the training images.

    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, section 3.3: rare labels would else spend the
    first epochs on learning that they are rare.
    """
    network.standardize.fit(inputs)
    shares = (targets.sum(dim=0) + 1) / (len(targets) + 2)
    with torch.no_grad():
        network.head.bias.copy_(torch.logit(shares))


def _optimizer(network: Query2Label, config: LabelTraining) -> torch.optim.Optimizer:
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (matrices if parameter.ndim > 1 and name != "labels" else others).append(parameter)
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate)
