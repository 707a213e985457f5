"""How long a model takes to encode images and texts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ficoitr.data import Dataset
    from ficoitr.models import Encoder


@dataclass(frozen=True)
class EncodingTime:
    """Times of encoding one modality, raw input to output: decoding, features and model together.

    Parameters
    ----------
    n_items : int
        Encoded each time.
    seconds : tuple of float
        Wall-clock time of each repeat, after the warm-up.
    cpu_seconds : tuple of float
        CPU time of the whole process, all threads together, of each repeat.
    """

    n_items: int
    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]

    @property
    def items_per_second(self) -> float:
        """Throughput of the median repeat."""
        return self.n_items / median(self.seconds)

    @property
    def milliseconds_per_item(self) -> float:
        """Wall-clock time of an item in the median repeat."""
        return 1000 * median(self.seconds) / self.n_items

    @property
    def cpu_milliseconds_per_item(self) -> float:
        """CPU time of an item in the median repeat."""
        return 1000 * median(self.cpu_seconds) / self.n_items


@dataclass(frozen=True)
class EncodingTimes:
    """Times of both modalities."""

    images: EncodingTime
    texts: EncodingTime


def measure_encoding(
    encoder: Encoder, dataset: Dataset, *, n_images: int = 200, repeats: int = 3, warm_up: int = 1
) -> EncodingTimes:
    """Time the encoding of images and of their texts.

    Parameters
    ----------
    encoder : Encoder
        A fitted model.
    dataset : Dataset
    n_images : int
        How many images to encode, spread evenly over ``dataset``, with all their texts; all images if there
        are fewer.
    repeats : int
        Timed runs; each gets a dataset object of its own, so that nothing kept from a run speeds up the next.
    warm_up : int
        Runs before them that are not timed: they load code and fill caches.

    Raises
    ------
    OptionError
        If there is nothing to time.
    """
    for name, value, least in (("n_images", n_images, 1), ("repeats", repeats, 1), ("warm_up", warm_up, 0)):
        if value < least:
            raise OptionError(f"{name} is {value}", where=name, expected=f"{least} or more")
    count = min(n_images, len(dataset.images))
    rows = np.linspace(0, len(dataset.images) - 1, count).astype(np.int64)

    def sample() -> Dataset:
        return dataset.select(rows)

    return EncodingTimes(
        images=_time(encoder.encode_images, sample, count, repeats, warm_up),
        texts=_time(encoder.encode_texts, sample, len(sample().texts), repeats, warm_up),
    )


def _time(
    encode: Callable[[Dataset], object],
    sample: Callable[[], Dataset],
    n_items: int,
    repeats: int,
    warm_up: int,
) -> EncodingTime:
    for _ in range(warm_up):
        encode(sample())
    seconds, cpu_seconds = [], []
    for _ in range(repeats):
        fresh = sample()
        wall, cpu = time.perf_counter(), time.process_time()
        encode(fresh)
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
    return EncodingTime(n_items, tuple(seconds), tuple(cpu_seconds))
