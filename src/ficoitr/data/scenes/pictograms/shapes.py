"""Shapes as signed distances: negative inside, positive outside, on a grid of points.

A small rasteriser of our own, because polygons and ellipses of imaging libraries change by pixels from
version to version, and an item must stay the same picture. Only +, -, *, / and square roots are used,
which IEEE 754 rounds alike everywhere. The square runs from -1 to 1, y downwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Layer(NamedTuple):
    """A shape and what fills it: ``main``, ``dark``, ``light`` (of the object's colour) or a fixed paint."""

    shape: Shape
    fill: str
    outlined: bool = True


def ellipse(x: float, y: float, a: float, b: float) -> Shape:
    """Return an ellipse around (x, y) with half-axes a and b (distance to first order)."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        dx, dy = gx - x, gy - y
        scaled = np.sqrt((dx / a) * (dx / a) + (dy / b) * (dy / b))
        slope = np.sqrt((dx / (a * a)) * (dx / (a * a)) + (dy / (b * b)) * (dy / (b * b)))
        result: np.ndarray = scaled * (scaled - 1.0) / np.maximum(slope, 1e-9)
        return result

    return distance


def circle(x: float, y: float, radius: float) -> Shape:
    """Return a circle."""
    return ellipse(x, y, radius, radius)


def box(x: float, y: float, a: float, b: float, rounding: float = 0.0) -> Shape:
    """Return a rectangle around (x, y) with half-sides a and b."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        dx = np.abs(gx - x) - (a - rounding)
        dy = np.abs(gy - y) - (b - rounding)
        px, py = np.maximum(dx, 0.0), np.maximum(dy, 0.0)
        result: np.ndarray = np.sqrt(px * px + py * py) + np.minimum(np.maximum(dx, dy), 0.0) - rounding
        return result

    return distance


def line(x1: float, y1: float, x2: float, y2: float, radius: float) -> Shape:
    """Return a thick line with round ends."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.sqrt(_squared_to_segment(gx, gy, x1, y1, x2, y2)) - radius
        return result

    return distance


def polygon(*points: tuple[float, float], rounding: float = 0.0) -> Shape:
    """Return a polygon, grown by ``rounding`` with round corners."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        squared = np.full(gx.shape, np.inf)
        inside = np.zeros(gx.shape, dtype=np.bool_)
        for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
            squared = np.minimum(squared, _squared_to_segment(gx, gy, x1, y1, x2, y2))
            if y1 != y2:  # even-odd rule: a ray to the right crosses the edge
                inside ^= ((y1 > gy) != (y2 > gy)) & (gx < (x2 - x1) * (gy - y1) / (y2 - y1) + x1)
        result: np.ndarray = np.where(inside, -1.0, 1.0) * np.sqrt(squared) - rounding
        return result

    return distance


def union(*shapes: Shape) -> Shape:
    """Return what lies in any of the shapes."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.minimum.reduce([shape(gx, gy) for shape in shapes])
        return result

    return distance


def both(*shapes: Shape) -> Shape:
    """Return what lies in all of the shapes."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.maximum.reduce([shape(gx, gy) for shape in shapes])
        return result

    return distance


def cut(shape: Shape, hole: Shape) -> Shape:
    """Return the shape without the hole."""

    def distance(gx: np.ndarray, gy: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.maximum(shape(gx, gy), -hole(gx, gy))
        return result

    return distance


def _squared_to_segment(gx: np.ndarray, gy: np.ndarray, x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    dx, dy = x2 - x1, y2 - y1
    along = ((gx - x1) * dx + (gy - y1) * dy) / (dx * dx + dy * dy)
    along = np.minimum(np.maximum(along, 0.0), 1.0)
    rx, ry = gx - (x1 + along * dx), gy - (y1 + along * dy)
    return rx * rx + ry * ry
