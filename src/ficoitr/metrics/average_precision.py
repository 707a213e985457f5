"""Average precision under every named denominator, exact under ties.

With rel(i) the relevance at rank i, P(i) the precision at i and S the sum of P(i)·rel(i) over the top K, the
denominators are those of the protocol, section 3.1. Where the denominator depends on the order of tied candidates, the
ratio is averaged, not its parts. The kernels use the notation of ``ficoitr.metrics.precisions``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.groups import Groups
from ficoitr.metrics.precisions import (
    RUN,
    expected_sum,
    harmonic_numbers,
    ordered_sum,
    reciprocal_sum,
    single_precisions,
    singles_stop,
)

Array = np.ndarray[Any, Any]
EXPECTED, BEST, WORST = 0, 1, 2
_NEGLIGIBLE = 1e-25


def average_precision(groups: Groups, cutoff: int | str, denominator: str) -> Array:
    """Average precision of every query, shape (3, n_queries): expected, best and worst over all orders of ties.

    Queries without a hit get 0. Under ``retrieved_skip``, which drops them, the extremes are over the orders with a
    hit, and the expectation still counts 0 for the others: the mean is over the probability of a hit.
    """
    if cutoff == "N" and groups.depth >= groups.n_candidates:
        # Over a whole ranking all denominators are the number of relevant candidates.
        sums = groups.whole.sums
        return np.divide(sums, groups.total, out=np.zeros_like(sums), where=groups.total > 0)
    harmonic = harmonic_numbers(groups.n_candidates)
    cuts = groups.cuts(cutoff)
    if denominator == "first":
        result: Array = _first(
            groups.offsets, groups.before, groups.size, groups.relevant, groups.total, cuts, harmonic
        )
    elif denominator in ("retrieved", "retrieved_skip"):
        result = _retrieved(*groups.arrays, cuts, denominator == "retrieved_skip", harmonic)
    else:
        result = _fixed(*groups.arrays, cuts, denominator == "min", harmonic)
    return result


@kernel
def _fixed(offsets, before, tied, tied_size, tied_relevant, total, cuts, at_most_cut, harmonic):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    result = np.zeros((3, n_queries))
    run = np.empty(RUN)
    next_tied = 0
    for q in range(n_queries):
        if total[q] == 0:
            continue
        cut = cuts[q]
        expected = best = worst = 0.0
        b = 0
        g = offsets[q]
        stop = g + np.searchsorted(before[g : offsets[q + 1]], cut)
        while next_tied < len(tied) and tied[next_tied] < g:
            next_tied += 1
        while g < stop:
            end = singles_stop(tied, next_tied, stop)
            single = single_precisions(before[g:end], b, run)[0]
            expected += single
            best += single
            worst += single
            b += end - g
            g = end
            if g < stop:
                a = before[g]
                n = tied_size[next_tied]
                r = tied_relevant[next_tied]
                t = min(n, cut - a)
                surely = max(0, t - (n - r))
                expected += expected_sum(a, b, n, r, t, harmonic)
                best += ordered_sum(a, b, min(r, t), harmonic)
                worst += ordered_sum(a + t - surely, b, surely, harmonic)
                b += r
                g += 1
                next_tied += 1
        denominator = min(total[q], cut) if at_most_cut else total[q]
        result[EXPECTED, q] = expected / denominator
        result[BEST, q] = best / denominator
        result[WORST, q] = worst / denominator
    return result


@kernel
def _retrieved(offsets, before, tied, tied_size, tied_relevant, total, cuts, dropped, harmonic):  # type: ignore[no-untyped-def]
    n_queries = len(total)
    result = np.zeros((3, n_queries))
    run = np.empty(RUN)
    next_tied = 0
    for q in range(n_queries):
        cut = cuts[q]
        expected = best = worst = 0.0
        b = 0
        divided = False
        g = offsets[q]
        stop = g + np.searchsorted(before[g : offsets[q + 1]], cut)
        while next_tied < len(tied) and tied[next_tied] < g:
            next_tied += 1
        while g < stop:
            end = singles_stop(tied, next_tied, stop)
            single = single_precisions(before[g:end], b, run)[0]
            expected += single
            best += single
            worst += single
            b += end - g
            g = end
            if g == stop:
                break
            a = before[g]
            n = tied_size[next_tied]
            r = tied_relevant[next_tied]
            if a + n > cut and r < n:
                divided = True
                break
            # A group of relevant candidates only may be cut: t of them stand in the top.
            t = min(n, cut - a)
            r = min(r, t)
            expected += expected_sum(a, b, t, r, t, harmonic)
            best += ordered_sum(a, b, r, harmonic)
            worst += ordered_sum(a + t - r, b, r, harmonic)
            b += r
            g += 1
            next_tied += 1
        if divided:
            ratios = _divided(a, b, n, r, cut - a, expected, best, worst, dropped, harmonic)
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
