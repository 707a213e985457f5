"""Words of captions as vectors: a recurrent network read in both directions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ficoitr.errors import ValuesError
from ficoitr.models.fine.regions import unit
from ficoitr.models.fine.words import Tokens, Words


class WordEncoder(nn.Module):
    """Map each token to the mean of a GRU's states in both directions, scaled to 1.

    Parameters
    ----------
    n_words : int
        Of the vocabulary.
    width : int
        d.
    word_width : int
        Of the vector of a token.
    layers : int
        Of the GRU.
    bidirectional : bool
        Whether it also reads from the end; else the state of the one direction is taken.
    norm : bool
        Whether states are scaled to 1.
    dropout : float
        Share of the numbers of tokens' vectors that are left out in training.
    """

    def __init__(
        self,
        n_words: int,
        width: int,
        *,
        word_width: int = 300,
        layers: int = 1,
        bidirectional: bool = True,
        norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.dropout = dropout
        self.embed = nn.Embedding(n_words, word_width)
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        self.rnn = nn.GRU(word_width, width, layers, batch_first=True, bidirectional=bidirectional)

    def forward(self, tokens: Tokens) -> Words:
        """Return the states of all words, of shape (m, L, d), L being the longest caption's length.

        Raises
        ------
        ValuesError
            If a token is not in the vocabulary: the captions were read with the vocabulary of another model.
        """
        _require_known(tokens, self.embed.num_embeddings)
        lengths = tokens.lengths.cpu()
        # Only what is not padding is looked up, run through and scaled.
        packed = pack_padded_sequence(tokens.ids[:, :, None], lengths, batch_first=True, enforce_sorted=False)
        vectors = nn.functional.dropout(self.embed(packed.data[:, 0]), self.dropout, self.training)
        read = self.rnn(packed._replace(data=vectors))[0]
        states = read.data
        if self.rnn.bidirectional:
            forward, backward = states.chunk(2, dim=1)
            states = (forward + backward) / 2
        return _padded(read._replace(data=unit(states) if self.norm else states), tokens.lengths)


def _padded(packed: PackedSequence, lengths: Tensor) -> Words:
    states, _ = pad_packed_sequence(packed, batch_first=True)
    return Words(states, lengths)


def _require_known(tokens: Tokens, n_words: int) -> None:
    # On a GPU, a look would wait for what is being computed; there, torch stops by itself.
    if tokens.ids.device.type != "cpu" or not tokens.ids.numel():
        return
    ids = torch.where(tokens.mask, tokens.ids, 0)
    if ids.min() < 0 or ids.max() >= n_words:
        row = int(torch.nonzero(((ids < 0) | (ids >= n_words)).any(dim=1))[0])
        raise ValuesError(
            f"a token of caption {row} is number {int(ids[row].max())} of its vocabulary",
            where="texts",
            expected=f"numbers from 0 to {n_words - 1}, those of the vocabulary that the model was trained with",
            fix="Read the captions with the vocabulary that belongs to the checkpoint",
        )
