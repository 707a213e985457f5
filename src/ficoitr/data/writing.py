"""Folders written whole or not at all, and names for the files in them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ficoitr.errors import FicoitrError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 120


@contextmanager
def whole_folder(target: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that becomes it when the block ends without an error.

    A failed write leaves nothing behind. What a killed process left is removed by the next write of the same folder.

    Parameters
    ----------
    target : str or Path
        It must not exist, or be empty; folders above it are made.

    Raises
    ------
    OutputError
        If there is something in its place, or it cannot be written.
    """
    target = Path(target)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(
            "there is something of that name, which is not replaced",
            where=str(target),
            fix="Remove it, or choose another folder",
        )
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        temporary.mkdir()
        with _marked_as_alive(temporary):
            yield temporary
            _bring_to_disk(temporary)
            with suppress(FileNotFoundError):
                target.rmdir()  # an empty folder gives way
            temporary.rename(target)
    except OSError as problem:
        # Errors of this package are right as they are, OutputError among them.
        if isinstance(problem, FicoitrError):
            raise
        raise OutputError(
            f"writing failed ({problem.strerror or problem})",
            where=str(target),
            fix="Choose a folder that you may write to and that has room",
        ) from problem
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class FileNames:
    """Names for files in one folder: as wanted where that is possible, distinct even if case is ignored.

    Examples
    --------
    >>> names = FileNames()
    >>> names.like("a b.jpg", 0), names.like("A_B.jpg", 1), names.like("../c", 2)
    ('a_b.jpg', '1-A_B.jpg', '_.._c')
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def like(self, wanted: str, number: int) -> str:
        """Return a name that was not returned before; ``number``, another one each time, stands before a taken one."""
        # The end of a long name is kept, since it says what kind of file it is.
        safe = re.sub(r"[^\w.+-]", "_", wanted)[-_LONGEST:]
        safe = re.sub(r"^(?=\.|$)", "_", safe)
        while safe.casefold() in self._taken:
            safe = f"{number}-{safe}"
        self._taken.add(safe.casefold())
        return safe


if sys.platform == "win32":

    @contextmanager
    def _marked_as_alive(_folder: Path) -> Iterator[bool]:
        yield False

else:
    import fcntl

    @contextmanager
    def _marked_as_alive(folder: Path) -> Iterator[bool]:
        """Hold a lock that ends with this process; yield whether nobody else holds it."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # Held by another process, or a file system without locks.
                yield False
            else:
                yield True
        finally:
            os.close(handle)


def _remove_leftovers(target: Path) -> None:
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{8}}")
    for path in target.parent.iterdir():
        if name.fullmatch(path.name) and path.is_dir():
            with _marked_as_alive(path) as abandoned:
                if abandoned:
                    shutil.rmtree(path, ignore_errors=True)


def _bring_to_disk(folder: Path) -> None:
    def bring(path: Path) -> None:
        handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    paths = [path for path in folder.rglob("*") if path.is_file()]
    if sys.platform != "win32":
        paths += [path for path in (folder, *folder.rglob("*")) if path.is_dir()]
    # Side by side: a disk takes many at a time hardly longer than one.
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(bring, paths):
            pass
