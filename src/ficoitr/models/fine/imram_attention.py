"""IMRAM's recurrent attention: the queries of a step remember what the step before has found."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ficoitr.models.fine.attention import Attention
from ficoitr.models.fine.regions import unit

_SMALLEST = 1e-8


@dataclass(frozen=True)
class Memory:
    """What updates the queries after a step: o = tanh(W_o [q; c] + b_o), g = σ(W_g [q; c] + b_g), g q + (1 - g) o.

    W [q; c] is computed as W_q q + W_c c. Since c = Σ_i a_i v_i with Σ_i a_i = 1, W_c c + b = Σ_i a_i (W_c v_i + b): a
    sum of products that an image or text has once for all its pairs.

    Parameters
    ----------
    of_query, of_context : Tensor, shape (2 d, d)
        W_q and W_c, the rows of W_o before those of W_g.
    bias : Tensor, shape (2 d,)
    """

    of_query: Tensor
    of_context: Tensor
    bias: Tensor

    @classmethod
    def of(cls, output: nn.Linear, gate: nn.Linear) -> Memory:
        """Take apart the linear layers, from 2 d to d, of o and of g."""
        width = output.out_features
        weight = torch.cat([output.weight, gate.weight])
        return cls(weight[:, :width], weight[:, width:], torch.cat([output.bias, gate.bias]))

    @staticmethod
    def apply(queries: Tensor, before: Tensor) -> Tensor:
        """Update queries of shape (…, d); ``before``, of shape (…, 2 d), is what tanh and σ are taken of."""
        output, gate = before.chunk(2, dim=-1)
        if torch.is_grad_enabled():
            return torch.lerp(torch.tanh(output), queries, torch.sigmoid(gate))
        return output.tanh_().lerp_(queries, gate.sigmoid_())


@dataclass(frozen=True)
class Side:
    """The regions of some images or the words of some texts, and what is computed once for all their pairs.

    Parameters
    ----------
    states : Tensor, shape (n, P, d)
        0 where there is no word.
    lengths : Tensor of int64, shape (n,)
    mask : Tensor of bool, shape (n, P), optional
        Which places there are; by default all.
    norms : Tensor, shape (n, P)
        1 where there is no word.
    products : Tensor, shape (n, P, P)
        Of every place with every place.
    as_queries, as_contexts : Tensor, shape (n, P, 2 d)
        W_q x and W_c x + b; empty where nothing is remembered.
    """

    states: Tensor
    lengths: Tensor
    mask: Tensor | None
    norms: Tensor
    products: Tensor
    as_queries: Tensor
    as_contexts: Tensor

    @classmethod
    def of(
        cls,
        states: Tensor,
        lengths: Tensor,
        mask: Tensor | None,
        *,
        asking: Memory | None,
        asked: Memory | None,
    ) -> Side:
        """Prepare one side; ``asking`` updates its places where they are the queries, ``asked`` the other side's."""
        norms = torch.linalg.vector_norm(states, dim=-1)
        return cls(
            states,
            lengths,
            mask,
            norms if mask is None else norms.masked_fill(~mask, 1),
            states @ states.mT,
            states[..., :0] if asking is None else F.linear(states, asking.of_query),
            states[..., :0] if asked is None else F.linear(states, asked.of_context, asked.bias),
        )

    def cut(self, rows: slice, places: int) -> Side:
        """Return some rows, and of them the first places."""
        return Side(
            self.states[rows, :places],
            self.lengths[rows],
            None if self.mask is None else self.mask[rows, :places],
            self.norms[rows, :places],
            self.products[rows, :places, :places],
            self.as_queries[rows, :places],
            self.as_contexts[rows, :places],
        )


def step_scores(
    products: Tensor,
    queries: Side,
    contexts: Side,
    memory: Memory | None,
    *,
    attention: Attention,
    steps: int,
    normalise: bool,
) -> Tensor:
    """Score queries against contexts at every step.

    From q¹ = b, the places themselves: c^k attends with q^k; the score of step k is the mean of cos(b, c^k) over the
    queries; and q^{k+1} is what `Memory` makes of q^k and c^k. After the last step nothing is updated. c^k is never
    written down: b · c = Σ_i a_i (b · v_i) and ‖c‖² = aᵀ (V Vᵀ) a.

    Parameters
    ----------
    products : Tensor, shape (b, a, Q, C)
        b_j · v_i, of the Q queries of a items with the C places of b contexts.
    queries, contexts : Side
    memory : Memory, optional
        None where there is only one step.
    attention : Attention
    steps : int
        K.
    normalise : bool
        Whether q^{k+1} is scaled to 1.

    Returns
    -------
    Tensor, shape (steps, b, a)

    Notes
    -----
    Chen et al., "IMRAM: Iterative Matching with Recurrent Attention Memory for Cross-Modal Image-Text Retrieval", CVPR
    2020.
    """
    n_contexts, n_queries, asking, asked = products.shape
    flat = (n_contexts, n_queries * asking, asked)
    query_mask = None if queries.mask is None else queries.mask[None, :, :, None]
    context_mask = None if contexts.mask is None else contexts.mask[:, None, None, :]
    current, similarities = queries.states.flatten(0, 1)[None], products
    scores = []
    for step in range(steps):
        weights = attention.weights(
            similarities, query_dim=2, context_dim=3, query_mask=query_mask, context_mask=context_mask
        ).reshape(flat)
        along = (weights * products.reshape(flat)).sum(dim=-1)
        square = ((weights @ contexts.products) * weights).sum(dim=-1)
        # The gradient of a square root is not finite at 0.
        length = square.clamp(min=_SMALLEST**2).sqrt() * queries.norms.flatten()
        cosines = (along / length.clamp(min=_SMALLEST)).reshape(products.shape[:3])
        scores.append(cosines.sum(dim=-1) / queries.lengths)
        if memory is None or step == steps - 1:
            break
        if step == 0:
            before = _plus(weights @ contexts.as_contexts, queries.as_queries.flatten(0, 1))
        else:
            before = _plus_product(weights @ contexts.as_contexts, current, memory.of_query)
        current = Memory.apply(current, before)
        if normalise:
            current = unit(current)
        similarities = (current @ contexts.states.mT).reshape(products.shape)
        if query_mask is not None:
            similarities = similarities.masked_fill(~query_mask, 0)
    return torch.stack(scores)


def _plus(values: Tensor, others: Tensor) -> Tensor:
    """Add, into the memory of the first where no gradient needs it."""
    return values + others if torch.is_grad_enabled() else values.add_(others)


def _plus_product(values: Tensor, queries: Tensor, weight: Tensor) -> Tensor:
    """Add the products of queries, of shape (b, Q, d), with the rows of a weight, likewise."""
    if torch.is_grad_enabled():
        return values + F.linear(queries, weight)
    flat = values.flatten(0, 1)
    torch.addmm(flat, queries.flatten(0, 1), weight.T, out=flat)
    return values
