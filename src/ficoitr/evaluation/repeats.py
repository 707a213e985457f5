"""Images that a model wrote once a text: each is taken once, or refused where that was left unsaid."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.errors import CaptionMapError
from ficoitr.outputs import Embeddings, HashCodes, Scores
from ficoitr.similarity.rows import first_occurrences

Array = np.ndarray[Any, Any]


def without_repeats(
    outputs: Any, sizes: tuple[int, int], captions_per_image: Any, text_to_image: Any, notes: list[str]
) -> Any:
    """Take each image once where a model wrote it once a text; refuse where that is left unsaid.

    SCAN-style code repeats images so that rows of images and texts pair up: scored one to one, figures are wrong.
    """
    if isinstance(outputs, dict) or text_to_image is not None:
        return outputs
    n_images, n_texts = sizes
    if n_images != n_texts or n_images == 1:
        return outputs
    repeats = _run_length(outputs)
    if captions_per_image is None:
        if repeats > 1:
            raise CaptionMapError(
                f"{n_images} images pair up with {n_texts} texts, but images repeat in runs of {repeats}",
                where="images",
                fix=f"Pass captions_per_image={repeats} (--captions-per-image {repeats}): each is then taken once",
            )
        return outputs
    if np.ndim(captions_per_image) != 0 or captions_per_image == 1:
        return outputs
    step = int(captions_per_image)
    if step < 1 or repeats % step:
        return outputs
    notes.append(f"images repeat in runs of {step}; each was taken once ({n_images // step} images)")
    if isinstance(outputs, Scores):
        return Scores(outputs.i2t[::step], None if outputs.t2i is None else outputs.t2i[:, ::step])
    images, texts = outputs
    ids = None if images.ids is None else images.ids[::step]
    if isinstance(images, HashCodes):
        return HashCodes(images.words[::step], images.bits, ids), texts
    return Embeddings(images.values[::step], ids), texts


def _run_length(outputs: Any) -> int:
    """Length of the equal runs in which images are repeated throughout, 1 if they are not."""
    if isinstance(outputs, Scores):
        return _score_run_length(outputs.i2t)
    first = first_occurrences(outputs[0].words if isinstance(outputs[0], HashCodes) else outputs[0].values)
    starts = np.flatnonzero(first == np.arange(len(first)))
    run = int(starts[1]) if len(starts) > 1 else len(first)
    in_runs = (
        1 < run < len(first) and len(first) % run == 0 and np.array_equal(first, np.arange(len(first)) // run * run)
    )
    return run if in_runs else 1


def _score_run_length(matrix: Array) -> int:
    """Scores of one repeated image may differ in their last bits."""
    if not np.allclose(matrix[1], matrix[0], rtol=1e-4, atol=1e-6):
        return 1
    close = np.isclose(matrix[1:], matrix[:-1], rtol=1e-4, atol=1e-6).all(axis=1)
    run = int(np.argmin(close)) + 1
    in_runs = len(matrix) % run == 0 and np.array_equal(close, np.arange(1, len(matrix)) % run != 0)
    return run if in_runs and not close.all() else 1
