"""What the dataset ``scenes`` has beyond images and texts, in ``Dataset.extra["scenes"]``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, overload

import numpy as np

from ficoitr.data.scenes.captions import CAPTIONS_PER_IMAGE, make_captions
from ficoitr.data.scenes.fitting import fitting_images
from ficoitr.data.scenes.layout import make_layout
from ficoitr.data.scenes.oracle import oracle_recall
from ficoitr.data.scenes.probes import Probe, make_probes
from ficoitr.data.scenes.regions import region_boxes

if TYPE_CHECKING:
    from ficoitr.data.scenes.captions import Caption
    from ficoitr.data.scenes.claims import Claim
    from ficoitr.data.scenes.table import LayoutTable


@dataclass(frozen=True, eq=False)
class SceneTruth:
    """The truth about N generated items, whose texts are five an image in the order of the images.

    Parameters
    ----------
    seed : int
        The seed of all items.
    items : ndarray of int64, shape (N,)
        Their numbers.
    table : LayoutTable
        Their layouts.
    """

    seed: int
    items: np.ndarray
    table: LayoutTable

    def __len__(self) -> int:
        return len(self.items)

    def take(self, rows: np.ndarray) -> SceneTruth:
        """Return the truth about the images of the given rows."""
        return SceneTruth(self.seed, self.items[rows], self.table.take(rows))

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """What each text claims, 5 N entries."""
        return tuple(caption.claim for item in self.items.tolist() for caption in item_captions(self.seed, item))

    @cached_property
    def _fitting(self) -> list[np.ndarray]:
        return fitting_images(self.table, self.claims)

    def positives(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return all matches: a caption that is true of an image, whichever it was written for.

        Returns
        -------
        i2t : list of N ndarrays of int64
            For each image the rows of the texts that fit it, ascending.
        t2i : list of 5 N ndarrays of int64
            For each text the rows of the images that it fits, ascending.
        """
        t2i = self._fitting
        text = np.repeat(np.arange(len(t2i)), [len(images) for images in t2i])
        image = np.concatenate(t2i)
        order = np.argsort(image, kind="stable")
        ends = np.cumsum(np.bincount(image, minlength=len(self)))
        return np.split(text[order], ends[:-1]), list(t2i)

    def oracle(self, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
        """Return the recall of knowing which texts fit which images, as fractions by ``"t2i.R@1"`` and so on.

        See ``oracle.oracle_recall`` for the definition.
        """
        own = np.repeat(np.arange(len(self)), CAPTIONS_PER_IMAGE)
        return oracle_recall(self._fitting, own, len(self), ks)

    def boxes(self, row: int) -> np.ndarray:
        """Return the eight regions of an image, int16 of shape (8, 4); see ``regions.region_boxes``."""
        return region_boxes(self.table.objects[row], self.seed, int(self.items[row]))

    def probes(self, row: int) -> tuple[Probe, ...]:
        """Return up to four pairs of a true and a false caption of an image; see ``probes.Probe``."""
        item = int(self.items[row])
        return make_probes(make_layout(self.seed, item), self.seed, item)


@dataclass(frozen=True, eq=False)
class SceneTexts(Sequence[str]):
    """The captions of N items, five each, written when asked for.

    Parameters
    ----------
    seed : int
        The seed of all items.
    items : ndarray of int64, shape (N,)
        Their numbers.
    """

    seed: int
    items: np.ndarray

    def __len__(self) -> int:
        return CAPTIONS_PER_IMAGE * len(self.items)

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> tuple[str, ...]: ...

    def __getitem__(self, row: int | slice) -> str | tuple[str, ...]:
        if isinstance(row, slice):
            return tuple(self[number] for number in range(*row.indices(len(self))))
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        image, number = divmod(row % len(self), CAPTIONS_PER_IMAGE)
        return item_captions(self.seed, int(self.items[image]))[number].text


# Texts are mostly read in order: five in a row belong to one item.
@lru_cache(maxsize=64)
def item_captions(seed: int, item: int) -> tuple[Caption, ...]:
    """Return the five captions of an item."""
    return make_captions(make_layout(seed, item), seed, item)
