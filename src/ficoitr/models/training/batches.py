"""What a step of a training sees: pairs of an image and a text, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ficoitr.errors import CaptionMapError, CategoryError, ShapeError, ValuesError

Array = np.ndarray[Any, Any]


class Rows(Protocol):
    """Features with a row an item, in memory or read when they are asked for: arrays, `StoredFeatures` and alike."""

    def __len__(self) -> int:
        """Count the items."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of items, and the shape of the features of one."""
        ...

    def __getitem__(self, rows: Any, /) -> Array:
        """Read the features of some items."""
        ...


@dataclass(frozen=True)
class Batch:
    """Pairs of an image and a text.

    Parameters
    ----------
    rows : Tensor of int64, shape (n,)
        Which of all training pairs these are.
    image_rows : Tensor of int64, shape (n,)
        The image of each pair: pairs may share one.
    images : Tensor, shape (n, …)
        Features of the images, one a pair.
    texts : Any
        Features of the texts, a Tensor of shape (n, …), or what else a model reads of them.
    labels : Tensor of float32, shape (n, L), optional
        Multi-hot categories of the images.
    """

    rows: Tensor
    image_rows: Tensor
    images: Tensor
    texts: Any
    labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)


class Pairs(Protocol):
    """Training pairs, read batch by batch."""

    def __len__(self) -> int:
        """Count the pairs."""
        ...

    def batch(self, rows: Array, device: torch.device) -> Batch:
        """Read some pairs."""
        ...


class FeaturePairs:
    """Pairs of image and text features, which may lie in files.

    Parameters
    ----------
    images : Rows, such as an array of shape (n_images, …)
    texts : Rows, such as an array of shape (n_texts, …), or what else a subclass reads
    text_to_image : ndarray of int64, shape (n_texts,)
        Each text makes a pair with its image.
    labels : ndarray of bool, shape (n_images, L), optional

    Raises
    ------
    ShapeError, CaptionMapError, CategoryError
        If they do not fit together.
    """

    def __init__(
        self,
        images: Rows,
        texts: Any,
        text_to_image: Array,
        labels: Array | None = None,
    ) -> None:
        if len(text_to_image) != len(texts):
            raise ShapeError(f"there are {len(texts):,} texts", where="texts", expected=f"{len(text_to_image):,}")
        if len(text_to_image) and not 0 <= text_to_image.min() <= text_to_image.max() < len(images):
            raise CaptionMapError("a text points to an image that is not there", where="text_to_image")
        if labels is not None and len(labels) != len(images):
            raise CategoryError(
                f"there are {len(labels):,} rows of labels", where="labels", expected=f"{len(images):,}"
            )
        self.images = images
        self.texts = texts
        self.text_to_image = text_to_image
        self.labels = labels

    def __len__(self) -> int:
        return len(self.text_to_image)

    def batch(self, rows: Array, device: torch.device) -> Batch:
        """Read some pairs.

        Raises
        ------
        ValuesError
            If a feature is not a finite number.
        """
        owners = self.text_to_image[rows]
        labels = None if self.labels is None else torch.from_numpy(self.labels[owners].astype(np.float32)).to(device)
        return Batch(
            rows=torch.from_numpy(rows).to(device),
            image_rows=torch.from_numpy(owners).to(device),
            images=finite_tensor(self.images, owners, "image").to(device),
            texts=self._read_texts(rows).to(device),
            labels=labels,
        )

    def _read_texts(self, rows: Array) -> Any:
        return finite_tensor(self.texts, rows, "text")


def finite_tensor(features: Rows, rows: Array, side: str) -> Tensor:
    """Read rows of features as float32.

    Raises
    ------
    ValuesError
        If a value is not a finite number; the message names the item, an image or a text by ``side``.
    """
    values = torch.from_numpy(np.ascontiguousarray(features[rows], dtype=np.float32))
    # A sum is not finite where a value is not; where only the sum overflows, the values are looked at one by one.
    if not torch.isfinite(values.sum()) and not torch.isfinite(values).all():
        bad = int(rows[int(torch.nonzero(~torch.isfinite(values.flatten(1)).all(dim=1))[0])])
        raise ValuesError(
            f"the features of {side} {bad} hold a value that is no number or infinite",
            where=f"{side} features",
            expected="finite numbers",
        )
    return values


def pairs_of_other_images(image_rows: Tensor) -> Tensor:
    """Mark which pairs of a batch have different images: bool, shape (n, n), for ``negatives``."""
    return image_rows[:, None] != image_rows
