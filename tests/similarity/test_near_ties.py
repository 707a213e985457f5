"""Scores that float32 confuses: the top of the default ranking is that of the canonical float64 scores."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from ficoitr.errors import OptionError, ShapeError, ValuesError
from ficoitr.metrics.groups import Groups
from ficoitr.metrics.metric import Metric
from ficoitr.metrics.ranking import ScoredBlock
from ficoitr.outputs import Embeddings
from ficoitr.similarity.dense import DENSE_MEASURES, DenseScorer, dense_scorer
from metrics.rankings import Array, by_lists

DEPTH = 10


def scorer_of(queries: Array, candidates: Array, measure: str, precision: str = "float32") -> DenseScorer:
    return dense_scorer(Embeddings(queries), Embeddings(candidates), measure, precision=precision, depth=DEPTH)  # type: ignore[arg-type]


def ranked(scorer: DenseScorer, relevant: Array, *, counted: bool = False) -> Groups:
    every = np.arange(len(scorer.rows))
    scored = ScoredBlock(scorer.block(0, scorer.n_rows), scorer.rows, rescoring=scorer.rescoring(every))
    return (scored.counted if counted else scored.ordered)(by_lists(relevant))


def exact_score(query: Array, candidate: Array, measure: str) -> Fraction:
    """Order-preserving score in exact arithmetic, cosine squared under its sign."""
    pairs = [(Fraction(float(q)), Fraction(float(c))) for q, c in zip(query, candidate, strict=True)]
    product = sum(q * c for q, c in pairs)
    squares = sum(c * c for _, c in pairs)
    if measure == "cosine":
        return (1 if product >= 0 else -1) * product**2 / squares
    return 2 * product - squares if measure == "euclidean" else product


def colliding(measure: str, seed: int) -> tuple[Array, Array]:
    """A query and candidates that differ in their last bits: float32 products collide or flip."""
    generator = np.random.default_rng(seed)
    query = generator.standard_normal((1, 24)).astype(np.float32)
    base = query if measure == "euclidean" else generator.standard_normal((1, 24))
    candidates = (base + 0.25 + 1e-7 * generator.standard_normal((12, 24))).astype(np.float32)
    far = generator.standard_normal((20, 24)).astype(np.float32) - 3 * query
    return query, np.concatenate((candidates, far))


@pytest.mark.parametrize("measure", DENSE_MEASURES)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("counted", [False, True])
def test_the_top_is_ranked_by_exact_scores(measure: str, seed: int, counted: bool) -> None:
    query, candidates = colliding(measure, seed)
    exact = [exact_score(query[0], candidate, measure) for candidate in candidates]
    assert len(set(exact)) == len(exact)
    order = sorted(range(len(exact)), key=lambda row: -exact[row])
    for place in range(DEPTH):
        relevant = (np.arange(len(candidates)) == order[place])[None, :]
        groups = ranked(scorer_of(query, candidates, measure), relevant, counted=counted)
        assert (groups.before.tolist(), groups.size.tolist()) == ([place], [1])


def test_float32_would_confuse_them() -> None:
    confused = 0
    for seed in range(12):
        query, candidates = colliding("inner_product", seed)
        plain = (query @ candidates.T)[0]
        exact = [exact_score(query[0], candidate, "inner_product") for candidate in candidates]
        confused += list(np.argsort(-plain, kind="stable")) != sorted(range(len(exact)), key=lambda row: -exact[row])
    assert confused >= 11


@pytest.mark.parametrize("measure", DENSE_MEASURES)
@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, np.float64])
def test_whole_numbers_are_ranked_exactly_to_the_last(measure: str, dtype: type) -> None:
    generator = np.random.default_rng(3)
    queries, candidates = (generator.choice((-1, 1), (n, 16)).astype(dtype) for n in (5, 60))
    products = queries.astype(int) @ candidates.astype(int).T
    for precision in ("float32", "float64"):
        scorer = scorer_of(queries, candidates, measure, precision)
        assert not scorer.rescoring(np.arange(len(queries))).absolute.any()
        for row in range(60):
            relevant = np.broadcast_to(np.arange(60) == row, (5, 60))
            groups = ranked(scorer, relevant)
            np.testing.assert_array_equal(groups.before, (products > products[:, [row]]).sum(axis=1))
            np.testing.assert_array_equal(groups.size, (products == products[:, [row]]).sum(axis=1))


def test_equal_texts_tie_though_the_product_may_round_them_apart() -> None:
    generator = np.random.default_rng(0)
    queries = generator.standard_normal((30, 256)).astype(np.float32)
    distinct = generator.standard_normal((150, 256)).astype(np.float32)
    candidates = np.concatenate((distinct, distinct[:77]))
    for measure in DENSE_MEASURES:
        relevant = np.broadcast_to(np.arange(len(candidates)) == 5, (30, len(candidates)))
        groups = ranked(scorer_of(queries, candidates, measure), relevant)
        assert set(groups.size.tolist()) == {2}


def test_a_constant_embedding_scores_chance() -> None:
    queries = np.random.default_rng(0).standard_normal((3, 8)).astype(np.float32)
    candidates = np.tile(np.float32(0.1), (40, 8))
    relevant = np.broadcast_to(np.arange(40) < 4, (3, 40))
    for measure in DENSE_MEASURES:
        groups = ranked(scorer_of(queries, candidates, measure), relevant)
        np.testing.assert_allclose(Metric.parse("P@10").per_query(groups)[0], 0.1, rtol=0, atol=1e-12)
        np.testing.assert_allclose(Metric.parse("mean_rank").per_query(groups)[0], 41 / 5, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [2.0**-60, 2.0**-40, 2.0**40, 2.0**60])
def test_the_length_of_all_vectors_ranks_nothing(scale: float) -> None:
    generator = np.random.default_rng(1)
    queries, candidates = (generator.standard_normal((n, 12)).astype(np.float32) for n in (4, 50))
    relevant = generator.random((4, 50)) < 0.3
    for measure in DENSE_MEASURES:
        right = ranked(scorer_of(queries, candidates, measure), relevant)
        found = ranked(scorer_of(queries * np.float32(scale), candidates * np.float32(scale), measure), relevant)
        np.testing.assert_array_equal(found.before, right.before)
        np.testing.assert_array_equal(found.size, right.size)


def test_a_vector_of_zeros_has_no_cosine() -> None:
    zeros = np.ones((3, 4), dtype=np.float32)
    zeros[1] = 0
    with pytest.raises(ValuesError, match="row 1 is a vector of zeros"):
        scorer_of(np.ones((2, 4), dtype=np.float32), zeros, "cosine")
    scorer_of(np.ones((2, 4), dtype=np.float32), zeros, "inner_product")


def test_vectors_whose_products_overflow_are_refused() -> None:
    large = np.full((2, 4), 1e30, dtype=np.float32)
    with pytest.raises(ValuesError, match="leave the range of float32"):
        scorer_of(large, large, "inner_product")
    scorer_of(large, large, "inner_product", "float64")
    scorer_of(large, large, "cosine")


def test_float16_products_do_not_overflow() -> None:
    large = np.full((2, 64), 300, dtype=np.float16)
    assert (scorer_of(large, large, "inner_product").block(0, 1) == 64 * 300**2).all()


def test_widths_and_measures_are_checked() -> None:
    with pytest.raises(ShapeError, match="4 dimensions"):
        scorer_of(np.ones((2, 4)), np.ones((2, 5)), "cosine")
    with pytest.raises(OptionError, match="hamming"):
        scorer_of(np.ones((2, 4)), np.ones((2, 4)), "hamming")
