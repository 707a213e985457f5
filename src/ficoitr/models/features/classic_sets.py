"""The extractors of classic image features: of the whole image, and of its regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from PIL import Image

from ficoitr.errors import ShapeError
from ficoitr.models.features.base import Extractor, ImageExtractor
from ficoitr.models.features.classic import (
    FIXED_REGIONS,
    GLOBAL_BLOCKS,
    REGION_BLOCKS,
    fixed_boxes,
    global_features,
    region_features,
)
from ficoitr.outputs.files import digest_arrays

if TYPE_CHECKING:
    from ficoitr.data import Dataset

Array = np.ndarray[Any, Any]


@runtime_checkable
class Boxed(Protocol):
    """Something in `Dataset.extra` that knows the boxes of each image."""

    def boxes(self, row: int) -> Array:
        """Boxes of one image, shape (n_regions, 4): left, top, right and bottom in pixels."""
        ...


def has_boxes(dataset: Dataset) -> bool:
    """Whether the dataset knows where the objects of its images are."""
    return _boxes_of(dataset) is not None


def _boxes_of(dataset: Dataset) -> Boxed | None:
    return next((value for value in dataset.extra.values() if isinstance(value, Boxed)), None)


class GlobalFeatures(ImageExtractor):
    """Colours, gradients and pixels of the whole image."""

    name = "global"
    blocks = tuple(block.size for block in GLOBAL_BLOCKS)
    shape = (sum(blocks),)

    def __call__(self, images: Sequence[Image.Image]) -> Array:
        """Describe RGB images; float32, shape (n_images, 780)."""
        return global_features(images)


class RegionSets(Extractor):
    """Eight regions an image: the boxes that the dataset knows, or fixed ones where it knows none."""

    name = "region-set"
    modality = "image"
    blocks = tuple(block.size for block in REGION_BLOCKS)
    shape: tuple[int, ...] = (len(FIXED_REGIONS), sum(blocks))

    def describe(self, dataset: Dataset, rows: range) -> Array:
        """Describe some images; float32, shape (n_images, 8, 345).

        Raises
        ------
        ShapeError
            If the dataset knows another number of boxes for an image.
        """
        regions = _regions(dataset, rows)
        for row, one in zip(rows, regions, strict=True):
            if one.shape != self.shape:
                raise ShapeError(
                    f"image {row} has {len(one)} boxes",
                    where=f"dataset {dataset.name!r}",
                    expected=f"{self.shape[0]} boxes an image",
                    fix="Use the features 'regions', which are the mean of any number",
                )
        return np.stack(regions)

    def content(self, dataset: Dataset) -> str:
        """Return the hash of the images and of their boxes."""
        boxes = _boxes_of(dataset)
        of_boxes = [] if boxes is None else [np.asarray(boxes.boxes(row)) for row in range(len(dataset.images))]
        return f"sha256:{dataset.images.digest()} {digest_arrays(*of_boxes)}"


class RegionMeans(RegionSets):
    """The mean over the regions, of which there may be any number."""

    name = "regions"
    shape = RegionSets.shape[1:]

    def describe(self, dataset: Dataset, rows: range) -> Array:
        """Describe some images; float32, shape (n_images, 345)."""
        return np.stack([regions.mean(axis=0) for regions in _regions(dataset, rows)])


def _regions(dataset: Dataset, rows: range) -> list[Array]:
    images = [dataset.images[row] for row in rows]
    source = _boxes_of(dataset)
    boxes = [
        fixed_boxes(image.size) if source is None else source.boxes(row)
        for row, image in zip(rows, images, strict=True)
    ]
    return region_features(images, boxes)
