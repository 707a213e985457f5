"""SCAN: words that attend to regions, or regions that attend to words, anew for every pair."""

from __future__ import annotations

from pydantic import Field, field_validator

from ficoitr.models.fine.attention import Attention, RawFeatureNorm
from ficoitr.models.fine.recipe import TripletConfig
from ficoitr.models.fine.scan_networks import SCANNetwork
from ficoitr.models.fine.scan_scores import Aggregation, Direction
from ficoitr.models.training import TrainingConfig


class SCANConfig(TripletConfig):
    """What SCAN learns and how; the defaults are the published settings for Flickr30K, text to image, LogSumExp.

    It is trained by a `TripletRecipe`.

    Attributes
    ----------
    width : int
        d, of regions and words.
    word_width : int
        Of the vector of a token.
    layers : int
        Of the GRU.
    bidirectional : bool
        Whether captions are read in both directions.
    weight_norm : bool
        Whether the regions' linear map is weight-normalised.
    image_norm, text_norm : bool
        Whether regions and words are scaled to 1.
    direction : {"t2i", "i2t"}
        Whether words attend to regions (t2i), or regions to words (i2t).
    aggregation : {"LogSumExp", "Mean", "Max", "Sum"}
        What becomes of the cosines of all words, or of all regions.
    raw_feature_norm : {"clipped_l2norm", "l2norm", "softmax", "clipped", "no_norm"}
        What the products of words and regions go through before the softmax, see
        `ficoitr.models.fine.attention.Attention`.
    lambda_softmax : float
        λ₁, of the attention's softmax.
    lambda_lse : float
        λ₂, of LogSumExp.
    margin : float
        m of the triplet loss.
    hardest_negatives : bool
        Whether only the hardest negative of each query counts, or the sum over all.
    warmup_epochs : int
        First epochs, in which the sum over all negatives counts in any case.
    same_image_negatives : bool
        Whether another text of the same image counts as a negative, as in the published code.
    learning_rate : float
        Of Adam.
    decay : float
    decay_every : int
        The learning rate is multiplied by ``decay`` every so many epochs.
    clip_norm : float
        Most that the norm of all gradients together may be.
    training : TrainingConfig
    """

    width: int = Field(default=1024, ge=1)
    word_width: int = Field(default=300, ge=1)
    layers: int = Field(default=1, ge=1)
    bidirectional: bool = True
    weight_norm: bool = False
    image_norm: bool = True
    text_norm: bool = True
    direction: Direction = "t2i"
    aggregation: Aggregation = "LogSumExp"
    raw_feature_norm: RawFeatureNorm = "clipped_l2norm"
    lambda_softmax: float = Field(default=9.0, gt=0)
    lambda_lse: float = Field(default=6.0, gt=0)
    training: TrainingConfig = TrainingConfig(epochs=30, batch_size=128)

    @field_validator("raw_feature_norm", mode="before")
    @classmethod
    def _defined(cls, value: object) -> object:
        # Names of the published code that never ran there get an error that says so.
        if isinstance(value, str):
            Attention(value)  # type: ignore[arg-type]
        return value

    def network(self, image_width: int, n_words: int) -> SCANNetwork:
        """Build the networks for features of this width and a vocabulary of this size."""
        return SCANNetwork(
            image_width,
            n_words,
            width=self.width,
            word_width=self.word_width,
            layers=self.layers,
            bidirectional=self.bidirectional,
            weight_norm=self.weight_norm,
            image_norm=self.image_norm,
            text_norm=self.text_norm,
            direction=self.direction,
            aggregation=self.aggregation,
            raw_feature_norm=self.raw_feature_norm,
            lambda_softmax=self.lambda_softmax,
            lambda_lse=self.lambda_lse,
        )
