"""What a user sets of DADH."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from ficoitr.models.coarse.dadh_networks import DADHDiscriminators, DADHGenerator
from ficoitr.models.training import TrainingConfig

_PUBLISHED_RANK_WEIGHTING_ALPHA = 10.0


class DADHConfig(BaseModel):
    """What DADH learns and how; the defaults are what the published code does on MIRFlickr-25K.

    Attributes
    ----------
    bits : int
        K, the length of a code.
    hidden : int
        Width of the first layers; the next have a half and a quarter of it.
    dropout : float
        After each layer.
    triplet_weight : float
        Of a triplet, times its rank weight. The published code comes to 121 = α · 10 · 1.1².
    rank_weighted : bool
        Whether positives count by their share of the ideal discounted gain. In the published code: if α is 10.
    margin : float
        Of the triplets.
    quantization_weight : float
        β; the published code adds 0.1 to what it is given, which is 1.
    adversarial_weight : float
        γ.
    gradient_penalty_weight : float
    mixing : {"element", "row"}
        What a point between an image and a text draws a coefficient for: each element, as in the published code, or
        each row, as Gulrajani et al. have it.
    second_text_pass : bool
        Whether codes that the discriminator is to be misled by come from a second pass of the text network, as in
        the published code: with its own dropout, and counted again in the running statistics.
    output_weight, ridge : float
        μ and λ, of the codes' closed form.
    learning_rate : float
        Of all three optimisers (Adam).
    weight_decay, discriminator_weight_decay : float
    discriminator_betas : tuple of float
    decay, decay_every, lowest_learning_rate : float, int, float
        The generator's learning rate is multiplied by ``decay`` after epochs 1, 1 + ``decay_every``, …, down to the
        lowest.
    training : TrainingConfig
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bits: int = Field(default=64, ge=1)
    hidden: int = Field(default=8192, ge=16, multiple_of=16)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    triplet_weight: float = Field(default=121.0, ge=0)
    rank_weighted: bool = True
    margin: float = Field(default=0.4, ge=0)
    quantization_weight: float = Field(default=1.1, ge=0)
    adversarial_weight: float = Field(default=1.0, ge=0)
    gradient_penalty_weight: float = Field(default=10.0, ge=0)
    mixing: Literal["element", "row"] = "element"
    second_text_pass: bool = True
    output_weight: float = Field(default=1e-5, ge=0)
    ridge: float = Field(default=1.0, gt=0)
    learning_rate: float = Field(default=5e-5, gt=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    discriminator_weight_decay: float = Field(default=1e-4, ge=0)
    discriminator_betas: tuple[float, float] = (0.5, 0.9)
    decay: float = Field(default=0.8, gt=0, le=1)
    decay_every: int = Field(default=100, ge=1)
    lowest_learning_rate: float = Field(default=1e-6, ge=0)
    training: TrainingConfig = TrainingConfig(epochs=300, batch_size=128)

    @classmethod
    def from_published(cls, *, alpha: float = 10.0, beta: float = 1.0, gamma: float = 1.0, **settings: Any) -> Self:
        """Translate the options of the published code into what it does with them.

        There β enters as β + 0.1, and c = βγ + 0.1 scales the triplets: by 10 c² and their rank weights if α is 10,
        else by c alone. So an ablation by β or γ changes the triplets, too.

        Parameters
        ----------
        alpha, beta, gamma : float
            As they are given to the published code.
        **settings
            Of this class, for all else.

        Examples
        --------
        >>> DADHConfig.from_published() == DADHConfig()
        True
        >>> DADHConfig.from_published(alpha=1, gamma=0).triplet_weight
        0.1
        """
        ranked = alpha == _PUBLISHED_RANK_WEIGHTING_ALPHA
        scale = beta * gamma + 0.1
        weights = {
            # Whole numbers stay whole numbers: 10 · 10 · 1.1² is not quite 121 in binary.
            "triplet_weight": round(alpha * (10 * scale**2 if ranked else scale), 9),
            "rank_weighted": ranked,
            "quantization_weight": beta + 0.1,
            "adversarial_weight": gamma,
        }
        return cls(**{**weights, **settings})

    def networks(self, image_width: int, text_width: int) -> tuple[DADHGenerator, DADHDiscriminators]:
        """Build the networks for features of these widths."""
        generator = DADHGenerator(image_width, text_width, bits=self.bits, hidden=self.hidden, dropout=self.dropout)
        return generator, DADHDiscriminators(bits=self.bits, hidden=self.hidden)
