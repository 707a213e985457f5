"""Optional libraries: imported where they are used, with one error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from ficoitr.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import an optional library.

    Parameters
    ----------
    module : str
        What to import, such as ``"h5py"``.
    extra : str
        The extra of this package that brings it, such as ``"data"``.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as problem:
        # A library that is there but lacks one of its own is another mistake.
        if problem.name != module.partition(".")[0]:
            raise
        raise MissingExtraError(
            f"the library {problem.name!r} is not installed",
            where=module,
            fix=f"Install it with the extra: pip install 'ficoitr[{extra}]'",
        ) from problem
