"""The picture of an item: background, then its objects."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

from ficoitr.data.scenes import details
from ficoitr.data.scenes.layout import SIDE, Layout, make_layout
from ficoitr.data.scenes.palettes import palette
from ficoitr.data.scenes.sprites import shadow, sprite
from ficoitr.data.scenes.streams import Purpose, Stream, random_bytes, stream_key
from ficoitr.data.scenes.vocabulary import KINDS, NIGHT, ROOM, SNOW

_JITTER = 9  # of a colour, in steps of 255
_GRAIN = 7  # bits kept of a random byte: noise of -3 to 4


def draw_item(seed: int, item: int) -> Image.Image:
    """Return the picture of an item, RGB, 96 x 96."""
    return draw(make_layout(seed, item), seed, item)


def draw(layout: Layout, seed: int, item: int) -> Image.Image:
    """Return the picture of a layout; seed and item choose the background's details and noise."""
    picture = _background(layout, seed, item)
    for thing in layout.objects:
        if layout.scene != ROOM and not KINDS[thing.kind].sky:
            mask = shadow(thing.width)
            picture.paste((20, 20, 30), (thing.left, thing.bottom - mask.height // 2 - 1), mask)
        pixels = sprite(thing.kind, thing.colour, thing.shade, thing.mirrored, thing.width, thing.height)
        picture.paste(pixels, (thing.left, thing.top), pixels)
    return picture


def _background(layout: Layout, seed: int, item: int) -> Image.Image:
    stream = Stream(seed, item, Purpose.BACKGROUND)
    picture = _gradient(layout, stream, stream_key(seed, item, Purpose.NOISE))
    scene, time, horizon = layout.scene, layout.time, layout.horizon
    if scene != ROOM:
        _sky(picture, layout, stream)
    _strip(picture, details.skyline(scene, time, stream.below(details.VARIANTS)), stream, bottom=horizon)
    _strip(picture, details.ground(scene, time, stream.below(details.VARIANTS)), stream, top=horizon)
    if scene == ROOM:
        pane = details.window(stream.below(details.VARIANTS))
        picture.paste(pane, (stream.between(4, SIDE - 30), horizon - 31 + stream.below(4)), pane)
    return picture


def _gradient(layout: Layout, stream: Stream, noise_key: int) -> Image.Image:
    jitter = np.array([stream.between(-_JITTER, _JITTER) for _ in range(6)], dtype=np.int16).reshape(2, 3)
    rows = _ramp(layout.scene, layout.time, layout.horizon).copy()
    rows[: layout.horizon] += jitter[0]
    rows[layout.horizon :] += jitter[1]
    low = rows.clip(0, 255 - _GRAIN).astype(np.uint8)
    noise = (random_bytes(noise_key, SIDE * SIDE) & _GRAIN).reshape(SIDE, SIDE)
    noise[: layout.horizon] = (noise[: layout.horizon] >> 1) + 2  # the sky is smoother than the ground
    # Whole rows of bytes: several times faster than broadcasting over three channels.
    pixels = np.tile(low, (1, SIDE)) + np.repeat(noise, 3, axis=1)
    return Image.frombytes("RGB", (SIDE, SIDE), pixels.tobytes())


@cache
def _ramp(scene: int, time: int, horizon: int) -> np.ndarray:
    """Return the colour of each row of pixels before jitter and noise, int16 of shape (96, 3)."""
    colours = palette(scene, time)
    sky = _between(colours.sky_top, colours.sky_bottom, horizon)
    ground = _between(colours.far, colours.near, SIDE - horizon)
    return np.concatenate([sky, ground]).astype(np.int16) - _GRAIN // 2


def _between(first: tuple[int, int, int], last: tuple[int, int, int], n: int) -> np.ndarray:
    low, high = np.array(first), np.array(last)
    ramp: np.ndarray = low + (high - low) * np.arange(n)[:, None] // n
    return ramp


def _sky(picture: Image.Image, layout: Layout, stream: Stream) -> None:
    horizon = layout.horizon
    if layout.time == NIGHT:
        for _ in range(14):
            picture.putpixel((stream.below(SIDE), stream.below(horizon - 8)), (226, 228, 246))
    if stream.chance(60):
        disc = details.sun_or_moon(layout.time)
        picture.paste(disc, (stream.between(2, SIDE - 20), stream.between(1, max(2, horizon - 30))), disc)
    for _ in range(stream.below(4)):
        puff = details.cloud(layout.time, stream.below(details.VARIANTS))
        picture.paste(puff, (stream.between(-12, SIDE - 16), stream.between(-3, horizon - 20)), puff)
    if layout.scene == SNOW:
        for _ in range(18):
            picture.putpixel((stream.below(SIDE), stream.below(SIDE)), (255, 255, 255))


def _strip(
    picture: Image.Image, strip: Image.Image, stream: Stream, *, top: int | None = None, bottom: int = 0
) -> None:
    left = stream.below(strip.width - SIDE)
    visible = strip.crop((left, 0, left + SIDE, strip.height))
    picture.paste(visible, (0, bottom - strip.height if top is None else top), visible)
