"""DADH: adversarial hashing with labels, towards discrete codes in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ficoitr.errors import CategoryError
from ficoitr.models.coarse.dadh_config import DADHConfig
from ficoitr.models.coarse.dadh_losses import (
    cross_modal_triplet_loss,
    discrete_codes,
    fake_loss,
    gradient_penalty,
    label_projection,
    quantization_loss,
    real_loss,
)
from ficoitr.models.coarse.dadh_networks import DADHDiscriminators, DADHGenerator, RepeatedStatistics
from ficoitr.models.training import Batch, Recipe


@dataclass(frozen=True)
class _Outputs:
    """What the generator makes of a batch; ``judged_texts`` are codes through which only the hash layer learns."""

    image_features: Tensor
    text_features: Tensor
    images: Tensor
    texts: Tensor
    judged_texts: Tensor


class DADHRecipe(Recipe):
    """Training of DADH.

    Parameters
    ----------
    generator : DADHGenerator
    discriminators : DADHDiscriminators
        Both on the device they are trained on.
    labels : Tensor or array of bool, shape (N, L)
        Multi-hot labels of all training pairs, in the order of ``Batch.rows``. Pairs without labels are allowed.
    config : DADHConfig
    seed : int
        Of the first codes. Mixing coefficients and dropout draw from torch's global generator.

    Raises
    ------
    CategoryError
        If no pair has a label.

    Notes
    -----
    Bai et al., "Deep Adversarial Discrete Hashing for Cross-Modal Retrieval", ICMR 2020, as its published code has
    been since March 2021: the paper's first release had other weights and losses beside them. Differences:

    - a pair without labels is no anchor (there it makes the loss NaN),
    - log σ is computed so that no logit makes it infinite,
    - the sign of 0 is +1 (there 0),
    - `train` chooses the best epoch on whatever the caller validates on (there on the test queries),
    - without dropout, the second pass of the text network is not computed but its effect is, to rounding.
    """

    def __init__(
        self,
        generator: DADHGenerator,
        discriminators: DADHDiscriminators,
        labels: Any,
        config: DADHConfig,
        *,
        seed: int = 0,
    ) -> None:
        self.generator = generator
        self.discriminators = discriminators
        self.config = config
        self._parameters = list(generator.parameters())
        device = self._parameters[0].device
        self.labels = torch.as_tensor(labels).bool().to(device)
        if self.labels.ndim != 2 or not self.labels.any():
            raise CategoryError(
                "no training pair has a label", where="labels", expected="multi-hot labels of the training pairs"
            )
        self.optimisers = {
            "generator": torch.optim.Adam(
                self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
            ),
            "features": self._discriminator_optimiser(discriminators.feature_dis),
            "codes": self._discriminator_optimiser(discriminators.hash_dis),
        }
        drawn = torch.randint(2, (len(self.labels), config.bits), generator=torch.Generator().manual_seed(seed))
        self.codes = (2.0 * drawn - 1).to(device)
        self.image_outputs = torch.zeros_like(self.codes)
        self.text_outputs = torch.zeros_like(self.codes)

    def _discriminator_optimiser(self, network: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam(
            network.parameters(),
            lr=self.config.learning_rate,
            betas=self.config.discriminator_betas,
            weight_decay=self.config.discriminator_weight_decay,
            fused=True,
        )

    def end_epoch(self, epoch: int) -> None:
        """Set the discrete codes to their closed form, and lower the generator's learning rate."""
        labels = self.labels.to(self.codes.dtype)
        projection = label_projection(labels, self.codes, ridge=self.config.ridge)
        self.codes = discrete_codes(
            labels, projection, self.image_outputs, self.text_outputs, weight=self.config.output_weight
        )
        if epoch % self.config.decay_every == 0:
            for group in self.optimisers["generator"].param_groups:
                group["lr"] = max(self.config.decay * group["lr"], self.config.lowest_learning_rate)

    def draw_mixing(self, real: Tensor) -> Tensor:
        """Draw coefficients in [0, 1] for rows of shape (n, d); called for the features, then for the codes."""
        shape = real.shape if self.config.mixing == "element" else (len(real), 1)
        return torch.rand(shape, device=real.device)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of each discriminator, then one of the generator, which is judged by the new ones."""
        self.generator.train()
        statistics = RepeatedStatistics(self.generator.text_module)
        outputs = self._outputs(batch)
        with torch.autocast(batch.images.device.type, enabled=False):
            self.image_outputs[batch.rows] = outputs.images.detach()
            self.text_outputs[batch.rows] = outputs.texts.detach()
            judged = {
                "discriminator_features": self._step_discriminator(
                    "features", self.discriminators.feature_dis, outputs.image_features, outputs.text_features
                ),
                "discriminator_codes": self._step_discriminator(
                    "codes", self.discriminators.hash_dis, outputs.images, outputs.texts
                ),
            }
            losses = self._losses(outputs, batch.rows)
            self.optimisers["generator"].zero_grad()
            torch.autograd.backward(losses["loss"], inputs=self._parameters)
        self.optimisers["generator"].step()
        if self.config.second_text_pass and not self.config.dropout:
            # With dropout the second pass has been computed; without it is the first once more.
            statistics.repeat()
        return {**losses, **judged}

    def _outputs(self, batch: Batch) -> _Outputs:
        image_features = self.generator.image_module(batch.images)
        text_features = self.generator.text_module(batch.texts)
        images, texts = self.generator.hash_images(image_features), self.generator.hash_texts(text_features)
        again = text_features.detach()
        if self.config.second_text_pass and self.config.dropout:
            with torch.no_grad():
                again = self.generator.text_module(batch.texts)
        judged = self.generator.hash_texts(again)
        return _Outputs(image_features.float(), text_features.float(), images.float(), texts.float(), judged.float())

    def _step_discriminator(self, name: str, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = real.detach(), fake.detach()
        judged_real, judged_fake = discriminator(torch.cat([real, fake])).chunk(2)
        loss = self.config.adversarial_weight * (real_loss(judged_real) + fake_loss(judged_fake))
        penalty = gradient_penalty(discriminator, real, fake, self.draw_mixing(real))
        loss = loss + self.config.gradient_penalty_weight * penalty
        self.optimisers[name].zero_grad()
        # Named, so that no gradient of the mixed points is computed: it is zero, for ReLU has no second derivative.
        torch.autograd.backward(loss, inputs=list(discriminator.parameters()))
        self.optimisers[name].step()
        return loss

    def _losses(self, outputs: _Outputs, rows: Tensor) -> dict[str, Tensor]:
        config = self.config
        triplet = cross_modal_triplet_loss(
            outputs.images,
            outputs.texts,
            self.labels[rows].float(),
            margin=config.margin,
            rank_weighted=config.rank_weighted,
        )
        quantization = quantization_loss(outputs.images, outputs.texts, self.codes[rows])
        features = real_loss(self.discriminators.feature_dis(outputs.text_features))
        codes = real_loss(self.discriminators.hash_dis(outputs.judged_texts))
        total = (
            config.triplet_weight * triplet
            + config.quantization_weight * quantization
            + config.adversarial_weight * (features + codes)
        )
        return {
            "loss": total,
            "triplet": triplet,
            "quantization": quantization,
            "adversarial_features": features,
            "adversarial_codes": codes,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return all weights, the moments and learning rates of the optimisers, the codes and the latest outputs."""
        return {
            "generator": self.generator.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimisers": {name: one.state_dict() for name, one in self.optimisers.items()},
            "codes": self.codes,
            "image_outputs": self.image_outputs,
            "text_outputs": self.text_outputs,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.generator.load_state_dict(state["generator"])
        self.discriminators.load_state_dict(state["discriminators"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self.codes.copy_(state["codes"])
        self.image_outputs.copy_(state["image_outputs"])
        self.text_outputs.copy_(state["text_outputs"])

    def weights(self) -> dict[str, Tensor]:
        """Return the weights of the generator, under the published names."""
        return self.generator.state_dict()

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        self.generator.load_state_dict(weights)
