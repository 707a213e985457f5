"""Many layouts as arrays: what categories, regions and the fitting of claims are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.data.scenes.layout import Layout, make_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_OBJECTS = 5
ABSENT = -1
_FIELDS = ("kind", "colour", "size", "left", "top", "width", "height")


@dataclass(frozen=True, eq=False)
class LayoutTable:
    """The layouts of N items.

    Parameters
    ----------
    scene : ndarray of int16, shape (N,)
        Rows of ``vocabulary.SCENES``.
    objects : ndarray of int16, shape (N, 5, 7)
        Kind, colour, size, left, top, width and height of each object, in the order of drawing;
        ``ABSENT`` where there are fewer.
    """

    scene: np.ndarray
    objects: np.ndarray

    def __len__(self) -> int:
        return len(self.scene)

    def take(self, rows: np.ndarray) -> LayoutTable:
        """Return the layouts of the given rows."""
        return LayoutTable(self.scene[rows], self.objects[rows])

    def field(self, name: str) -> np.ndarray:
        """Return one field of all objects, shape (N, 5)."""
        return self.objects[:, :, _FIELDS.index(name)]

    @property
    def present(self) -> np.ndarray:
        """Which objects exist, bool of shape (N, 5)."""
        present: np.ndarray = self.field("kind") != ABSENT
        return present

    @property
    def n_objects(self) -> np.ndarray:
        """The number of objects, shape (N,)."""
        counts: np.ndarray = self.present.sum(axis=1)
        return counts


def make_table(seed: int, items: np.ndarray) -> LayoutTable:
    """Return the layouts of some items of a seed."""
    return table_of(make_layout(seed, item) for item in items.tolist())


def table_of(layouts: Iterable[Layout]) -> LayoutTable:
    """Return layouts as arrays."""
    scenes: list[int] = []
    rows: list[list[tuple[int, ...]]] = []
    absent = (ABSENT,) * len(_FIELDS)
    for layout in layouts:
        scenes.append(layout.scene)
        things = [
            (thing.kind, thing.colour, thing.size, thing.left, thing.top, thing.width, thing.height)
            for thing in layout.objects
        ]
        rows.append(things + [absent] * (MAX_OBJECTS - len(things)))
    return LayoutTable(
        np.array(scenes, dtype=np.int16),
        np.array(rows, dtype=np.int16).reshape(-1, MAX_OBJECTS, len(_FIELDS)),
    )
