"""Training of ADV: hash codes of regions and texts, with half of the bits of each set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ficoitr.errors import CategoryError, ValuesError
from ficoitr.models.coarse.adv_config import ADVConfig
from ficoitr.models.coarse.adv_losses import (
    adversarial_image_loss,
    adversarial_text_loss,
    angular_loss,
    concept_loss,
    norm_loss,
    rephrased_loss,
    triplet_loss,
)
from ficoitr.models.coarse.adv_networks import ADVNetwork, PixelEncoder
from ficoitr.models.coarse.adv_pixels import varied
from ficoitr.models.coarse.adv_tokens import ADVTexts
from ficoitr.models.features.tokens import TokenFeatures
from ficoitr.models.training import Batch, Recipe
from ficoitr.models.training.batches import pairs_of_other_images


class ADVRecipe(Recipe):
    """Training of ADV.

    L = L_triplet + w(epoch) L_angular + 0.01 L_norm + ½ (L_concept + L_rephrased + L_adversarial)

    Parameters
    ----------
    network : ADVNetwork
        On the device it is trained on.
    config : ADVConfig

    Notes
    -----
    Li et al., "Efficient Fine-Grained Visual-Text Search Using Adversarially-Learned Hash Codes", ICME 2021, and its
    published code, which this follows but for what the code does not mean to do:

    - It clips no gradient, though it calls for that (``clip_norm``).
    - It chooses the epoch by recall on the test split; here, whoever trains passes ``validate``.
    - It takes the sign of 0 for 0; here it is +1.
    - It computes the states of tokens anew in every step, with the frozen BERT's dropout; here they are given.
    """

    def __init__(self, network: ADVNetwork, config: ADVConfig) -> None:
        self.network = network
        self.config = config
        self.epoch = 0
        self.optimiser = torch.optim.Adam(network.parameters(), lr=config.learning_rate, fused=True)

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate."""
        self.epoch = epoch
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * self.config.decay ** (epoch // self.config.decay_every)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Compute the terms by name, and their weighted sum as ``"loss"``.

        Parameters
        ----------
        batch : Batch
            ``images`` are regions or pixels, ``texts`` `ADVTexts`, ``labels`` concepts.

        Raises
        ------
        ValuesError
            If there are no rephrased or adversarial texts, but the configuration asks for them.
        CategoryError
            If there are no concepts, but the network reads them.
        """
        config, texts = self.config, batch.texts
        images, own = self.network.encode_images(batch.images), self.network.encode_texts(texts.own)
        with torch.autocast(batch.images.device.type, enabled=False):
            negatives = None if config.same_image_negatives else pairs_of_other_images(batch.image_rows)
            terms = {
                "triplet": (
                    1.0,
                    triplet_loss(
                        images, own, margin=config.margin, negatives=negatives, hardest=config.hardest_negatives
                    ),
                ),
                "norms": (config.norm_weight, norm_loss(self.network.image.named_parameters())),
            }
            if weight := config.angular_weight_at(self.epoch):
                terms["angular"] = (
                    weight,
                    angular_loss(images, own, negatives=negatives, hardest=config.hardest_negatives),
                )
        if self.network.concept is not None:
            if batch.labels is None:
                raise CategoryError(
                    "the pairs have no concepts", where="labels", fix="Build the network without, or bring labels"
                )
            terms["concepts"] = config.concept_weight, concept_loss(self.network.concept(own).float(), batch.labels)
        if self.epoch >= config.variants_from_epoch:
            terms |= self._variants(images, own, texts)
        losses = {name: loss for name, (_, loss) in terms.items()}
        return {"loss": torch.stack([weight * loss for weight, loss in terms.values()]).sum(), **losses}

    def _variants(self, images: Tensor, own: Tensor, texts: ADVTexts) -> dict[str, tuple[float, Tensor]]:
        """Compute what is lost on rephrased and adversarial texts, each with its weight."""
        config, terms = self.config, {}
        if config.rephrased:
            given = _required(texts.rephrased, "rephrased")
            codes, anchors = self.network.encode_texts(given), images if config.rephrased_anchor == "image" else own
            terms["rephrased"] = config.rephrased_weight, rephrased_loss(anchors, codes, given.present)
        if config.adversarial:
            given = _required(texts.adversarial, "adversarial")
            codes, margin = self.network.encode_texts(given), config.adversarial_margin
            if config.adversarial_anchor == "image":
                loss = adversarial_image_loss(images, own, codes, margin=margin, present=given.present)
            else:
                loss = adversarial_text_loss(own, codes, margin=margin, present=given.present)
            terms["adversarial"] = config.adversarial_weight, loss
        return terms

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step of Adam."""
        self.network.train()
        if isinstance(self.network.image, PixelEncoder):
            batch = replace(batch, images=varied(batch.images, contrast=self.config.contrast))
        losses = self.losses(batch)
        self.optimiser.zero_grad()
        torch.autograd.backward(losses["loss"])
        if self.config.clip_norm is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
            losses["gradient_norm"] = norm
        self.optimiser.step()
        return losses

    def state_dict(self) -> dict[str, Any]:
        """Return the weights, Adam's moments and the epoch."""
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
        """Return the weights of all networks, each one's under the published names."""
        return self.network.state_dict()

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Take over what `weights` returned."""
        self.network.load_state_dict(weights)


def _required(texts: TokenFeatures | None, kind: str) -> TokenFeatures:
    if texts is None:
        raise ValuesError(
            f"the pairs have no {kind} texts",
            where="config",
            expected=f"{kind} texts, since the configuration learns from them",
            fix=f"Bring them, or set {kind}=false",
        )
    return texts
