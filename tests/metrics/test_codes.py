"""Statistics of hash codes against loops over items and bits that share nothing with them, and against NumPy."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from ficoitr.errors import CodesError, ValuesError
from ficoitr.metrics.codes import CodeStatistics, code_statistics
from ficoitr.outputs import HashCodes


def statistics(bits: np.ndarray) -> CodeStatistics:
    codes = HashCodes.from_values(bits)
    return code_statistics(codes.words, codes.bits)


def made_up(n_items: int, n_bits: int, seed: int = 0) -> np.ndarray:
    """Unbalanced and correlated bits; the first is always 1, the last never, and some items equal each other."""
    generator = np.random.default_rng(seed)
    shared = generator.normal(size=(n_items, 1))
    bits = 0.7 * shared + generator.normal(size=(n_items, n_bits)) > generator.normal(size=n_bits)
    bits[:, 0], bits[:, -1] = True, False
    return bits[generator.integers(0, n_items, n_items)]


def by_loops(bits: np.ndarray) -> CodeStatistics:
    """The definitions, word for word: correlation from deviations of the mean, collisions from all pairs of items."""
    n_items, n_bits = bits.shape
    values = bits.astype(np.float64)
    shares = [sum(column) / n_items for column in values.T.tolist()]
    correlations = []
    for j, k in combinations(range(n_bits), 2):
        left, right = values[:, j] - values[:, j].mean(), values[:, k] - values[:, k].mean()
        if left.any() and right.any():
            correlations.append(abs((left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum())))
    names = ["".join("1" if bit else "0" for bit in row) for row in bits]
    buckets = Counter(names)
    pairs = [one == other for one, other in combinations(names, 2)]
    return CodeStatistics(
        items=n_items,
        bits=n_bits,
        ones=tuple(shares),
        imbalance=sum(abs(share - 0.5) for share in shares) / n_bits,
        constant_bits=sum(len(set(column)) == 1 for column in values.T.tolist()),
        mean_correlation=sum(correlations) / len(correlations) if correlations else None,
        max_correlation=max(correlations) if correlations else None,
        distinct=len(buckets),
        colliding=sum(buckets[name] > 1 for name in names),
        largest_bucket=max(buckets.values()),
        collision_probability=sum(pairs) / len(pairs) if pairs else None,
    )


def same(found: CodeStatistics, right: CodeStatistics) -> None:
    assert found.ones == pytest.approx(right.ones, abs=1e-12)
    for name in ("items", "bits", "constant_bits", "distinct", "colliding", "largest_bucket"):
        assert getattr(found, name) == getattr(right, name), name
    for name in ("imbalance", "mean_correlation", "max_correlation", "collision_probability"):
        assert getattr(found, name) == pytest.approx(getattr(right, name), abs=1e-12), name


@pytest.mark.parametrize("n_bits", [3, 16, 63, 64, 65, 130])
@pytest.mark.parametrize("n_items", [1, 2, 63, 64, 65, 200])
def test_the_definitions_in_loops(n_items: int, n_bits: int) -> None:
    bits = made_up(n_items, n_bits, seed=n_items)
    same(statistics(bits), by_loops(bits))


def test_few_bits_have_large_buckets() -> None:
    bits = np.random.default_rng(1).random((150, 3)) < 0.4
    found = statistics(bits)
    same(found, by_loops(bits))
    assert found.distinct == 8
    assert found.colliding == 150
    assert found.largest_bucket > 20


@pytest.mark.parametrize("n_items", [8191, 8192, 8193, 20_000])
def test_more_items_than_are_counted_at_a_time(n_items: int) -> None:
    bits = made_up(n_items, 70)
    found = statistics(bits)
    np.testing.assert_allclose(found.ones, bits.mean(axis=0), rtol=0, atol=1e-12)
    varying = bits[:, 1:-1]
    right = np.abs(np.corrcoef(varying, rowvar=False))[np.triu_indices(varying.shape[1], 1)]
    assert found.constant_bits == 2
    assert found.mean_correlation == pytest.approx(right.mean(), abs=1e-12)
    assert found.max_correlation == pytest.approx(right.max(), abs=1e-12)
    sizes = np.unique(bits, axis=0, return_counts=True)[1]
    assert found.distinct == len(sizes) < n_items
    assert found.colliding == sizes[sizes > 1].sum()
    assert found.largest_bucket == sizes.max()


def test_independent_fair_bits_are_nearly_perfect() -> None:
    found = statistics(np.random.default_rng(0).random((50_000, 64)) < 0.5)
    assert found.imbalance < 0.005
    assert found.constant_bits == 0
    assert found.max_correlation is not None
    assert found.max_correlation < 0.03
    assert found.distinct == 50_000


def test_a_bit_that_is_said_twice_has_a_correlation_of_one() -> None:
    bits = np.random.default_rng(0).random((1001, 6)) < 0.3
    for repeated in (bits[:, 2], ~bits[:, 2]):
        assert statistics(np.column_stack((bits, repeated))).max_correlation == 1


def test_one_code_for_all() -> None:
    found = statistics(np.tile([True, False, True], (5, 1)))
    assert (found.imbalance, found.constant_bits) == (0.5, 3)
    assert (found.mean_correlation, found.max_correlation) == (None, None)
    assert (found.distinct, found.colliding, found.largest_bucket, found.collision_probability) == (1, 5, 5, 1)


def test_the_worst_bits_come_first() -> None:
    bits = np.array([[0, 1, 0, 1, 1], [0, 1, 1, 0, 1], [0, 1, 1, 0, 0], [0, 1, 0, 1, 1]])
    found = statistics(bits)
    assert found.worst_bits() == [(0, 0.0), (1, 1.0), (4, 0.75)]
    assert found.worst_bits(1) == [(0, 0.0)]
    assert found.worst_bits(5) == [(0, 0.0), (1, 1.0), (4, 0.75)], "balanced bits are not bad"


@pytest.mark.parametrize(
    ("words", "bits"),
    [
        (np.zeros((3, 1), dtype=np.int64), 8),
        (np.zeros(3, dtype=np.uint64), 8),
        (np.zeros((3, 1), dtype=np.uint64), 65),
        (np.zeros((3, 2), dtype=np.uint64), 64),
        (np.zeros((3, 0), dtype=np.uint64), 0),
    ],
)
def test_words_that_hold_no_such_codes(words: np.ndarray, bits: int) -> None:
    with pytest.raises(CodesError, match=f"do not hold {bits}-bit codes"):
        code_statistics(words, bits)


def test_no_items() -> None:
    with pytest.raises(ValuesError, match="no items"):
        code_statistics(np.zeros((0, 1), dtype=np.uint64), 8)
