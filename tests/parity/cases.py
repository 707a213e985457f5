"""Random rankings without ties, and their queries as peers take them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from ficoitr.metrics.metric import Metric
from metrics.rankings import Array, Ranking

N_CASES = 200
TO_ROUNDING = {"rtol": 0, "atol": 1e-9}


@lru_cache(maxsize=1)
def cases() -> tuple[Ranking, ...]:
    """As many cases; every query has a relevant candidate, since some peers leave out those without."""
    return tuple(_case(np.random.default_rng(seed)) for seed in range(N_CASES))


def _case(generator: np.random.Generator) -> Ranking:
    n_queries, n_candidates, n_labels = generator.integers(1, 6), generator.integers(2, 60), generator.integers(1, 5)
    scores = np.stack([generator.permutation(n_candidates) + 1.0 for _ in range(n_queries)]).astype(np.float32)
    query_labels = generator.random((n_queries, n_labels)) < 0.6
    query_labels[:, 0] = True
    candidate_labels = generator.random((n_candidates, n_labels)) < generator.choice((0.05, 0.2, 0.6))
    candidate_labels[generator.integers(n_candidates), 0] = True
    return Ranking(scores, query_labels, candidate_labels)


def ours(text: str) -> Array:
    """Values of a metric for all queries of all cases in turn."""
    metric = Metric.parse(text)
    return np.concatenate([case.values(metric)[0] for case in cases()])


def queries() -> Iterator[tuple[Array, Array]]:
    """Scores and gains of every query, in the same turn."""
    for case in cases():
        yield from zip(case.scores, case.gains, strict=True)


def as_judgements() -> dict[str, dict[str, int]]:
    """Qrels of every query."""
    return {
        f"q{number:05}": {f"d{place:03}": int(gain) for place, gain in enumerate(gains) if gain}
        for number, (_, gains) in enumerate(queries())
    }


def as_run() -> dict[str, dict[str, float]]:
    """Scores of every query."""
    return {
        f"q{number:05}": {f"d{place:03}": float(score) for place, score in enumerate(scores)}
        for number, (scores, _) in enumerate(queries())
    }
