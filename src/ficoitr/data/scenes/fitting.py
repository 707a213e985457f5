"""Which claims fit which layouts, for many of both at once; ``claims.fits`` is the definition."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.data.scenes.claims import RELATION_MARGIN, SIDE_LIMITS, UNSAID, Claim, Mention
from ficoitr.data.scenes.table import MAX_OBJECTS
from ficoitr.data.scenes.vocabulary import ABOVE, BELOW, LEFT_OF, LEFT_SIDE, RIGHT_OF, SCENES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.data.scenes.table import LayoutTable

_BLOCK = 4096  # images at a time: bounds the memory of the remembered mentions


def fitting_images(table: LayoutTable, claims: Sequence[Claim]) -> list[np.ndarray]:
    """Return for each claim the images that it fits.

    Parameters
    ----------
    table : LayoutTable
        N layouts.
    claims : sequence of Claim
        M claims.

    Returns
    -------
    list of M ndarrays of int64
        Ascending rows of the table.
    """
    distinct = list(dict.fromkeys(claims))
    found: dict[Claim, list[np.ndarray]] = {claim: [] for claim in distinct}
    for start in range(0, len(table), _BLOCK):
        block = _Block(table.take(np.arange(start, min(start + _BLOCK, len(table)))))
        for claim in distinct:
            found[claim].append(start + block.fitting(claim))
    merged = {claim: np.concatenate(rows) if len(rows) != 1 else rows[0] for claim, rows in found.items()}
    return [merged[claim] for claim in claims]


class _Block:
    """Some layouts, with what mentions match remembered, since captions share their mentions."""

    def __init__(self, table: LayoutTable) -> None:
        self._kind_bits = np.where(table.present, 1 << table.field("kind").astype(np.int64).clip(0), 0)
        self._colour, self._size = table.field("colour"), table.field("size")
        self._n_objects = table.n_objects
        x = 2 * table.field("left") + table.field("width")
        y = 2 * table.field("top") + table.field("height")
        self._sides = (x <= SIDE_LIMITS[0], x >= SIDE_LIMITS[1])
        across, down = x[:, None, :] - x[:, :, None], y[:, None, :] - y[:, :, None]
        self._related = {
            LEFT_OF: across >= RELATION_MARGIN,
            RIGHT_OF: -across >= RELATION_MARGIN,
            ABOVE: down >= RELATION_MARGIN,
            BELOW: -down >= RELATION_MARGIN,
        }
        self._scenes = [table.scene == scene for scene in range(len(SCENES))]
        self._matches: dict[Mention, tuple[np.ndarray, np.ndarray]] = {}

    def fitting(self, claim: Claim) -> np.ndarray:
        matches = [self._match(mention) for mention in claim.mentions]
        possible = matches[0][1]
        for _, somewhere in matches[1:]:
            possible = possible & somewhere
        if claim.scene != UNSAID:
            possible = possible & self._scenes[claim.scene]
        if claim.n_objects != UNSAID:
            possible = possible & (self._n_objects == claim.n_objects)
        rows: np.ndarray = np.flatnonzero(possible)
        if len(matches) == 1 or len(rows) == 0:
            return rows
        chosen = _assignments(len(matches))
        true = matches[0][0][rows][:, chosen[0]]
        for mention, objects in zip(matches[1:], chosen[1:], strict=True):
            true &= mention[0][rows][:, objects]
        for subject, relation, other in claim.relations:
            true &= self._related[relation][rows][:, chosen[subject], chosen[other]]
        fitting: np.ndarray = rows[true.any(axis=1)]
        return fitting

    def _match(self, mention: Mention) -> tuple[np.ndarray, np.ndarray]:
        """Return which objects are what a mention says, and which layouts have such an object."""
        if mention not in self._matches:
            objects = (self._kind_bits & mention.kinds) != 0
            if mention.colour != UNSAID:
                objects &= self._colour == mention.colour
            if mention.size != UNSAID:
                objects &= self._size == mention.size
            if mention.side != UNSAID:
                objects &= self._sides[mention.side - LEFT_SIDE]
            self._matches[mention] = objects, objects.any(axis=1)
        return self._matches[mention]


@cache
def _assignments(n_mentions: int) -> np.ndarray:
    """Return all ways to give different objects to the mentions, shape (n_mentions, n_ways)."""
    return np.array(list(permutations(range(MAX_OBJECTS), n_mentions))).T
