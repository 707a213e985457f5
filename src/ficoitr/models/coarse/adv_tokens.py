"""What ADV reads of texts: the states of a frozen text encoder, token by token, and of texts made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch

from ficoitr.errors import ShapeError, ValuesError
from ficoitr.models.features.tokens import FrozenTextEncoder, TokenFeatures
from ficoitr.models.training import Batch, FeaturePairs

if TYPE_CHECKING:
    from ficoitr.models.coarse.adv_pixels import ScreeningPixels
    from ficoitr.models.training.batches import Rows

Array = np.ndarray[Any, Any]
_CPU = torch.device("cpu")


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


class Tokens(Protocol):
    """Token features of many texts."""

    def __len__(self) -> int:
        """Count the texts."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of texts, tokens of a text, and width of a state."""
        ...

    def take(self, rows: Array, device: torch.device = _CPU) -> TokenFeatures:
        """Read some texts.

        Parameters
        ----------
        rows : ndarray of int64, shape (...)
            -1 for a text that there is not.
        device : torch.device

        Returns
        -------
        TokenFeatures of shape (..., T, width)
        """
        ...


class StoredTokens:
    """Token features of many texts, which may lie in a file.

    Parameters
    ----------
    states : array, StoredFeatures or Scaled of floats, shape (n_texts, T, width)
    lengths : ndarray of int, shape (n_texts,)
        Tokens of each text; what follows is padding.
    max_tokens : int, optional
        How many of them are read; by default all.

    Raises
    ------
    ShapeError
        If there are not as many lengths as states, or a length is none.
    """

    def __init__(self, states: Rows, lengths: Array, *, max_tokens: int | None = None) -> None:
        if len(states.shape) != 3 or len(states) != len(lengths):
            raise ShapeError(
                f"states of shape {tuple(states.shape)} and {len(lengths):,} lengths",
                where="token features",
                expected="states of shape (n_texts, tokens, width), and a length for each text",
            )
        if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= states.shape[1]:
            raise ShapeError("a length is out of range", where="lengths", expected=f"1 to {states.shape[1]}")
        self._states = states
        self._most = states.shape[1] if max_tokens is None else min(max_tokens, states.shape[1])
        self.lengths = np.minimum(lengths, self._most)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of texts, tokens of a text, and width of a state."""
        return len(self), self._most, self._states.shape[2]

    def take(self, rows: Array, device: torch.device = _CPU) -> TokenFeatures:
        """Read some texts, see `Tokens`.

        Raises
        ------
        ValuesError
            If a state is not a finite number.
        """
        flat = rows.reshape(-1)
        states = np.asarray(self._states[np.maximum(flat, 0)][:, : self._most], dtype=np.float32)
        lengths = np.where(flat < 0, 0, self.lengths[np.maximum(flat, 0)])
        if not np.isfinite(states.sum()) and not np.isfinite(states).all():
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


class EncodedTexts:
    """Token features of texts, computed anew each time that they are asked for.

    Parameters
    ----------
    texts : sequence of str
    encoder : FrozenTextEncoder
    max_tokens : int, optional
        How many tokens are read; by default all that the encoder gives.
    """

    def __init__(self, texts: Sequence[str], encoder: FrozenTextEncoder, *, max_tokens: int | None = None) -> None:
        self._texts = texts
        self._encoder = encoder
        self._most = encoder.max_tokens if max_tokens is None else min(max_tokens, encoder.max_tokens)

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of texts, tokens of a text, and width of a state."""
        return len(self), self._most, self._encoder.width

    def take(self, rows: Array, device: torch.device = _CPU) -> TokenFeatures:
        """Read some texts, see `Tokens`."""
        flat = rows.reshape(-1)
        states = torch.zeros(len(flat), *self.shape[1:])
        mask = torch.zeros(len(flat), self.shape[1], dtype=torch.bool)
        there = np.flatnonzero(flat >= 0)
        if len(there):
            found = self._encoder([self._texts[row] for row in flat[there].tolist()])
            states[there] = found.states[:, : self._most].to(_CPU)
            mask[there] = found.mask[:, : self._most].to(_CPU)
        return TokenFeatures(states.reshape(*rows.shape, *self.shape[1:]), mask.reshape(*rows.shape, -1)).to(device)


@dataclass(frozen=True, eq=False)
class LinkedTokens:
    """Token features of texts that belong to other texts.

    Parameters
    ----------
    tokens : Tokens
    rows : ndarray of int64, shape (n_texts, k)
        For each text the rows of those that belong to it; -1 for none.

    Raises
    ------
    ShapeError
        If the rows are of another form, or one does not exist.
    """

    tokens: Tokens
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
    images : array, StoredFeatures or Scaled
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
        images: Rows | ScreeningPixels,
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
