"""VSE-infinity: images and captions as vectors, pooled from regions and words by learnt weights of ranks."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ficoitr.models.fine.recipe import TripletConfig, TripletRecipe
from ficoitr.models.fine.vse_infty_networks import VSEInftyNetwork
from ficoitr.models.fine.words import Tokens, length_mask
from ficoitr.models.training import Batch, TrainingConfig

# Of the tokens that are chosen, so many are replaced by <mask>, and so many by any word; the others are left out.
_MASKED, _REPLACED = 0.5, 0.1


class VSEInftyConfig(TripletConfig):
    """What VSE-infinity learns and how; the defaults are the published settings.

    Attributes
    ----------
    width : int
        d, of the embeddings.
    word_width : int
        Of the vector of a word.
    rank_width, rank_hidden : int
        Of the pooling, see ``GPO``.
    region_drop : float
        How likely a region is left out in training.
    token_drop : float
        How likely a token is masked, replaced or left out in training.
    margin : float
        m of the triplet loss.
    hardest_negatives : bool
        Whether only the hardest negative of each query counts, or the sum over all.
    warmup_epochs : int
        First epochs, in which the sum over all negatives counts in any case.
    same_image_negatives : bool
        Whether another text of the same image counts as a negative, as in the published code.
    learning_rate, weight_decay : float
        Of AdamW.
    decay : float
    decay_every : int
        The learning rate is multiplied by ``decay`` every so many epochs.
    clip_norm : float
        Most that the norm of all gradients together may be.
    training : TrainingConfig
    """

    width: int = Field(default=1024, ge=2)
    word_width: int = Field(default=300, ge=1)
    rank_width: int = Field(default=32, ge=2)
    rank_hidden: int = Field(default=32, ge=1)
    region_drop: float = Field(default=0.2, ge=0, lt=1)
    token_drop: float = Field(default=0.2, ge=0, lt=1)
    warmup_epochs: int = Field(default=1, ge=0)
    learning_rate: float = Field(default=5e-4, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    training: TrainingConfig = TrainingConfig(epochs=25, batch_size=128, drop_last=True)

    def network(self, image_width: int, n_words: int) -> VSEInftyNetwork:
        """Build the networks for features of this width and a vocabulary of this size, ``<mask>`` included."""
        return VSEInftyNetwork(
            image_width,
            n_words,
            width=self.width,
            word_width=self.word_width,
            rank_width=self.rank_width,
            rank_hidden=self.rank_hidden,
        )


class VSEInftyRecipe(TripletRecipe):
    """Training of VSE-infinity: regions and tokens are left out at random, drawn from torch's global generator.

    Parameters
    ----------
    network : VSEInftyNetwork
        On the device it is trained on.
    config : VSEInftyConfig
    mask : int, optional
        The row of ``<mask>`` in the vocabulary; by default the last, where the published code puts it.
    """

    network: VSEInftyNetwork
    config: VSEInftyConfig

    def __init__(self, network: VSEInftyNetwork, config: VSEInftyConfig, *, mask: int | None = None) -> None:
        super().__init__(network, config)
        self.mask = network.widths[1] - 1 if mask is None else mask

    def make_optimiser(self) -> torch.optim.Optimizer:
        """Make AdamW of all parameters."""
        config = self.config
        return torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Encode a batch, of which some regions and tokens are left out."""
        regions, lengths = drop_regions(batch.images, self.config.region_drop)
        tokens = drop_tokens(batch.texts, self.config.token_drop, mask=self.mask, n_words=self.network.widths[1])
        return self.network.encode_images(regions, lengths), self.network.encode_texts(tokens)


def drop_regions(regions: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Leave out each region with a probability, but never all of an image.

    Parameters
    ----------
    regions : Tensor, shape (n, R, width)
    share : float
        The probability, 0 to 1.

    Returns
    -------
    regions : Tensor, shape (n, K, width)
        Those that are left, in their order, then 0; K is the most that any image has left.
    lengths : Tensor of int64, shape (n,)
        How many are left.
    """
    draws = torch.rand(regions.shape[:2]).to(regions.device)
    return _moved_up(regions, (draws >= share) | (draws == draws.amax(dim=1, keepdim=True)))


def drop_tokens(tokens: Tokens, share: float, *, mask: int, n_words: int) -> Tokens:
    """Choose each token with a probability; of these, replace half by ``<mask>``, a tenth by any word, drop the rest.

    Where nothing would be left, the first token is. ``<start>`` and ``<end>`` are tokens as any other.

    Parameters
    ----------
    tokens : Tokens
    share : float
        The probability, 0 to 1.
    mask : int
        The row of ``<mask>``.
    n_words : int
        Of the vocabulary.
    """
    draws = torch.rand(tokens.ids.shape).to(tokens.ids.device)
    words = torch.randint(n_words, tokens.ids.shape).to(tokens.ids.device)
    masked, replaced = draws < share * _MASKED, draws < share * (_MASKED + _REPLACED)
    ids = torch.where(masked, mask, torch.where(replaced, words, tokens.ids))
    kept = (replaced | (draws >= share)) & tokens.mask
    kept[:, 0] |= ~kept.any(dim=1)
    return Tokens(*_moved_up(ids, kept))


def _moved_up(values: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Move what is kept of each row of (n, K, …) to its beginning; 0 follows. Return how much it is, too."""
    lengths = kept.sum(dim=1)
    most = int(lengths.max())
    order = kept.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    moved = values[torch.arange(len(values), device=values.device)[:, None], order]
    absent = ~length_mask(lengths, most)
    return moved.masked_fill(absent.view(*absent.shape, *[1] * (values.ndim - 2)), 0), lengths
