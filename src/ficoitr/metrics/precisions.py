"""Compiled: sums of precisions at relevant candidates, tied or not, which average precision is made of.

Expectations over tied groups follow McSherry and Najork (ECIR 2008) and He et al. (CVPR 2018). Notation: a group of n
candidates, r of them relevant, stands after a candidates of which b are relevant; t of its ranks are looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.metrics.bits import float64_from_bits

Array = np.ndarray[Any, Any]
# Relevant candidates that are looked at together, so that the compiler makes wide loops of them.
RUN = 64


@lru_cache(maxsize=4)
def harmonic_numbers(n: int) -> Array:
    """Harmonic numbers H(0) … H(n), shape (n + 1, 2): value and rounding error, so that differences stay exact."""
    table: Array = _harmonic_numbers(n)
    return table


@kernel
def _harmonic_numbers(n):  # type: ignore[no-untyped-def]
    table = np.zeros((n + 1, 2))
    total = 0.0
    error = 0.0
    for k in range(1, n + 1):
        # Kahan-Babuska summation: `error` carries what `total` cannot hold.
        term = 1.0 / k
        added = total + term
        error += (total - added) + term if total >= term else (term - added) + total
        total = added
        table[k, 0] = total
        table[k, 1] = error
    return table


@kernel
def reciprocal_sum(harmonic, start, stop):  # type: ignore[no-untyped-def]
    """1/(start + 1) + … + 1/stop."""
    return (harmonic[stop, 0] - harmonic[start, 0]) + (harmonic[stop, 1] - harmonic[start, 1])


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
def singles_stop(tied, next_tied, stop):  # type: ignore[no-untyped-def]
    """Where a run of groups of a single candidate ends: at the next tied one, or at ``stop``."""
    return min(stop, tied[next_tied]) if next_tied < len(tied) else stop


@kernel
def single_precisions(before, b, run):  # type: ignore[no-untyped-def]
    """Sum and maximum of the precisions at relevant candidates none of which is tied, after b relevant ones.

    Numbers that are not negative are in the order of their bits as integers. Of the search for the highest integer the
    compiler makes a wide loop; of that for the highest float it would not, since one might not be a number.
    """
    bits = run.view(np.int64)
    total = 0.0
    highest = np.int64(0)
    for start in range(0, len(before), RUN):
        part = before[start : start + RUN]
        for i in range(len(part)):
            run[i] = (b + start + i + 1.0) / (part[i] + 1.0)
        for i in range(len(part)):
            total += run[i]
        for i in range(len(part)):
            highest = max(highest, bits[i])
    return total, float64_from_bits(highest)
