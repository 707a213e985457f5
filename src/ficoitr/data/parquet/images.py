"""Images whose encoded bytes lie in a column of a parquet file, read a few at a time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.encoded import EncodedImages
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# Neighbours of an image are usually asked for next, and by several threads.
_GROUPS_KEPT = 2


class RowGroups:
    """The row groups of a parquet file's column ``image``: opened when first needed, and again in another process.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file: Any = None
        self._ends = np.empty(0, dtype=np.int64)
        self._kept: OrderedDict[int, Any] = OrderedDict()

    def __reduce__(self) -> tuple[type[RowGroups], tuple[Path]]:
        return RowGroups, (self.path,)

    def read(self, row: int) -> bytes:
        """Return the bytes of an image.

        Raises
        ------
        FileFormatError
            If the file is missing or damaged.
        """
        import pyarrow

        try:
            # A reader of parquet is not made for several threads.
            with self._lock:
                group, first = self._group(row)
        except (pyarrow.ArrowException, OSError) as problem:
            raise FileFormatError(
                f"the image cannot be read ({problem})",
                where=f"{self.path}, row {row}",
                fix="Write or copy the file again",
            ) from problem
        content = group[row - first].as_py()
        if content is None:
            raise FileFormatError("there is no image", where=f"{self.path}, row {row}")
        return bytes(content)

    def _group(self, row: int) -> tuple[Any, int]:
        import pyarrow.compute
        import pyarrow.parquet

        if self._file is None:
            self._file = pyarrow.parquet.ParquetFile(self.path, page_checksum_verification=True)
            metadata = self._file.metadata
            self._ends = np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)])
        number = int(np.searchsorted(self._ends, row, side="right"))
        if number not in self._kept:
            column = self._file.read_row_group(number, columns=["image.bytes"], use_threads=False)["image"]
            self._kept[number] = pyarrow.compute.struct_field(column, "bytes")
            if len(self._kept) > _GROUPS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number], int(self._ends[number - 1]) if number else 0


@dataclass(frozen=True, eq=False)
class ParquetImages(EncodedImages):
    """Images in a column ``image`` of parquet, a struct of bytes and path; no more than a few are in memory.

    Parameters
    ----------
    groups : RowGroups
    names : sequence of str or None
        What the files of all rows of the column were called.
    rows : ndarray of int64, shape (n_images,)
        Rows of the column.
    """

    groups: RowGroups
    names: Sequence[str | None]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def encoded(self, row: int) -> bytes:
        """Return what the file of an image held."""
        return self.groups.read(int(self.rows[row]))

    def name(self, row: int) -> str | None:
        """Return the name that the file of an image had."""
        return self.names[int(self.rows[row])]

    def place(self, row: int) -> str:
        """Say where an image lies."""
        return f"{self.groups.path}, row {self.rows[row]}"

    def take(self, rows: np.ndarray) -> ParquetImages:
        """Return the images of the given rows, in their order."""
        return ParquetImages(self.groups, self.names, self.rows[rows])
