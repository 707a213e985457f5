"""Pictograms of the items."""

from __future__ import annotations

from ficoitr.data.scenes.pictograms.shapes import Layer, both, box, circle, cut, ellipse, line, polygon, union

_BALL = (
    Layer(circle(0, 0, 0.78), "main"),
    Layer(both(circle(0, 0, 0.78), circle(-0.9, -0.2, 0.62)), "paper", outlined=False),
    Layer(both(circle(0, 0, 0.78), circle(0.9, 0.3, 0.62)), "paper", outlined=False),
    Layer(both(circle(0, 0, 0.76), cut(circle(0, 0, 0.8), circle(-0.14, -0.16, 0.82))), "dark", outlined=False),
    Layer(ellipse(-0.02, -0.44, 0.2, 0.12), "light", outlined=False),
)

_GIFT = (
    Layer(cut(ellipse(-0.28, -0.58, 0.3, 0.22), ellipse(-0.28, -0.58, 0.12, 0.07)), "ribbon"),
    Layer(cut(ellipse(0.28, -0.58, 0.3, 0.22), ellipse(0.28, -0.58, 0.12, 0.07)), "ribbon"),
    Layer(box(0, 0.3, 0.66, 0.54, 0.03), "main"),
    Layer(box(0, 0.36, 0.14, 0.5), "ribbon", outlined=False),
    Layer(box(0, -0.22, 0.78, 0.16, 0.03), "main"),
    Layer(box(0, -0.22, 0.14, 0.16), "ribbon", outlined=False),
    Layer(circle(0, -0.46, 0.1), "ribbon"),
)

_CUP = (
    Layer(cut(ellipse(0.56, 0.04, 0.34, 0.34), ellipse(0.56, 0.04, 0.14, 0.15)), "main"),
    Layer(polygon((-0.68, -0.44), (0.44, -0.44), (0.34, 0.52), (-0.58, 0.52), rounding=0.1), "main"),
    Layer(polygon((0.2, -0.3), (0.42, -0.3), (0.32, 0.5), (0.06, 0.5), rounding=0.03), "dark", outlined=False),
    Layer(ellipse(-0.12, -0.46, 0.6, 0.14), "coffee"),
    Layer(line(-0.5, -0.14, -0.44, 0.36, 0.06), "light", outlined=False),
)

_UMBRELLA = (
    Layer(
        union(line(0, -0.5, 0, 0.7, 0.05), line(0, 0.74, 0.12, 0.86, 0.05), line(0.12, 0.86, 0.24, 0.72, 0.05)),
        "wood",
    ),
    Layer(line(0, -0.88, 0, -0.7, 0.05), "wood"),
    Layer(
        cut(
            both(ellipse(0, 0.08, 0.94, 0.86), box(0, -0.9, 1, 1)),
            union(ellipse(-0.62, 0.16, 0.3, 0.16), ellipse(0, 0.16, 0.3, 0.16), ellipse(0.62, 0.16, 0.3, 0.16)),
        ),
        "main",
    ),
    Layer(
        cut(
            both(ellipse(0, 0.08, 0.34, 0.84), box(0, -0.9, 1, 1)),
            ellipse(0, 0.16, 0.3, 0.16),
        ),
        "light",
        outlined=False,
    ),
)

_KITE = (
    Layer(union(line(0, 0.3, 0.14, 0.62, 0.03), line(0.14, 0.62, -0.04, 0.94, 0.03)), "ink", outlined=False),
    Layer(polygon((-0.02, 0.52), (0.28, 0.7), (0.28, 0.52), (0.02, 0.72), rounding=0.02), "main"),
    Layer(polygon((0, -0.94), (0.56, -0.34), (0, 0.4), (-0.56, -0.34), rounding=0.04), "main"),
    Layer(polygon((0, -0.94), (0.56, -0.34), (0, -0.34)), "light", outlined=False),
    Layer(polygon((0, 0.4), (-0.56, -0.34), (0, -0.34)), "light", outlined=False),
    Layer(union(line(0, -0.92, 0, 0.38, 0.03), line(-0.54, -0.34, 0.54, -0.34, 0.03)), "ink", outlined=False),
)

_LAMP = (
    Layer(line(0, -0.2, 0, 0.8, 0.07), "metal"),
    Layer(both(ellipse(0, 0.94, 0.44, 0.2), box(0, 0.5, 1, 0.44)), "metal"),
    Layer(polygon((-0.3, -0.9), (0.3, -0.9), (0.58, -0.14), (-0.58, -0.14), rounding=0.04), "main"),
    Layer(polygon((-0.2, -0.84), (-0.02, -0.84), (-0.1, -0.2), (-0.44, -0.2)), "light", outlined=False),
    Layer(line(-0.56, -0.14, 0.56, -0.14, 0.05), "dark", outlined=False),
)

_STAR_POINTS = (
    (0.0, -0.86),
    (0.24, -0.3),
    (0.84, -0.25),
    (0.39, 0.15),
    (0.52, 0.74),
    (0.0, 0.42),
    (-0.52, 0.74),
    (-0.39, 0.15),
    (-0.84, -0.25),
    (-0.24, -0.3),
)
_STAR = (
    Layer(polygon(*_STAR_POINTS, rounding=0.06), "main"),
    Layer(polygon((0.0, -0.7), (-0.17, -0.24), (-0.66, -0.19), (-0.27, 0.12), (0, 0)), "light", outlined=False),
    Layer(polygon((0.0, 0.36), (0.42, 0.62), (0.3, 0.12), (0, 0)), "dark", outlined=False),
)

PICTOGRAMS = {
    "ball": _BALL,
    "gift": _GIFT,
    "cup": _CUP,
    "umbrella": _UMBRELLA,
    "kite": _KITE,
    "lamp": _LAMP,
    "star": _STAR,
}
