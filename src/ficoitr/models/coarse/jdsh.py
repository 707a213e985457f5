"""JDSH: codes that reconstruct joint similarities, weighted by how these are distributed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ficoitr.models.coarse.gram_losses import agreement, reconstruction_losses
from ficoitr.models.coarse.gram_recipe import GramConfig, GramRecipe
from ficoitr.models.coarse.perceptron import TanhPair
from ficoitr.models.coarse.similarity_targets import (
    SimilarityDistribution,
    feature_similarities,
    joint_similarities,
    weighted_similarities,
)
from ficoitr.models.training import Batch, FeaturePairs, TrainingConfig

Array = np.ndarray[Any, Any]

_MEASURED_BATCHES = 32


class JDSHConfig(GramConfig):
    """What JDSH learns and how; the defaults are the settings of its published code for MIRFlickr-25K.

    Attributes
    ----------
    image_similarity, text_similarity, mutual_similarity : float
        α, β and γ: weights of the similarities of images, of texts, and of being alike to the same pairs of the batch.
    scale : float
        μ, of the target.
    distribution : SimilarityDistribution, optional
        How the joint similarities spread, from which the thresholds are. It belongs to the features: none has it
        measured on the training pairs.
    left_deviations, right_deviations : float
        How many scales below or above the mode a similarity is weighted.
    left_weight, right_weight : float
        How strongly.
    intra_weight : float
        Of the losses within a modality; those between them have the weight 1 each.

    See Also
    --------
    GramConfig : the other fields.
    """

    image_similarity: float = Field(default=0.5, ge=0)
    text_similarity: float = Field(default=0.1, ge=0)
    mutual_similarity: float = Field(default=0.4, ge=0)
    scale: float = Field(default=1.47, gt=0)
    distribution: SimilarityDistribution | None = SimilarityDistribution(
        mode=-0.49, left_scale=0.019, right_scale=0.088, lowest=-0.52, highest=0.68
    )
    left_deviations: float = Field(default=2.0, ge=0)
    right_deviations: float = Field(default=4.0, ge=0)
    left_weight: float = Field(default=0.1, ge=0)
    right_weight: float = Field(default=0.2, ge=0)
    intra_weight: float = Field(default=0.1, ge=0)
    image_learning_rate: float = Field(default=0.01, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=300, batch_size=32, drop_last=True)


class JDSHRecipe(GramRecipe):
    """Training of JDSH: 2 L_cross - A + w (L_images + L_texts) of `reconstruction_losses` and `agreement`.

    Parameters
    ----------
    network : TanhPair
        On the device it is trained on.
    pairs : FeaturePairs
        On which the distribution is measured, if it is to be.
    config : JDSHConfig
    seed : int
        Of the pairs it is measured on.

    Notes
    -----
    Liu, Qian, Guan, Zhan and Ying, "Joint-modal Distribution-based Similarity Hashing for Large-scale Unsupervised
    Deep Cross-modal Retrieval", SIGIR 2020, and its published code, whose settings are not quite the paper's and
    differ between its files (μ of NUS-WIDE is 1.47 in one and 1.33 in the other). There the image network is AlexNet
    from pixels, and similarities of images are those of the network as it is being trained, gradients included; here
    they are those of stored features.
    """

    def __init__(self, network: TanhPair, pairs: FeaturePairs, config: JDSHConfig, *, seed: int = 0) -> None:
        super().__init__(network, config)
        self.config = config
        self.distribution = config.distribution or self._measured(pairs, seed)

    def _measured(self, pairs: FeaturePairs, seed: int) -> SimilarityDistribution:
        """Measure the similarities within random batches: they hang on who else is in the batch."""
        generator = np.random.default_rng(seed)
        size = min(self.config.training.batch_size, len(pairs))
        apart = ~np.eye(size, dtype=bool)
        values = []
        with torch.no_grad():
            for _ in range(_MEASURED_BATCHES):
                rows = generator.choice(len(pairs), size, replace=False)
                values.append(self._similarities(pairs.batch(rows, torch.device("cpu"))).numpy()[apart])
        return SimilarityDistribution.measured(np.concatenate(values))

    def _similarities(self, batch: Batch) -> Tensor:
        return joint_similarities(
            feature_similarities(batch.images),
            feature_similarities(batch.texts),
            image_weight=self.config.image_similarity,
            text_weight=self.config.text_similarity,
            mutual_weight=self.config.mutual_similarity,
        )

    def target(self, batch: Batch) -> Tensor:
        """Compute how alike the pairs should be, see `joint_similarities` and `weighted_similarities`."""
        weighted = weighted_similarities(
            self._similarities(batch),
            self.distribution,
            left_deviations=self.config.left_deviations,
            right_deviations=self.config.right_deviations,
            left_weight=self.config.left_weight,
            right_weight=self.config.right_weight,
        )
        return self.config.scale * weighted

    def losses(self, images: Tensor, texts: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compute the losses of relaxed codes of shape (n, bits)."""
        parts = reconstruction_losses(images, texts, target)
        alike = agreement(images, texts)
        within = parts["images"] + parts["texts"]
        return {"loss": 2 * parts["cross"] - alike + self.config.intra_weight * within, **parts, "agreement": alike}
