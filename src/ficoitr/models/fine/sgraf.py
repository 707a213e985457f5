"""SGRAF: regions and words matched by vectors of similarity, which are reasoned over (SGR) or filtered (SAF)."""

from __future__ import annotations

from pydantic import Field

from ficoitr.models.fine.recipe import TripletConfig
from ficoitr.models.fine.sgraf_networks import SGRAFNetwork
from ficoitr.models.fine.sgraf_similarity import Module
from ficoitr.models.training import TrainingConfig

# What the published detector finds.
_PUBLISHED_REGIONS = 36


class SGRAFConfig(TripletConfig):
    """What one model of SGRAF learns and how; the defaults are the published settings of SGR for Flickr30K.

    It is trained by a `TripletRecipe`. The paper's SGRAF is an SGR and a SAF, trained apart, whose scores are averaged
    (`ficoitr.outputs.mean_scores`).

    Attributes
    ----------
    width : int
        d, of regions and words.
    word_width : int
        Of the vector of a word.
    similarity_width : int
        s, of a similarity.
    module : {"SGR", "SAF"}
        Whether similarities are reasoned over or filtered.
    steps : int
        Of reasoning.
    regions : int, optional
        R, of an image: every region has a normalisation of its own. By default as many as the data have, or 36 where no
        data say it.
    lambda_softmax : float
        λ of the attention.
    dropout : float
        Of the vectors of words, and in the maps that make whole images and texts.
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
    similarity_width: int = Field(default=256, ge=1)
    module: Module = "SGR"
    steps: int = Field(default=3, ge=1)
    regions: int | None = Field(default=None, ge=1)
    lambda_softmax: float = Field(default=9.0, gt=0)
    dropout: float = Field(default=0.4, ge=0, lt=1)
    decay_every: int = Field(default=30, ge=1)
    training: TrainingConfig = TrainingConfig(epochs=40, batch_size=128)

    def network(self, image_width: int, n_words: int) -> SGRAFNetwork:
        """Build the networks for regions of this width and a vocabulary of this size."""
        return SGRAFNetwork(
            image_width,
            n_words,
            width=self.width,
            word_width=self.word_width,
            similarity_width=self.similarity_width,
            module=self.module,
            steps=self.steps,
            regions=self.regions or _PUBLISHED_REGIONS,
            lambda_softmax=self.lambda_softmax,
            dropout=self.dropout,
        )
