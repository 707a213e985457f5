"""FAISS's indexes of hash codes: flat, graphs and inverted lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ficoitr.search.base import IndexConfig, foreign_index
from ficoitr.search.faiss_index import FaissIndex

Array = np.ndarray[Any, Any]


class BinaryIVFConfig(IndexConfig):
    """Options of inverted lists of codes.

    Attributes
    ----------
    n_lists : int
        Cells that k-means divides the codes into.
    n_probes : int
        Cells that a search looks at: all of them find what exhaustive search does.
    """

    n_lists: int = Field(default=256, ge=1)
    n_probes: int = Field(default=16, ge=1)


class BinaryHNSWConfig(IndexConfig):
    """Options of a graph of codes, as of `HNSWConfig`."""

    m: int = Field(default=32, ge=2)
    ef_construction: int = Field(default=200, ge=1)
    ef_search: int = Field(default=64, ge=1)


class _BinaryIndex(FaissIndex):
    kind = "codes"

    @property
    def _bits(self) -> int:
        """Of whole bytes: bits that are filled up are 0 on both sides."""
        return 8 * -(-self.width // 8)

    @property
    def n_bytes(self) -> int:
        """Bytes of the index as FAISS writes it."""
        return 0 if self._index is None else len(self._faiss.serialize_index_binary(self._index))

    def _prepared(self, values: Array, what: str) -> Array:
        del what
        little = np.ascontiguousarray(values).astype("<u8", copy=False)
        return np.ascontiguousarray(little.view(np.uint8)[:, : self._bits // 8])

    def _scores(self, found: Array) -> Array:
        return (self.width - found).astype(np.float32)

    def _write(self, path: Path) -> None:
        self._faiss.write_index_binary(self._index, str(path))

    def _read(self, path: Path) -> None:
        try:
            self._index = self._faiss.read_index_binary(str(path))
        except RuntimeError as problem:
            raise foreign_index(path) from problem
        self._set_search()


class BinaryFlatIndex(_BinaryIndex):
    """``IndexBinaryFlat``: every code is compared."""

    name = "binary-flat"
    exact = True

    def _make(self) -> Any:
        return self._faiss.IndexBinaryFlat(self._bits)


class BinaryIVFIndex(_BinaryIndex):
    """``IndexBinaryIVF``: the cells of k-means whose centroids are near the query."""

    name = "binary-ivf"
    config_class = BinaryIVFConfig

    def _make(self) -> Any:
        return self._faiss.index_binary_factory(self._bits, f"BIVF{self.config.n_lists}")

    def _set_search(self) -> None:
        self._index.nprobe = min(self.config.n_probes, self.config.n_lists)


class BinaryHNSWIndex(_BinaryIndex):
    """``IndexBinaryHNSW``: a graph of near codes."""

    name = "binary-hnsw"
    config_class = BinaryHNSWConfig

    def _make(self) -> Any:
        index = self._faiss.IndexBinaryHNSW(self._bits, self.config.m)
        index.hnsw.efConstruction = self.config.ef_construction
        return index

    def _set_search(self) -> None:
        self._index.hnsw.efSearch = self.config.ef_search
