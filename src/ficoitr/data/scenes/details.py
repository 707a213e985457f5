"""Details of the backgrounds: clouds, sun and moon, skylines, waves, dashes, windows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ficoitr.data.scenes.palettes import Colour, mix_colours, palette
from ficoitr.data.scenes.pictograms.shapes import Shape, box, circle, ellipse, line, polygon, union
from ficoitr.data.scenes.streams import mix
from ficoitr.data.scenes.vocabulary import BEACH, DESERT, MEADOW, NIGHT, ROOM, SNOW, STREET, SUNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STRIP = 192  # pixels of a strip's width; a picture shows a window of 96 of them
VARIANTS = 3
_Paint = tuple[Shape, Colour, int]  # shape in pixels, colour, opacity from 0 to 255


@cache
def cloud(time: int, variant: int) -> Image.Image:
    """Return a cloud (RGBA)."""
    colour = {NIGHT: (96, 106, 150), SUNSET: (255, 206, 178)}.get(time, (255, 255, 255))
    bumps = (
        union(circle(9, 9, 6), circle(17, 7, 6.5), circle(25, 9.5, 5), box(17, 12, 14, 3.5, 3)),
        union(circle(8, 8, 4.5), circle(15, 7, 5.5), box(12, 10, 10, 3, 3)),
        union(circle(10, 8, 5), circle(19, 9, 5.5), circle(28, 9, 4.5), box(19, 11.5, 16, 3, 3)),
    )
    return _paint(38, 17, [(bumps[variant], colour, 215)])


@cache
def sun_or_moon(time: int) -> Image.Image:
    """Return the sun or the moon (RGBA)."""
    if time == NIGHT:
        return _paint(14, 14, [(circle(7, 7, 5.5), (240, 238, 214), 255), (circle(5.4, 6, 1.3), (216, 214, 190), 255)])
    glow, disc = ((255, 196, 120), (255, 232, 170)) if time == SUNSET else ((255, 246, 190), (255, 236, 120))
    return _paint(18, 18, [(circle(9, 9, 8.5), glow, 110), (circle(9, 9, 5.5), disc, 255)])


@cache
def skyline(scene: int, time: int, variant: int) -> Image.Image:
    """Return what stands on the horizon, as a strip whose lower edge lies on it (RGBA)."""
    draw = {
        MEADOW: _hills,
        SNOW: _mountains,
        DESERT: _dunes,
        STREET: _houses,
        BEACH: _islands,
        ROOM: _skirting,
    }
    return draw[scene](scene, time, variant)


@cache
def ground(scene: int, time: int, variant: int) -> Image.Image:
    """Return what lies on the ground, as a strip whose upper edge lies on the horizon (RGBA)."""
    draw = {MEADOW: _grass, SNOW: _drifts, DESERT: _ripples, STREET: _road, BEACH: _sea, ROOM: _planks}
    return draw[scene](scene, time, variant)


@cache
def window(variant: int) -> Image.Image:
    """Return a window of a room (RGBA)."""
    frame, glass = (250, 246, 238), ((176, 216, 240), (196, 226, 236), (150, 200, 236))[variant]
    return _paint(
        26,
        26,
        [
            (box(13, 12, 12, 11.5, 1), (150, 110, 78), 255),
            (box(13, 12, 11, 10.5, 1), frame, 255),
            (union(box(8, 7, 4, 4), box(18, 7, 4, 4), box(8, 17, 4, 4), box(18, 17, 4, 4)), glass, 255),
            (box(13, 24.5, 13, 1.2), (150, 110, 78), 255),
        ],
    )


def _hills(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    back = union(*(ellipse(x * 32 + at(8), 18, 26 + at(14), 8 + at(8)) for x in range(7)))
    front = union(*(ellipse(x * 32 + at(16), 19, 24 + at(12), 4 + at(6)) for x in range(7)))
    return _paint(
        STRIP,
        18,
        [(back, mix_colours(colours.skyline, colours.sky_bottom, 40), 255), (front, colours.skyline, 255)],
    )


def _mountains(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    paints: list[_Paint] = []
    for x in range(6):
        middle, top, half = x * 36 + at(16), 2 + at(10), 16 + at(10)
        paints.append((polygon((middle, top), (middle + half, 25), (middle - half, 25)), colours.skyline, 255))
        # The cap is the upper third of the triangle, with a jagged lower edge.
        third, low = half / 3, top + (25 - top) / 3
        cap = polygon(
            (middle, top),
            (middle + third, low),
            (middle + third / 3, low - 1.5),
            (middle, low + 1.5),
            (middle - third / 3, low - 1.5),
            (middle - third, low),
        )
        paints.append((cap, colours.accent, 255))
    return _paint(STRIP, 24, paints)


def _dunes(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    paints: list[_Paint] = []
    for x in range(6):
        middle, top, half = x * 36 + at(16), 4 + at(7), 26 + at(12)
        dune = polygon((middle, top), (middle + half, 16), (middle - half, 16), rounding=1)
        shade = polygon((middle, top), (middle + half, 16), (middle + half / 4, 16), rounding=1)
        paints += [(dune, colours.accent, 255), (shade, colours.skyline, 255)]
    return _paint(STRIP, 15, paints)


def _houses(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    tints = ((188, 150, 140), (166, 172, 190), (204, 186, 150), (150, 164, 150))
    paints: list[_Paint] = []
    for x in range(14):
        middle, top, half = x * 14 + 7, 4 + at(12), 6.5
        wall = mix_colours(colours.skyline, tints[at(4)], 50 if time != NIGHT else 25)
        paints.append((box(middle, (top + 28) / 2, half, (28 - top) / 2), wall, 255))
        pane = colours.accent if time == NIGHT or at(3) else mix_colours(wall, (90, 100, 130), 50)
        panes = [box(middle + dx, y + 0.5, 1.4, 1.4) for dx in (-3, 3) for y in range(top + 4, 25, 6) if at(4)]
        if panes:
            paints.append((union(*panes), pane, 230))
    return _paint(STRIP, 26, paints)


def _islands(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    land = union(ellipse(30 + at(30), 9, 20 + at(10), 4 + at(3)), ellipse(130 + at(30), 9, 16 + at(8), 3 + at(3)))
    return _paint(STRIP, 8, [(land, mix_colours(colours.skyline, colours.sky_bottom, 50), 255)])


def _skirting(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    stripes = union(*(box(x * 16 + 8, 26, 1.2 + variant, 40) for x in range(12)))
    return _paint(
        STRIP,
        56,
        [
            (stripes, mix_colours(colours.sky_top, colours.skyline, 45), 150),
            (box(96, 54.5, 97, 1.6), colours.skyline, 255),
        ],
    )


def _grass(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    blades: list[Shape] = []
    for _ in range(46):
        x, y = at(STRIP), 5 + at(58)
        blades += [
            line(x, y, x - 1.5, y - 3, 0.4),
            line(x, y, x, y - 4, 0.4),
            line(x, y, x + 1.5, y - 3, 0.4),
        ]
    half = len(blades) // 2
    dark = mix_colours(colours.near, (20, 60, 20), 30)
    return _paint(STRIP, 64, [(union(*blades[:half]), dark, 190), (union(*blades[half:]), colours.accent, 190)])


def _drifts(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    heaps = union(*(ellipse(at(STRIP), 10 + at(54), 14 + at(14), 2 + at(3)) for _ in range(9)))
    return _paint(STRIP, 64, [(heaps, colours.accent, 150)])


def _ripples(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    ripples: list[Shape] = []
    for _ in range(22):
        x, y, length = at(STRIP), 4 + at(58), 4 + at(9)
        ripples += [line(x, y, x + length, y - 1, 0.5), line(x + length, y - 1, x + 2 * length, y, 0.5)]
    return _paint(STRIP, 64, [(union(*ripples), mix_colours(colours.near, (90, 50, 20), 30), 150)])


def _road(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    pavement, kerb = mix_colours(colours.far, (220, 214, 206), 40), mix_colours(colours.far, (60, 60, 70), 40)
    y = 26 + 3 * variant
    dashes = union(*(box(x * 24 + 6, y, 7, 1.2) for x in range(9)))
    return _paint(
        STRIP,
        64,
        [
            (box(96, 4, 98, 5), pavement, 255),
            (box(96, 9.5, 98, 0.8), kerb, 255),
            (dashes, (236, 232, 220), 200),
        ],
    )


def _sea(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    shore = union(box(96, 4, 98, 9), *(ellipse(x * 24 + at(8), 12, 16, 2 + at(4)) for x in range(9)))
    foam = union(box(96, 5, 98, 9), *(ellipse(x * 24 + at(8), 13, 16, 2 + at(4)) for x in range(9)))
    waves: list[Shape] = []
    for _ in range(16):
        x, y, length = at(STRIP), 2 + at(10), 3 + at(4)
        waves.append(line(x, y, x + length, y, 0.5))
    shells = union(*(ellipse(at(STRIP), 22 + at(40), 1.3, 0.9) for _ in range(18)))
    return _paint(
        STRIP,
        64,
        [
            (foam, colours.accent, 220),
            (shore, colours.skyline, 255),
            (union(*waves), colours.accent, 150),
            (shells, mix_colours(colours.near, (255, 250, 240), 55), 200),
        ],
    )


def _planks(scene: int, time: int, variant: int) -> Image.Image:
    colours = palette(scene, time)
    at = _numbers(scene, variant)
    edges: list[Shape] = [box(96, y, 98, 0.45) for y in (7, 15, 24, 34, 45, 57)]
    edges += [box(at(STRIP), (y + z) / 2, 0.45, (z - y) / 2) for y, z in ((7, 15), (15, 24), (24, 34), (34, 45)) * 3]
    return _paint(STRIP, 64, [(union(*edges), colours.accent, 150)])


def _numbers(scene: int, variant: int) -> Callable[[int], int]:
    """Return a source of fixed numbers: details have variants, not randomness of an item."""
    state = [mix(1 + 16 * scene + variant)]

    def at(n: int) -> int:
        state[0] = mix(state[0] + 1)
        return (state[0] >> 32) * n >> 32

    return at


def _paint(width: int, height: int, paints: Sequence[_Paint]) -> Image.Image:
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rgb = np.zeros((height, width, 3))
    rgb[:] = paints[0][1]
    opacity = np.zeros((height, width))
    for shape, colour, strength in paints:
        coverage = np.clip(0.5 - shape(x, y), 0.0, 1.0) * (strength / 255.0)
        # Straight alpha: a colour under full transparency must not darken the edge that is painted over it.
        total = coverage + opacity * (1.0 - coverage)
        share = np.where(total > 0.0, coverage / np.maximum(total, 1e-9), 0.0)
        rgb += share[..., None] * (np.array(colour) - rgb)
        opacity = total
    rgba = np.dstack([rgb, 255.0 * opacity])
    return Image.fromarray(np.floor(rgba + 0.5).astype(np.uint8))
