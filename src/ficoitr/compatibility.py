"""The three functions of the released library fico-itr 1.0.0: same names, arguments, result keys and figures.

Figures are equal on input without ties; tied candidates are ranked by index here, and in no defined order there.
Recalls are in percent and mean average precisions are fractions, as there. Its faults are mended: float16 vectors
have a cosine, unsigned codes do not wrap, vectors far from the origin have Euclidean distances, a documented NumPy
caption map works, a dictionary that leaves a caption out is an error, and Hamming similarities take memory for the
result alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ficoitr.errors import CaptionMapError, OptionError, ShapeError
from ficoitr.evaluation import Protocol, evaluate, get_protocol
from ficoitr.outputs import Scores
from ficoitr.outputs.checks import as_matrix, require_finite
from ficoitr.similarity.matrix import similarity_matrix

Array = np.ndarray[Any, Any]
Captions = Any


def compute_similarity(
    x: Any, y: Any, measure: Literal["cosine", "euclidean", "hamming", "inner_product"] = "cosine"
) -> Array:
    """Similarities of all rows of ``x`` with all rows of ``y``, higher is closer.

    Parameters
    ----------
    x, y : arrays of shape (n, d), (m, d)
        Any real dtype; narrow ones are computed in float32.
    measure : {"cosine", "euclidean", "hamming", "inner_product"}
        Euclidean is 1 / (1 + distance), Hamming minus the share of differing entries.

    Returns
    -------
    float array of shape (n, m)

    Raises
    ------
    InputError
        For vectors that have no such similarity, or widths that differ.
    """
    return similarity_matrix(x, y, measure)


def instance_retrieval(
    similarity_matrix: Any, t2i_sim: Any = None, captions_per_image: Captions = "auto"
) -> tuple[dict[str, float], dict[str, float]]:
    """Instance-level retrieval in both directions.

    Parameters
    ----------
    similarity_matrix : array of shape (n_images, n_captions)
        Or square with each image repeated once a caption, when ``captions_per_image`` is a number above 1.
    t2i_sim : array, optional
        Scores for text queries where they differ, of the shape of ``similarity_matrix`` or its transpose.
    captions_per_image : "auto", int, sequence or mapping
        Captions of every image; or counts an image; or the image of each caption; or ``{caption: image}``.

    Returns
    -------
    pair of dict
        For i2t and t2i: ``R@1``, ``R@5``, ``R@10`` in percent, ``MedianR`` and ``MeanR``.
    """
    i2t, t2i, captions = _matrices(similarity_matrix, t2i_sim, captions_per_image)
    evaluation = evaluate(scores=Scores(i2t, t2i), protocol=_protocol("instance"), resamples=0, **captions)
    results = []
    for direction, n_candidates in (("i2t", i2t.shape[1]), ("t2i", i2t.shape[0])):
        row = evaluation.instance[direction]
        # A cut-off beyond the gallery finds everything.
        recalls = {
            f"R@{k}": 100 * row[f"R@{k}"] if k <= n_candidates and f"R@{k}" in row else 100.0 for k in (1, 5, 10)
        }
        results.append({**recalls, "MedianR": row["median_rank"], "MeanR": row["mean_rank"]})
    return results[0], results[1]


def category_retrieval(
    sim1: Any, labels: Any, k: int | None = None, sim2: Any = None, captions_per_image: Captions = "auto"
) -> tuple[float, float]:
    """Category-level mean average precision in both directions, each AP divided by the hits it found.

    Parameters
    ----------
    sim1 : array of shape (n_images, n_captions)
    labels : array of shape (n_images, n_labels) or (n_images,)
        Multi-hot labels or class numbers of the images.
    k : int, optional
        Cut-off; by default the whole ranking.
    sim2 : array of shape (n_captions, n_images), optional
        Scores for text queries; by default the transpose of ``sim1``.
    captions_per_image : "auto", int, sequence or mapping
        As in `instance_retrieval`.

    Returns
    -------
    pair of float
        mAP of i2t and t2i, fractions.
    """
    i2t, t2i, captions = _matrices(sim1, sim2, captions_per_image)
    labels = np.asarray(labels)
    if len(labels) != len(i2t) and len(labels) and i2t.shape[1] % len(labels) == 0 and len(i2t) % len(labels) == 0:
        # Images repeated once a caption, without a word on it: labels are of the distinct images.
        labels = np.repeat(labels, len(i2t) // len(labels), axis=0)
    cutoffs: dict[str, int | str] = {
        direction: "N" if k is None or k >= n_candidates else k
        for direction, n_candidates in (("i2t", i2t.shape[1]), ("t2i", i2t.shape[0]))
    }
    evaluation = evaluate(
        scores=Scores(i2t, t2i),
        categories=labels,
        protocol=_protocol("category"),
        category_k=cutoffs.values(),
        resamples=0,
        **captions,
    )
    first, second = (float(evaluation.category[direction][f"mAP@{cutoff}"]) for direction, cutoff in cutoffs.items())
    return first, second


def _protocol(task: str) -> Protocol:
    """The library's protocol with the metrics of one task alone."""
    other = "category" if task == "instance" else "instance"
    return get_protocol("fico-itr-1.0").model_copy(update={other: ()})


def _matrices(first: Any, second: Any, captions: Captions) -> tuple[Array, Array | None, dict[str, Any]]:
    """Scores with one row an image and with one row a caption, and the caption map as `evaluate` takes it."""
    i2t = as_matrix(first, "similarity matrix")
    require_finite(i2t, "similarity matrix")
    if i2t.shape[0] > i2t.shape[1]:
        i2t = i2t.T
    t2i = None if second is None else as_matrix(second, "similarity matrix of t2i")
    n_images, n_captions = i2t.shape
    if t2i is not None and t2i.shape not in (i2t.shape, i2t.T.shape):
        raise ShapeError(
            f"the second matrix has shape {t2i.shape}",
            where="t2i",
            expected=f"{i2t.T.shape}, one row a caption",
        )
    if t2i is not None and t2i.shape == i2t.shape and n_images != n_captions:
        t2i = t2i.T
    if n_images == n_captions and np.ndim(captions) == 0 and isinstance(captions, int) and captions > 1:
        if n_images % captions:
            raise CaptionMapError(
                f"{n_images} repeated images do not make whole images of {captions} captions",
                where="captions_per_image",
            )
        i2t = i2t[::captions]
        t2i = None if t2i is None else t2i[:, ::captions]
        n_images = len(i2t)
    return i2t, t2i, _caption_arguments(captions, n_images, n_captions)


def _caption_arguments(captions: Captions, n_images: int, n_captions: int) -> dict[str, Any]:
    if isinstance(captions, str):
        if captions != "auto":
            raise OptionError(
                f"{captions!r} is unknown", where="captions_per_image", expected='"auto", a number or a map'
            )
        if n_captions % n_images:
            raise CaptionMapError(
                f"{n_captions} captions cannot be shared evenly by {n_images} images",
                where="captions_per_image",
                expected="a map of the captions",
            )
        return {"captions_per_image": n_captions // n_images}
    if isinstance(captions, Mapping):
        return {"text_to_image": captions}
    array = np.asarray(captions)
    if array.ndim == 0:
        return {"captions_per_image": captions}
    if len(array) == n_images and (len(array) != n_captions or array.sum() == n_captions):
        return {"captions_per_image": array}
    return {"text_to_image": array}
