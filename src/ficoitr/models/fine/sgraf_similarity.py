"""SGRAF's score of regions and words: similarities as vectors, reasoned over or filtered."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.errors import OptionError, ShapeError
from ficoitr.models.fine.attention import Attention
from ficoitr.models.fine.regions import unit
from ficoitr.models.fine.sgraf_modules import GraphReasoning, SimilarityFilter, WholeItem
from ficoitr.models.fine.tiles import Tile, by_length, recomputed, score_tiles, tile_numbers
from ficoitr.models.fine.words import Words

Module = Literal["SGR", "SAF"]

_EPSILON = 1e-8


class SGRAFSimilarity(nn.Module):
    """σ(w · x + b), x being what reasoning over the similarities of a pair (SGR), or their filter (SAF), comes to.

    A similarity is W (a - b)² scaled to 1, the square taken number by number: of every word with what it attends to,
    scaled to 1, and of the whole text with the whole image.

    Parameters
    ----------
    width : int
        d, of regions and words.
    similarity_width : int
        s, of a similarity.
    module : {"SGR", "SAF"}
    steps : int
        Of reasoning.
    regions : int
        R, of an image: their maps are normalised region by region.
    lambda_softmax : float
        λ, see `Attention`.
    dropout : float
        In the maps that make whole images and texts.

    Notes
    -----
    Diao et al., "Similarity Reasoning and Filtration for Image-Text Matching", AAAI 2021, and its
    published code, whose names the modules have.
    """

    def __init__(
        self,
        width: int,
        *,
        similarity_width: int,
        module: Module,
        steps: int,
        regions: int,
        lambda_softmax: float,
        dropout: float,
    ) -> None:
        super().__init__()
        self.attention = Attention("clipped_l2norm", lambda_softmax)
        self.v_global_w = WholeItem(width, places=regions, dropout=dropout)
        self.t_global_w = WholeItem(width, dropout=dropout)
        self.sim_tranloc_w = nn.Linear(width, similarity_width)
        self.sim_tranglo_w = nn.Linear(width, similarity_width)
        self.sim_eval_w = nn.Linear(similarity_width, 1)
        if module == "SGR":
            self.SGR_module = nn.ModuleList(GraphReasoning(similarity_width) for _ in range(steps))
        elif module == "SAF":
            self.SAF_module = SimilarityFilter(similarity_width)
        else:
            raise OptionError(f"module is {module!r}", where="config", expected="SGR or SAF")
        self.regions = regions
        self.dropout = dropout
        self.apply(_initialise)

    @property
    def module(self) -> Module:
        """Whether it reasons or filters."""
        return "SGR" if hasattr(self, "SGR_module") else "SAF"

    @property
    def sizes(self) -> dict[str, Any]:
        """What it was built with, but for the width."""
        return {
            "similarity_width": self.sim_eval_w.in_features,
            "module": self.module,
            "steps": len(self.SGR_module) if self.module == "SGR" else 1,
            "regions": self.regions,
            "lambda_softmax": self.attention.lambda_softmax,
            "dropout": self.dropout,
        }

    def forward(self, images: Tensor, texts: Words) -> Tensor:
        """Score all pairs.

        Parameters
        ----------
        images : Tensor, shape (n, R, d)
            Regions.
        texts : Words
            m texts, in any order.

        Returns
        -------
        Tensor, shape (n, m)
            In (0, 1). In training, the scores of SAF hang on all images of the batch, see `SimilarityFilter`.

        Raises
        ------
        ShapeError
            If the images have another number of regions than the network was built for.
        """
        self._require(images)
        dtype = self.sim_eval_w.weight.dtype
        images = images.to(dtype)
        order = by_length(texts.lengths)
        lengths, mask = texts.lengths[order], texts.mask[order]
        words = texts.states[order].to(dtype).masked_fill(~mask[..., None], 0)
        whole_images = self.v_global_w(images)
        whole_texts = self.t_global_w(words, lengths, mask)
        products = images @ images.mT

        def score(tile: Tile) -> Tensor:
            rows, places = tile.images, (tile.texts, slice(tile.words))
            nodes = torch.cat(
                [
                    self._wholes(whole_images[rows], whole_texts[tile.texts]),
                    self._aligned(images[rows], products[rows], words[places]),
                ],
                dim=2,
            )
            return self._scores(nodes, F.pad(mask[places], (1, 0), value=True))

        batchwise = self.training and self.module == "SAF"
        pair = words.shape[1] * images.shape[2]
        found = score_tiles(
            # A pair keeps what is attended to, its difference and its square.
            recomputed(score, 3 * pair * len(images) * len(words)),
            len(images),
            texts.lengths,
            pairs=max(1, tile_numbers(images.device) // pair),
            whole_columns=batchwise,
        )
        if batchwise:
            self.SAF_module.remember(found[1:, 0].detach(), len(images), texts.lengths + 1)
            return found[0]
        return found

    def _require(self, images: Tensor) -> None:
        if images.ndim != 3 or images.shape[1] != self.regions:
            raise ShapeError(
                f"regions of shape {tuple(images.shape)}",
                where="images",
                expected=f"(n_images, {self.regions}, d), as many as the network was built for",
            )

    def _wholes(self, images: Tensor, texts: Tensor) -> Tensor:
        """Similarities of whole images with whole texts, shape (n, m, 1, s)."""
        return unit(self.sim_tranglo_w((images[:, None] - texts).square()))[:, :, None]

    def _aligned(self, images: Tensor, products: Tensor, words: Tensor) -> Tensor:
        """Similarities of words with what they attend to, shape (n, m, L, s)."""
        n_texts, n_words, width = words.shape
        rows = words.reshape(-1, width)
        weights = self.attention.weights(
            (rows @ images.mT).view(len(images), n_texts, n_words, -1), query_dim=2, context_dim=3
        ).flatten(1, 2)
        # ‖Σ_i a_i v_i‖² = aᵀ (V Vᵀ) a: what is attended to is scaled before it is computed.
        square = ((weights @ products) * weights).sum(dim=2, keepdim=True)
        weights = weights / (square.clamp(min=_EPSILON**2).sqrt() + _EPSILON)
        differences = torch.baddbmm(rows[None], weights, images, beta=-1)
        squares = differences.square() if torch.is_grad_enabled() else differences.square_()
        return unit(self.sim_tranloc_w(squares)).view(len(images), n_texts, n_words, -1)

    def _scores(self, nodes: Tensor, mask: Tensor) -> Tensor:
        n_images, n_texts, _, width = nodes.shape
        if self.module == "SAF":
            vectors, moments = self.SAF_module(nodes, mask)
            scores = self._evaluated(vectors)
            if self.training:
                return torch.cat([scores[None], moments[:, None].expand(2, n_images, n_texts)])
            return scores
        nodes = nodes.flatten(0, 1)
        allowed = mask[:, None].repeat(n_images, 1, 1)
        for step, reasoning in enumerate(self.SGR_module, start=1):
            # Only what the first node has come to is scored.
            nodes = reasoning(nodes, allowed, asking=1 if step == len(self.SGR_module) else None)
        return self._evaluated(nodes[:, 0].view(n_images, n_texts, width))

    def _evaluated(self, vectors: Tensor) -> Tensor:
        return torch.sigmoid(self.sim_eval_w(vectors).squeeze(-1))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)
