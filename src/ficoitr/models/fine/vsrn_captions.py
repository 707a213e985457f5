"""What VSRN learns from beside the ranking: captioning the image from its regions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.models.fine.words import Tokens, length_mask


class RegionReader(nn.Module):
    """Regions in a smaller space, read by a GRU in their order.

    Parameters
    ----------
    width : int
        Of a region after reasoning.
    hidden : int
        H, of the states.
    dropout : float
    """

    def __init__(self, width: int, hidden: int, *, dropout: float) -> None:
        super().__init__()
        self.vid2hid = nn.Linear(width, hidden)
        nn.init.xavier_normal_(self.vid2hid.weight)
        self.input_dropout = nn.Dropout(dropout)
        self.rnn = nn.GRU(hidden, hidden, batch_first=True)

    def forward(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Map regions of shape (n, R, width) to states of shape (n, R, H), and the last of them, (1, n, H)."""
        states, last = self.rnn(self.input_dropout(self.vid2hid(regions)))
        return states, last


class Attention(nn.Module):
    """Additive attention over regions: softmax over i of w·tanh(U [s_i; h] + b).

    Parameters
    ----------
    hidden : int
        H, of the regions' states s and of the word's state h.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(2 * hidden, hidden)
        self.linear2 = nn.Linear(hidden, 1, bias=False)

    def project(self, states: Tensor) -> Tensor:
        """Compute what no word changes, U's part of the regions: shape (n, R, H), as the states have."""
        return F.linear(states, self.linear1.weight[:, : states.shape[-1]], self.linear1.bias)

    def forward(self, projected: Tensor, states: Tensor, word: Tensor) -> Tensor:
        """Return the attended state, of shape (n, H), from regions of shape (n, R, H) and h of shape (n, H)."""
        asked = F.linear(word, self.linear1.weight[:, states.shape[-1] :])
        weights: Tensor = self.linear2((projected + asked[:, None]).tanh()).softmax(dim=1)
        return (weights.mT @ states).squeeze(1)


class WordWriter(nn.Module):
    """A GRU that reads a caption word by word, looks at the regions before each, and says which comes next.

    Parameters
    ----------
    n_words : int
        Of the vocabulary.
    hidden : int
        H, of the states.
    word_width : int
        Of the vector of a word.
    dropout : float
    """

    def __init__(self, n_words: int, hidden: int, *, word_width: int, dropout: float) -> None:
        super().__init__()
        self.input_dropout = nn.Dropout(dropout)
        self.embedding = nn.Embedding(n_words, word_width)
        self.attention = Attention(hidden)
        self.rnn = nn.GRU(hidden + word_width, hidden, batch_first=True)
        self.out = nn.Linear(hidden, n_words)
        nn.init.xavier_normal_(self.out.weight)

    def forward(self, states: Tensor, last: Tensor, ids: Tensor) -> Tensor:
        """Read the tokens ``ids``, int64 of shape (n, T); return the states after each, of shape (n, T, H)."""
        words = self.input_dropout(self.embedding(ids))
        projected = self.attention.project(states)
        found = []
        for word in words.unbind(1):
            context = self.input_dropout(self.attention(projected, states, last[0]))
            state, last = self.rnn(torch.cat([word, context], dim=1)[:, None], last)
            found.append(state)
        return torch.cat(found, dim=1)


class CaptionBranch(nn.Module):
    """The branch that captions images in training; retrieval does without it, and no published checkpoint holds it.

    Parameters
    ----------
    width : int
        Of a region after reasoning.
    n_words : int
        Of the vocabulary.
    hidden : int
        Of the states of both its GRUs.
    word_width : int
        Of the vector of a word.
    dropout : float
    longest : int
        Longer captions are cut to so many tokens, those of begin and end among them.

    Notes
    -----
    Li et al., "Visual Semantic Reasoning for Image-Text Matching", ICCV 2019, section 3.4, and its published code,
    whose names its parts bear. Words are read as they are in the caption, not as the branch would say them.
    """

    def __init__(
        self,
        width: int,
        n_words: int,
        *,
        hidden: int = 512,
        word_width: int = 300,
        dropout: float = 0.2,
        longest: int = 60,
    ) -> None:
        super().__init__()
        self.encoder = RegionReader(width, hidden, dropout=dropout)
        self.decoder = WordWriter(n_words, hidden, word_width=word_width, dropout=dropout)
        self.longest = longest

    def states(self, regions: Tensor, ids: Tensor) -> Tensor:
        """Read captions beside their images; ``decoder.out`` makes logits of the next word of them.

        Parameters
        ----------
        regions : Tensor, shape (n, R, width)
        ids : Tensor of int64, shape (n, T)

        Returns
        -------
        Tensor, shape (n, T, hidden)
            Of each token, its state.
        """
        found: Tensor = self.decoder(*self.encoder(regions), ids)
        return found

    def loss(self, regions: Tensor, captions: Tokens) -> Tensor:
        """Compute what captions are unlikely by: -(1/n) Σ_i Σ_t log p(y_it | y_i1 … y_i,t-1, image i).

        Parameters
        ----------
        regions : Tensor, shape (n, R, width)
        captions : Tokens
            n of them, each of its image; see `caption_targets`.
        """
        read, targets, counted = caption_targets(captions, self.longest)
        logits = self.decoder.out(self.states(regions, read)[counted])
        return F.cross_entropy(logits.float(), targets[counted], reduction="sum") / len(captions)


def caption_targets(captions: Tokens, longest: int) -> tuple[Tensor, Tensor, Tensor]:
    """Say which tokens are read, which come next, and of which of these the loss is counted.

    A caption of ``longest`` tokens or more is cut to so many, of which the last becomes its own last one, <end>. One
    token of padding after the end is learnt, too, where there is room for it.

    Parameters
    ----------
    captions : Tokens
        Of n captions.
    longest : int
        2 or more.

    Returns
    -------
    read, targets : Tensor of int64, shape (n, T)
        T is the smaller of the captions' width and ``longest`` - 1; padding is 0.
    counted : Tensor of bool, shape (n, T)
    """
    lengths = captions.lengths.clamp(max=longest)
    end = captions.ids.gather(1, captions.lengths[:, None] - 1)
    ids = captions.ids.scatter(1, lengths[:, None] - 1, end)
    ids = F.pad(ids.masked_fill(~length_mask(lengths, ids.shape[1]), 0), (0, 1))[:, :longest]
    return ids[:, :-1], ids[:, 1:], length_mask(lengths, ids.shape[1] - 1)
