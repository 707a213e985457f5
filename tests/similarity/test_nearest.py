"""The nearest codes, against distances that NumPy counts and sorts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ficoitr.errors import CodesError, OptionError
from ficoitr.outputs import HashCodes
from ficoitr.similarity.nearest import nearest_codes


def codes(generator: np.random.Generator, n: int, bits: int) -> HashCodes:
    return HashCodes.from_values(generator.random((n, bits)) < 0.5)


def by_sorting(queries: HashCodes, candidates: HashCodes, k: int) -> tuple[np.ndarray, np.ndarray]:
    distances = np.bitwise_count(queries.words[:, None] ^ candidates.words).sum(axis=2, dtype=np.int64)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


def require_equal(queries: HashCodes, candidates: HashCodes, k: int, **options: int) -> None:
    for found, expected in zip(
        nearest_codes(queries, candidates, k, **options), by_sorting(queries, candidates, k), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


# Blocks have 4,096 codes, in eight runs; distances of codes from 256 bits do not fit a byte.
@pytest.mark.parametrize(
    ("bits", "n", "k"),
    [
        (64, 9000, 10),
        (64, 9000, 1000),
        (64, 9000, 9000),
        (3, 9000, 700),
        (16, 4097, 40),
        (128, 4100, 7),
        (255, 4100, 5),
        (256, 4100, 5),
        (300, 300, 300),
        (64, 1, 1),
    ],
)
def test_they_are_the_first_of_all_sorted(bits: int, n: int, k: int) -> None:
    generator = np.random.default_rng(bits + n)
    require_equal(codes(generator, 9, bits), codes(generator, n, bits), k)


@given(
    seed=st.integers(0, 2**32 - 1),
    bits=st.integers(1, 70),
    n=st.integers(1, 60),
    share=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_of_equal_ones_the_first_rows_come_first(seed: int, bits: int, n: int, share: float) -> None:
    generator = np.random.default_rng(seed)
    queries, candidates = (HashCodes.from_values(generator.random((size, bits)) < share) for size in (3, n))
    require_equal(queries, candidates, 1 + seed % n)


def test_a_gallery_sorted_from_far_to_near_is_collected_anew_in_every_block() -> None:
    """The worst case for what is held: each block is nearer than all before it."""
    n, bits = 40_000, 64
    far = np.arange(n)[::-1] * bits // n
    candidates = HashCodes.from_values(np.arange(bits) < far[:, None])
    queries = HashCodes.from_values(np.zeros((2, bits), dtype=bool))
    require_equal(queries, candidates, 30)
    require_equal(queries, candidates, 5000)


def test_threads_change_nothing() -> None:
    generator = np.random.default_rng(0)
    require_equal(codes(generator, 300, 64), codes(generator, 5000, 64), 20, threads=2)


def test_what_cannot_be_searched() -> None:
    generator = np.random.default_rng(0)
    some = codes(generator, 5, 64)
    for k in (0, 6):
        with pytest.raises(OptionError, match=rf"k is {k}\. Expected 1 to 5"):
            nearest_codes(some, some, k)
    with pytest.raises(CodesError, match="queries have 64 bits, candidates 32"):
        nearest_codes(some, codes(generator, 5, 32), 1)
