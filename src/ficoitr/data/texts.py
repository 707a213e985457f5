"""Texts without images, as what encodes the texts of datasets takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ficoitr.data.absent import AbsentImages
from ficoitr.data.dataset import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence


def texts_alone(texts: Sequence[str], name: str) -> Dataset:
    """Make a dataset of texts, whose images nobody may look at.

    Parameters
    ----------
    texts : sequence of str
    name : str
        What errors call it, such as ``prompts``.
    """
    ids = tuple(f"{name} {row}" for row in range(len(texts)))
    return Dataset(
        name=name,
        images=AbsentImages(len(texts), f"Encode only the texts: they are {name}, and describe no image"),
        image_ids=ids,
        texts=tuple(texts),
        text_ids=ids,
        text_to_image=np.arange(len(texts)),
    )
