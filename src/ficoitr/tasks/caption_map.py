"""Which image each text describes: the map behind instance-level retrieval, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ficoitr.errors import CaptionMapError, IdentifierError
from ficoitr.tasks.plain import plain_array

Array = np.ndarray[Any, Any]


def assumed_map(n_images: int, n_texts: int) -> Array:
    """Return the map of texts in image order, as many for each image.

    Raises
    ------
    CaptionMapError
        If the number of texts is no multiple of the number of images.
    """
    if n_texts % n_images:
        raise CaptionMapError(
            f"{n_texts} texts cannot be shared evenly by {n_images} images",
            where="text_to_image",
            expected="a map, since the texts are not as many for each image",
            fix="Check whether images and texts are swapped, or the scores transposed: there are more images than texts"
            if n_texts < n_images
            else "Pass text_to_image: for each text the row of its image (--text-to-image MAP.npy)",
        )
    return np.repeat(np.arange(n_images), n_texts // n_images)


def map_from_counts(counts: int | Sequence[int] | Array, n_images: int, n_texts: int) -> Array:
    """Return the map of texts in image order from the number of texts of each image.

    Parameters
    ----------
    counts : int or sequence of int of length n_images
        Texts an image, or of each image.
    """
    expected = "a whole number, or one an image"
    array = plain_array(counts, error=CaptionMapError, where="captions_per_image", expected=expected)
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise CaptionMapError(
            f"captions_per_image is {counts!r:.60}",
            where="captions_per_image",
            expected=expected,
        )
    if array.ndim == 0:
        array = np.full(n_images, int(array))
    if len(array) != n_images:
        raise CaptionMapError(
            f"there are {len(array)} counts for {n_images} images",
            where="captions_per_image",
            expected="one count an image",
        )
    if (array < 1).any():
        raise CaptionMapError(
            f"image {int(np.argmax(array < 1))} has {int(array.min())} texts",
            where="captions_per_image",
            expected="1 or more",
        )
    if array.sum() != n_texts:
        each = f"{int(array[0])} each" if (array == array[0]).all() else "the given counts"
        raise CaptionMapError(
            f"{n_images} images with {each} make {int(array.sum())} texts, but there are {n_texts}",
            where="captions_per_image",
            fix="Check whether images and texts are swapped: there are more images than texts"
            if n_texts < n_images
            else "Check the number, or pass text_to_image",
        )
    return np.repeat(np.arange(n_images), array)


def checked_map(
    given: Any,
    n_images: int,
    n_texts: int,
    *,
    image_ids: Sequence[str] | None = None,
    text_ids: Sequence[str] | None = None,
) -> Array:
    """Check a map given as an array (one row of an image a text) or as ``{text: image}``.

    Returns
    -------
    int64 array of shape (n_texts,)

    Raises
    ------
    CaptionMapError
        For a map that is too short or long, not of whole numbers, out of range, ambiguous, or that leaves an image
        without a text; the message names the first row.
    """
    if isinstance(given, Mapping):
        given = _from_mapping(given, n_images, n_texts, image_ids, text_ids)
    where = "text_to_image"
    expected = f"one row of an image a text: ({n_texts},)"
    array = plain_array(given, error=CaptionMapError, where=where, expected=expected)
    if array.ndim != 1:
        raise CaptionMapError(f"the map has shape {array.shape}", where=where, expected=expected)
    if array.dtype.kind == "U" and image_ids is not None:
        array = _from_names(array, image_ids)
    if array.dtype.kind == "f" and np.array_equal(array, np.rint(array)):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise CaptionMapError(
            f"the map holds {array.dtype} values",
            where=where,
            expected="whole numbers, each the row of an image",
        )
    if len(array) == n_images and len(array) != n_texts:
        raise CaptionMapError(
            f"the map has as many entries as there are images ({n_images}), but there are {n_texts} texts",
            where=where,
            expected=f"{n_texts} entries, one a text",
            fix="Counts of texts are captions_per_image; transposed scores must be turned",
        )
    if len(array) != n_texts:
        raise CaptionMapError(
            f"the map has {len(array)} entries", where=where, expected=f"{n_texts}, one for each text"
        )
    if n_texts == n_images and array.sum() == n_texts and len(np.unique(array)) < n_images:
        raise CaptionMapError(
            "the map is ambiguous: its entries could be counts of texts or rows of images",
            where=where,
            fix="If they are counts, pass them as captions_per_image",
        )
    wrong = np.flatnonzero((array < 0) | (array >= n_images))
    if len(wrong):
        value = int(array[wrong[0]])
        raise CaptionMapError(
            f"text {int(wrong[0])} has no image: its entry is {value}"
            + (f" ({len(wrong)} such texts)" if len(wrong) > 1 else ""),
            where=where,
            expected=f"rows of images, 0 to {n_images - 1}",
            fix="Rows count from 0"
            if value == n_images
            else "Remove texts without an image from the texts and the map",
        )
    alone = np.setdiff1d(np.arange(n_images), array)
    if len(alone):
        raise CaptionMapError(
            f"image {int(alone[0])} has no text" + (f" ({len(alone)} such images)" if len(alone) > 1 else ""),
            where=where,
            expected="at least one text for every image",
            fix="Remove images without a text; where images are repeated once a text, pass captions_per_image instead",
        )
    return array.astype(np.int64)


def _from_mapping(
    given: Mapping[Any, Any],
    n_images: int,
    n_texts: int,
    image_ids: Sequence[str] | None,
    text_ids: Sequence[str] | None,
) -> Array:
    texts = _row(text_ids if text_ids is not None else range(n_texts))
    images = _row(image_ids if image_ids is not None else range(n_images))
    result = np.full(n_texts, -1, dtype=np.int64)
    for text, image in given.items():
        if str(text) not in texts:
            raise IdentifierError(
                f"the text {text!r} is unknown", where="text_to_image", expected=f"one of {n_texts} texts"
            )
        if str(image) not in images:
            raise IdentifierError(
                f"the image {image!r} of text {text!r} is unknown",
                where="text_to_image",
                expected=f"one of {n_images} images",
            )
        result[texts[str(text)]] = images[str(image)]
    return result


def _from_names(names: Array, image_ids: Sequence[str]) -> Array:
    row = _row(image_ids)
    unknown = [text for text, name in enumerate(names) if str(name) not in row]
    if unknown:
        raise IdentifierError(
            f"the image {str(names[unknown[0]])!r} of text {unknown[0]} is unknown",
            where="text_to_image",
            expected=f"one of {len(row)} images such as {image_ids[0]!r}",
        )
    return np.array([row[str(name)] for name in names])


def _row(ids: Sequence[Any] | range) -> dict[str, int]:
    return {str(one): row for row, one in enumerate(ids)}
