"""Reading arrays safely and writing files whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ficoitr.errors import FileFormatError, InputError, OutputError


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that replaces it when the block ends without an error.

    Readers see the old file or the whole new one, never a part; a failed write leaves nothing behind.

    Raises
    ------
    OutputError
        If the folder does not exist or cannot be written.
    """
    target = Path(target)
    require_target(target)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
    except OSError as error:
        raise OutputError(
            f"cannot write here ({error.strerror})", where=str(target), fix="Choose a folder you may write to"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        # mkstemp makes files private; the result gets the permissions any new file of the user's has.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"writing failed ({error.strerror or error})", where=str(target), fix="Check the free space of the disk"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def require_target(target: Path, *, suffix: str | None = None) -> None:
    """Raise a clear error unless a file of that name could be written: before the work, not after it.

    Raises
    ------
    OutputError
        If the folder does not exist or may not be written, or the name is a folder or ends otherwise.
    """
    if suffix is not None and target.suffix != suffix:
        raise OutputError(
            f"the name ends in {target.suffix!r}", where=str(target), expected=f"a name ending in {suffix}"
        )
    if not target.parent.is_dir():
        raise OutputError(
            f"the folder {target.parent} does not exist",
            where=str(target),
            fix="Create the folder first or choose another path",
        )
    if target.is_dir():
        raise OutputError("there is a folder of that name", where=str(target), fix="Choose another file name")
    if not os.access(target.parent, os.W_OK):
        raise OutputError("the folder may not be written", where=str(target), fix="Choose a folder you may write to")


def read_array(path: str | Path, *, mmap: bool = True) -> np.ndarray[Any, Any]:
    """Read one ``.npy`` file, memory-mapped by default; pickled files are refused.

    Raises
    ------
    FileFormatError
        If the file is missing, truncated, pickled or not in NumPy's format.
    """
    path = Path(path)
    require_file(path)
    try:
        array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (ValueError, EOFError, OSError, BadZipFile) as error:
        if (
            "pickle" in str(error)
            or "object arrays" in str(error).lower()
            or "Array can't be memory-mapped" in str(error)
        ):
            raise FileFormatError(
                "the file holds pickled Python objects, or is not in NumPy's format; it is not opened, "
                "because unpickling can run any code",
                where=str(path),
                expected="a .npy file of numbers",
                fix="Save it again with numpy.save(path, numpy.asarray(values, dtype='float32'))",
            ) from error
        raise FileFormatError(
            f"the file is truncated or is not in NumPy's format ({error})",
            where=str(path),
            expected="a .npy file written by numpy.save",
            fix="Write or copy the file again",
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise FileFormatError(
            "this is an .npz archive of several arrays",
            where=str(path),
            expected="a .npy file with one array",
            fix="Save the array you mean with numpy.save",
        )
    return array


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Let errors about what was read from a file name that file, unless they already name a place in it."""
    try:
        yield
    except InputError as error:
        if error.where is not None and error.where.startswith(place):
            raise
        raise type(error)(error.what, where=place, expected=error.expected, fix=error.fix) from error


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    FileFormatError
        If the file is missing, not UTF-8 or not JSON; the message names line and column.
    """
    path = Path(path)
    require_file(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise _not_text(path, error) from error
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"not valid JSON: {error.msg}",
            where=f"{path}, line {error.lineno}, column {error.colno}",
            fix="Mend the file there; a file that was cut off has to be written again",
        ) from error


def read_lines(path: str | Path) -> list[str]:
    """Read a text file of one entry a line (identifiers, captions)."""
    path = Path(path)
    require_file(path)
    try:
        # str.splitlines would also cut at characters such as U+2028, which stand inside captions.
        return path.read_text(encoding="utf-8").removesuffix("\n").split("\n") if path.stat().st_size else []
    except UnicodeDecodeError as error:
        raise _not_text(path, error) from error


def _not_text(path: Path, error: UnicodeDecodeError) -> FileFormatError:
    return FileFormatError(
        f"byte {error.start} is not UTF-8 text ({error.reason})",
        where=str(path),
        expected="a text file in UTF-8",
        fix="Save it again in that encoding",
    )


def require_file(path: Path) -> None:
    """Raise a clear error unless ``path`` is a file that can be read."""
    if path.is_dir():
        raise FileFormatError("this is a folder", where=str(path), expected="a file")
    if not path.exists():
        raise FileFormatError("no such file", where=str(path), fix="Check the path")
    if not os.access(path, os.R_OK):
        raise FileFormatError("the file may not be read", where=str(path), fix="Check its permissions")


def digest_arrays(*arrays: np.ndarray[Any, Any] | None) -> str:
    """SHA-256 over dtype, shape and bytes of arrays, as ``sha256:…``."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(b"none;")
            continue
        digest.update(f"{array.dtype.str}{array.shape};".encode())
        # Memory-mapped inputs may exceed memory: hashed in blocks of rows.
        rows = max(1, (16 << 20) // max(1, array.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))))
        for start in range(0, array.shape[0] if array.ndim else 1, rows):
            block = array[start : start + rows] if array.ndim else array
            digest.update(np.ascontiguousarray(block).data)
    return f"sha256:{digest.hexdigest()}"


def digest_lines(lines: Iterable[str]) -> str:
    """SHA-256 over lines of text, as ``sha256:…``."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() + b"\n")
    return f"sha256:{digest.hexdigest()}"


def digest_file(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as ``sha256:…``."""
    with Path(path).open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
