"""A caption as one vector: the state of a recurrent network after its last token."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.models.fine.words import Tokens


class LastState(nn.Module):
    """Tokens to one unit vector: the state of a GRU after the last token, read from left to right.

    Parameters
    ----------
    n_words : int
        Of the vocabulary.
    width : int
        d, of the embedding.
    word_width : int
        Of the vector of a word.
    """

    def __init__(self, n_words: int, width: int, *, word_width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(n_words, word_width)
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        self.rnn = nn.GRU(word_width, width, batch_first=True)

    def forward(self, tokens: Tokens) -> Tensor:
        """Return unit rows of shape (m, d)."""
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(tokens.ids), tokens.lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return F.normalize(self.rnn(packed)[1][0].float(), dim=1)
