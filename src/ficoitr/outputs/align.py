"""Bringing outputs of several models into one order, by identifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ficoitr.errors import IdentifierError, OptionError
from ficoitr.outputs.codes import HashCodes
from ficoitr.outputs.embeddings import Embeddings

_NAMED = 3


def align(*outputs: Embeddings | HashCodes, ids: Sequence[str] | None = None) -> tuple[Embeddings | HashCodes, ...]:
    """Bring outputs into the order of the first, or of the identifiers given.

    Parameters
    ----------
    *outputs : Embeddings or HashCodes
        Each with identifiers.
    ids : sequence of str, optional
        The order, such as ``dataset.image_ids``; by default that of the first output.

    Returns
    -------
    tuple of Embeddings or HashCodes
        The same outputs, with their rows in that order.

    Raises
    ------
    IdentifierError
        If an output has no identifiers, or not exactly the same ones; the message names those that are missing.

    Examples
    --------
    >>> a = Embeddings(np.eye(2, dtype="float32"), ids=("x", "y"))
    >>> b = Embeddings(np.array([[1, 2], [3, 4]], dtype="float32"), ids=("y", "x"))
    >>> align(a, b)[1].values.tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    if not outputs:
        raise OptionError("there is nothing to align", where="outputs")
    known = [_ids(output, number) for number, output in enumerate(outputs)]
    order = known[0] if ids is None else tuple(map(str, ids))
    return tuple(
        _in_order(output, own, order, number) for number, (output, own) in enumerate(zip(outputs, known, strict=True))
    )


def _ids(output: Embeddings | HashCodes, number: int) -> tuple[str, ...]:
    if output.ids is None:
        raise IdentifierError(
            "it has no identifiers",
            where=f"output {number}",
            fix="Give ids=…, or write them beside the file, as name.ids.txt with one a line",
        )
    return output.ids


def _in_order(
    output: Embeddings | HashCodes, own: tuple[str, ...], order: tuple[str, ...], number: int
) -> Embeddings | HashCodes:
    row_of = {identifier: row for row, identifier in enumerate(own)}
    missing = [one for one in order if one not in row_of]
    asked = set(order)
    beyond = [one for one in own if one not in asked]
    if missing or beyond:
        parts = [f"it lacks {_some(missing)}" if missing else "", f"it has {_some(beyond)} beyond" if beyond else ""]
        raise IdentifierError(
            " and ".join(part for part in parts if part),
            where=f"output {number}",
            expected=f"the same {len(order):,} identifiers as the others",
        )
    rows = np.array([row_of[one] for one in order])
    if isinstance(output, Embeddings):
        return Embeddings(output.values[rows], order)
    return HashCodes(output.words[rows], output.bits, order)


def _some(ids: Sequence[str]) -> str:
    shown = ", ".join(map(repr, ids[:_NAMED]))
    return shown if len(ids) <= _NAMED else f"{shown} and {len(ids) - _NAMED:,} more"
