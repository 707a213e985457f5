"""Numerics of the closed forms on groups of up to a million, against sums of 50 digits or exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb, fsum

import numpy as np
import pytest
from mpmath import harmonic, loggamma, mp, mpf

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.metric import Metric

MILLION = 1_000_000
# (before, relevant before, size, relevant, cut-off): whole groups, cut groups, deep groups, few and many relevant.
GROUPS = (
    (0, 0, MILLION, 1, "N"),
    (0, 0, MILLION, MILLION // 2, "N"),
    (0, 0, MILLION, MILLION - 1, "N"),
    (7, 3, MILLION, 1234, 100),
    (7, 3, MILLION, MILLION // 3, 5000),
    (MILLION // 2, 10, MILLION // 2, 1000, "N"),
    (MILLION - 20, 500, 20, 10, "N"),
    (90, 1, 200_000, 199_999, 100),
    (90, 60, 200_000, 2, 100),
    (0, 0, 20_000, 15_000, 19_000),
    (3, 0, 1000, 400, 300),
)
PRECISE = 1e-9


@pytest.fixture(autouse=True)
def _fifty_digits() -> None:
    mp.dps = 50


def ranking(before: int, found: int, size: int, relevant: int) -> Groups:
    """One query: all of the earlier relevant candidates at the head, then the tied group."""
    heads = [(place, 1, 1) for place in range(found)]
    columns = np.array([*heads, (before, size, relevant)], dtype=np.int32).T
    n_candidates = before + size
    return Groups.from_arrays(
        np.array([0, found + 1]),
        *map(np.ascontiguousarray, columns),
        np.array([found + relevant]),
        n_candidates,
    )


def value(metric: str, groups: Groups) -> float:
    return float(Metric.parse(metric).per_query(groups)[0, 0])


def log_binomial(n: int, k: int) -> mpf:
    return loggamma(n + 1) - loggamma(k + 1) - loggamma(n - k + 1)


def hypergeometric(n: int, r: int, t: int) -> list[tuple[int, mpf]]:
    """Probabilities that x of t candidates drawn from n are relevant."""
    return [
        (x, mp.exp(log_binomial(r, x) + log_binomial(n - r, t - x) - log_binomial(n, t)))
        for x in range(max(0, t - (n - r)), min(r, t) + 1)
    ]


@pytest.mark.parametrize(("before", "found", "size", "relevant", "cutoff"), GROUPS)
@pytest.mark.parametrize("denominator", ["total", "min"])
def test_average_precision_term_by_term(
    denominator: str, before: int, found: int, size: int, relevant: int, cutoff: int | str
) -> None:
    groups = ranking(before, found, size, relevant)
    cut = before + size if cutoff == "N" else int(cutoff)
    share = (relevant - 1) / (size - 1)
    place = np.arange(1, min(size, cut - before) + 1, dtype=np.float64)
    inside = fsum(relevant / size * (found + 1 + (place - 1) * share) / (before + place))
    total = found + relevant
    right = (found + inside) / (total if denominator == "total" else min(total, cut))
    assert value(f"mAP(denominator={denominator})@{cutoff}", groups) == pytest.approx(right, rel=PRECISE)


@pytest.mark.parametrize(
    ("before", "found", "size", "relevant", "cutoff"), [one for one in GROUPS if one[4] in (100, 300)]
)
def test_average_precision_over_the_retrieved_of_a_cut_group(
    before: int, found: int, size: int, relevant: int, cutoff: int
) -> None:
    t = cutoff - before
    right = mpf(0)
    for x, probability in hypergeometric(size, relevant, t):
        slope = mpf(x - 1) / (t - 1)
        inside = sum(mpf(x) / t * (found + 1 + (j - 1) * slope) / (before + j) for j in range(1, t + 1))
        right += probability * (found + inside) / max(1, found + x)
    computed = value(f"mAP(denominator=retrieved)@{cutoff}", ranking(before, found, size, relevant))
    assert computed == pytest.approx(float(right), rel=PRECISE)


@pytest.mark.parametrize(
    ("before", "found", "size", "relevant", "cutoff"),
    [
        (0, 0, MILLION, MILLION // 2, 10),
        (0, 0, MILLION, 900_000, 40),
        (5, 2, 20_000, 10_000, 50),
        (100, 40, 500, 60, 70),
    ],
)
def test_average_precision_of_the_first_relevant_of_a_divided_group(
    before: int, found: int, size: int, relevant: int, cutoff: int
) -> None:
    wanted = min(cutoff, found + relevant) - found
    furthest = min(size, 10 * wanted * size // relevant + 200)
    right = mpf(found)
    for i in range(1, wanted + 1):
        # Ratio of neighbouring probabilities of C(j-1, i-1)·C(n-j, r-i)/C(n, r), from the first position on.
        probability = mp.exp(log_binomial(size - i, relevant - i) - log_binomial(size, relevant))
        for j in range(i, min(furthest, size - relevant + i) + 1):
            right += probability * (found + i) / (before + j)
            probability *= mpf(j) / (j - i + 1) * (size - relevant - j + i) / (size - j)
    computed = value(f"mAP(denominator=first)@{cutoff}", ranking(before, found, size, relevant))
    assert computed == pytest.approx(float(right / (found + wanted)), rel=PRECISE)


@pytest.mark.parametrize("relevant", [1, 2, 1000, MILLION // 2, MILLION - 1, MILLION])
def test_a_constant_scorer_has_the_average_precision_of_chance(relevant: int) -> None:
    slope = mpf(relevant - 1) / (MILLION - 1)
    right = slope + (1 - slope) * harmonic(MILLION) / MILLION
    for denominator in ("retrieved", "retrieved_skip", "min", "total", "first"):
        computed = value(f"mAP(denominator={denominator})@N", ranking(0, 0, MILLION, relevant))
        assert computed == pytest.approx(float(right), rel=PRECISE)


@pytest.mark.parametrize(
    ("size", "relevant", "cutoff"), [(MILLION, 1, 10), (MILLION, 5, 200), (MILLION, MILLION // 2, 50), (3000, 2990, 5)]
)
def test_a_constant_scorer_has_the_recall_of_chance(size: int, relevant: int, cutoff: int) -> None:
    groups = ranking(0, 0, size, relevant)
    missed = Fraction(comb(size - relevant, cutoff), comb(size, cutoff))
    assert value(f"R@{cutoff}", groups) == pytest.approx(float(1 - missed), rel=PRECISE)
    assert value(f"P@{cutoff}", groups) == pytest.approx(relevant / size, rel=PRECISE)
    assert value(f"recall_fraction@{cutoff}", groups) == pytest.approx(cutoff / size, rel=PRECISE)
    assert value("mean_rank", groups) == pytest.approx(float(Fraction(size + 1, relevant + 1)), rel=PRECISE)


@pytest.mark.parametrize("before", [0, 12, 10 * MILLION])
def test_reciprocal_rank_of_one_relevant_is_a_difference_of_harmonic_numbers(before: int) -> None:
    right = (harmonic(before + MILLION) - harmonic(before)) / MILLION
    assert value("MRR", ranking(before, 0, MILLION, 1)) == pytest.approx(float(right), rel=PRECISE)


def test_reciprocal_rank_of_two() -> None:
    # The sum of (n - j)/j over j < n is n·H(n - 1) - (n - 1), and C(n, 2) pairs of places are equally likely.
    right = (MILLION * harmonic(MILLION - 1) - (MILLION - 1)) / comb(MILLION, 2)
    assert value("MRR", ranking(0, 0, MILLION, 2)) == pytest.approx(float(right), rel=PRECISE)


@pytest.mark.parametrize(("size", "relevant"), [(MILLION, MILLION // 2), (5000, 4000), (1000, 70)])
def test_reciprocal_rank_of_many(size: int, relevant: int) -> None:
    last = min(size - relevant + 1, 1000)
    chances = [mp.exp(log_binomial(size - j, relevant - 1) - log_binomial(size, relevant)) for j in range(1, last + 1)]
    right = float(sum(chance / j for j, chance in enumerate(chances, 1)))
    assert value("MRR", ranking(0, 0, size, relevant)) == pytest.approx(right, rel=PRECISE)


@pytest.mark.parametrize("cutoff", [10, 5000, "N"])
def test_discounted_gain_term_by_term(cutoff: int | str) -> None:
    size, threes, ones = MILLION, 2000, 300_000
    gains = np.repeat(np.array([3, 1], dtype=np.uint8), (threes, ones))
    groups = Groups.from_arrays(
        np.array([0, 1]),
        *np.array([[0], [size], [threes + ones]], dtype=np.int32),
        np.array([threes + ones]),
        size,
        gains=gains,
        ideal=np.array([[size - threes - ones, ones, 0, threes]]),
    )
    cut = size if cutoff == "N" else int(cutoff)
    discount = 1 / np.log2(np.arange(2, cut + 2))
    ideal = fsum(np.repeat([3, 1], (threes, ones))[:cut] * discount[: threes + ones])
    right = (3 * threes + ones) / size * fsum(discount) / ideal
    assert value(f"nDCG(gain=linear)@{cutoff}", groups) == pytest.approx(right, rel=PRECISE)
