"""Outputs to evaluate: real embeddings of CLIP, and a small made-up set with labels and uneven captions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Clip:
    """CLIP ViT-B/32 embeddings of 100 photos of Flickr8k and their 500 captions, as its author wrote them.

    Attributes
    ----------
    repeated : array of shape (500, 512)
        Each photo once a caption.
    images : array of shape (100, 512)
    texts : array of shape (500, 512)
    image_path, text_path : path of repeated images and of texts
    """

    repeated: Array
    images: Array
    texts: Array
    image_path: Path
    text_path: Path


@pytest.fixture(scope="session")
def clip(test_data: Path) -> Clip:
    folder = test_data / "clip_flickr8k100"
    paths = folder / "image_embeddings.npy", folder / "text_embeddings.npy"
    repeated, texts = (np.load(path) for path in paths)
    return Clip(repeated, repeated[::5], texts, *paths)


@dataclass(frozen=True, eq=False)
class Toy:
    """60 images with one to four captions in no order and five labels; three images have no label."""

    images: Array
    texts: Array
    text_to_image: Array
    labels: Array

    @property
    def scores(self) -> Array:
        return self.images @ self.texts.T

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "texts": self.texts,
            "text_to_image": self.text_to_image,
            "categories": self.labels,
            "measure": "inner_product",
        }


@pytest.fixture(scope="session")
def toy() -> Toy:
    generator = np.random.default_rng(0)
    n_images = 60
    text_to_image = generator.permutation(np.repeat(np.arange(n_images), generator.integers(1, 5, n_images)))
    images = generator.normal(size=(n_images, 6))
    texts = images[text_to_image] + 1.5 * generator.normal(size=(len(text_to_image), 6))
    labels = generator.random((n_images, 5)) < 0.3
    labels[[4, 17, 41]] = False
    return Toy(images, texts, text_to_image, labels)
