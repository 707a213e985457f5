"""A small recipe with dropout, momentum and a bank that grows: all that a checkpoint could forget."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ficoitr.models.training import FeaturePairs, Recipe, TrainingConfig, train

N_PAIRS = 60


class ToyRecipe(Recipe):
    def __init__(self, *, learning_rate: float = 0.01, delay: float = 0.0) -> None:
        torch.manual_seed(5)
        self.network = nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 4))
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=learning_rate)
        self.bank = torch.zeros(N_PAIRS, 4)
        self.delay = delay

    def step(self, batch):
        time.sleep(self.delay)
        output = self.network(batch.images)
        loss = (output - batch.texts).square().mean() + 0.1 * (output - self.bank[batch.rows]).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        noise = torch.rand(len(batch), 4)
        self.bank[batch.rows] = 0.9 * output.detach() + 0.1 * noise
        return {"loss": loss, "noise": noise.mean()}

    def end_epoch(self, _epoch):
        for group in self.optimiser.param_groups:
            group["lr"] *= 0.9

    def state_dict(self):
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "bank": self.bank}

    def load_state_dict(self, state):
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.bank = state["bank"]

    def weights(self):
        return self.network.state_dict()

    def load_weights(self, weights):
        self.network.load_state_dict(weights)

    @torch.no_grad()
    def score(self, pairs):
        self.network.eval()
        batch = pairs.batch(np.arange(len(pairs)), torch.device("cpu"))
        score = -float((self.network(batch.images) - batch.texts).square().mean())
        self.network.train()
        return score


def toy_pairs() -> FeaturePairs:
    generator = np.random.default_rng(0)
    images = generator.normal(size=(N_PAIRS, 6)).astype(np.float32)
    return FeaturePairs(images, images[:, :4] * 2, np.arange(N_PAIRS))


CONFIG = TrainingConfig(epochs=6, batch_size=8, save_seconds=0)


def run(folder: Path | None, *, delay: float = 0.0, config: TrainingConfig = CONFIG, **options):
    recipe, pairs = ToyRecipe(delay=delay), toy_pairs()
    trained = train(recipe, pairs, config, seed=3, folder=folder, validate=lambda: recipe.score(pairs), **options)
    return recipe, trained


if __name__ == "__main__":
    run(Path(sys.argv[1]), delay=float(sys.argv[2]))
