"""One process at a time: a lock that the system frees when its holder ends, however it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BufferedWriter
from pathlib import Path

if sys.platform == "win32":

    def _lock(_file: BufferedWriter, _waiting: AbstractContextManager[None]) -> bool:
        return False

else:
    import fcntl

    def _lock(file: BufferedWriter, waiting: AbstractContextManager[None]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with waiting:
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            # Some network file systems have no locks.
            return False
        return True


@contextmanager
def hold_lock(path: Path, waiting: AbstractContextManager[None]) -> Iterator[bool]:
    """Hold a lock for the length of a block, waiting for another process that holds it.

    Parameters
    ----------
    path : Path
        A file that stands for what is locked; it is created, and stays.
    waiting : context manager
        Entered only if another process holds the lock, until it is free.

    Yields
    ------
    bool
        Whether the lock is held: not on Windows, nor on file systems without locks.

    Raises
    ------
    OSError
        If the file cannot be created.
    """
    with path.open("ab") as file:
        yield _lock(file, waiting)
