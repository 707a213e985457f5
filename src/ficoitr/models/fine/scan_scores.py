"""SCAN's score of images and texts: every word attends to the regions, or every region to the words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

from ficoitr.errors import OptionError, ShapeError, did_you_mean
from ficoitr.models.fine.attention import Attention, attended_cosines
from ficoitr.models.fine.grouping import groups, ungrouped
from ficoitr.models.fine.words import Words

Direction = Literal["t2i", "i2t"]
Aggregation = Literal["LogSumExp", "Mean", "Max", "Sum"]

# Passes over a tile's scores take less time than its product only where they find the scores in the cache.
_CPU_TILE = 1 << 20
_GPU_TILE = 1 << 25
# Columns of a tile: both sides of its product have to be long.
_COLUMNS = 1 << 10
# Texts side by side that a pass over the scores needs to be fast.
_LEAST_TEXTS = 16


@dataclass(frozen=True)
class StackedAttention:
    """How SCAN scores an image and a text.

    Parameters
    ----------
    direction : {"t2i", "i2t"}
        Whether words attend to regions (t2i), or regions to words (i2t).
    aggregation : {"LogSumExp", "Mean", "Max", "Sum"}
        What becomes of the cosines r of all queries with what they attend to; LogSumExp is (1/λ₂) log Σ exp(λ₂ r).
    attention : Attention
    lambda_lse : float
        λ₂.

    Raises
    ------
    OptionError
        For another direction or aggregation.

    Notes
    -----
    Lee et al., "Stacked Cross Attention for Image-Text Matching", ECCV 2018, equations 4, 5, 9 and 10. As there, the
    sum in LogSumExp is not divided by the number of queries, so that longer texts score higher (t2i).
    """

    direction: Direction = "t2i"
    aggregation: Aggregation = "LogSumExp"
    attention: Attention = field(default_factory=Attention)
    lambda_lse: float = 6.0

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("direction", self.direction, get_args(Direction)),
            ("aggregation", self.aggregation, get_args(Aggregation)),
        ):
            if value not in choices:
                raise OptionError(
                    f"{value!r} is not known",
                    where=name,
                    expected=f"one of {', '.join(choices)}",
                    fix=did_you_mean(value, choices),
                )

    def score(self, images: Tensor, texts: Words) -> Tensor:
        """Score every image with every text.

        Parameters
        ----------
        images : Tensor, shape (n, R, d)
            Regions.
        texts : Words
            m texts in any order.

        Returns
        -------
        Tensor, shape (n, m)
            Of a pair alone: it does not depend on what else is scored. Differentiable.

        Raises
        ------
        ShapeError
            If regions and words are not of the same width.
        """
        _require_width(images, texts.states)
        if not len(texts):
            return images.new_empty((len(images), 0))
        columns, rows = [], []
        if self.direction == "t2i":
            gram = torch.bmm(images, images.transpose(1, 2))
            for group in groups(texts, least=_LEAST_TEXTS):
                columns.append(self._score(images, gram, _queries(group.states, group.mask)))
                rows.append(group.rows)
        else:
            regions = _queries(images)
            for group in groups(texts):
                gram = torch.bmm(group.states, group.states.transpose(1, 2))
                columns.append(self._score(group.states, gram, regions).T)
                rows.append(group.rows)
        return ungrouped(columns, rows, dim=1)

    def score_lists(self, images: Tensor, texts: Words) -> Tensor:
        """Score each image with its own k texts, or each text with its own k images.

        Parameters
        ----------
        images : Tensor, shape (q, R, d) or (q k, R, d)
        texts : Words
            q k or q texts: those of query 0 first. One side has k times as many as the other.

        Returns
        -------
        Tensor, shape (q, k)

        Raises
        ------
        ShapeError
            If the numbers or the widths do not fit together.
        """
        _require_width(images, texts.states)
        queries, listed = sorted((len(images), len(texts)))
        if not queries or listed % queries:
            raise ShapeError(
                f"{len(images)} images and {len(texts)} texts", where="lists", expected="so many for each of the others"
            )
        mask = None if _of_one_length(texts) else texts.mask
        asking, asked = (texts.states, images) if self.direction == "t2i" else (images, texts.states)
        if mask is not None and self.direction == "i2t":
            asked = asked.masked_fill(~mask[:, :, None], 0)
        n_contexts, shared = len(asked), len(asking) // len(asked) or 1
        # One context's queries lie side by side, or one query's contexts do.
        context_rows = asked.reshape(queries, -1, asked.shape[2])
        query_rows = asking.reshape(queries, -1, asking.shape[2])
        scores = torch.bmm(context_rows, query_rows.transpose(1, 2))
        scores = scores.view(n_contexts, asked.shape[1], shared, asking.shape[1])
        norms = _by_context(_norms(asking), n_contexts // queries, shared)
        query_mask = context_mask = None
        if mask is not None and self.direction == "t2i":
            query_mask = _by_context(mask, n_contexts // queries, shared)
            scores = scores.masked_fill(~query_mask[:, None], 0)
            norms = norms.masked_fill(~query_mask, 1)
        elif mask is not None:
            context_mask = mask[:, :, None, None]
        few = asked.shape[1] < scores.shape[2] * scores.shape[3]
        cosines = attended_cosines(
            scores,
            asked,
            self.attention,
            query_dim=3,
            query_norms=norms,
            gram=torch.bmm(asked, asked.transpose(1, 2)) if few else None,
            query_mask=None if query_mask is None else query_mask[:, None],
            context_mask=context_mask,
        )
        return self.aggregate(cosines, dim=2, mask=query_mask).view(queries, -1)

    def aggregate(self, cosines: Tensor, *, dim: int, mask: Tensor | None = None) -> Tensor:
        """Put the cosines of the queries along an axis together, of those that the mask says are there."""
        if self.aggregation == "LogSumExp":
            scaled = cosines * self.lambda_lse
            return torch.logsumexp(_filled(scaled, mask, -torch.inf), dim=dim) / self.lambda_lse
        if self.aggregation == "Max":
            return _filled(cosines, mask, -torch.inf).max(dim=dim).values
        total = _filled(cosines, mask, 0).sum(dim=dim)
        if self.aggregation == "Sum":
            return total
        return total / (cosines.shape[dim] if mask is None else mask.sum(dim=dim))

    def _score(self, contexts: Tensor, gram: Tensor, queries: list[_Queries]) -> Tensor:
        """Score contexts (b, C, d) with the queries of m items, as (b, m), tile by tile."""
        return torch.cat([self._column(contexts, gram, some) for some in queries], dim=1)

    def _column(self, contexts: Tensor, gram: Tensor, queries: _Queries) -> Tensor:
        n_contexts, size, width = contexts.shape
        columns = len(queries.vectors)
        high = n_contexts
        buffer = None
        if not (contexts.requires_grad or queries.vectors.requires_grad):
            high = _share(n_contexts, (_GPU_TILE if contexts.is_cuda else _CPU_TILE) // (size * columns))
            buffer = contexts.new_empty(high * size, columns)
        mask = queries.mask
        scored = []
        for top in range(0, n_contexts, high):
            asked = contexts[top : top + high].reshape(-1, width)
            products = torch.mm(asked, queries.vectors.T, out=None if buffer is None else buffer[: len(asked)])
            cosines = attended_cosines(
                products.view(-1, size, *queries.norms.shape),
                contexts[top : top + high],
                self.attention,
                query_dim=2,
                query_norms=queries.norms,
                gram=gram[top : top + high],
                query_mask=None if mask is None else mask[None, None],
            )
            scored.append(self.aggregate(cosines, dim=1, mask=None if mask is None else mask[None]))
        return torch.cat(scored)


@dataclass(frozen=True, eq=False)
class _Queries:
    """Queries of some items, the first of each before the second of each.

    In this order passes over the scores run along the items, of which there are many, and not along an item's queries.

    Parameters
    ----------
    vectors : Tensor, shape (Q m, d)
    norms : Tensor, shape (Q, m)
    mask : Tensor of bool, shape (Q, m), optional
    """

    vectors: Tensor
    norms: Tensor
    mask: Tensor | None


def _queries(vectors: Tensor, mask: Tensor | None = None) -> list[_Queries]:
    """Pack queries of shape (m, Q, d), masked (m, Q), so many items together as make a tile's columns."""
    n_items, n_queries, width = vectors.shape
    whole = vectors.requires_grad or vectors.is_cuda
    wide = n_items if whole else _share(n_items, _COLUMNS // n_queries)
    packed = []
    for start in range(0, n_items, wide):
        some = vectors[start : start + wide].transpose(0, 1).reshape(-1, width)
        there = None if mask is None else mask[start : start + wide].T
        packed.append(_Queries(some, _norms(some).view(n_queries, -1), there))
    return packed


def _share(total: int, most: int) -> int:
    """As even parts of a total as there are with at most so many in each."""
    return -(-total // -(-total // max(1, most)))


def _norms(vectors: Tensor) -> Tensor:
    # The slope of a norm at 0 is 0, as torch has it; padding stays out of all gradients.
    norms: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return norms


def _of_one_length(texts: Words) -> bool:
    # On a GPU, a look would wait for what is being computed.
    return not texts.lengths.is_cuda and bool((texts.lengths == texts.states.shape[1]).all())


def _filled(values: Tensor, mask: Tensor | None, value: float) -> Tensor:
    return values if mask is None else values.masked_fill(~mask, value)


def _by_context(of_queries: Tensor, repeats: int, shared: int) -> Tensor:
    """What there is of every query (items, Q), for each context that its item is scored with: (contexts, shared, Q)."""
    return of_queries.repeat_interleave(repeats, dim=0).view(-1, shared, of_queries.shape[1])


def _require_width(images: Tensor, words: Tensor) -> None:
    if images.ndim != 3 or images.shape[2] != words.shape[2]:
        raise ShapeError(
            f"regions of shape {tuple(images.shape)} and words of shape {tuple(words.shape)}",
            where="score",
            expected="(n, R, d) and (m, L, d)",
        )
