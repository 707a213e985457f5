"""What every index offers: to add items, to search them, and to lie on disk."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
from pydantic import BaseModel, ConfigDict

from ficoitr.errors import FileFormatError, IdentifierError, InputError, OptionError, ShapeError
from ficoitr.options import checked_options
from ficoitr.outputs import Embeddings, HashCodes, RankedLists
from ficoitr.outputs.embeddings import read_ids, write_ids
from ficoitr.outputs.files import atomic_path, digest_file, read_json, require_file

Array = np.ndarray[Any, Any]
Items = Embeddings | HashCodes

SCHEMA = "ficoitr.index/1"


class IndexConfig(BaseModel):
    """Options of an index; an index may have more.

    Attributes
    ----------
    threads : int, optional
        That building and searching take, by default all processors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: int | None = None


class Index(ABC):
    """An index of embeddings or of hash codes.

    Parameters
    ----------
    **options
        Fields of the index's ``config_class``.

    Attributes
    ----------
    name : str
        In the registry.
    kind : {"embeddings", "codes"}
        What it takes.
    exact : bool
        Whether it finds what exhaustive search finds, up to rounding and the order of equal scores.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["embeddings", "codes"]]
    exact: ClassVar[bool] = False
    config_class: ClassVar[type[IndexConfig]] = IndexConfig

    def __init__(self, **options: Any) -> None:
        self.config: Any = checked_options(self.config_class, options, f"the index {self.name!r}", where="index")
        self.width = 0
        self.ids: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        what = f"{self.size:,} × {self.width}" if self.size else "empty"
        return f"{type(self).__name__}({what})"

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of items."""

    @property
    @abstractmethod
    def n_bytes(self) -> int:
        """Bytes of the index as it is written, without identifiers."""

    @abstractmethod
    def _add(self, values: Array) -> None:
        """Take vectors, or the words of codes."""

    @abstractmethod
    def _search(self, values: Array, k: int) -> tuple[Array, Array]:
        """Return rows and scores, (n_queries, k) each, best first; a row is -1 where less was found."""

    @abstractmethod
    def _write(self, path: Path) -> None:
        """Write all but the header and the identifiers."""

    @abstractmethod
    def _read(self, path: Path) -> None:
        """Read what `_write` wrote."""

    def add(self, items: Items) -> Self:
        """Add items to those that are there; what has to be learnt is learnt from the first that are added.

        Raises
        ------
        InputError
            If they are of the other kind.
        ShapeError
            If their length is not that of the items that are there.
        IdentifierError
            If only some of all items have identifiers, or two have the same.
        """
        values, width = self._values(items, "items")
        if self.size and width != self.width:
            raise ShapeError(f"items of length {width}", where="items", expected=f"{self.width}, as those there")
        if self.size and (items.ids is None) != (self.ids is None):
            raise IdentifierError("only some items have identifiers", where="items", expected="all of them, or none")
        ids = None if items.ids is None else (*(self.ids or ()), *items.ids)
        if ids is not None and len(set(ids)) < len(ids):
            raise IdentifierError("an identifier is there twice", where="items", expected="one an item")
        self.width = width
        self._add(values)
        self.ids = ids
        return self

    def search(self, queries: Items, k: int) -> RankedLists:
        """Find the K best items of every query.

        Parameters
        ----------
        queries : Embeddings or HashCodes
        k : int
            At most the number of items.

        Returns
        -------
        RankedLists
            Of rows, in the order in which items were added; of codes, scores are the numbers of equal bits. An index
            that looks at a part of the items may list fewer than K.

        Raises
        ------
        InputError
            If the index is empty, the queries are of the other kind, or nothing is found for a query.
        ShapeError, OptionError
            For queries of another length, or a K out of range.
        """
        if not self.size:
            raise InputError("the index is empty", fix="Add items first")
        values, width = self._values(queries, "queries")
        if width != self.width:
            raise ShapeError(f"queries of length {width}", where="queries", expected=f"{self.width}, as the items")
        if not 1 <= k <= self.size:
            raise OptionError(f"k is {k}", where="k", expected=f"1 to {self.size:,}, the number of items")
        rows, scores = self._search(values, k)
        found = rows >= 0
        if not found.any(axis=1).all():
            raise InputError(
                f"nothing was found for query {int(np.argmin(found.any(axis=1)))}",
                where=f"index {self.name!r}",
                fix="Let it look at more, such as by a larger n_probes",
            )
        offsets = np.concatenate([[0], np.cumsum(found.sum(axis=1))])
        return RankedLists(offsets, rows[found], scores[found], self.size)

    def save(self, path: str | Path) -> None:
        """Write the index to a file, and beside it a header (``.json``) and the identifiers (``.ids.txt``), if any.

        Raises
        ------
        InputError
            If the index is empty.
        OutputError
            If it cannot be written.
        """
        if not self.size:
            raise InputError("the index is empty", fix="Add items first")
        path = Path(path)
        with atomic_path(path) as temporary:
            self._write(temporary)
        write_ids(path, self.ids)
        header = {
            "schema": SCHEMA,
            "index": self.name,
            "config": self.config.model_dump(mode="json"),
            "size": self.size,
            "width": self.width,
            "sha256": digest_file(path),
        }
        with atomic_path(_header_path(path)) as temporary:
            temporary.write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read an index that `save` wrote.

        Raises
        ------
        FileFormatError
            If the file is missing, changed, truncated, of another index or of a later format.
        """
        path = Path(path)
        header = read_header(path)
        if header["index"] != cls.name:
            raise FileFormatError(f"this is an index {header['index']!r}", where=str(path), expected=repr(cls.name))
        index = cls(**header["config"])
        index._read(path)
        index.width, index.ids = header["width"], read_ids(path)
        if index.size != header["size"] or (index.ids is not None and len(index.ids) != index.size):
            raise foreign_index(path)
        return index

    def _values(self, items: Items, what: str) -> tuple[Array, int]:
        if isinstance(items, HashCodes) and self.kind == "codes":
            return items.words, items.bits
        if isinstance(items, Embeddings) and self.kind == "embeddings":
            return items.values, cast("int", items.values.shape[1])
        raise InputError(
            f"these are {type(items).__name__}",
            where=what,
            expected="HashCodes" if self.kind == "codes" else "Embeddings",
            fix=f"The index {self.name!r} takes {self.kind}",
        )


def read_header(path: Path) -> dict[str, Any]:
    """Read what lies beside the file of an index, and check that it is about that file.

    Raises
    ------
    FileFormatError
        If a file is missing, changed or foreign.
    """
    require_file(path)
    beside = _header_path(path)
    require_file(beside)
    header = read_json(beside)
    if not isinstance(header, dict) or not {"index", "config", "size", "width", "sha256"} <= set(header):
        raise foreign_index(path)
    if header.get("schema") != SCHEMA:
        raise FileFormatError(
            f"the format is {header.get('schema')!r}",
            where=str(beside),
            expected=SCHEMA,
            fix="Use the version of this package that wrote it",
        )
    if digest_file(path) != header["sha256"]:
        raise FileFormatError(
            "the file is not the one that was written: truncated, damaged or another",
            where=str(path),
            expected=f"the hash in {beside.name}",
            fix="Build the index anew",
        )
    return header


def foreign_index(path: Path) -> FileFormatError:
    """Return the error for a file that holds something else."""
    return FileFormatError(
        "this is no index, or it is damaged", where=str(path), expected="a file written by an index's save method"
    )


def _header_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
