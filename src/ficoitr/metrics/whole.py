"""Compiled: one walk over whole rankings, for all the metrics that look at every rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.precisions import RUN, expected_sum, ordered_sum, single_precisions, singles_stop

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class WholeRankings:
    """What metrics of whole rankings are made of.

    Parameters
    ----------
    sums : float64 array of shape (3, n_queries)
        Sum of the precisions at all ranked relevant candidates: expected, best and worst over all orders of ties.
    curves : float64 array of shape (2, n_queries, 11)
        Interpolated precision at recall 0.0, 0.1, …, 1.0: points at the ends of tied groups, and in the best order.
    """

    sums: Array
    curves: Array


@kernel
def walk_whole_rankings(offsets, before, tied, tied_size, tied_relevant, total, harmonic):  # type: ignore[no-untyped-def]
    """Fields of `WholeRankings` of tied groups."""
    n_queries = len(total)
    sums = np.zeros((3, n_queries))
    curves = np.zeros((2, n_queries, 11))
    run = np.empty(RUN)
    next_tied = 0
    for q in range(n_queries):
        ends = curves[0, q]
        best = curves[1, q]
        hits = 0
        g = offsets[q]
        while g < offsets[q + 1]:
            end = singles_stop(tied, next_tied, offsets[q + 1])
            while g < end:
                # So many hits more reach no higher level of recall than the next does.
                level = 10 * (hits + 1) // total[q]
                stop = g + min(end - g, ((level + 1) * total[q] - 1) // 10 - hits)
                added, highest = single_precisions(before[g:stop], hits, run)
                for kind in range(3):
                    sums[kind, q] += added
                ends[level] = max(ends[level], highest)
                best[level] = max(best[level], highest)
                hits += stop - g
                g = stop
            if g < offsets[q + 1]:
                a, n, r = before[g], tied_size[next_tied], tied_relevant[next_tied]
                sums[0, q] += expected_sum(a, hits, n, r, n, harmonic)
                sums[1, q] += ordered_sum(a, hits, r, harmonic)
                sums[2, q] += ordered_sum(a + n - r, hits, r, harmonic)
                hits += r
                level = 10 * hits // total[q]
                ends[level] = max(ends[level], hits / (a + n))
                best[level] = max(best[level], hits / (a + r))
                g += 1
                next_tied += 1
        for level in range(9, -1, -1):
            ends[level] = max(ends[level], ends[level + 1])
            best[level] = max(best[level], best[level + 1])
    return sums, curves
