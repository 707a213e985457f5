"""Query-time attention: scores of pairs that a network computes from encoded images and texts, block by block."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from ficoitr.errors import IdentifierError, OptionError, ShapeError
from ficoitr.models.fine.encoded_texts import as_rows, encoded_texts, read_rows
from ficoitr.models.fine.pair_blocks import Block, Direction, list_blocks, matrix_blocks, n_pairs, require_finite
from ficoitr.models.fine.score_files import kept_scores
from ficoitr.models.fine.words import Words
from ficoitr.outputs import VectorSets
from ficoitr.outputs.files import digest_arrays

if TYPE_CHECKING:
    from ficoitr.models.base import Progress

Array = np.ndarray[Any, Any]
# Of listed candidates each is read for one query alone: more at a time would not fit the cache that they pass through.
_MOST_LISTED_BYTES = 1 << 24


class PairScorer:
    """Score encoded images and texts with each other: all pairs, or those of given lists.

    Parameters
    ----------
    network : torch.nn.Module
        With ``score(images, texts)``, which returns the scores of all pairs of a block, (n, m). If it has
        ``score_lists(images, texts)``, lists are scored by that: of q queries and q k candidates, those of the first
        query first, it returns (q, k).
    images : Embeddings; VectorSets; array of shape (n, R, d) or (n, d)
        What ``network.encode_images`` returns, of all images; it may be memory-mapped.
    texts : Embeddings; VectorSets; Words; array of shape (m, L, d), (W, d) or (m, d)
        What ``network.encode_texts`` returns, of all texts; words may also lie end to end, those of the first text
        first, which takes no room for padding.
    lengths : array of int64, shape (m,), optional
        Words of each text, if ``texts`` is an array of words.
    dtype : {"float32", "float64"}
        In which is computed, and what the scores are.
    most_images, most_texts : int
        Of a block of pairs.
    most_bytes : int
        That the encoded items of one side of a block may take; what the network takes besides is its own affair.

    Raises
    ------
    ShapeError
        If there is no image or no text, or texts and lengths do not fit together.
    OptionError
        For an option out of its range.

    Notes
    -----
    Cross attention cannot be indexed: every pair is computed, and the time grows with the product of both numbers. For
    large galleries, score lists that a faster model has found.

    Examples
    --------
    >>> from ficoitr.models.fine.scan_networks import SCANNetwork
    >>> network = SCANNetwork(20, 100, width=16, word_width=8)
    >>> scorer = PairScorer(network, np.ones((3, 5, 16)), np.ones((9, 16)), lengths=[4, 2, 1, 2])
    >>> scorer.matrix().shape, scorer.lists([[2, 1], [0, 3], [1, 0]], "i2t").shape
    ((3, 4), (3, 2))
    """

    def __init__(
        self,
        network: nn.Module,
        images: Any,
        texts: Any,
        lengths: Any = None,
        *,
        dtype: Literal["float32", "float64"] = "float32",
        most_images: int = 128,
        most_texts: int = 512,
        most_bytes: int = 1 << 27,
    ) -> None:
        if dtype not in ("float32", "float64"):
            raise OptionError(f"scores cannot be of type {dtype!r}", where="dtype", expected="float32 or float64")
        for name, value in (("most_images", most_images), ("most_texts", most_texts), ("most_bytes", most_bytes)):
            if value < 1:
                raise OptionError(f"{name} is {value}", where=name, expected="at least 1")
        self._images = as_rows(images.rows if isinstance(images, VectorSets) else images)
        self._texts = encoded_texts(texts, lengths)
        if not len(self._images) or not len(self._texts):
            raise ShapeError(
                f"there are {len(self._images):,} images and {len(self._texts):,} texts", where="pairs", expected="both"
            )
        self.dtype = np.dtype(dtype)
        self._type: torch.dtype = getattr(torch, dtype)
        parameters = list(network.parameters())
        self._device = parameters[0].device if parameters else torch.device("cpu")
        other = any(one.is_floating_point() and one.dtype != self._type for one in parameters)
        self.network: Any = copy.deepcopy(network).to(self._type) if other else network
        self._most_bytes = most_bytes
        self._block = (
            self._affordable(most_images, "image"),
            self._affordable(most_texts, "text"),
        )
        self._digest: dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"PairScorer({self.n_images:,} images × {self.n_texts:,} texts, {self.dtype})"

    @property
    def n_images(self) -> int:
        """Number of images."""
        return len(self._images)

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return len(self._texts)

    def matrix(self, *, folder: str | Path | None = None, progress: Progress | None = None) -> Array:
        """Score every image with every text.

        Parameters
        ----------
        folder : path, optional
            Where the scores are kept, as a file of NumPy's named after what they are made of. A second call with the
            same network and items opens it; one that was killed goes on where it was.
        progress : callable, optional
            Told the pairs that are done.

        Returns
        -------
        ndarray of ``dtype``, shape (n_images, n_texts)
            Memory-mapped and read-only if there is a folder.

        Raises
        ------
        ValuesError
            If a score is not a finite number; the message names the pair.
        OutputError, FileFormatError
            If the folder cannot be written, or a file in it is damaged.
        """
        height, width = self._block
        shape = (self.n_images, self.n_texts)
        blocks = matrix_blocks(shape, self._block)
        return self._gathered(shape, blocks, self._pairs, {"pairs": "all"}, f"{height} × {width}", folder, progress)

    def lists(
        self,
        candidates: Any,
        direction: Direction,
        *,
        folder: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Array:
        """Score each query with its own candidates, as a reranker does.

        Parameters
        ----------
        candidates : array of int64, shape (n_queries, k)
            For ``i2t`` row i lists texts for image i, for ``t2i`` row j lists images for text j.
        direction : {"i2t", "t2i"}
        folder, progress
            As for `matrix`.

        Returns
        -------
        ndarray of ``dtype``, shape (n_queries, k)
            Of the same pairs as `matrix` has, up to rounding.

        Raises
        ------
        ShapeError
            If there is not one row a query.
        IdentifierError
            If a candidate does not exist.
        ValuesError, OutputError, FileFormatError
            As for `matrix`.
        """
        listed = self._checked(candidates, direction)
        most = self._affordable(self._block[0] * self._block[1], "text" if direction == "i2t" else "image", listed=True)
        blocks = list(list_blocks(listed, direction, self._texts.lengths, most))
        key = {"pairs": direction, "candidates": digest_arrays(listed)}
        plan = f"lists of {most} candidates"
        compute = partial(self._listed, listed, direction)
        return self._gathered(listed.shape, blocks, compute, key, plan, folder, progress)

    def _gathered(
        self,
        shape: tuple[int, int],
        blocks: list[Block],
        compute: Any,
        key: dict[str, str],
        plan: str,
        folder: str | Path | None,
        progress: Progress | None,
    ) -> Array:
        total = shape[0] * shape[1]

        def values(first: int) -> Iterator[tuple[Any, Array]]:
            done = sum(n_pairs(block) for block in blocks[:first])
            with self._ready():
                for block in blocks[first:]:
                    scores = compute(*block)
                    require_finite(scores, block)
                    yield block, scores
                    done += n_pairs(block)
                    if progress is not None:
                        progress("scoring", done, total)

        if folder is not None:
            whole = {**self._identity(), **key}
            return kept_scores(Path(folder), "scores", whole, shape, self.dtype, plan, values)
        result = np.empty(shape, dtype=self.dtype)
        for index, scores in values(0):
            result[index] = scores
        return result

    def _pairs(self, rows: slice, columns: slice) -> Array:
        images = self._read_images(np.arange(rows.start, rows.stop))
        texts = self._read_texts(np.arange(columns.start, columns.stop))
        scores: Array = self.network.score(images, texts).cpu().numpy()
        return scores

    def _listed(self, candidates: Array, direction: Direction, rows: Array, places: Array) -> Array:
        queries, chosen = rows[:, 0], candidates[rows, places]
        image_rows, text_rows = (queries, chosen.ravel()) if direction == "i2t" else (chosen.ravel(), queries)
        images, texts = self._read_images(image_rows), self._read_texts(text_rows)
        if hasattr(self.network, "score_lists"):
            scores: Tensor = self.network.score_lists(images, texts)
        else:
            scores = torch.cat([self._one_list(images, texts, row, len(rows)) for row in range(len(rows))])
        found: Array = scores.cpu().numpy()
        return found

    def _one_list(self, images: Tensor, texts: Words | Tensor, row: int, n_queries: int) -> Tensor:
        own = slice(row * len(images) // n_queries, (row + 1) * len(images) // n_queries)
        its = slice(row * len(texts) // n_queries, (row + 1) * len(texts) // n_queries)
        some = Words(texts.states[its], texts.lengths[its]) if isinstance(texts, Words) else texts[its]
        scores: Tensor = self.network.score(images[own], some)
        return scores.reshape(1, -1)

    def _checked(self, candidates: Any, direction: Direction) -> Array:
        if direction not in get_args(Direction):
            raise OptionError(f"there is no direction {direction!r}", where="direction", expected="i2t or t2i")
        listed = np.asarray(candidates)
        n_queries, n_candidates = (self.n_images, self.n_texts)[:: 1 if direction == "i2t" else -1]
        if listed.ndim != 2 or len(listed) != n_queries or listed.shape[1] == 0 or listed.dtype.kind not in "iu":
            raise ShapeError(
                f"candidates are {listed.dtype} of shape {listed.shape}",
                where="candidates",
                expected=f"whole numbers of shape ({n_queries}, k)",
            )
        listed = np.ascontiguousarray(listed, dtype=np.int64)
        if listed.min() < 0 or listed.max() >= n_candidates:
            row = int(np.argmax(((listed < 0) | (listed >= n_candidates)).any(axis=1)))
            raise IdentifierError(
                f"query {row} lists a candidate that does not exist",
                where="candidates",
                expected=f"rows 0 to {n_candidates - 1}",
                fix="FAISS pads short lists with -1: give every query as many candidates",
            )
        return listed

    def _affordable(self, most: int, side: Literal["image", "text"], *, listed: bool = False) -> int:
        numbers = int(np.prod(self._images.shape[1:])) if side == "image" else self._texts.item_numbers
        most_bytes = min(self._most_bytes, _MOST_LISTED_BYTES) if listed else self._most_bytes
        return max(1, min(most, most_bytes // (numbers * self.dtype.itemsize)))

    def _read_images(self, rows: Array) -> Tensor:
        return read_rows(self._images, rows, self._type, self._device)

    def _read_texts(self, rows: Array) -> Words | Tensor:
        return self._texts.read(rows, self._type, self._device)

    @contextmanager
    def _ready(self) -> Iterator[None]:
        training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            self.network.train(training)

    def _identity(self) -> dict[str, str]:
        """Of the network and the items: they are read once, however many scores are asked for."""
        if self._digest is None:
            state = hashlib.sha256(type(self.network).__name__.encode())
            state.update(repr(getattr(self.network, "sizes", None)).encode())
            for name, tensor in self.network.state_dict().items():
                state.update(f"{name}{digest_arrays(tensor.cpu().numpy())}".encode())
            self._digest = {
                "network": f"sha256:{state.hexdigest()}",
                "images": _digest(self._images),
                "texts": " ".join(_digest(one) for one in self._texts.arrays()),
            }
        return self._digest


def _digest(values: Any) -> str:
    """Of an array or of `StoredFeatures`, which have a digest of their own."""
    own = getattr(values, "digest", None)
    return str(own()) if own is not None else digest_arrays(values)
