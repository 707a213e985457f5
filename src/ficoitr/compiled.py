"""How kernels are compiled: by numba, without the interpreter's lock, kept on disk as long as no source changes.

numba keeps compiled code by the age of the file that a function stands in, and does not see a change of a function that
it calls from another file. Figures must never come from such a mixture, so that here a change of any kernel's file
compiles all of them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from numba import njit

_ROOMS = ("metrics", "similarity")


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function on numbers and arrays when it is first called, in nopython mode, and keep the result."""
    dispatcher: Callable[..., Any] = njit(nogil=True, cache=True)(function)
    files = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if files is not None:
        files._source_stamp = (files._source_stamp, _sources())
    return dispatcher


@lru_cache(maxsize=1)
def _sources() -> str:
    """One digest over the content of every file that holds kernels."""
    folder = Path(__file__).parent
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for room in _ROOMS:
        for path in sorted((folder / room).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
