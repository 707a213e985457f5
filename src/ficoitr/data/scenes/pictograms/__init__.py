"""The 24 pictograms, by the name of their kind."""

from __future__ import annotations

from ficoitr.data.scenes.pictograms import items, living, places, vehicles
from ficoitr.data.scenes.pictograms.shapes import Layer

PICTOGRAMS: dict[str, tuple[Layer, ...]] = (
    living.PICTOGRAMS | vehicles.PICTOGRAMS | places.PICTOGRAMS | items.PICTOGRAMS
)

__all__ = ["PICTOGRAMS", "Layer"]
