"""The errors that a user can cause: each says what, where, what was expected and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Suggest the known name that is closest to a mistyped one, for the ``fix`` of an error."""
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"Did you mean {by_lower[close[0]]!r}" if close else None


class FicoitrWarning(UserWarning):
    """Something that does not stop the work but that the user should know."""


class FicoitrError(Exception):
    """Base of all errors of this package; the command line prints it without a traceback.

    Parameters
    ----------
    what : str
        What is wrong, as a sentence without the full stop.
    where : str, optional
        The argument, file, row or key it was found in.
    expected : str, optional
        What would have been right.
    fix : str, optional
        What to do about it.
    """

    def __init__(
        self, what: str, *, where: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.fix = fix
        parts = [f"{where}: {what}." if where else f"{what}."]
        if expected:
            parts.append(f"Expected {expected}.")
        if fix:
            parts.append(f"{fix}.")
        super().__init__(" ".join(parts))


class InputError(FicoitrError, ValueError):
    """An argument or a file that cannot be used as it is."""


class ShapeError(InputError):
    """Arrays whose shapes do not fit together, or an empty array."""


class ValuesError(InputError):
    """NaN, infinity, zero vectors, or values of a dtype that has no order."""


class CaptionMapError(InputError):
    """A map from texts to images that is wrong, incomplete or ambiguous."""


class CategoryError(InputError):
    """Category labels that do not fit the images or texts."""


class CodesError(InputError):
    """Hash codes that mix alphabets or widths, or bytes taken for bits."""


class IdentifierError(InputError):
    """Identifiers that are missing, repeated or unknown."""


class OptionError(InputError):
    """An option outside its range, or options that exclude each other."""


class FileFormatError(InputError):
    """A file that is missing, truncated, of another format, or of a later schema."""


class OutputError(FicoitrError, OSError):
    """A result that cannot be written where it was asked for."""


class TrainingError(FicoitrError, RuntimeError):
    """A training that cannot go on: a loss or a weight that is no number."""


class MissingExtraError(FicoitrError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""
