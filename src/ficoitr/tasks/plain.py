"""What a user passes as a plain array, or an error that is theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.errors import InputError

Array = np.ndarray[Any, Any]


def plain_array(values: Any, *, error: type[InputError], where: str, expected: str) -> Array:
    """Return ``values`` as an array; lists of unequal length raise ``error``."""
    try:
        return np.asarray(values)
    except ValueError as reason:
        raise error("lists of unequal length make no array", where=where, expected=expected) from reason
