"""What ADV learns and how."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ficoitr.models.coarse.adv_networks import ADVNetwork, PixelEncoder, RegionEncoder, TextEncoder
from ficoitr.models.training import TrainingConfig


class ADVConfig(BaseModel):
    """What ADV learns and how; the defaults are those of its published code.

    Attributes
    ----------
    bits : int
        D, the length of a code.
    image_encoder : {"regions", "pixels"}
        The network of the re-ranking model, on features of regions, or the ResNet-50 of the screening model.
    hidden, heads, inner : int
        Of the region network, see ``RegionEncoder``.
    channels : int
        Of each of the text network's convolutions.
    dropout : float
        In both networks.
    image_sharpness, text_sharpness : float
        How steeply the codes of regions and of texts turn from -1 to 1 about their median. As published, 100 and 10,
        they are nearly linear where the distributions over the bits are even: then a cosine of codes says little of
        their signs.
    max_tokens : int
        Texts are cut and padded to so many tokens, those of begin and end among them.
    ignore_padding : bool
        Whether the convolutions leave padding out; the published code reads it.
    margin : float
        Of the triplet loss.
    hardest_negatives : bool
        Whether the triplet and the angular loss count the hardest negative of each query only.
    same_image_negatives : bool
        Whether another text of the same image counts as a negative, as in the published code.
    angular_weight, angular_decay : float
    angular_decay_every, angular_epochs : int
        The angular loss counts by weight · decay^⌊epoch / every⌋ in the first epochs, then not at all.
    norm_weight : float
        Of the norms of the image network's weights.
    concepts : bool
        Whether the concepts of an image are read from the codes of its texts, where the data have any.
    concept_weight : float
    concept_hidden : int
        Width of the hidden layer that reads them.
    rephrased, adversarial : bool
        Whether rephrased texts, and texts that are wrong in one point, are learnt from; the data must have them.
    rephrased_weight, adversarial_weight : float
    rephrased_anchor, adversarial_anchor : {"image", "text"}
        What they are compared with: the image, as in the re-ranking model, or the text, as in the screening model.
    adversarial_margin : float
        0.5 for images as anchors, -0.8 for texts; see ``adversarial_image_loss`` and ``adversarial_text_loss``.
    variants_from_epoch : int
        The first epoch, counted from 0, that uses rephrased and adversarial texts.
    contrast : float
        How much the contrast of pixels varies in training, where half of the images are mirrored, too.
    learning_rate : float
        Of Adam.
    decay : float
    decay_every : int
        The learning rate is multiplied by ``decay`` every so many epochs.
    clip_norm : float, optional
        Most that the norm of all gradients together may be. By default they are not clipped: the published code means
        to, at 2, but hands an iterator that is used up to the function that clips.
    training : TrainingConfig
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=64, ge=2)
    image_encoder: Literal["regions", "pixels"] = "regions"
    hidden: int = Field(default=256, ge=1)
    heads: int = Field(default=16, ge=1)
    inner: int = Field(default=2048, ge=1)
    channels: int = Field(default=512, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    image_sharpness: float = Field(default=100.0, gt=0)
    text_sharpness: float = Field(default=10.0, gt=0)
    max_tokens: int = Field(default=32, ge=3)
    ignore_padding: bool = False
    margin: float = Field(default=0.2, ge=0)
    hardest_negatives: bool = True
    same_image_negatives: bool = True
    angular_weight: float = Field(default=0.5, ge=0)
    angular_decay: float = Field(default=0.1, gt=0, le=1)
    angular_decay_every: int = Field(default=5, ge=1)
    angular_epochs: int = Field(default=21, ge=0)
    norm_weight: float = Field(default=0.01, ge=0)
    concepts: bool = True
    concept_weight: float = Field(default=0.5, ge=0)
    concept_hidden: int = Field(default=1024, ge=1)
    rephrased: bool = False
    rephrased_weight: float = Field(default=0.5, ge=0)
    rephrased_anchor: Literal["image", "text"] = "image"
    adversarial: bool = False
    adversarial_weight: float = Field(default=0.5, ge=0)
    adversarial_anchor: Literal["image", "text"] = "image"
    adversarial_margin: float = Field(default=0.5, ge=-1, le=2)
    variants_from_epoch: int = Field(default=0, ge=0)
    contrast: float = Field(default=0.4, ge=0, le=1)
    learning_rate: float = Field(default=1e-4, gt=0)
    decay: float = Field(default=0.1, gt=0, le=1)
    decay_every: int = Field(default=10, ge=1)
    clip_norm: float | None = Field(default=None, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=100, batch_size=128)

    def angular_weight_at(self, epoch: int) -> float:
        """Return the weight of the angular loss in an epoch, counted from 0."""
        if epoch >= self.angular_epochs:
            return 0.0
        return float(self.angular_weight * self.angular_decay ** (epoch // self.angular_decay_every))

    def network(self, image_width: int, text_width: int, n_concepts: int = 0) -> ADVNetwork:
        """Build the networks.

        Parameters
        ----------
        image_width : int
            Of the features of a region; nothing hangs on it where pixels are read.
        text_width : int
            Of the states of a token.
        n_concepts : int
            Concepts that the data tell apart; 0 for none.
        """
        image: RegionEncoder | PixelEncoder
        if self.image_encoder == "pixels":
            image = PixelEncoder(self.bits)
        else:
            image = RegionEncoder(
                image_width,
                self.bits,
                hidden=self.hidden,
                heads=self.heads,
                inner=self.inner,
                dropout=self.dropout,
                sharpness=self.image_sharpness,
            )
        text = TextEncoder(
            text_width,
            self.bits,
            channels=self.channels,
            dropout=self.dropout,
            ignore_padding=self.ignore_padding,
            sharpness=self.text_sharpness,
        )
        return ADVNetwork(
            image, text, n_concepts=n_concepts if self.concepts else 0, concept_hidden=self.concept_hidden
        )
