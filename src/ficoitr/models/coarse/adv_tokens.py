"""What ADV reads of texts: the states of a frozen text encoder, token by token, and of texts made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from ficoitr.errors import ShapeError, ValuesError
from ficoitr.models.training import Batch, FeaturePairs

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from ficoitr.data.stored import StoredFeatures
    from ficoitr.models.coarse.adv_pixels import ScreeningPixels
    from ficoitr.models.features.bert import Bert

Array = np.ndarray[Any, Any]
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


@dataclass(frozen=True, eq=False)
class ADVTexts:
    """The texts of a batch, ``Batch.texts``.

    Parameters
    ----------
    own : TokenFeatures of shape (n, T, width)
        The texts of the pairs.
    rephrased : TokenFeatures of shape (n, R, T, width), optional
        Texts that say the same of the same image.
    adversarial : TokenFeatures of shape (n, A, T, width), optional
        Texts that are wrong in one point.
    """

    own: TokenFeatures
    rephrased: TokenFeatures | None = None
    adversarial: TokenFeatures | None = None


class FrozenTextEncoder:
    """Turns texts into states of their tokens, by a network that is not trained.

    Parameters
    ----------
    network : Bert
        BERT-base as published, or another of its form, such as MiniLM.
    tokenizer : tokenizers.Tokenizer
        The network's own, with its marks of begin and end. How it pads and cuts is set here.
    max_tokens : int
        T: longer texts are cut, shorter ones padded, as published. Padding is not attended to but has states, which
        the published text network reads.
    """

    def __init__(self, network: Bert, tokenizer: Tokenizer, *, max_tokens: int = 32) -> None:
        self.network = network.eval().requires_grad_(requires_grad=False)
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.enable_padding(length=max_tokens)

    def __call__(self, texts: Sequence[str]) -> TokenFeatures:
        """Describe texts, on the network's device."""
        device = next(self.network.parameters()).device
        parts = []
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            encoded = self._tokenizer.encode_batch(list(texts[start : start + _TEXTS_AT_A_TIME]))
            tokens = torch.tensor([one.ids for one in encoded], device=device)
            mask = torch.tensor([one.attention_mask for one in encoded], device=device).bool()
            with torch.no_grad():
                parts.append((self.network(tokens, mask), mask))
        return TokenFeatures(torch.cat([states for states, _ in parts]), torch.cat([mask for _, mask in parts]))


class StoredTokens:
    """Token features of many texts, which may lie in a file.

    Parameters
    ----------
    states : array or StoredFeatures of float16 or float32, shape (n_texts, T, width)
    lengths : ndarray of int, shape (n_texts,)
        Tokens of each text; what follows is padding.

    Raises
    ------
    ShapeError
        If there are not as many lengths as states, or a length is none.
    """

    def __init__(self, states: Array | StoredFeatures, lengths: Array) -> None:
        if len(states.shape) != 3 or len(states) != len(lengths):
            raise ShapeError(
                f"states of shape {tuple(states.shape)} and {len(lengths):,} lengths",
                where="token features",
                expected="states of shape (n_texts, tokens, width), and a length for each text",
            )
        if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= states.shape[1]:
            raise ShapeError("a length is out of range", where="lengths", expected=f"1 to {states.shape[1]}")
        self._states = states
        self.lengths = lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, rows: Array, device: torch.device) -> TokenFeatures:
        """Read some texts.

        Parameters
        ----------
        rows : ndarray of int64, shape (...)
            -1 for a text that there is not.
        device : torch.device

        Returns
        -------
        TokenFeatures of shape (..., T, width)

        Raises
        ------
        ValuesError
            If a state is not a finite number.
        """
        flat = rows.reshape(-1)
        states = np.asarray(self._states[np.maximum(flat, 0)], dtype=np.float32)
        lengths = np.where(flat < 0, 0, self.lengths[np.maximum(flat, 0)])
        if not np.isfinite(states).all():
            bad = int(flat[~np.isfinite(states).all(axis=(1, 2))][0])
            raise ValuesError(
                f"the states of text {bad} hold a value that is no number or infinite",
                where="token features",
                expected="finite numbers",
            )
        mask = np.arange(states.shape[1]) < lengths[:, None]
        return TokenFeatures(
            torch.from_numpy(states.reshape(*rows.shape, *states.shape[1:])).to(device),
            torch.from_numpy(mask.reshape(*rows.shape, -1)).to(device),
        )


@dataclass(frozen=True, eq=False)
class LinkedTokens:
    """Token features of texts that belong to other texts.

    Parameters
    ----------
    tokens : StoredTokens
    rows : ndarray of int64, shape (n_texts, k)
        For each text the rows of those that belong to it; -1 for none.

    Raises
    ------
    ShapeError
        If the rows are of another form, or one does not exist.
    """

    tokens: StoredTokens
    rows: Array

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or not self.rows.shape[1]:
            raise ShapeError(f"rows of shape {self.rows.shape}", where="linked texts", expected="(n_texts, k)")
        if len(self.rows) and not -1 <= self.rows.min() <= self.rows.max() < len(self.tokens):
            raise ShapeError("a row does not exist", where="linked texts", expected=f"-1 to {len(self.tokens) - 1}")


class ADVPairs:
    """Training pairs of images and token features.

    Parameters
    ----------
    images : array or StoredFeatures
        Regions of shape (n_images, R, width), or `ScreeningPixels`.
    texts : StoredTokens of n_texts
    text_to_image : ndarray of int64, shape (n_texts,)
    labels : ndarray of bool, shape (n_images, L), optional
        The concepts of each image.
    rephrased, adversarial : LinkedTokens, optional
        The texts that say the same as each text, and those that are wrong in one point.

    Raises
    ------
    ShapeError, CaptionMapError, CategoryError
        If they do not fit together.
    """

    def __init__(
        self,
        images: Array | StoredFeatures | ScreeningPixels,
        texts: StoredTokens,
        text_to_image: Array,
        labels: Array | None = None,
        *,
        rephrased: LinkedTokens | None = None,
        adversarial: LinkedTokens | None = None,
    ) -> None:
        for name, linked in (("rephrased", rephrased), ("adversarial", adversarial)):
            if linked is not None and len(linked.rows) != len(texts):
                raise ShapeError(f"rows for {len(linked.rows):,} texts", where=name, expected=f"{len(texts):,}")
        self._texts = texts
        self._rephrased = rephrased
        self._adversarial = adversarial
        # Where the texts would be, their lengths: the token features are read here.
        self._pairs = FeaturePairs(cast("Array", images), texts.lengths[:, None], text_to_image, labels)

    def __len__(self) -> int:
        return len(self._pairs)

    def batch(self, rows: Array, device: torch.device) -> Batch:
        """Read some pairs; ``texts`` of the batch are `ADVTexts`.

        Raises
        ------
        ValuesError
            If a feature is not a finite number.
        """
        rephrased, adversarial = (
            None if linked is None else linked.tokens.take(linked.rows[rows], device)
            for linked in (self._rephrased, self._adversarial)
        )
        texts = ADVTexts(self._texts.take(rows, device), rephrased, adversarial)
        return replace(self._pairs.batch(rows, device), texts=texts)
