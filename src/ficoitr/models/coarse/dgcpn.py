"""DGCPN: codes that keep which pairs share neighbours in a graph of all training pairs."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ficoitr.models.coarse.gram_losses import coherence_losses
from ficoitr.models.coarse.gram_recipe import GramConfig, GramRecipe
from ficoitr.models.coarse.neighbour_graph import NeighbourGraph
from ficoitr.models.coarse.perceptron import TanhPair
from ficoitr.models.coarse.similarity_targets import coherence_target, cosines
from ficoitr.models.coarse.ucch_losses import binary_keys
from ficoitr.models.training import Batch, FeaturePairs, TrainingConfig


class DGCPNConfig(GramConfig):
    """What DGCPN learns and how.

    The defaults of ``image_share``, ``coherence_share``, ``coherence_scale`` and ``pair_target`` are those of the
    published code. All others, ``neighbours`` among them, are not known from a source that could be read, and are
    DJSRH's or this package's.

    Attributes
    ----------
    image_share : float
        How much similarities of images count, against those of texts.
    neighbours : int
        k, neighbours of a pair in the graph.
    coherence_share : float
        How much it counts to share neighbours, against being alike.
    coherence_scale : float
        Of the probability to meet at a neighbour, which is at most about 1 / k. The published code has 4,000 for
        5,000 pairs; with fewer neighbours a smaller one, about 2k, comes to the same.
    pair_target : float
        What the codes of a pair are drawn to; 1 is the most that a cosine can be.
    neighbour_weight, pair_weight, consistency_weight : float
        Of the losses.

    See Also
    --------
    GramConfig : the other fields.
    """

    image_share: float = Field(default=0.99, ge=0, le=1)
    neighbours: int = Field(default=2000, ge=1)
    coherence_share: float = Field(default=0.3, ge=0, le=1)
    coherence_scale: float = Field(default=4000.0, ge=0)
    pair_target: float = 1.5
    neighbour_weight: float = Field(default=1.0, ge=0)
    pair_weight: float = Field(default=1.0, ge=0)
    consistency_weight: float = Field(default=1.0, ge=0)
    sharpening: float = Field(default=0.0, ge=0)
    image_learning_rate: float = Field(default=0.01, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=80, batch_size=32, drop_last=True)


class DGCPNRecipe(GramRecipe):
    """Training of DGCPN.

    Each batch takes three steps: one of both networks on the relaxed codes of both; one of the image network, against
    the signs of the texts' codes; one of the text network, against the signs of the images'.

    Parameters
    ----------
    network : TanhPair
        On the device it is trained on.
    pairs : FeaturePairs
        All training pairs, of which the graph is made.
    config : DGCPNConfig

    Notes
    -----
    Yu, Zhou, Zhan and Tao, "Deep Graph-neighbor Coherence Preserving Network for Unsupervised Cross-modal Hashing",
    AAAI 2021. The graph has 5,000 pairs there, and a matrix of all pairs by all; here only nearest neighbours are kept
    and the rows of a batch multiplied, see ``NeighbourGraph``, so that it may have many more. It is made anew when a
    training is continued. A pair is no neighbour of its own.
    """

    def __init__(self, network: TanhPair, pairs: FeaturePairs, config: DGCPNConfig) -> None:
        super().__init__(network, config)
        self.config = config
        self.graph = NeighbourGraph(
            pairs,
            image_share=config.image_share,
            neighbours=config.neighbours,
            device=next(network.parameters()).device,
        )

    def target(self, batch: Batch) -> Tensor:
        """Compute how alike the pairs should be, see `coherence_target`."""
        share = self.config.image_share
        return coherence_target(
            share * cosines(batch.images, batch.images) + (1 - share) * cosines(batch.texts, batch.texts),
            self.graph.coherence(batch.rows),
            coherence_share=self.config.coherence_share,
            scale=self.config.coherence_scale,
        )

    def losses(self, images: Tensor, texts: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compute the losses of relaxed or binary codes of shape (n, bits)."""
        parts = coherence_losses(images, texts, target, pair_target=self.config.pair_target)
        loss = (
            self.config.neighbour_weight * parts["neighbours"]
            + self.config.pair_weight * parts["pairs"]
            + self.config.consistency_weight * parts["consistency"]
        )
        return {"loss": loss, **parts}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Take a step of both optimisers, then one of each; the losses are those before the first."""
        with torch.autocast(batch.images.device.type, enabled=False):
            target = self.target(batch)
        first: dict[str, Tensor] = {}
        for learning in (("image", "text"), ("image",), ("text",)):
            with torch.set_grad_enabled("image" in learning):
                images = self.network.encode_images(batch.images, self.sharpness)
            with torch.set_grad_enabled("text" in learning):
                texts = self.network.encode_texts(batch.texts, self.sharpness)
            with torch.autocast(batch.images.device.type, enabled=False):
                losses = self.losses(
                    images if "image" in learning else binary_keys(images),
                    texts if "text" in learning else binary_keys(texts),
                    target,
                )
            self.update(losses["loss"], *learning)
            first = first or losses
        return first
