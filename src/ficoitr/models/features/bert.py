"""BERT's encoder in plain torch, with the names of tensors that published weights have."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class BertConfig:
    """Sizes of the network; the defaults are those of BERT-base in lower case.

    Parameters
    ----------
    width : int
        Of the state of a token.
    layers, heads : int
    inner : int
        Width within the feed-forward networks.
    vocabulary, positions, kinds : int
        Rows of the three tables of embeddings.
    """

    width: int = 768
    layers: int = 12
    heads: int = 12
    inner: int = 3072
    vocabulary: int = 30522
    positions: int = 512
    kinds: int = 2


class Bert(nn.Module):
    """The encoder, without the pooler.

    Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language
    Understanding", NAACL 2019. Normalisation comes after each sum (eps 1e-12); GELU is exact. Names of tensors are
    those of Hugging Face's weights: ``embeddings.word_embeddings.weight``,
    ``encoder.layer.0.attention.self.query.weight`` and so on.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Map tokens to states.

        Parameters
        ----------
        tokens : tensor of int64, shape (n, length)
        mask : tensor of bool, shape (n, length), optional
            True where there is a token, rather than padding; by default everywhere.

        Returns
        -------
        tensor of float32, shape (n, length, width)
        """
        states: torch.Tensor = self.encoder(self.embeddings(tokens), None if mask is None else mask[:, None, None, :])
        return states


class _Encoder(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(config) for _ in range(config.layers))

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Pass the states through all layers."""
        for layer in self.layer:
            states = layer(states, mask)
        return states


class _Embeddings(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocabulary, config.width)
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        self.token_type_embeddings = nn.Embedding(config.kinds, config.width)
        self.LayerNorm = _norm(config)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Add up the embeddings of words, of their places, and of the first kind of token."""
        places = self.position_embeddings.weight[: tokens.shape[1]]
        embedded: torch.Tensor = self.word_embeddings(tokens) + places + self.token_type_embeddings.weight[0]
        return self.LayerNorm(embedded)  # type: ignore[no-any-return]


class _Layer(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": _SelfAttention(config), "output": _Output(config.width, config)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.width, config.inner)})
        self.output = _Output(config.inner, config)

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Let every token attend all, then pass each through the feed-forward network."""
        states = self.attention["output"](self.attention["self"](states, mask), states)
        inner = F.gelu(self.intermediate["dense"](states))
        return self.output(inner, states)  # type: ignore[no-any-return]


class _SelfAttention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Attend with several heads, scaled by the square root of a head's width."""
        query, key, value = (self._by_head(part(states)) for part in (self.query, self.key, self.value))
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return attended.transpose(1, 2).flatten(start_dim=2)

    def _by_head(self, states: torch.Tensor) -> torch.Tensor:
        return states.view(*states.shape[:2], self.heads, -1).transpose(1, 2)


class _Output(nn.Module):
    def __init__(self, inputs: int, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, config.width)
        self.LayerNorm = _norm(config)

    def forward(self, changed: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Project, add what was there before, and normalise."""
        return self.LayerNorm(self.dense(changed) + states)  # type: ignore[no-any-return]


def _norm(config: BertConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.width, eps=1e-12)
