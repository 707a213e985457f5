"""The colours of the six scenes by time of day."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from ficoitr.data.scenes.vocabulary import BEACH, DAY, DESERT, MEADOW, NIGHT, ROOM, SNOW, STREET

Colour = tuple[int, int, int]


class Palette(NamedTuple):
    """Colours of a background, red, green and blue from 0 to 255."""

    sky_top: Colour
    sky_bottom: Colour
    far: Colour  # the ground at the horizon
    near: Colour  # the ground at the lower edge
    skyline: Colour  # hills, mountains, dunes, houses
    accent: Colour  # foam, windows, snow caps, planks


_DAY_SKY = ((104, 178, 236), (206, 234, 250))
_BY_DAY = {
    MEADOW: Palette(*_DAY_SKY, (150, 202, 104), (104, 170, 72), (122, 184, 112), (176, 216, 120)),
    BEACH: Palette((92, 186, 240), (214, 242, 250), (240, 220, 168), (230, 202, 140), (70, 160, 200), (240, 250, 250)),
    STREET: Palette(
        (148, 190, 224), (224, 234, 240), (150, 150, 158), (122, 122, 132), (196, 166, 150), (250, 236, 190)
    ),
    SNOW: Palette((150, 190, 226), (226, 238, 248), (228, 236, 246), (208, 222, 240), (140, 160, 190), (246, 250, 254)),
    DESERT: Palette((112, 184, 226), (250, 232, 196), (236, 190, 120), (220, 162, 90), (222, 166, 98), (244, 206, 140)),
    ROOM: Palette((226, 206, 180), (236, 220, 198), (184, 132, 88), (158, 108, 70), (250, 244, 232), (140, 94, 60)),
}
_SUNSET_SKY = ((110, 92, 160), (252, 176, 120))
_NIGHT_SKY = ((20, 26, 62), (62, 74, 124))
_SUNSET_LIGHT, _NIGHT_LIGHT = (236, 120, 84), (28, 34, 78)


@cache
def palette(scene: int, time: int) -> Palette:
    """Return the colours of a scene at a time of day; a room has one light."""
    by_day = _BY_DAY[scene]
    if time == DAY or scene == ROOM:
        return by_day
    sky_top, sky_bottom = _NIGHT_SKY if time == NIGHT else _SUNSET_SKY
    light, percent = (_NIGHT_LIGHT, 58) if time == NIGHT else (_SUNSET_LIGHT, 28)
    return Palette(
        sky_top,
        sky_bottom,
        far=mix_colours(by_day.far, light, percent),
        near=mix_colours(by_day.near, light, percent),
        skyline=mix_colours(by_day.skyline, light, percent),
        accent=mix_colours(by_day.accent, light, percent // 2),
    )


def mix_colours(colour: Colour, other: Colour, percent: int) -> Colour:
    """Return a colour with so many percent of another."""
    red, green, blue = ((a * (100 - percent) + b * percent) // 100 for a, b in zip(colour, other, strict=True))
    return red, green, blue
