"""Rankings, codes and vectors to try the laws on."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.metric import FAMILIES, Metric
from ficoitr.metrics.ranking import ScoredBlock
from ficoitr.outputs import Embeddings, HashCodes
from ficoitr.similarity.dense import Precision, dense_scorer
from metrics.rankings import RANKED, Ranking, by_lists, variants

# Every metric that is computed from a ranking, by family: a new family comes under every law by itself.
METRICS: dict[str, tuple[Metric, ...]] = {name: tuple(variants(FAMILIES[name], (1, 2, 4, "N"))) for name in RANKED}
AVERAGE_PRECISIONS = METRICS["mAP"]


@st.composite
def rankings(draw: st.DrawFn, *, ties: bool = True, max_queries: int = 3, max_candidates: int = 9) -> Ranking:
    """Rankings of few candidates, with many ties or none."""
    n_queries, n_candidates = draw(st.integers(1, max_queries)), draw(st.integers(1, max_candidates))
    if ties:
        scores = draw(arrays(np.int8, (n_queries, n_candidates), elements=st.integers(-2, 2)))
    else:
        scores = np.array([draw(st.permutations(range(n_candidates))) for _ in range(n_queries)])
    n_labels = draw(st.integers(1, 3))
    query_labels, candidate_labels = (draw(arrays(np.bool_, (n, n_labels))) for n in (n_queries, n_candidates))
    return Ranking(scores.astype(np.float32), query_labels, candidate_labels)


@st.composite
def codes(draw: st.DrawFn, *, max_bits: int = 130) -> tuple[np.ndarray, np.ndarray]:
    """Bits of queries and candidates, of one or more words; some candidates equal each other."""
    bits = draw(st.sampled_from((1, 3, 8, 16, 63, 64, 65, max_bits)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries = generator.random((draw(st.integers(1, 3)), bits)) < 0.5
    distinct = generator.random((draw(st.integers(1, 6)), bits)) < 0.5
    return queries, distinct[generator.integers(0, len(distinct), draw(st.integers(1, 12)))]


@st.composite
def vectors(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Float32 vectors of queries and candidates, some of them equal and some nearly so."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    width = draw(st.integers(2, 40))
    centres = generator.standard_normal((draw(st.integers(2, 8)), width))
    spread = draw(st.sampled_from((0.0, 1e-7, 1e-3, 1.0)))
    sides = []
    for n_items in (draw(st.integers(2, 9)), draw(st.integers(2, 40))):
        near = centres[generator.integers(0, len(centres), n_items)]
        noisy = near + spread * generator.standard_normal(near.shape)
        sides.append(np.where(generator.random((n_items, 1)) < 0.5, near, noisy).astype(np.float32))
    return sides[0], sides[1]


def hash_codes(bits: np.ndarray) -> HashCodes:
    return HashCodes.from_values(bits)


def embeddings(values: np.ndarray) -> Embeddings:
    return Embeddings(np.ascontiguousarray(values))


def dense_groups(
    sides: tuple[np.ndarray, np.ndarray],
    relevant: np.ndarray,
    measure: str,
    *,
    precision: Precision = "float64",
    depth: int = 10,
    block: int = 3,
    counted: bool = False,
) -> dict[int, Groups]:
    """Groups of every query, scored in blocks of so many distinct queries."""
    scorer = dense_scorer(*map(embeddings, sides), measure, precision=precision, depth=depth)
    result = {}
    for start in range(0, scorer.n_rows, block):
        scores = scorer.block(start, min(start + block, scorer.n_rows))
        for query in np.flatnonzero((scorer.rows >= start) & (scorer.rows < start + block)):
            one = np.array([query])
            rows = scorer.rows[one] - start
            scored = ScoredBlock(scores, rows, rescoring=scorer.rescoring(one))
            rank = scored.counted if counted else scored.ordered
            result[int(query)] = rank(by_lists(relevant[one]))
    return result


def columns(groups: Groups) -> list[tuple[int, int, int]]:
    """Groups as (before, size, relevant), query after query, those of relevant candidates alone taken apart.

    Whether relevant candidates with none between them tie changes no ranking.
    """
    result: list[tuple[int, int, int]] = []
    for before, size, relevant in zip(
        groups.before.tolist(), groups.size.tolist(), groups.relevant.tolist(), strict=True
    ):
        alone = size == relevant
        result += [(before + i, 1, 1) for i in range(size)] if alone else [(before, size, relevant)]
    return result
