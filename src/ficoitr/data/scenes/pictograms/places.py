"""Pictograms of plants and buildings."""

from __future__ import annotations

from ficoitr.data.scenes.pictograms.shapes import Layer, both, box, circle, ellipse, line, polygon, union

_TREE = (
    Layer(polygon((-0.12, 0.1), (0.12, 0.1), (0.2, 0.92), (-0.2, 0.92), rounding=0.02), "wood"),
    Layer(
        union(
            circle(-0.36, 0.06, 0.36),
            circle(0.36, 0.06, 0.36),
            circle(0, -0.46, 0.44),
            circle(0, -0.05, 0.42),
        ),
        "main",
    ),
    Layer(union(ellipse(0.2, 0.24, 0.36, 0.12), ellipse(-0.32, 0.28, 0.24, 0.1)), "dark", outlined=False),
    Layer(union(circle(-0.14, -0.58, 0.16), circle(-0.44, -0.06, 0.13)), "light", outlined=False),
)

_FLOWER = (
    Layer(line(0, 0.1, 0, 0.94, 0.06), "leaf"),
    Layer(union(ellipse(-0.28, 0.62, 0.24, 0.13), ellipse(0.28, 0.74, 0.24, 0.13)), "leaf"),
    Layer(
        union(
            circle(0, -0.76, 0.22),
            circle(0.35, -0.55, 0.22),
            circle(0.35, -0.15, 0.22),
            circle(0, 0.06, 0.22),
            circle(-0.35, -0.15, 0.22),
            circle(-0.35, -0.55, 0.22),
            circle(0, -0.35, 0.3),
        ),
        "main",
    ),
    Layer(
        union(circle(-0.32, -0.55, 0.08), circle(0, -0.74, 0.08), circle(0.32, -0.55, 0.08)),
        "light",
        outlined=False,
    ),
    Layer(circle(0, -0.35, 0.17), "amber"),
)

_MUSHROOM = (
    Layer(polygon((-0.2, 0.0), (0.2, 0.0), (0.28, 0.72), (-0.28, 0.72), rounding=0.08), "cream"),
    Layer(both(ellipse(0, 0.12, 0.86, 0.9), box(0, -0.88, 1, 1, 0.1)), "main"),
    Layer(
        union(ellipse(-0.4, -0.2, 0.17, 0.14), ellipse(0.16, -0.46, 0.18, 0.14), ellipse(0.52, -0.1, 0.14, 0.12)),
        "paper",
        outlined=False,
    ),
    Layer(box(0, 0.05, 0.78, 0.05), "dark", outlined=False),
)

_CACTUS = (
    Layer(
        union(
            line(0, -0.66, 0, 0.72, 0.24),
            line(-0.56, -0.22, -0.56, 0.12, 0.13),
            line(-0.56, 0.16, -0.2, 0.16, 0.13),
            line(0.56, -0.4, 0.56, -0.06, 0.13),
            line(0.56, -0.02, 0.2, -0.02, 0.13),
        ),
        "main",
    ),
    Layer(union(line(-0.08, -0.6, -0.08, 0.8, 0.025), line(0.1, -0.6, 0.1, 0.8, 0.025)), "dark", outlined=False),
    Layer(union(line(-0.6, -0.2, -0.6, 0.08, 0.03), line(0.52, -0.4, 0.52, -0.1, 0.03)), "light", outlined=False),
    Layer(ellipse(0, 0.9, 0.4, 0.08), "earth"),
)

_HOUSE = (
    Layer(box(0.46, -0.56, 0.1, 0.28), "brick"),
    Layer(box(0, 0.36, 0.68, 0.52, 0.03), "main"),
    Layer(box(0, 0.8, 0.68, 0.06), "dark", outlined=False),
    Layer(polygon((-0.84, -0.06), (0, -0.82), (0.84, -0.06), rounding=0.05), "dark"),
    Layer(circle(0, -0.36, 0.12), "lemon"),
    Layer(box(-0.32, 0.3, 0.19, 0.17), "lemon"),
    Layer(box(-0.32, 0.3, 0.02, 0.17), "ink", outlined=False),
    Layer(box(0.3, 0.52, 0.18, 0.34, 0.04), "wood"),
)

_TENT = (
    Layer(line(0, -0.74, 0, -0.5, 0.03), "wood"),
    Layer(polygon((0, -0.62), (0.92, 0.68), (-0.92, 0.68), rounding=0.04), "main"),
    Layer(polygon((-0.08, -0.5), (-0.4, 0.68), (-0.62, 0.68)), "light", outlined=False),
    Layer(polygon((0.08, -0.5), (0.4, 0.68), (0.62, 0.68)), "light", outlined=False),
    Layer(polygon((0, -0.2), (0.3, 0.68), (-0.3, 0.68)), "ink", outlined=False),
    Layer(polygon((0.02, -0.2), (0.3, 0.68), (0.14, 0.68)), "dark", outlined=False),
)

PICTOGRAMS = {
    "tree": _TREE,
    "flower": _FLOWER,
    "mushroom": _MUSHROOM,
    "cactus": _CACTUS,
    "house": _HOUSE,
    "tent": _TENT,
}
