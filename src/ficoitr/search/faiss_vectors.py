"""FAISS's indexes of embeddings: flat, graphs, inverted lists and quantised vectors."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ficoitr.errors import OptionError
from ficoitr.outputs.checks import require_finite
from ficoitr.search.base import foreign_index
from ficoitr.search.exact import ExactConfig
from ficoitr.search.faiss_index import FaissIndex

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
        return self._faiss.index_factory(
            self.width, f"IVF{self.config.n_lists},PQ{self.config.n_parts}np", self._metric
        )


class ScalarIndex(_FloatIndex):
    """``IndexScalarQuantizer``: every embedding is compared, its numbers rounded."""

    name = "sq"
    config_class = ScalarConfig

    def _make(self) -> Any:
        kind = {"8bit": "SQ8", "4bit": "SQ4", "fp16": "SQfp16"}[self.config.numbers]
        return self._faiss.index_factory(self.width, kind, self._metric)
