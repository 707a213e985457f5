"""Random numbers that are a pure function of (seed, item, stream), on every platform and version.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
the n-th number of a stream is a bijective mix of ``key + n * GAMMA``, so no state links two items.
Only integer arithmetic is used.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import IntEnum
from itertools import accumulate
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_GAMMA = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MASK = (1 << 64) - 1


class Purpose(IntEnum):
    """The independent streams of an item."""

    SCENE = 1
    BACKGROUND = 2
    NOISE = 3
    CAPTIONS = 4
    REGIONS = 5
    PROBES = 6


def mix(value: int) -> int:
    """Return the finaliser of SplitMix64 applied to a 64-bit integer."""
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def stream_key(seed: int, item: int, purpose: Purpose) -> int:
    """Return the 64-bit key of one stream of one item."""
    key = mix((seed + _GAMMA) & _MASK)
    key = mix((key + item * _GAMMA) & _MASK)
    return mix((key + purpose * _GAMMA) & _MASK)


class Stream:
    """The numbers of one stream, one after the other.

    Parameters
    ----------
    seed, item : int
        Non-negative.
    purpose : Purpose
        Which of the item's streams.
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int, item: int, purpose: Purpose) -> None:
        self._state = stream_key(seed, item, purpose)

    def below(self, n: int) -> int:
        """Return an integer from 0 to n - 1 (n far below 2**32, so the bias is below 2**-24)."""
        self._state = value = (self._state + _GAMMA) & _MASK
        value = ((value ^ (value >> 30)) * _FIRST) & _MASK
        value = ((value ^ (value >> 27)) * _SECOND) & _MASK
        return ((value ^ (value >> 31)) >> 32) * n >> 32

    def between(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included; low if high is smaller."""
        return low + self.below(high - low + 1) if high > low else low

    def chance(self, percent: int) -> bool:
        """Return True in so many of a hundred cases."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, all equally likely."""
        return choices[self.below(len(choices))]

    def weighted(self, cumulative: Sequence[int]) -> int:
        """Return an index, with the weights whose running sums are given (see ``running_sums``)."""
        return bisect_right(cumulative, self.below(cumulative[-1]))


def running_sums(weights: Sequence[int]) -> tuple[int, ...]:
    """Return the running sums of integer weights, as ``Stream.weighted`` takes them."""
    return tuple(accumulate(weights))


def random_bytes(key: int, n: int) -> np.ndarray:
    """Return bytes of a stream as an array.

    Parameters
    ----------
    key : int
        Key of the stream, from ``stream_key``.
    n : int
        Number of bytes.

    Returns
    -------
    ndarray of uint8, shape (n,)
    """
    counters = np.arange(1, -(-n // 8) + 1, dtype=np.uint64) * np.uint64(_GAMMA) + np.uint64(key)
    counters ^= counters >> np.uint64(30)
    counters *= np.uint64(_FIRST)
    counters ^= counters >> np.uint64(27)
    counters *= np.uint64(_SECOND)
    counters ^= counters >> np.uint64(31)
    return counters.astype("<u8", copy=False).view(np.uint8)[:n]
