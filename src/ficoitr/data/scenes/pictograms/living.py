"""Pictograms of the person and the animals."""

from __future__ import annotations

from ficoitr.data.scenes.pictograms.shapes import Layer, both, box, circle, cut, ellipse, line, polygon, union

_PERSON = (
    Layer(union(line(-0.17, 0.3, -0.2, 0.84, 0.12), line(0.17, 0.3, 0.2, 0.84, 0.12)), "navy"),
    Layer(union(line(-0.2, 0.9, -0.3, 0.9, 0.08), line(0.2, 0.9, 0.3, 0.9, 0.08)), "ink"),
    Layer(union(circle(-0.46, 0.34, 0.1), circle(0.46, 0.34, 0.1)), "skin"),
    Layer(
        union(
            box(0, 0.06, 0.3, 0.4, 0.14),
            line(-0.26, -0.18, -0.44, 0.2, 0.11),
            line(0.26, -0.18, 0.44, 0.2, 0.11),
        ),
        "main",
    ),
    Layer(circle(0, -0.64, 0.27), "skin"),
    Layer(
        both(circle(0, -0.66, 0.29), polygon((-0.4, -1), (0.4, -1), (0.4, -0.66), (-0.05, -0.76), (-0.4, -0.6))),
        "hair",
    ),
)

_CAT = (
    Layer(union(line(0.5, 0.74, 0.78, 0.5, 0.1), line(0.78, 0.5, 0.74, 0.1, 0.1)), "main"),
    Layer(
        union(
            ellipse(0, 0.5, 0.5, 0.44),
            ellipse(0, -0.26, 0.52, 0.44),
            polygon((-0.5, -0.3), (-0.46, -0.86), (-0.08, -0.56), rounding=0.03),
            polygon((0.5, -0.3), (0.46, -0.86), (0.08, -0.56), rounding=0.03),
        ),
        "main",
    ),
    Layer(ellipse(0, 0.6, 0.24, 0.28), "light", outlined=False),
    Layer(
        union(
            polygon((-0.4, -0.5), (-0.39, -0.7), (-0.24, -0.58)),
            polygon((0.4, -0.5), (0.39, -0.7), (0.24, -0.58)),
        ),
        "pink",
        outlined=False,
    ),
    Layer(union(ellipse(-0.22, -0.3, 0.13, 0.15), ellipse(0.22, -0.3, 0.13, 0.15)), "lime", outlined=False),
    Layer(union(ellipse(-0.22, -0.3, 0.06, 0.13), ellipse(0.22, -0.3, 0.06, 0.13)), "ink", outlined=False),
    Layer(polygon((-0.08, -0.1), (0.08, -0.1), (0, 0), rounding=0.02), "pink", outlined=False),
)

_RABBIT = (
    Layer(circle(0.48, 0.66, 0.18), "light"),
    Layer(
        union(
            ellipse(0, 0.54, 0.46, 0.42),
            ellipse(0, -0.04, 0.4, 0.36),
            ellipse(-0.22, -0.6, 0.14, 0.38),
            ellipse(0.22, -0.6, 0.14, 0.38),
        ),
        "main",
    ),
    Layer(union(ellipse(-0.22, -0.58, 0.06, 0.26), ellipse(0.22, -0.58, 0.06, 0.26)), "pink", outlined=False),
    Layer(ellipse(0, 0.64, 0.24, 0.26), "light", outlined=False),
    Layer(union(circle(-0.16, -0.1, 0.08), circle(0.16, -0.1, 0.08)), "ink", outlined=False),
    Layer(ellipse(0, 0.06, 0.08, 0.06), "pink", outlined=False),
)

_BIRD = (
    Layer(polygon((-0.5, 0.1), (-0.96, -0.1), (-0.9, 0.3), rounding=0.03), "dark"),
    Layer(polygon((0.7, -0.3), (1.0, -0.16), (0.7, -0.06)), "amber"),
    Layer(union(ellipse(-0.02, 0.14, 0.58, 0.36), circle(0.5, -0.2, 0.3)), "main"),
    Layer(ellipse(0.14, 0.28, 0.34, 0.18), "light", outlined=False),
    Layer(polygon((-0.38, 0.06), (0.26, 0.1), (-0.14, -0.68), (-0.36, -0.58), rounding=0.05), "dark"),
    Layer(circle(0.58, -0.24, 0.08), "ink", outlined=False),
)

_FISH = (
    Layer(polygon((-0.4, 0), (-0.92, -0.44), (-0.76, 0), (-0.92, 0.44), rounding=0.04), "dark"),
    Layer(polygon((-0.1, -0.36), (0.24, -0.58), (0.4, -0.3), rounding=0.03), "dark"),
    Layer(ellipse(0.2, 0, 0.7, 0.46), "main"),
    Layer(
        both(ellipse(0.2, 0, 0.66, 0.42), polygon((-0.16, -0.6), (0.04, -0.6), (0.04, 0.6), (-0.16, 0.6))),
        "light",
        outlined=False,
    ),
    Layer(polygon((0.16, 0.02), (-0.06, 0.2), (0.24, 0.22), rounding=0.03), "dark", outlined=False),
    Layer(circle(0.54, -0.1, 0.14), "paper", outlined=False),
    Layer(circle(0.57, -0.1, 0.07), "ink", outlined=False),
)

_BUTTERFLY = (
    Layer(union(line(-0.04, -0.5, -0.24, -0.8, 0.02), line(0.04, -0.5, 0.24, -0.8, 0.02)), "ink"),
    Layer(union(ellipse(-0.46, 0.4, 0.36, 0.36), ellipse(0.46, 0.4, 0.36, 0.36)), "dark"),
    Layer(
        union(
            polygon((-0.08, 0.1), (-0.2, -0.5), (-0.78, -0.6), (-0.82, -0.1), (-0.5, 0.16), rounding=0.1),
            polygon((0.08, 0.1), (0.2, -0.5), (0.78, -0.6), (0.82, -0.1), (0.5, 0.16), rounding=0.1),
        ),
        "main",
    ),
    Layer(union(circle(-0.58, -0.3, 0.17), circle(0.58, -0.3, 0.17)), "light", outlined=False),
    Layer(union(circle(-0.48, 0.42, 0.13), circle(0.48, 0.42, 0.13)), "light", outlined=False),
    Layer(cut(ellipse(0, 0.08, 0.1, 0.56), box(0, 2, 1, 1)), "ink"),
)

PICTOGRAMS = {
    "person": _PERSON,
    "cat": _CAT,
    "rabbit": _RABBIT,
    "bird": _BIRD,
    "fish": _FISH,
    "butterfly": _BUTTERFLY,
}
