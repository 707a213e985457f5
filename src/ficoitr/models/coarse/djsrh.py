"""DJSRH: codes that reconstruct how alike images and texts are, jointly and by their neighbours."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from ficoitr.models.coarse.gram_losses import reconstruction_losses
from ficoitr.models.coarse.gram_recipe import GramConfig, GramRecipe
from ficoitr.models.coarse.perceptron import TanhPair
from ficoitr.models.coarse.similarity_targets import feature_similarities, reconstruction_target
from ficoitr.models.training import Batch


class DJSRHConfig(GramConfig):
    """What DJSRH learns and how; the defaults are the published settings for MIRFlickr-25K.

    Attributes
    ----------
    image_share : float
        β: how much similarities of images count, against those of texts.
    mutual_share : float
        η: how much it counts to be alike to the same pairs of the batch.
    scale : float
        μ, of the target.
    image_weight, text_weight : float
        λ1 and λ2, of the losses within a modality; that between them has the weight 1.

    See Also
    --------
    GramConfig : the other fields.
    """

    image_share: float = Field(default=0.9, ge=0, le=1)
    mutual_share: float = Field(default=0.4, ge=0, le=1)
    scale: float = Field(default=1.5, gt=0)
    image_weight: float = Field(default=0.1, ge=0)
    text_weight: float = Field(default=0.1, ge=0)


class DJSRHRecipe(GramRecipe):
    """Training of DJSRH: λ1 L_images + L_cross + λ2 L_texts of `reconstruction_losses`.

    Parameters
    ----------
    network : TanhPair
        On the device it is trained on.
    config : DJSRHConfig

    Notes
    -----
    Su, Zhong and Zhang, "Deep Joint-Semantics Reconstructing Hashing for Large-Scale Unsupervised Cross-Modal
    Retrieval", ICCV 2019, and its published code. There the image network is AlexNet, fine-tuned from pixels, with a
    linear layer on its 4,096 numbers, and similarities of images are those of a second AlexNet that stays as it was;
    here both read the same stored features, and a perceptron is what is trained. The mean over the batch is over the
    pairs that it has, also in a smaller last one (there always 32).
    """

    def __init__(self, network: TanhPair, config: DJSRHConfig) -> None:
        super().__init__(network, config)
        self.config = config

    def target(self, batch: Batch) -> Tensor:
        """Compute how alike the pairs should be, see `reconstruction_target`."""
        return reconstruction_target(
            feature_similarities(batch.images),
            feature_similarities(batch.texts),
            image_share=self.config.image_share,
            mutual_share=self.config.mutual_share,
            scale=self.config.scale,
        )

    def losses(self, images: Tensor, texts: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compute the losses of relaxed codes of shape (n, bits)."""
        parts = reconstruction_losses(images, texts, target)
        loss = self.config.image_weight * parts["images"] + parts["cross"] + self.config.text_weight * parts["texts"]
        return {"loss": loss, **parts}
