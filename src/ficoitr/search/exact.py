"""Exhaustive search by this package's own kernels: what other indexes are measured against."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from ficoitr.outputs import Embeddings, HashCodes
from ficoitr.outputs.files import read_array
from ficoitr.search.base import Index, IndexConfig
from ficoitr.similarity.nearest import nearest_codes
from ficoitr.similarity.top import top_lists

Array = np.ndarray[Any, Any]


class ExactConfig(IndexConfig):
    """Options of exhaustive search over embeddings.

    Attributes
    ----------
    measure : {"cosine", "inner_product", "euclidean"}
    """

    measure: Literal["cosine", "inner_product", "euclidean"] = "cosine"


class _Stored(Index):
    """Items as they are."""

    exact = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stored: Array = np.empty((0, 0))

    @property
    def size(self) -> int:
        """Number of items."""
        return len(self._stored)

    @property
    def n_bytes(self) -> int:
        """Bytes of the items."""
        return int(self._stored.nbytes)

    def _add(self, values: Array) -> None:
        self._stored = np.concatenate([self._stored, values]) if self.size else values

    def _write(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, self._stored, allow_pickle=False)

    def _read(self, path: Path) -> None:
        self._stored = read_array(path)


class ExactIndex(_Stored):
    """Every embedding is compared, in blocks; equal scores in the order of the rows.

    Examples
    --------
    >>> index = ExactIndex().add(Embeddings(np.eye(3), ids=("a", "b", "c")))
    >>> index.search(Embeddings(np.array([[0.1, 0.9, 0.2]])), 2).candidates
    array([1, 2])
    """

    name = "exact"
    kind = "embeddings"
    config_class = ExactConfig

    def _search(self, values: Array, k: int) -> tuple[Array, Array]:
        found = top_lists(Embeddings(values), Embeddings(self._stored), k, measure=self.config.measure)
        return found.candidates.reshape(len(values), k), found.scores.reshape(len(values), k)


class ExactCodeIndex(_Stored):
    """Every code is compared; equal distances in the order of the rows, see ``nearest_codes``."""

    name = "exact-codes"
    kind = "codes"

    def _search(self, values: Array, k: int) -> tuple[Array, Array]:
        codes = HashCodes(values, self.width), HashCodes(np.ascontiguousarray(self._stored), self.width)
        rows, distances = nearest_codes(*codes, k, threads=self.config.threads)
        return rows, (self.width - distances).astype(np.float32)
