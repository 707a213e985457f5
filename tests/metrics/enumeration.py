"""Every metric by its textbook definition on one order, and every order of a ranking with ties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, combinations_with_replacement, permutations, product
from math import log2, nan

from ficoitr.metrics.metric import Metric

Gains = tuple[int, ...]
TiedGains = tuple[Gains, ...]


def orders(groups: TiedGains) -> Iterator[Gains]:
    """All orders of tied groups; each stands for equally many permutations of the candidates."""
    for choice in product(*map(_arrangements, groups)):
        yield tuple(chain.from_iterable(choice))


@cache
def _arrangements(group: Gains) -> tuple[Gains, ...]:
    return tuple(sorted(set(permutations(group))))


def all_groups(n_candidates: int, max_gain: int) -> Iterator[TiedGains]:
    """Every way to tie so many candidates with gains from 0 to ``max_gain``."""
    if n_candidates == 0:
        yield ()
        return
    for size in range(1, n_candidates + 1):
        for group in combinations_with_replacement(range(max_gain + 1), size):
            for rest in all_groups(n_candidates - size, max_gain):
                yield (group, *rest)


def textbook(metric: Metric, gains: Gains) -> float:
    """Value of a metric on the gains of a whole gallery in one order."""
    relevant = sum(gain > 0 for gain in gains)
    cutoff = {"N": len(gains), "R": relevant, None: 0}.get(metric.cutoff, metric.cutoff)
    options = {name: metric.option(name) for name in metric.family.options}
    return DEFINITIONS[metric.name](gains, cutoff, options)


def _any_hit(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    return float(any(gains[:k]))


def _recall_fraction(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    return hits(gains[:k]) / hits(gains) if any(gains) else 0.0


def _precision(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    return hits(gains[:k]) / k


def _r_precision(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    return _precision(gains, hits(gains), {}) if any(gains) else 0.0


def _rank(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    return next((place for place, gain in enumerate(gains, 1) if gain), nan)


def _reciprocal_rank(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    return 1 / _rank(gains, 0, {}) if any(gains) else 0.0


def _average_precision(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    total = hits(gains)
    if total == 0:
        return 0.0
    precisions = [hits(gains[:place]) / place for place in range(1, len(gains) + 1) if gains[place - 1]]
    in_top = precisions[: hits(gains[:k])]
    if options["denominator"] == "first":
        first = precisions[: min(total, k)]
        return sum(first) / len(first)
    denominators = {"total": total, "min": min(total, k)}
    return sum(in_top) / denominators.get(options["denominator"], max(1, len(in_top)))


def _ndcg(gains: Gains, k: int, options: Mapping[str, str]) -> float:
    ideal = _discounted(sorted(gains, reverse=True)[:k], options["gain"])
    return _discounted(gains[:k], options["gain"]) / ideal if ideal else 0.0


def _discounted(gains: Sequence[int], gain: str) -> float:
    worth = gains if gain == "linear" else [2**one - 1 for one in gains]
    return sum(one / log2(place + 1) for place, one in enumerate(worth, 1))


def hits(gains: Sequence[int]) -> int:
    """Number of relevant candidates."""
    return sum(gain > 0 for gain in gains)


def interpolated(groups: TiedGains) -> list[float]:
    """Interpolated precision at recall 0.0, 0.1, …, 1.0, with points at the ends of tied groups."""
    total = sum(map(hits, groups))
    ends = [tuple(chain.from_iterable(groups[: stop + 1])) for stop in range(len(groups))]
    points = [(hits(end), hits(end) / len(end)) for end in ends]
    return [
        max((precision for found, precision in points if 10 * found >= level * total), default=0.0) if total else 0.0
        for level in range(11)
    ]


DEFINITIONS: Mapping[str, Callable[[Gains, int, Mapping[str, str]], float]] = {
    "R": _any_hit,
    "recall_fraction": _recall_fraction,
    "P": _precision,
    "R-Precision": _r_precision,
    "median_rank": _rank,
    "mean_rank": _rank,
    "MRR": _reciprocal_rank,
    "mAP": _average_precision,
    "nDCG": _ndcg,
}
