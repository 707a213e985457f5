"""FAISS's indexes: flat, graphs, inverted lists and quantised vectors, of embeddings and of codes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ficoitr.errors import OptionError
from ficoitr.extras import require
from ficoitr.outputs.checks import require_finite
from ficoitr.search.base import Index, IndexConfig, foreign_index
from ficoitr.search.exact import ExactConfig
from ficoitr.similarity.threads import thread_count

Array = np.ndarray[Any, Any]


class HNSWConfig(ExactConfig):
    """Options of a graph of embeddings.

    Attributes
    ----------
    measure : {"cosine", "inner_product", "euclidean"}
    m : int
        Neighbours of an item in the graph; twice as many in its lowest layer.
    ef_construction : int
        Candidates that are looked at for the neighbours of an item that is added.
    ef_search : int
        Candidates that are kept in a search, or K if that is more: more find more.
    """

    m: int = Field(default=32, ge=2)
    ef_construction: int = Field(default=200, ge=1)
    ef_search: int = Field(default=64, ge=1)


class IVFConfig(ExactConfig):
    """Options of inverted lists of embeddings.

    Attributes
    ----------
    measure : {"cosine", "inner_product", "euclidean"}
    n_lists : int
        Cells that k-means divides the items into.
    n_probes : int
        Cells that a search looks at: all of them find what exhaustive search does.
    """

    n_lists: int = Field(default=256, ge=1)
    n_probes: int = Field(default=16, ge=1)


class IVFPQConfig(IVFConfig):
    """Options of inverted lists of quantised embeddings.

    Attributes
    ----------
    measure, n_lists, n_probes
        As of `IVFConfig`.
    n_parts : int
        Parts that a vector is cut into, each of which is replaced by the nearest of 256 centroids: bytes an item.
    """

    n_parts: int = Field(default=32, ge=1)


class ScalarConfig(ExactConfig):
    """Options of exhaustive search over rounded embeddings.

    Attributes
    ----------
    measure : {"cosine", "inner_product", "euclidean"}
    numbers : {"8bit", "4bit", "fp16"}
        What each number is rounded to; of 8 and 4 bits over the range that it has.
    """

    numbers: Literal["8bit", "4bit", "fp16"] = "8bit"


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


class FaissIndex(Index):
    """An index of FAISS, whose file is FAISS's own.

    Notes
    -----
    Douze et al., "The Faiss library", arXiv 2401.08281. FAISS counts its threads for the whole process: they are set
    for every call, and set back.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._faiss = require("faiss", "search")
        self._index: Any = None

    @property
    def size(self) -> int:
        """Number of items."""
        return 0 if self._index is None else int(self._index.ntotal)

    @abstractmethod
    def _make(self) -> Any:
        """Make FAISS's index for items of this ``width``."""

    def _set_search(self) -> None:
        """Set what a search looks at."""

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(thread_count(self.config.threads))
        try:
            yield
        finally:
            self._faiss.omp_set_num_threads(before)

    def _add(self, values: Array) -> None:
        prepared = self._prepared(values, "items")
        with self._threads():
            if self._index is None:
                made = self._make()
                self._require_enough(made, len(prepared))
                if not made.is_trained:
                    made.train(prepared)
                self._index = made
            self._index.add(prepared)
            self._set_search()

    def _search(self, values: Array, k: int) -> tuple[Array, Array]:
        prepared = self._prepared(values, "queries")
        with self._threads():
            found, rows = self._index.search(prepared, k)
        return rows, self._scores(found)

    def _require_enough(self, made: Any, n_items: int) -> None:
        lists = getattr(made, "nlist", 1)
        # A centroid of product quantisation is learnt from an item each.
        needed = max(lists, 256 if "PQ" in type(made).__name__ else 1)
        if n_items < needed:
            raise OptionError(
                f"there are {n_items:,} items to learn {needed:,} centroids from",
                where=f"index {self.name!r}",
                fix="Add more at first, or choose fewer lists or an index without centroids",
            )

    @abstractmethod
    def _prepared(self, values: Array, what: str) -> Array:
        """Bring items or queries to what FAISS takes."""

    @abstractmethod
    def _scores(self, found: Array) -> Array:
        """Turn FAISS's results into scores, of which higher ones are better."""


