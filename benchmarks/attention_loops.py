"""Cross attention as the authors of the models infer it: a loop over captions, each cut to its length."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def scan_loop(network: Any, images: Tensor, words: Any) -> Tensor:
    """SCAN: with each caption, all images of the block; two products of regions and words for every pair."""
    similarity = network.similarity
    columns = []
    for states, length in zip(words.states, words.lengths.tolist(), strict=True):
        caption = states[:length].expand(len(images), -1, -1)
        queries, contexts = (caption, images) if similarity.direction == "t2i" else (images, caption)
        attended = scan_attention(queries, contexts, similarity.attention.lambda_softmax)
        cosines = F.cosine_similarity(queries, attended, dim=2)
        columns.append(torch.logsumexp(cosines * similarity.lambda_lse, dim=1) / similarity.lambda_lse)
    return torch.stack(columns, dim=1)


def scan_attention(queries: Tensor, contexts: Tensor, lambda_softmax: float) -> Tensor:
    """What each query (n, Q, d) attends to among the contexts (n, C, d): (n, Q, d)."""
    scores = F.leaky_relu(contexts @ queries.transpose(1, 2), 0.1)
    scores = scores / (scores.square().sum(dim=2, keepdim=True).sqrt() + 1e-8)
    weights = torch.softmax(scores * lambda_softmax, dim=1)
    return weights.transpose(1, 2) @ contexts


def imram_loop(network: Any, images: Tensor, words: Any) -> Tensor:
    """IMRAM: every step attends, scores and updates the queries, the last one for nothing."""
    similarity = network.similarity
    columns = []
    for states, length in zip(words.states, words.lengths.tolist(), strict=True):
        caption = states[:length].expand(len(images), -1, -1)
        total = images.new_zeros(len(images))
        for asking, base, contexts, output, gate in (
            ("text", caption, images, similarity.linear_t2i, similarity.gate_t2i),
            ("image", images, caption, similarity.linear_i2t, similarity.gate_i2t),
        ):
            if similarity.mode not in (asking, "full"):
                continue
            queries = base
            for _ in range(similarity.steps):
                attended = scan_attention(queries, contexts, similarity.attention.lambda_softmax)
                total += F.cosine_similarity(base, attended, dim=2).mean(dim=1)
                both = torch.cat([queries, attended], dim=2)
                share = torch.sigmoid(gate(both))
                queries = queries * share + torch.tanh(output(both)) * (1 - share)
        columns.append(total)
    return torch.stack(columns, dim=1)
