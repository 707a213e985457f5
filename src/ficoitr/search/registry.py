"""The indexes that have a name: one line each, imported only when asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ficoitr.errors import OptionError, did_you_mean
from ficoitr.search.base import read_header

if TYPE_CHECKING:
    from ficoitr.search.base import Index

ENTRY_POINT_GROUP = "ficoitr.indexes"


@dataclass(frozen=True)
class IndexEntry:
    """An index that can be made by name.

    Parameters
    ----------
    name : str
    kind : str
        ``"embeddings"`` or ``"codes"``, what it takes; ``"unknown"`` for one of another package, which is not imported
        to find out.
    description : str
        One line.
    source : str
        ``"package.module:Class"``, an `Index` that takes its options as keywords.
    """

    name: str
    kind: str
    description: str
    source: str

    def index_class(self) -> Any:
        """Import the class."""
        module, _, attribute = self.source.partition(":")
        return getattr(importlib.import_module(module), attribute)


_EXACT = "ficoitr.search.exact:"
_VECTORS = "ficoitr.search.faiss_vectors:"
_CODES = "ficoitr.search.faiss_codes:"
_BUILT_IN = (
    IndexEntry("exact", "embeddings", "exhaustive, by this package's kernels", f"{_EXACT}ExactIndex"),
    IndexEntry("exact-codes", "codes", "exhaustive, by this package's kernels", f"{_EXACT}ExactCodeIndex"),
    IndexEntry("flat", "embeddings", "FAISS IndexFlat: exhaustive", f"{_VECTORS}FlatIndex"),
    IndexEntry("hnsw", "embeddings", "FAISS IndexHNSWFlat: a graph of neighbours", f"{_VECTORS}HNSWIndex"),
    IndexEntry("ivf", "embeddings", "FAISS IndexIVFFlat: cells of k-means", f"{_VECTORS}IVFIndex"),
    IndexEntry("ivf-pq", "embeddings", "FAISS IndexIVFPQ: cells of quantised vectors", f"{_VECTORS}IVFPQIndex"),
    IndexEntry("sq", "embeddings", "FAISS IndexScalarQuantizer: rounded numbers", f"{_VECTORS}ScalarIndex"),
    IndexEntry("binary-flat", "codes", "FAISS IndexBinaryFlat: exhaustive", f"{_CODES}BinaryFlatIndex"),
    IndexEntry("binary-ivf", "codes", "FAISS IndexBinaryIVF: cells of k-means", f"{_CODES}BinaryIVFIndex"),
    IndexEntry("binary-hnsw", "codes", "FAISS IndexBinaryHNSW: a graph of neighbours", f"{_CODES}BinaryHNSWIndex"),
)


def index_names() -> tuple[IndexEntry, ...]:
    """List the indexes that can be made by name, those of installed packages last, without importing them.

    Examples
    --------
    >>> [entry.name for entry in index_names() if entry.kind == "codes"]
    ['exact-codes', 'binary-flat', 'binary-ivf', 'binary-hnsw']
    """
    taken = {entry.name for entry in _BUILT_IN}
    installed = tuple(
        IndexEntry(
            name=point.name,
            kind="unknown",
            description=f"installed by {point.dist.name}" if point.dist else "installed by another package",
            source=point.value,
        )
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
        if point.name not in taken
    )
    return _BUILT_IN + installed


def make_index(name: str, **options: Any) -> Index:
    """Make an empty index.

    Parameters
    ----------
    name : str
        A name of `index_names`.
    **options
        Of the index.

    Raises
    ------
    OptionError
        For an unknown name or option.
    MissingExtraError
        If the library that it needs is not installed.

    Examples
    --------
    >>> make_index("exact-codes").kind
    'codes'
    """
    index: Index = _find(name).index_class()(**options)
    return index


def load_index(path: str | Path) -> Index:
    """Read an index that was saved, of whatever kind.

    Raises
    ------
    FileFormatError
        If the file is missing, changed, truncated, foreign or of a later format.
    OptionError
        If the index is of a package that is not installed.
    """
    index: Index = _find(read_header(Path(path))["index"]).index_class().load(path)
    return index


def _find(name: str) -> IndexEntry:
    entries = {entry.name: entry for entry in index_names()}
    if name not in entries:
        raise OptionError(
            f"there is no index {name!r}",
            where="name",
            expected=f"one of {', '.join(entries)}",
            fix=did_you_mean(name, entries),
        )
    return entries[name]
