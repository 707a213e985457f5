"""Pictograms of the vehicles."""

from __future__ import annotations

from ficoitr.data.scenes.pictograms.shapes import Layer, both, box, circle, ellipse, line, polygon, union

_CAR = (
    Layer(polygon((-0.62, 0.0), (-0.4, -0.44), (0.3, -0.44), (0.6, 0.0), rounding=0.06), "main"),
    Layer(polygon((-0.44, 0.0), (-0.32, -0.32), (-0.08, -0.32), (-0.08, 0.0)), "glass", outlined=False),
    Layer(polygon((0.04, 0.0), (0.04, -0.32), (0.24, -0.32), (0.44, 0.0)), "glass", outlined=False),
    Layer(box(0, 0.16, 0.9, 0.24, 0.12), "main"),
    Layer(box(0, 0.26, 0.84, 0.08, 0.06), "dark", outlined=False),
    Layer(box(0.8, 0.06, 0.08, 0.07, 0.03), "lemon", outlined=False),
    Layer(union(circle(-0.5, 0.36, 0.21), circle(0.5, 0.36, 0.21)), "ink"),
    Layer(union(circle(-0.5, 0.36, 0.1), circle(0.5, 0.36, 0.1)), "metal", outlined=False),
)

_BUS = (
    Layer(box(0, -0.04, 0.92, 0.52, 0.12), "main"),
    Layer(
        union(
            box(-0.62, -0.2, 0.16, 0.18, 0.03),
            box(-0.2, -0.2, 0.16, 0.18, 0.03),
            box(0.22, -0.2, 0.16, 0.18, 0.03),
        ),
        "glass",
        outlined=False,
    ),
    Layer(box(0.68, -0.06, 0.17, 0.32, 0.03), "glass", outlined=False),
    Layer(box(-0.22, 0.18, 0.66, 0.05), "light", outlined=False),
    Layer(box(0, 0.38, 0.88, 0.07, 0.04), "dark", outlined=False),
    Layer(union(circle(-0.5, 0.48, 0.18), circle(0.5, 0.48, 0.18)), "ink"),
    Layer(union(circle(-0.5, 0.48, 0.08), circle(0.5, 0.48, 0.08)), "metal", outlined=False),
)

_BOAT = (
    Layer(line(-0.02, -0.9, -0.02, 0.5, 0.05), "wood"),
    Layer(polygon((0.12, -0.78), (0.12, 0.24), (0.74, 0.24), rounding=0.03), "main"),
    Layer(polygon((-0.16, -0.56), (-0.16, 0.24), (-0.66, 0.24), rounding=0.03), "paper"),
    Layer(polygon((-0.84, 0.44), (0.84, 0.44), (0.56, 0.86), (-0.56, 0.86), rounding=0.05), "main"),
    Layer(polygon((-0.72, 0.62), (0.72, 0.62), (0.67, 0.7), (-0.67, 0.7)), "light", outlined=False),
)

_PLANE = (
    Layer(polygon((-0.6, -0.04), (-0.98, -0.52), (-0.74, -0.52), (-0.3, -0.1), rounding=0.03), "dark"),
    Layer(polygon((-0.1, -0.12), (-0.2, -0.58), (0.02, -0.58), (0.34, -0.12), rounding=0.03), "dark"),
    Layer(
        union(ellipse(0.06, 0, 0.9, 0.24), polygon((-0.84, -0.1), (-0.3, -0.2), (-0.3, 0.2), rounding=0.02)),
        "main",
    ),
    Layer(
        both(ellipse(0.06, 0, 0.88, 0.22), polygon((0.62, -0.3), (1, -0.3), (1, 0), (0.7, 0))),
        "glass",
        outlined=False,
    ),
    Layer(
        union(
            circle(-0.3, -0.05, 0.06),
            circle(-0.08, -0.05, 0.06),
            circle(0.14, -0.05, 0.06),
            circle(0.36, -0.05, 0.06),
        ),
        "glass",
        outlined=False,
    ),
    Layer(polygon((-0.06, 0.06), (-0.44, 0.6), (-0.18, 0.6), (0.34, 0.06), rounding=0.03), "light"),
)

_BALLOON = (
    Layer(union(line(-0.34, 0.26, -0.16, 0.64, 0.03), line(0.34, 0.26, 0.16, 0.64, 0.03)), "ink", outlined=False),
    Layer(
        union(ellipse(0, -0.26, 0.62, 0.64), polygon((-0.5, 0.1), (0.5, 0.1), (0.2, 0.42), (-0.2, 0.42))),
        "main",
    ),
    Layer(both(ellipse(0, -0.26, 0.28, 0.62), box(0, -0.3, 1, 0.72)), "light", outlined=False),
    Layer(both(ellipse(0, -0.26, 0.1, 0.62), box(0, -0.3, 1, 0.72)), "main", outlined=False),
    Layer(box(0, 0.34, 0.3, 0.06), "dark", outlined=False),
    Layer(box(0, 0.78, 0.2, 0.14, 0.04), "wood"),
)

PICTOGRAMS = {"car": _CAR, "bus": _BUS, "boat": _BOAT, "plane": _PLANE, "balloon": _BALLOON}
