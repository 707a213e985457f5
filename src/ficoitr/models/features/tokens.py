"""States of the tokens of texts, from a text encoder that is not trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ficoitr.models.features.bert import Bert

_TEXTS_AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class TokenFeatures:
    """States of the tokens of texts.

    Parameters
    ----------
    states : Tensor of float32, shape (..., T, width)
        The last layer of the frozen encoder, at padding too.
    mask : Tensor of bool, shape (..., T)
        Where there is a token rather than padding; nowhere, if there is no such text.
    """

    states: Tensor
    mask: Tensor

    @property
    def present(self) -> Tensor:
        """Which of the texts there are: bool, shape (...)."""
        return self.mask.any(dim=-1)

    def to(self, device: torch.device) -> TokenFeatures:
        """Move both tensors to a device."""
        return TokenFeatures(self.states.to(device), self.mask.to(device))


class FrozenTextEncoder:
    """Turns texts into states of their tokens, by a network that is not trained.

    Parameters
    ----------
    network : Bert
        BERT-base as published, or another of its form, such as MiniLM.
    tokenizer : tokenizers.Tokenizer
        The network's own, with its marks of begin and end. How it pads and cuts is set here.
    max_tokens : int
        T: longer texts are cut, shorter ones padded, as ADV's published code does. Padding is not attended to but has
        states, which its text network reads.
    """

    def __init__(self, network: Bert, tokenizer: Tokenizer, *, max_tokens: int = 32) -> None:
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.max_tokens = max_tokens
        self.tokenizer = tokenizer
        self.tokenizer.enable_truncation(max_tokens)
        self.tokenizer.enable_padding(length=max_tokens)

    @property
    def width(self) -> int:
        """Of a state."""
        return self.network.embeddings.word_embeddings.embedding_dim

    def __call__(self, texts: Sequence[str]) -> TokenFeatures:
        """Describe texts, on the network's device."""
        device = next(self.network.parameters()).device
        parts = []
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            encoded = self.tokenizer.encode_batch(list(texts[start : start + _TEXTS_AT_A_TIME]))
            tokens = torch.tensor([one.ids for one in encoded], device=device)
            mask = torch.tensor([one.attention_mask for one in encoded], device=device).bool()
            with torch.no_grad():
                parts.append((self.network(tokens, mask), mask))
        return TokenFeatures(torch.cat([states for states, _ in parts]), torch.cat([mask for _, mask in parts]))

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Count the tokens of texts, marks of begin and end among them, as far as they are kept."""
        return [sum(one.attention_mask) for one in self.tokenizer.encode_batch(list(texts))]
