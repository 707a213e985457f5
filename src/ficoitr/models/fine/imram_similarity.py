"""IMRAM's score of regions and words, in both directions and tile by tile."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ficoitr.models.fine.attention import Attention
from ficoitr.models.fine.imram_attention import Memory, Side, step_scores
from ficoitr.models.fine.tiles import Tile, by_length, recomputed, score_tiles, tile_numbers
from ficoitr.models.fine.words import Words

Mode = Literal["text", "image", "full"]

# Texts whose words' shares of the updates lie in memory at a time.
_PREPARED = 128


class IMRAMSimilarity(nn.Module):
    """The sum of the scores of all steps: words asking regions (text), regions asking words (image), or both (full).

    Parameters
    ----------
    width : int
        d, of regions and words.
    mode : {"text", "image", "full"}
    steps : int
        K.
    lambda_softmax : float
        λ, see `Attention`.
    normalise : bool
        Whether updated queries are scaled to 1.

    Notes
    -----
    The modules have the names of the published checkpoints, which hold the memories of both directions whatever the
    mode.
    """

    def __init__(self, width: int, *, mode: Mode, steps: int, lambda_softmax: float, normalise: bool) -> None:
        super().__init__()
        self.mode = mode
        self.steps = steps
        self.attention = Attention("clipped_l2norm", lambda_softmax)
        self.normalise = normalise
        self.linear_t2i = nn.Linear(2 * width, width)
        self.gate_t2i = nn.Linear(2 * width, width)
        self.linear_i2t = nn.Linear(2 * width, width)
        self.gate_i2t = nn.Linear(2 * width, width)

    def memory(self, asking: Literal["text", "image"]) -> Memory:
        """Return what updates the words (text) or the regions (image)."""
        if asking == "text":
            return Memory.of(self.linear_t2i, self.gate_t2i)
        return Memory.of(self.linear_i2t, self.gate_i2t)

    def forward(self, images: Tensor, texts: Words) -> Tensor:
        """Score all pairs, see `step_scores`; shape (n, m)."""
        return self.step_scores(images, texts).sum(dim=(0, 1))

    def step_scores(self, images: Tensor, texts: Words) -> Tensor:
        """Score all pairs at every step.

        Parameters
        ----------
        images : Tensor, shape (n, R, d)
            Regions.
        texts : Words
            m texts; they may come in any order.

        Returns
        -------
        Tensor, shape (directions, K, n, m)
            Words asking regions before regions asking words, as far as the mode has them.
        """
        dtype = self.linear_t2i.weight.dtype
        words, regions = self._memories()
        prepared = Side.of(
            images.to(dtype),
            texts.lengths.new_full((len(images),), images.shape[1]),
            None,
            asking=regions,
            asked=words,
        )
        # What a training step keeps: o, g, their product with q and the queries, of every step and query.
        kept = len(images) * int(texts.lengths.sum() + images.shape[1] * len(texts)) * 6 * images.shape[2] * self.steps
        order = by_length(texts.lengths)
        scores = []
        for rows in torch.split(order, _PREPARED):
            lengths = texts.lengths[rows]
            some = texts.states[:, : int(lengths[-1])].index_select(0, rows).to(dtype)
            scores.append(self._block(prepared, Words(some, lengths), words, regions, kept))
        return torch.cat(scores, dim=-1)[..., torch.argsort(order)]

    def _block(self, images: Side, texts: Words, words: Memory | None, regions: Memory | None, kept: int) -> Tensor:
        """Score texts that come by length, the shortest first."""
        mask = texts.mask
        states = texts.states.masked_fill(~mask[..., None], 0)
        asked = Side.of(states, texts.lengths, mask, asking=words, asked=regions)
        n_regions = images.states.shape[1]

        def score(tile: Tile) -> Tensor:
            return self._tile(images.cut(tile.images, n_regions), asked.cut(tile.texts, tile.words), words, regions)

        # A pair's widest intermediate results have a row of 2 d numbers for each of its queries.
        places = max(states.shape[1], n_regions)
        row = 2 * states.shape[2] if self.steps > 1 else places
        pairs = max(1, tile_numbers(states.device) // (places * row))
        return score_tiles(recomputed(score, kept), len(images.states), texts.lengths, pairs=pairs)

    def _memories(self) -> tuple[Memory | None, Memory | None]:
        if self.steps == 1:
            return None, None
        return (
            None if self.mode == "image" else self.memory("text"),
            None if self.mode == "text" else self.memory("image"),
        )

    def _tile(self, images: Side, texts: Side, words: Memory | None, regions: Memory | None) -> Tensor:
        products = torch.einsum("ird,jwd->irjw", images.states, texts.states)
        scores = []
        if self.mode != "image":
            by_word = products.permute(0, 2, 3, 1).contiguous()
            scores.append(self._direction(by_word, texts, images, words))
        if self.mode != "text":
            by_region = products.permute(2, 0, 1, 3).contiguous()
            scores.append(self._direction(by_region, images, texts, regions).mT)
        return torch.stack(scores)

    def _direction(self, products: Tensor, queries: Side, contexts: Side, memory: Memory | None) -> Tensor:
        return step_scores(
            products,
            queries,
            contexts,
            memory,
            attention=self.attention,
            steps=self.steps,
            normalise=self.normalise,
        )
