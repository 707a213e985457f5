"""The generated benchmark ``scenes``: drawn pictures whose captions are known to be true.

Item i is a pure function of (seed, i). Data passes through the files in this order: ``streams`` (random
numbers), ``layout`` (what stands where), ``picture`` (of ``pictograms``, ``sprites``, ``details`` and ``palettes``),
``captions`` (with their ``claims``), ``fitting`` and ``oracle`` (what is true of what), ``generate`` (the dataset).
"""

from __future__ import annotations

from ficoitr.data.scenes.extra import SceneTruth
from ficoitr.data.scenes.generate import DEFAULT_SEED, load
from ficoitr.data.scenes.probes import Probe

__all__ = ["DEFAULT_SEED", "Probe", "SceneTruth", "load"]
