"""Arrays in MATLAB's files (version 5 and 7.3), in HDF5, ``.npy`` and ``.npz``: the format is told from the content."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ficoitr.errors import FileFormatError, did_you_mean
from ficoitr.extras import require

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Array = np.ndarray[Any, Any]

_HDF5 = b"\x89HDF\r\n\x1a\n"
# Where HDF5's signature may stand: a file may begin with a block of its owner's, of 512 bytes or a doubling of that.
# MATLAB 7.3 puts its header there.
_HDF5_OFFSETS = (0, 512, 1024, 2048)
_NAMES_SHOWN = 10
# What the readers raise for a file that is cut off or damaged.
_DAMAGE = (
    ValueError, TypeError, KeyError, IndexError, OSError, EOFError, OverflowError, NotImplementedError, RuntimeError,
    BadZipFile, zlib.error, struct.error,
)  # fmt: skip


def read_matrix(path: Path, name: str, *, rows: int | None = None) -> Array:
    """Read a table of numbers, a row an item.

    Parameters
    ----------
    path : Path
    name : str
        See `read_array`.
    rows : int, optional
        How many rows there must be.

    Returns
    -------
    ndarray, shape (n, d)
        Of the type it is stored as.

    Raises
    ------
    FileFormatError
        If it cannot be read, holds no numbers, is no table, or has another number of rows.
    """
    array = read_array(path, name)
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise FileFormatError(f"{name!r} is of type {array.dtype}", where=str(path), expected="numbers")
    if array.ndim != 2 or 0 in array.shape:
        raise FileFormatError(
            f"{name!r} has the shape {array.shape}", where=str(path), expected="a row an item: two axes, not empty"
        )
    if rows is not None and len(array) != rows:
        raise FileFormatError(
            f"{name!r} has {len(array):,} rows",
            where=str(path),
            expected=f"{rows:,}, a row an item",
            fix=f"It has {rows:,} columns: transpose it" if array.shape[1] == rows else None,
        )
    return array


def read_array(path: Path, name: str) -> Array:
    """Read one array of a file.

    Parameters
    ----------
    path : Path
        A ``.mat`` file of MATLAB 5 to 7.2 or 7.3, a file of HDF5, ``.npy`` or ``.npz``, whatever its ending.
    name : str
        Of the array; ``"data.X1"`` is the field ``X1`` of the struct (in HDF5, the group) ``data``. A ``.npy`` file
        holds one array, without a name.

    Returns
    -------
    ndarray
        As MATLAB or Python showed it to whoever wrote it: HDF5 holds MATLAB's arrays transposed, which is undone where
        their attribute ``MATLAB_class`` says that they are MATLAB's. Sparse matrices come out dense. ``.npy`` and
        arrays that HDF5 holds in one piece, which are Python's as a rule, are memory-mapped; MATLAB's are read whole.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or of another format, or has no such array; the message lists those it has.
    MissingExtraError
        For HDF5, if h5py is not installed.
    """
    reader = {"matlab": _read_matlab, "hdf5": _read_hdf5, "npy": _read_npy, "npz": _read_npz}[_format(path)]
    try:
        return reader(path, name)
    except FileFormatError:
        raise
    except _DAMAGE as problem:
        raise FileFormatError(
            f"{name!r} cannot be read ({type(problem).__name__}: {problem})",
            where=str(path),
            fix="The file may be cut off: compare its size with the original's",
        ) from problem


def has_array(path: Path, name: str) -> bool:
    """Tell whether a file has an array of that name at its top.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    kind = _format(path)
    try:
        if kind == "matlab":
            return name in _matlab_names(path)
        if kind == "hdf5":
            with require("h5py", "data").File(path, "r") as file:
                return name in file
        if kind == "npz":
            with np.load(path, allow_pickle=False) as file:
                return name in file
    except _DAMAGE as problem:
        raise FileFormatError(f"the file cannot be read ({problem})", where=str(path)) from problem
    return True


def read_strings(path: Path, name: str) -> list[str]:
    """Read a cell array of strings from a ``.mat`` file of either version, in MATLAB's order.

    Raises
    ------
    FileFormatError
        As for `read_array`, or if it holds something else.
    """
    if _format(path) == "hdf5":
        with require("h5py", "data").File(path, "r") as file:
            cells = _child(path, file, name.split("."))
            if cells.attrs.get("MATLAB_class") != b"cell":
                raise _no_strings(path, name)
            return ["".join(map(chr, file[cell][()].ravel())) for cell in cells[()].T.ravel(order="F")]
    array = read_array(path, name)
    texts = [np.asarray(cell).ravel() for cell in array.ravel(order="F")]
    if array.dtype != np.object_ or not all(text.dtype.kind == "U" and len(text) == 1 for text in texts):
        raise _no_strings(path, name)
    return [str(text[0]) for text in texts]


