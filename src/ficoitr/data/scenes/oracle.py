"""The recall of knowing which captions fit which images: captions are ambiguous."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def oracle_recall(
    fitting: Sequence[np.ndarray], text_to_image: np.ndarray, n_images: int, ks: Sequence[int]
) -> dict[str, float]:
    """Return the expected recall of a model that knows which captions fit which images, and no more.

    A caption that fits F images was written for each of them with equal probability as far as the
    caption tells. So the oracle ranks, for a text, the images that it fits first, in random order:
    recall at K is the mean of ``min(1, K / F)``. For an image it ranks the texts that fit it by their
    F, the least ambiguous first, equal ones in random order: recall at K is the probability that a
    text of its own is among the first K.

    This is no bound: a text is likelier for some of the images that it fits, those of few objects above all, and a
    model that has learnt of which images such texts are written can do better.

    Parameters
    ----------
    fitting : sequence of M ndarrays of int64
        The images that each text fits, its own included.
    text_to_image : ndarray of int64, shape (M,)
        The image each text was written for.
    n_images : int
        The number of images.
    ks : sequence of int
        The cut-offs.

    Returns
    -------
    dict
        Fractions by ``"t2i.R@1"``, ``"i2t.R@1"`` and so on.
    """
    ambiguity = np.array([len(images) for images in fitting])
    text = np.repeat(np.arange(len(fitting)), ambiguity)
    image = np.concatenate(list(fitting))
    order = np.lexsort((ambiguity[text], image))
    text, image = text[order], image[order]
    starts = np.searchsorted(image, np.arange(n_images + 1))
    hits = np.zeros((n_images, len(ks)))
    for row in range(n_images):
        fits = text[starts[row] : starts[row + 1]]
        hits[row] = _first_own(ambiguity[fits], text_to_image[fits] == row, ks)
    recalls = {f"t2i.R@{k}": float(np.minimum(1.0, k / ambiguity).mean()) for k in ks}
    return recalls | {f"i2t.R@{k}": float(hits[:, column].mean()) for column, k in enumerate(ks)}


def _first_own(ambiguity: np.ndarray, own: np.ndarray, ks: Sequence[int]) -> list[float]:
    """Return the probability of an own text among the first K, for ascending ambiguities."""
    least = ambiguity[own].min()
    group = ambiguity == least
    before, n, n_own = int((ambiguity < least).sum()), int(group.sum()), int(own[group].sum())
    drawn = [min(max(k - before, 0), n) for k in ks]
    return [1.0 - comb(n - n_own, t) / comb(n, t) for t in drawn]