class _FloatIndex(FaissIndex):
    kind = "embeddings"
    config_class = ExactConfig

    @cached_property
    def _metric(self) -> int:
        euclidean = self.config.measure == "euclidean"
        metric: int = self._faiss.METRIC_L2 if euclidean else self._faiss.METRIC_INNER_PRODUCT
        return metric

    @property
    def n_bytes(self) -> int:
        """Bytes of the index as FAISS writes it."""
        return 0 if self._index is None else len(self._faiss.serialize_index(self._index))

    def _prepared(self, values: Array, what: str) -> Array:
        vectors = np.ascontiguousarray(values, dtype=np.float32)
        require_finite(vectors, what)
        if self.config.measure != "cosine":
            return vectors
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not lengths.all():
            raise OptionError(
                f"row {int(np.argmin(lengths))} is a vector of zeros, which has no cosine",
                where=what,
                fix="Leave it out, or choose another measure",
            )
        unit: Array = (vectors / lengths).astype(np.float32)
        return unit

    def _scores(self, found: Array) -> Array:
        # Squared distances.
        return -found if self.config.measure == "euclidean" else found

    def _write(self, path: Path) -> None:
        self._faiss.write_index(self._index, str(path))

    def _read(self, path: Path) -> None:
        try:
            self._index = self._faiss.read_index(str(path))
        except RuntimeError as problem:
            raise foreign_index(path) from problem
        self._set_search()


class FlatIndex(_FloatIndex):
    """``IndexFlatIP`` or ``IndexFlatL2``: every embedding is compared."""

    name = "flat"
    exact = True

    def _make(self) -> Any:
        return self._faiss.IndexFlat(self.width, self._metric)


class HNSWIndex(_FloatIndex):
    """``IndexHNSWFlat``: a graph of near neighbours.

    Notes
    -----
    Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable Small
    World graphs", TPAMI 42(4), 2020.
    """

    name = "hnsw"
    config_class = HNSWConfig

    def _make(self) -> Any:
        index = self._faiss.IndexHNSWFlat(self.width, self.config.m, self._metric)
        index.hnsw.efConstruction = self.config.ef_construction
        return index

    def _set_search(self) -> None:
        self._index.hnsw.efSearch = self.config.ef_search


class IVFIndex(_FloatIndex):
    """``IndexIVFFlat``: the cells of k-means whose centroids are near the query."""

    name = "ivf"
    config_class = IVFConfig

    def _make(self) -> Any:
        return self._faiss.index_factory(self.width, f"IVF{self.config.n_lists},Flat", self._metric)

    def _set_search(self) -> None:
        self._index.nprobe = min(self.config.n_probes, self.config.n_lists)


class IVFPQIndex(IVFIndex):
    """``IndexIVFPQ``: cells of vectors that are cut into parts, a byte each.

    Notes
    -----
    Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search", TPAMI 33(1), 2011.
    """

    name = "ivf-pq"
    config_class = IVFPQConfig

    def _make(self) -> Any:
        if self.width % self.config.n_parts:
            raise OptionError(
                f"vectors of {self.width} numbers cannot be cut into {self.config.n_parts} parts",
                where="n_parts",
                expected=f"a divisor of {self.width}",
            )
        return self._faiss.index_factory(self.width, f"IVF{self.config.n_lists},PQ{self.config.n_parts}", self._metric)


class ScalarIndex(_FloatIndex):
    """``IndexScalarQuantizer``: every embedding is compared, its numbers rounded."""

    name = "sq"
    config_class = ScalarConfig

    def _make(self) -> Any:
        kind = {"8bit": "SQ8", "4bit": "SQ4", "fp16": "SQfp16"}[self.config.numbers]
        return self._faiss.index_factory(self.width, kind, self._metric)


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
