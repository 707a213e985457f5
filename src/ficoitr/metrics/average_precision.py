"""Average precision under every named denominator, exact under ties.

With rel(i) the relevance at rank i, P(i) the precision at i and S the sum of P(i)·rel(i) over the top K, the
denominators are those of the protocol, section 3.1. Expectations over tied groups follow McSherry and Najork (ECIR
2008) and He et al. (CVPR 2018); where the denominator depends on the order, the ratio is averaged, not its parts.
Notation of the kernels: a group of n candidates, r of them relevant, stands after a candidates of which b are relevant.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.groups import Groups, harmonic_numbers, reciprocal_sum

Array = np.ndarray[Any, Any]
EXPECTED, BEST, WORST = 0, 1, 2
_NEGLIGIBLE = 1e-25


def average_precision(groups: Groups, cutoff: int | str, denominator: str) -> Array:
    """Average precision of every query, shape (3, n_queries): expected, best and worst over all orders of ties.

    Queries without a hit get 0. Under ``retrieved_skip``, which drops them, the extremes are over the orders with a
    hit, and the expectation still counts 0 for the others: the mean is over the probability of a hit.
    """
    arrays = (groups.offsets, groups.before, groups.size, groups.relevant, groups.total)
    harmonic = harmonic_numbers(groups.n_candidates)
    cuts = groups.cuts(cutoff)
    if denominator == "first":
        result: Array = _first(*arrays, cuts, harmonic)
    elif denominator in ("retrieved", "retrieved_skip"):
        result = _retrieved(*arrays, cuts, denominator == "retrieved_skip", harmonic)
    else:
        result = _fixed(*arrays, cuts, denominator == "min", harmonic)
    return result


@kernel
def ordered_sum(a, b, r, harmonic):  # type: ignore[no-untyped-def]
    """Sum of precisions of r relevant candidates in a row after a candidates with b relevant."""
    if r == 1:
        return (b + 1.0) / (a + 1.0)
    return r + (b - a) * reciprocal_sum(harmonic, a, a + r)


@kernel
def expected_sum(a, b, n, r, t, harmonic):  # type: ignore[no-untyped-def]
    """Expected sum of P(i)·rel(i) over the first t ranks of a group."""
    if n == 1:
        return r * (b + 1.0) / (a + 1.0)
    slope = (r - 1.0) / (n - 1.0)
    return r / n * ((b + 1.0 - slope * (a + 1.0)) * reciprocal_sum(harmonic, a, a + t) + slope * t)


@kernel
def _fixed(offsets, before, size, relevant, total, cuts, at_most_cut, harmonic):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    result = np.zeros((3, n_queries))
    for q in range(n_queries):
        if total[q] == 0:
            continue
        cut = cuts[q]
        expected = best = worst = 0.0
        b = 0
        for g in range(offsets[q], offsets[q + 1]):
            a = before[g]
            if a >= cut:
                break
            n = size[g]
            r = relevant[g]
            if n == 1:
                precision = (b + 1.0) / (a + 1.0)
                expected += precision
                best += precision
                worst += precision
            else:
                t = min(n, cut - a)
                surely = max(0, t - (n - r))
                expected += expected_sum(a, b, n, r, t, harmonic)
                best += ordered_sum(a, b, min(r, t), harmonic)
                worst += ordered_sum(a + t - surely, b, surely, harmonic)
            b += r
        denominator = min(total[q], cut) if at_most_cut else total[q]
        result[EXPECTED, q] = expected / denominator
        result[BEST, q] = best / denominator
        result[WORST, q] = worst / denominator
    return result


@kernel
def _retrieved(offsets, before, size, relevant, total, cuts, dropped, harmonic):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    result = np.zeros((3, n_queries))
    for q in range(n_queries):
        cut = cuts[q]
        expected = best = worst = 0.0
        b = 0
        divided = -1
        for g in range(offsets[q], offsets[q + 1]):
            a = before[g]
            if a >= cut:
                break
            n = size[g]
            r = relevant[g]
            if a + n > cut and r < n:
                divided = g
                break
            if n == 1:
                precision = (b + 1.0) / (a + 1.0)
                expected += precision
                best += precision
                worst += precision
                b += 1
            else:
                # A group of relevant candidates only may be cut: t of them stand in the top.
                t = min(n, cut - a)
                r = min(r, t)
                expected += expected_sum(a, b, t, r, t, harmonic)
                best += ordered_sum(a, b, r, harmonic)
                worst += ordered_sum(a + t - r, b, r, harmonic)
                b += r
        if divided >= 0:
            a = before[divided]
            ratios = _divided(a, b, size[divided], relevant[divided], cut - a, expected, best, worst, dropped, harmonic)
            result[EXPECTED, q] = ratios[0]
            result[BEST, q] = ratios[1]
            result[WORST, q] = ratios[2]
        elif b > 0:
            result[EXPECTED, q] = expected / b
            result[BEST, q] = best / b
            result[WORST, q] = worst / b
    return result


@kernel
def _divided(a, b, n, r, t, expected, best, worst, dropped, harmonic):  # type: ignore[no-untyped-def]
    """AP with denominator (hits in the top) where the cut leaves t of n: the hits x are hypergeometric."""
    low = max(0, t - (n - r))
    high = min(r, t)
    reciprocals = reciprocal_sum(harmonic, a, a + t)
    mean = 0.0
    highest = 0.0
    lowest = 1.0
    mode = min(max(int((t + 1) * (r + 1) / (n + 2)), low), high)
    # Weights relative to the mode never overflow; their sum normalises them.
    weights = np.zeros(high - low + 1)
    weights[mode - low] = 1.0
    for x in range(mode, high):
        weights[x + 1 - low] = weights[x - low] * ((r - x) * (t - x)) / ((x + 1.0) * (n - r - t + x + 1.0))
    for x in range(mode, low, -1):
        weights[x - 1 - low] = weights[x - low] * (x * (n - r - t + x * 1.0)) / ((r - x + 1.0) * (t - x + 1.0))
    total = weights.sum()
    for x in range(low, high + 1):
        if b + x == 0:
            # Where queries without a hit are dropped, an order without one is no order of this query.
            lowest = lowest if dropped else 0.0
            continue
        slope = (x - 1.0) / (t - 1.0) if t > 1 else 0.0
        inside = x / t * ((b + 1.0 - slope * (a + 1.0)) * reciprocals + slope * t)
        mean += weights[x - low] / total * (expected + inside) / (b + x)
        highest = max(highest, (best + ordered_sum(a, b, x, harmonic)) / (b + x))
        lowest = min(lowest, (worst + ordered_sum(a + t - x, b, x, harmonic)) / (b + x))
    return mean, highest, lowest


@kernel
def _first(offsets, before, size, relevant, total, cuts, harmonic):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    result = np.zeros((3, n_queries))
    for q in range(n_queries):
        wanted = min(total[q], cuts[q])
        if wanted == 0:
            continue
        expected = best = worst = 0.0
        b = 0
        for g in range(offsets[q], offsets[q + 1]):
            a = before[g]
            n = size[g]
            r = relevant[g]
            m = min(r, wanted - b)
            best += ordered_sum(a, b, m, harmonic)
            worst += ordered_sum(a + n - r, b, m, harmonic)
            expected += expected_sum(a, b, n, r, n, harmonic) if m == r else _expected_first(a, b, n, r, m)
            b += m
            if b == wanted:
                break
        result[EXPECTED, q] = expected / wanted
        result[BEST, q] = best / wanted
        result[WORST, q] = worst / wanted
    return result


@kernel
def _expected_first(a, b, n, r, m):  # type: ignore[no-untyped-def]
    """Expected sum of precisions of the first m of r relevant candidates in a group.

    The i-th relevant one stands at position j with probability C(j-1, i-1)·C(n-j, r-i)/C(n, r).
    """
    result = 0.0
    for i in range(1, m + 1):
        # Weights relative to a place near the mode neither overflow nor vanish; their sum normalises them.
        mode = min(max(1 + (i - 1) * (n - 1) // max(1, r - 1), i), n - r + i)
        total = 0.0
        inverse = 0.0
        weight = 1.0
        for j in range(mode, n - r + i + 1):
            total += weight
            inverse += weight / (a + j)
            weight *= (j / (j - i + 1.0)) * ((n - j - r + i) / max(1.0, n - j))
            if weight < _NEGLIGIBLE:
                break
        weight = 1.0
        for j in range(mode - 1, i - 1, -1):
            weight *= ((j - i + 1.0) / j) * ((n - j) / (n - j - r + i))
            if weight < _NEGLIGIBLE:
                break
            total += weight
            inverse += weight / (a + j)
        result += (b + i) * inverse / total
    return result
