"""Pictograms as small pictures: drawn once large, reduced, and cached."""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

from ficoitr.data.scenes.pictograms import PICTOGRAMS, Layer
from ficoitr.data.scenes.vocabulary import KIND_NAMES

_SIDE = 144  # pixels of the large drawing's side
_OUTLINE = 0.09  # of half the side: a pixel in the smallest objects, two in the largest
_MARGIN = 1.15  # the outline lies outside the shapes

INK = (40, 34, 48)
_OBJECT_PAINTS = ("main", "dark", "light")  # depend on the object's colour
_PAINTS = {
    "ink": INK,
    "navy": (62, 70, 108),
    "skin": (244, 200, 164),
    "hair": (104, 66, 44),
    "pink": (240, 150, 160),
    "lime": (196, 224, 96),
    "amber": (250, 180, 50),
    "lemon": (255, 236, 140),
    "paper": (252, 250, 244),
    "cream": (246, 230, 200),
    "glass": (176, 220, 240),
    "metal": (168, 172, 184),
    "wood": (152, 104, 64),
    "leaf": (84, 160, 72),
    "earth": (190, 150, 100),
    "brick": (176, 92, 72),
    "coffee": (112, 72, 48),
    "ribbon": (255, 240, 190),
}

# By colour of ``vocabulary.COLOURS``: three shades each.
_SHADES = (
    ((226, 52, 48), (206, 38, 56), (238, 72, 62)),
    ((246, 142, 40), (236, 124, 26), (250, 156, 66)),
    ((250, 214, 56), (242, 200, 34), (252, 224, 92)),
    ((74, 172, 76), (52, 150, 70), (104, 190, 84)),
    ((58, 124, 220), (44, 102, 200), (84, 150, 234)),
    ((148, 84, 196), (128, 66, 180), (168, 104, 210)),
    ((246, 246, 246), (236, 238, 242), (252, 250, 244)),
    ((58, 58, 66), (48, 48, 54), (70, 68, 78)),
)


@cache
def sprite(kind: int, colour: int, shade: int, mirrored: bool, width: int, height: int) -> Image.Image:
    """Return an object's picture.

    Parameters
    ----------
    kind, colour, shade : int
        Rows of ``vocabulary.KINDS``, of ``vocabulary.COLOURS``, and 0 to 2.
    mirrored : bool
        Whether left and right are exchanged.
    width, height : int
        Pixels.

    Returns
    -------
    Image
        Mode RGBA.
    """
    fixed, shares, opacity = _reduced(kind, mirrored, width, height)
    main, dark, light = _object_paints(_SHADES[colour][shade])
    rgb = fixed + (shares[0] * main + shares[1] * dark + shares[2] * light + 127) // 255
    return Image.fromarray(np.dstack([np.minimum(rgb, 255), opacity]).astype(np.uint8))


@cache
def shadow(width: int) -> Image.Image:
    """Return the mask (mode L) of the soft shadow under an object of this width."""
    height = max(3, width // 5)
    x = (np.arange(width) * 2 + 1 - width) / width
    y = (np.arange(height) * 2 + 1 - height) / height
    inside = np.maximum(1.0 - x[None, :] * x[None, :] - y[:, None] * y[:, None], 0.0)
    return Image.fromarray((inside * 90.0).astype(np.uint8))


def drawn_size(kind: int) -> tuple[int, int]:
    """Return the width and height of the large drawing, in percent of its longer side."""
    height, width = _drawing(kind)[2].shape
    return round(100 * width / max(width, height)), round(100 * height / max(width, height))


@cache
def _reduced(kind: int, mirrored: bool, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a drawing in its final size, in integers from 0 to 255.

    Pillow reduces 8-bit images in integer arithmetic, alike everywhere.
    """

    def reduce(values: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.floor(values + 0.5).astype(np.uint8))
        small = np.asarray(image.resize((width, height), Image.Resampling.BOX)).astype(np.int32)
        return small[:, ::-1] if mirrored else small

    fixed, shares, opacity = _drawing(kind)
    return (
        np.dstack([reduce(fixed[..., channel]) for channel in range(3)]),
        np.stack([reduce(255.0 * share)[..., None] for share in shares]),
        reduce(255.0 * opacity),
    )


@cache
def _drawing(kind: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what the fixed paints give, the shares of the object's three paints, and the opacity.

    Colours mix linearly, so that a drawing is layered and reduced once for all its colours.
    """
    fixed = np.empty((_SIDE, _SIDE, 3))
    fixed[:] = INK
    shares = np.zeros((len(_OBJECT_PAINTS), _SIDE, _SIDE))
    opacity = np.zeros((_SIDE, _SIDE))
    for layer in PICTOGRAMS[KIND_NAMES[kind]]:
        for coverage, paint in _strokes(layer):
            rest = 1.0 - coverage
            fixed = fixed * rest[..., None] + coverage[..., None] * np.array(_PAINTS.get(paint, (0, 0, 0)))
            shares = shares * rest
            if paint in _OBJECT_PAINTS:
                shares[_OBJECT_PAINTS.index(paint)] += coverage
            opacity = np.maximum(opacity, coverage)
    rows, columns = np.flatnonzero(opacity.any(axis=1)), np.flatnonzero(opacity.any(axis=0))
    down, across = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return fixed[down, across], shares[:, down, across], opacity[down, across]


def _strokes(layer: Layer) -> list[tuple[np.ndarray, str]]:
    """Return how much of each pixel a layer's outline and its filling cover, and with which paint."""
    axis = ((np.arange(_SIDE) * 2 + 1) / _SIDE - 1.0) * _MARGIN
    distance = layer.shape(*np.meshgrid(axis, axis)) / (2.0 * _MARGIN / _SIDE)
    outline = _OUTLINE * _SIDE / (2.0 * _MARGIN)
    strokes = [(np.clip(0.5 - distance + outline, 0.0, 1.0), "ink")] if layer.outlined else []
    return [*strokes, (np.clip(0.5 - distance, 0.0, 1.0), layer.fill)]


def _object_paints(main: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the colours of ``_OBJECT_PAINTS``."""
    colour = np.array(main)
    # A light part of a white object must still be seen: it turns greyer there.
    light = np.array((222, 226, 234)) if min(main) >= 230 else colour + (255 - colour) * 42 // 100
    return colour, colour * 72 // 100, light
