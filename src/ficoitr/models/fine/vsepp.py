"""VSE++: images and captions as vectors, learnt from the hardest negatives."""

from __future__ import annotations

from pydantic import Field

from ficoitr.models.fine.recipe import TripletConfig
from ficoitr.models.fine.vsepp_networks import Similarity, VSEPPNetwork
from ficoitr.models.training import TrainingConfig


class VSEPPConfig(TripletConfig):
    """What VSE++ learns and how; the defaults are the published settings. It is trained by a `TripletRecipe`.

    Attributes
    ----------
    width : int
        d, of the embeddings.
    word_width : int
        Of the vector of a word.
    similarity : {"cosine", "order"}
        How embeddings are compared, see ``VSEPPNetwork.score``.
    image_norm : bool
        Whether the embeddings of images are scaled to norm 1.
    absolute : bool
        Whether embeddings are replaced by their absolute values.
    hidden : int
        Of a layer that each region passes before the mean of the regions is taken; 0 for none, as published.
    margin : float
        m of the triplet loss.
    hardest_negatives : bool
        Whether only the hardest negative of each query counts, or the sum over all, as in VSE0.
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
    similarity: Similarity = "cosine"
    image_norm: bool = True
    absolute: bool = False
    hidden: int = Field(default=0, ge=0)
    training: TrainingConfig = TrainingConfig(epochs=30, batch_size=128)

    def network(self, image_width: int, n_words: int) -> VSEPPNetwork:
        """Build the networks for features of this width and a vocabulary of this size."""
        return VSEPPNetwork(
            image_width,
            n_words,
            width=self.width,
            word_width=self.word_width,
            similarity=self.similarity,
            image_norm=self.image_norm,
            absolute=self.absolute,
            hidden=self.hidden,
        )
