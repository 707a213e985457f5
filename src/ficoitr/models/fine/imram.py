"""IMRAM: regions and words matched in several steps of attention, each with what the last one has found in mind."""

from __future__ import annotations

from pydantic import Field

from ficoitr.models.fine.imram_networks import IMRAMNetwork
from ficoitr.models.fine.imram_similarity import Mode
from ficoitr.models.fine.recipe import TripletConfig
from ficoitr.models.training import TrainingConfig


class IMRAMConfig(TripletConfig):
    """What IMRAM learns and how; it is trained by a `TripletRecipe`.

    The defaults are the paper's model for Flickr30K: its published script sets λ and the training, but image mode with
    a single step, which uses no memory.

    Attributes
    ----------
    width : int
        d, of regions and words.
    word_width : int
        Of the vector of a word.
    mode : {"text", "image", "full"}
        Whether words ask regions, regions ask words, or both.
    steps : int
        K, steps of attention.
    lambda_softmax : float
        λ of the attention.
    normalise : bool
        Whether updated queries are scaled to 1; the published scripts do not do so.
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
    mode: Mode = "full"
    steps: int = Field(default=3, ge=1)
    lambda_softmax: float = Field(default=9.0, gt=0)
    normalise: bool = False
    training: TrainingConfig = TrainingConfig(epochs=30, batch_size=128)

    def network(self, image_width: int, n_words: int) -> IMRAMNetwork:
        """Build the networks for regions of this width and a vocabulary of this size."""
        return IMRAMNetwork(
            image_width,
            n_words,
            width=self.width,
            word_width=self.word_width,
            mode=self.mode,
            steps=self.steps,
            lambda_softmax=self.lambda_softmax,
            normalise=self.normalise,
        )
