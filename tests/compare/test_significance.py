"""The randomisation test, the interval and Holm's correction, against enumeration and worked examples."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ficoitr.errors import OptionError
from ficoitr.evaluation.significance import (
    Mean,
    MeanDifferences,
    MedianDifference,
    Paired,
    holm,
    paired_tests,
)


def random_pair(n_images, *, seed=0, shift=0.0, n_missing=0):
    """Values of one to four queries an image."""
    generator = np.random.default_rng(seed)
    images = np.repeat(np.arange(n_images), generator.integers(1, 5, n_images))
    first = generator.normal(size=len(images)) + shift
    second = generator.normal(size=len(images))
    for values in (first, second):
        values[generator.choice(len(images), n_missing, replace=False)] = np.nan
    return Paired(first, second, images)


def all_flips(n_images):
    return np.array(list(product((0.0, 1.0), repeat=n_images)))


def flipped_by_hand(pair, flips, average):
    """Differences with the values of flipped images exchanged query by query."""
    differences = []
    for row in flips:
        exchanged = row[pair.images] == 1
        first = np.where(exchanged, pair.second, pair.first)
        second = np.where(exchanged, pair.first, pair.second)
        differences.append(average(first) - average(second))
    return np.array(differences)


@pytest.mark.parametrize("n_missing", [0, 2])
def test_mean_differences_equal_an_exchange_of_values(n_missing):
    pair = random_pair(7, n_missing=n_missing)
    flips = all_flips(7)
    computed = MeanDifferences.of([Mean((pair,))], 7).flipped(flips)[:, 0]
    np.testing.assert_allclose(computed, flipped_by_hand(pair, flips, np.nanmean), atol=1e-12)


@pytest.mark.parametrize(("floor", "average"), [
    (False, np.nanmedian),
    (True, lambda ranks: np.floor(np.nanmedian(ranks - 1)) + 1),
])  # fmt: skip
def test_median_differences_equal_an_exchange_of_values(floor, average):
    generator = np.random.default_rng(3)
    images = np.repeat(np.arange(6), 3)
    first, second = generator.integers(1, 9, (2, len(images))).astype(float)
    first[4] = np.nan
    pair = Paired(first, second, images)
    flips = all_flips(6)
    computed = MedianDifference.of(pair, 6, floor=floor).flipped(flips)[:, 0]
    np.testing.assert_allclose(computed, flipped_by_hand(pair, flips, average))


def test_a_scaled_sum_of_means_is_one_figure():
    parts = [random_pair(5, seed=seed) for seed in range(3)]
    flips = all_flips(5)
    expected = 100 * sum(flipped_by_hand(part, flips, np.mean) for part in parts)
    single = random_pair(5, seed=9)
    both = MeanDifferences.of([Mean((single,)), Mean(tuple(parts), scale=100)], 5).flipped(flips)
    np.testing.assert_allclose(both[:, 0], flipped_by_hand(single, flips, np.mean), atol=1e-12)
    np.testing.assert_allclose(both[:, 1], expected, atol=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.6, 2.0])
def test_p_approaches_exact_enumeration(shift):
    pair = random_pair(9, shift=shift)
    differences = flipped_by_hand(pair, all_flips(9), np.mean)
    exact = np.mean(np.abs(differences) >= abs(differences[0]) - 1e-12)
    n_permutations = 40_000
    [test] = paired_tests([MeanDifferences.of([Mean((pair,))], 9)], 9, permutations=n_permutations, resamples=10)
    error = np.sqrt(exact * (1 - exact) / n_permutations)
    assert abs(test.p - exact) < 5 * error + 1 / n_permutations


def test_the_queries_of_an_image_flip_together():
    """Five equal queries an image say no more than one; flipped one by one, p would fall."""
    generator = np.random.default_rng(5)
    first, second = generator.normal(size=(2, 12))
    one = Paired(first, second, np.arange(12))
    five = Paired(np.repeat(first, 5), np.repeat(second, 5), np.repeat(np.arange(12), 5))
    loose = Paired(five.first, five.second, np.arange(60))
    tests = {}
    for name, pair, n_images in (("one", one, 12), ("five", five, 12), ("loose", loose, 60)):
        [tests[name]] = paired_tests([MeanDifferences.of([Mean((pair,))], n_images)], n_images)
    assert tests["five"].p == tests["one"].p
    assert tests["five"].interval == pytest.approx(tests["one"].interval)
    assert tests["loose"].p < tests["one"].p / 2


@given(seed=st.integers(0, 1000), n_images=st.integers(1, 12), permutations=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_bounds_and_symmetry(seed, n_images, permutations):
    pair = random_pair(n_images, seed=seed)
    swapped = Paired(pair.second, pair.first, pair.images)
    tests = [
        paired_tests(
            [MeanDifferences.of([Mean((one,))], n_images), MedianDifference.of(one, n_images)],
            n_images,
            permutations=permutations,
            resamples=20,
            seed=seed,
        )
        for one in (pair, swapped)
    ]
    for forth, back in zip(*tests, strict=True):
        assert 1 / (permutations + 1) <= forth.p <= 1
        assert forth.p == back.p
        assert forth.effect == pytest.approx(-back.effect)
        assert forth.interval == pytest.approx((-back.interval[1], -back.interval[0]))


def test_equal_models_do_not_differ():
    pair = random_pair(20)
    same = Paired(pair.first, pair.first, pair.images)
    tests = paired_tests([MeanDifferences.of([Mean((same,))], 20), MedianDifference.of(same, 20)], 20)
    assert [test.p for test in tests] == [1.0, 1.0]
    assert tests[0].interval == (0.0, 0.0)


def test_a_seed_fixes_the_outcome():
    differences = [MeanDifferences.of([Mean((random_pair(30, shift=0.3),))], 30)]
    outcomes = [paired_tests(differences, 30, permutations=500, seed=seed) for seed in (1, 1, 2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] != outcomes[2]


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """200 draws of a known difference: 95% intervals miss it rarely, and not never."""
    missed = 0
    for seed in range(200):
        pair = random_pair(60, seed=seed, shift=0.5)
        [test] = paired_tests([MeanDifferences.of([Mean((pair,))], 60)], 60, permutations=1, resamples=200, seed=seed)
        missed += not test.interval[0] <= 0.5 <= test.interval[1]
    assert 1 <= missed <= 30


def test_numbers_of_permutations_are_checked():
    differences = [MeanDifferences.of([Mean((random_pair(3),))], 3)]
    for name in ("permutations", "resamples"):
        with pytest.raises(OptionError, match=f"{name} is 0"):
            paired_tests(differences, 3, **{name: 0})


def test_holm_by_hand():
    # Sorted: 0.005 × 4, 0.01 × 3, 0.03 × 2, and 0.04 × 1, which may not fall below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_never_lowers(values):
    adjusted = holm(values)
    assert all(after >= before for before, after in zip(values, adjusted, strict=True))
    assert all(value <= 1 for value in adjusted)
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert adjusted[order[0]] == pytest.approx(min(1, len(values) * min(values)))
