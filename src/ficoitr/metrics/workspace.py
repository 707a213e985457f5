"""Memory that is used again."""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Workspace(threading.local):
    """Arrays that a thread keeps from one block of work to the next.

    The largest arrays of a block take longer to get from the system, page by page, than to fill.
    """

    def __init__(self) -> None:
        self._kept: dict[str, Array] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of undefined content; the next one of this name, in this thread, may be the same memory."""
        kept = self._kept.get(name)
        if kept is None or kept.size < prod(shape) or kept.dtype != dtype:
            kept = self._kept[name] = np.empty(prod(shape), dtype)
        return kept[: prod(shape)].reshape(shape)
