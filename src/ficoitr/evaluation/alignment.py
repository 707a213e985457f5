"""Evaluations of the same queries under the same relevance, in one order; anything else is refused.

Queries are matched by their identifiers, in any order of the rows. Labels are compared by a hash over them in row
order: category figures need the same order of the rows in all evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.errors import IdentifierError, OptionError
from ficoitr.evaluation.result import DIRECTIONS, Evaluation, PerQuery
from ficoitr.evaluation.significance import Paired

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Array = np.ndarray[Any, Any]
# What a model may choose for itself; relevance is compared by the hashes of what it is made of, see _RELEVANCE.
_OF_THE_MODEL = frozenset({"measure", "precision", "truth", "version"})
_RELEVANCE = {"instance": ("positives_i2t", "positives_t2i"), "category": ("categories", "text_categories")}


@dataclass(frozen=True, eq=False)
class Aligned:
    """Values of the queries of several evaluations, all in one order that does not depend on theirs.

    Parameters
    ----------
    images : mapping from direction to an int64 array of shape (n_queries,)
        The image of each query, 0 … n_images - 1, one numbering for both directions.
    n_images : int
    values : tuple of mappings, one an evaluation
        From direction to figure to a float array of shape (n_queries,).
    """

    images: Mapping[str, Array]
    n_images: int
    values: tuple[Mapping[str, Mapping[str, Array]], ...]

    def paired(self, key: str, first: int, second: int) -> Paired | None:
        """Values of two evaluations in the figure of a dotted key; None where one has none."""
        task, direction, metric = key.split(".", 2)
        columns = [self.values[at].get(direction, {}).get(f"{task}.{metric}") for at in (first, second)]
        if columns[0] is None or columns[1] is None:
            return None
        return Paired(columns[0], columns[1], self.images[direction])


def require_same_protocol(evaluations: Sequence[Evaluation], names: Sequence[str], keys: Sequence[str]) -> None:
    """Raise an error unless all evaluations computed each figure in the same way against the same relevance.

    Labels are the same where they are equal row by row, whatever the identifiers of the rows.

    Raises
    ------
    OptionError
        Naming the first figure that differs, in what, and between which evaluations.
    """
    for key in keys:
        named = zip(evaluations, names, strict=True)
        known = [(_choices(one, key), name) for one, name in named if key in one.signatures]
        for found, name in known[1:]:
            expected, reference_name = known[0]
            different = [field for field in {**expected, **found} if expected.get(field) != found.get(field)]
            if different:
                field = different[0]
                hashed = any(value.get(field, "").startswith("sha256:") for value in (expected, found))
                raise OptionError(
                    f"{key} rests on different {field} in {reference_name!r} and {name!r}"
                    if hashed
                    else f"{key} has {field} {expected.get(field, 'none')} in {reference_name!r} "
                    f"and {found.get(field, 'none')} in {name!r}",
                    where="compare",
                    expected="evaluations of one protocol, relevance and gallery",
                    fix="Evaluate both in the same way; for category figures the rows must be in the same order too"
                    if field in _RELEVANCE["category"]
                    else "Evaluate both in the same way",
                )


def _choices(evaluation: Evaluation, key: str) -> dict[str, str]:
    """All that the figure depends on, save the model."""
    fields = dict(part.partition(":")[::2] for part in evaluation.signatures[key].split("|"))
    chosen = {field: value for field, value in fields.items() if field not in _OF_THE_MODEL}
    task, _, rest = key.partition(".")
    other = {"i2t": "positives_t2i", "t2i": "positives_i2t"}.get(rest.partition(".")[0])
    names = (name for name in (*_RELEVANCE[task], "queries") if name != other)
    return chosen | {name: evaluation.inputs[name] for name in names if name in evaluation.inputs}


def align(evaluations: Sequence[Evaluation], names: Sequence[str]) -> Aligned:
    """Bring the queries of all evaluations into the order of their identifiers.

    Raises
    ------
    IdentifierError
        If the evaluations are not of the same queries, naming the first that is missing, or if a text
        belongs to another image.
    """
    sides = [evaluation.per_query_values() for evaluation in evaluations]
    directions = [direction for direction in DIRECTIONS if all(direction in side for side in sides)]
    orders = [{direction: np.argsort(np.array(side[direction].ids)) for direction in directions} for side in sides]
    for side, name in zip(sides[1:], names[1:], strict=True):
        for direction in directions:
            _require_same_queries(direction, sides[0][direction], side[direction], (names[0], name))
    owners = [_owners(side, order) for side, order in zip(sides, orders, strict=True)]
    for number, name in zip(owners[1:], names[1:], strict=True):
        differing = np.flatnonzero(number != owners[0])
        if len(differing):
            ids = np.concatenate([np.array(sides[0][one].ids)[orders[0][one]] for one in directions])
            raise IdentifierError(
                f"the query {str(ids[differing[0]])!r} is of one image in {names[0]!r}, of another in {name!r}",
                where="compare",
                expected="one map from texts to images",
            )
    lengths = [len(orders[0][direction]) for direction in directions]
    parts = np.split(owners[0], np.cumsum(lengths)[:-1]) if directions else []
    values = tuple(
        {
            direction: {key: column[order[direction]] for key, column in side[direction].values.items()}
            for direction in directions
        }
        for side, order in zip(sides, orders, strict=True)
    )
    n_images = int(owners[0].max(initial=-1)) + 1
    return Aligned(dict(zip(directions, parts, strict=True)), n_images, values)


def _require_same_queries(direction: str, first: PerQuery, second: PerQuery, names: tuple[str, str]) -> None:
    here, there = set(first.ids), set(second.ids)
    for missing, (present, absent) in ((here - there, names), (there - here, names[::-1])):
        if missing:
            raise IdentifierError(
                f"the {direction} query {min(missing)!r} is in {present!r} but not in {absent!r} "
                f"({len(missing):,} such)",
                where="compare",
                expected="the same queries in all evaluations",
                fix="Evaluate both on the same images and texts, with the same identifiers",
            )


def _owners(side: Mapping[str, PerQuery], order: Mapping[str, Array]) -> Array:
    """Image of every query, directions one after the other, numbered by first appearance."""
    if not order:
        return np.zeros(0, dtype=np.int64)
    rows = np.concatenate([side[direction].images[those] for direction, those in order.items()])
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]
