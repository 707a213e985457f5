"""The regions of an item: boxes as a detector would give them."""

from __future__ import annotations

import numpy as np

from ficoitr.data.scenes.layout import SIDE
from ficoitr.data.scenes.streams import Purpose, Stream
from ficoitr.data.scenes.table import ABSENT

REGIONS_PER_IMAGE = 8
_MARGIN, _JITTER = 1, 2  # pixels


def region_boxes(objects: np.ndarray, seed: int, item: int) -> np.ndarray:
    """Return eight boxes: the whole picture, its objects, and fillers at random places.

    The boxes of objects are the true ones with a margin of a pixel and a jitter of up to two, as a
    detector's noise: models that use them are told where the objects are.

    Parameters
    ----------
    objects : ndarray of int16, shape (5, 7)
        A row of ``LayoutTable.objects``.
    seed, item : int
        What the layout was made from.

    Returns
    -------
    ndarray of int16, shape (8, 4)
        Left, top, right and bottom in pixels; right and bottom are excluded.
    """
    stream = Stream(seed, item, Purpose.REGIONS)
    boxes = [(0, 0, SIDE, SIDE)]
    for kind, _, _, left, top, width, height in objects.tolist():
        if kind != ABSENT:
            edges = (left - _MARGIN, top - _MARGIN, left + width + _MARGIN, top + height + _MARGIN)
            x1, y1, x2, y2 = (edge + stream.between(-_JITTER, _JITTER) for edge in edges)
            boxes.append((max(x1, 0), max(y1, 0), min(x2, SIDE), min(y2, SIDE)))
    while len(boxes) < REGIONS_PER_IMAGE:
        width, height = stream.between(SIDE // 4, SIDE // 2), stream.between(SIDE // 4, SIDE // 2)
        left, top = stream.below(SIDE - width + 1), stream.below(SIDE - height + 1)
        boxes.append((left, top, left + width, top + height))
    return np.array(boxes, dtype=np.int16)