def _no_strings(path: Path, name: str) -> FileFormatError:
    return FileFormatError(f"{name!r} is no cell array of strings", where=str(path))


def _format(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(_HDF5_OFFSETS[-1] + len(_HDF5))
    except FileNotFoundError as problem:
        raise FileFormatError("the file does not exist", where=str(path)) from problem
    except OSError as problem:
        raise FileFormatError(f"the file cannot be read ({problem.strerror})", where=str(path)) from problem
    if any(head.startswith(_HDF5, offset) for offset in _HDF5_OFFSETS):
        return "hdf5"
    if head.startswith(b"\x93NUMPY"):
        return "npy"
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    if head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return "matlab"
    raise FileFormatError(
        "the file is empty" if not head else "the file is of an unknown format",
        where=str(path),
        expected="a .mat file of MATLAB 5 or later, HDF5, .npy or .npz",
    )


def _missing(path: Path, name: str, names: Iterable[str]) -> FileFormatError:
    known = sorted(names)
    shown = ", ".join(known[:_NAMES_SHOWN]) + (", …" if len(known) > _NAMES_SHOWN else "")
    return FileFormatError(
        f"the file has no array {name!r}",
        where=str(path),
        expected=f"one of {shown}" if known else "an array; it has none",
        fix=did_you_mean(name, known),
    )


def _matlab_names(path: Path) -> list[str]:
    from scipy.io import whosmat

    return [str(entry[0]) for entry in whosmat(path)]


def _read_matlab(path: Path, name: str) -> Array:
    from scipy.io import loadmat

    top, *fields = name.split(".")
    content = loadmat(path, variable_names=[top])
    if top not in content:
        raise _missing(path, top, _matlab_names(path))
    value = content[top]
    for depth, field in enumerate(fields, start=1):
        names = value.dtype.names or ()
        if field not in names or value.size != 1:
            parent = ".".join([top, *fields[: depth - 1]])
            raise _missing(path, name, (f"{parent}.{one}" for one in names))
        value = value[field].item()
    return np.asarray(value.toarray() if hasattr(value, "toarray") else value)


def _read_hdf5(path: Path, name: str) -> Array:
    h5py = require("h5py", "data")
    with h5py.File(path, "r") as file:
        node = _child(path, file, name.split("."))
        by_matlab = "MATLAB_class" in node.attrs
        if isinstance(node, h5py.Group):
            return _sparse(path, name, node)
        offset = node.id.get_offset()
        if offset is not None and node.chunks is None and not node.is_virtual and node.dtype.kind in "biuf":
            values: Array = np.memmap(path, node.dtype, "r", offset, node.shape)
        else:
            values = np.asarray(node[()])
        return values.T if by_matlab else values


def _child(path: Path, file: Any, names: list[str]) -> Any:
    node = file
    for depth, name in enumerate(names):
        if not hasattr(node, "keys") or name not in node:
            parent = "".join(f"{one}." for one in names[:depth])
            # "#refs#" and the like are MATLAB's own.
            known = [f"{parent}{one}" for one in node if not one.startswith("#")] if hasattr(node, "keys") else []
            raise _missing(path, ".".join(names), known)
        node = node[name]
    return node


def _sparse(path: Path, name: str, group: Any) -> Array:
    """Read MATLAB's sparse matrix: compressed columns in a group, its number of rows in an attribute."""
    from scipy.sparse import csc_array

    if "MATLAB_sparse" not in group.attrs:
        raise FileFormatError(
            f"{name!r} is no array",
            where=str(path),
            fix=f"It has the parts {', '.join(f'{name}.{one}' for one in group)}",
        )
    starts = group["jc"][()]
    shape = (int(group.attrs["MATLAB_sparse"]), len(starts) - 1)
    if "data" not in group:
        return np.zeros(shape)
    return np.asarray(csc_array((group["data"][()], group["ir"][()], starts), shape=shape).toarray())


def _read_npy(path: Path, name: str) -> Array:  # noqa: ARG001 -- the array of a .npy file has no name
    return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _read_npz(path: Path, name: str) -> Array:
    with np.load(path, allow_pickle=False) as file:
        if name not in file:
            raise _missing(path, name, file.files)
        return np.asarray(file[name])
