"""The layout of an item: which scene, which objects, where. A pure function of (seed, item)."""

from __future__ import annotations

from typing import NamedTuple

from ficoitr.data.scenes.frequencies import (
    COUNT_SUMS,
    KIND_SUMS,
    LARGE_AT_MOST,
    PERSON_FIRST,
    REPEAT,
    SIZE_SUMS,
    TIME_SUMS,
    USUAL_COLOUR,
)
from ficoitr.data.scenes.streams import Purpose, Stream
from ficoitr.data.scenes.vocabulary import COLOURS, DAY, KINDS, LARGE, MEDIUM, PERSON_KIND, ROOM, SCENES

SIDE = 96  # pixels of an image's side
_HORIZON = (33, 54)  # .34 to .56 of the side
_PIXELS = ((17, 18, 20), (25, 27, 29), (35, 37, 40))  # few steps, so that the cache of sprites stays small
_TRIES = 12
_OVERLAP_WANTED, _OVERLAP_ALLOWED = 12, 35  # percent of the smaller box


class PlacedObject(NamedTuple):
    """An object of a layout; rows refer to ``vocabulary``, lengths are pixels."""

    kind: int
    colour: int
    shade: int
    size: int
    pixels: int  # side of the pictogram's square
    mirrored: bool
    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        """The first row of pixels below the box."""
        return self.top + self.height


class Layout(NamedTuple):
    """What stands where; objects in the order of drawing, the nearest (lowest) last."""

    scene: int
    time: int
    horizon: int
    objects: tuple[PlacedObject, ...]


def make_layout(seed: int, item: int) -> Layout:
    """Return the layout of an item.

    Parameters
    ----------
    seed, item : int
        Non-negative; every pair is a layout of its own, made in the same time.
    """
    stream = Stream(seed, item, Purpose.SCENE)
    scene = stream.below(len(SCENES))
    time = DAY if scene == ROOM else stream.weighted(TIME_SUMS)
    horizon = stream.between(*_HORIZON)
    placed: list[PlacedObject] = []
    for kind in _kinds(stream, scene):
        large = sum(other.size == LARGE for other in placed)
        candidate = _place(stream, kind, scene, horizon, placed, large_allowed=large < LARGE_AT_MOST)
        if candidate is not None:
            placed.append(candidate)
    placed.sort(key=lambda thing: (thing.top + thing.height, thing.left))
    return Layout(scene, time, horizon, tuple(placed))


def _kinds(stream: Stream, scene: int) -> list[int]:
    n_objects = 1 + stream.weighted(COUNT_SUMS)
    kinds: list[int] = []
    if stream.chance(PERSON_FIRST[scene]):
        kinds.append(PERSON_KIND)
    while len(kinds) < n_objects:
        if kinds and stream.chance(REPEAT):
            kinds.append(stream.pick(kinds))
        else:
            kind = stream.weighted(KIND_SUMS[scene])
            # Drawn once more if it is there already: repetition has its own probability.
            kinds.append(stream.weighted(KIND_SUMS[scene]) if kind in kinds else kind)
    return kinds


def _place(
    stream: Stream, kind: int, scene: int, horizon: int, placed: list[PlacedObject], *, large_allowed: bool
) -> PlacedObject | None:
    colour = stream.pick(KINDS[kind].usual) if stream.chance(USUAL_COLOUR) else stream.below(len(COLOURS))
    size = stream.weighted(SIZE_SUMS)
    if size == LARGE and not large_allowed:
        size = MEDIUM
    pixels = stream.pick(_PIXELS[size])
    shade, mirrored = stream.below(3), stream.chance(50)
    width, height = (-(-pixels * extent // 100) for extent in KINDS[kind].extent)
    low, high = _rows(kind, scene, horizon, height)
    best, least = (0, 0), 101
    for _ in range(_TRIES):
        position = stream.between(1, SIDE - 1 - width), stream.between(low, high)
        overlap = max((_overlap(*position, width, height, other) for other in placed), default=0)
        if overlap < least:
            best, least = position, overlap
        if overlap < _OVERLAP_WANTED:
            break
    if least > _OVERLAP_ALLOWED:
        return None
    return PlacedObject(kind, colour, shade, size, pixels, mirrored, *best, width, height)


def _rows(kind: int, scene: int, horizon: int, height: int) -> tuple[int, int]:
    """Return the lowest and highest allowed top of a box."""
    lowest, highest = 1, SIDE - 2 - height
    if scene == ROOM:
        return lowest, highest
    if KINDS[kind].sky:
        return lowest, max(lowest, horizon - height + 2)
    return max(lowest, horizon + 6 - height), highest


def _overlap(left: int, top: int, width: int, height: int, other: PlacedObject) -> int:
    """Return the shared area of two boxes in percent of the smaller one."""
    across = min(left + width, other.left + other.width) - max(left, other.left)
    down = min(top + height, other.top + other.height) - max(top, other.top)
    if across <= 0 or down <= 0:
        return 0
    return 100 * across * down // min(width * height, other.width * other.height)
