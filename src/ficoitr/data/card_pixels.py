"""The part of a data card for which every image is opened, and the picture of its samples."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ficoitr.data.dataset import Dataset

_BLOCK = 64
_TILE = 192
_ACROSS = 4
_GAP = 8


@dataclass(frozen=True)
class Pixels:
    """What the images of a dataset are like.

    Attributes
    ----------
    widths, heights : (int, int, int)
        Smallest, median and largest, in pixels.
    repeated : int
        Images whose pixels are those of another one before them.
    unreadable : tuple of str
        Identifiers of images that cannot be decoded.
    """

    widths: tuple[int, int, int]
    heights: tuple[int, int, int]
    repeated: int
    unreadable: tuple[str, ...]


def count_pixels(dataset: Dataset, progress: Callable[[str, int, int], None] | None = None) -> Pixels:
    """Decode every image of a dataset, a few at a time."""
    n_images = len(dataset.images)
    found: list[tuple[tuple[int, int], bytes] | None] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        # Block by block, so that decoded images never wait in memory.
        for start in range(0, n_images, _BLOCK):
            rows = range(start, min(start + _BLOCK, n_images))
            found += pool.map(lambda row: _look_at(dataset, row), rows)
            if progress is not None:
                progress("opening images", rows.stop, n_images)
    read = [one for one in found if one is not None]
    sizes = np.array([size for size, _ in read]).reshape(-1, 2)
    return Pixels(
        widths=_spread(sizes[:, 0]),
        heights=_spread(sizes[:, 1]),
        repeated=len(read) - len({digest for _, digest in read}),
        unreadable=tuple(dataset.image_ids[row] for row, one in enumerate(found) if one is None),
    )


def contact_sheet(dataset: Dataset, rows: Sequence[int]) -> Image.Image:
    """Draw some images of a dataset side by side, in the order of reading, each fitted into a square of 192 pixels."""
    lines = -(-len(rows) // _ACROSS)
    across = min(_ACROSS, len(rows))
    sheet = Image.new("RGB", (across * (_TILE + _GAP) - _GAP, lines * (_TILE + _GAP) - _GAP), (255, 255, 255))
    for place, row in enumerate(rows):
        tile = ImageOps.contain(dataset.images[row], (_TILE, _TILE))
        left = place % _ACROSS * (_TILE + _GAP) + (_TILE - tile.width) // 2
        top = place // _ACROSS * (_TILE + _GAP) + (_TILE - tile.height) // 2
        sheet.paste(tile, (left, top))
    return sheet


def _look_at(dataset: Dataset, row: int) -> tuple[tuple[int, int], bytes] | None:
    try:
        image = dataset.images[row]
    except FileFormatError:
        return None
    return image.size, hashlib.sha256(f"{image.size};".encode() + image.tobytes()).digest()


def _spread(lengths: np.ndarray) -> tuple[int, int, int]:
    if not len(lengths):
        return (0, 0, 0)
    return int(lengths.min()), int(np.median(lengths)), int(lengths.max())
