"""Marked scores sort as the scores do, and what is found in them is what counting and sorting with indices find."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ficoitr.metrics.groups import Groups
from ficoitr.metrics.marks import mark_scores
from ficoitr.metrics.ranking import Rescoring, ScoredBlock
from ficoitr.outputs import Embeddings
from ficoitr.similarity.dense import dense_scorer
from metrics.rankings import by_labels, by_lists

NO_LABELS = np.zeros((0, 0), dtype=np.uint64)


def marked(scores: np.ndarray, relevant: list[int]) -> np.ndarray:
    lists = (np.array([0, len(relevant)]), np.array(relevant, dtype=np.int64))
    result = np.empty((1, len(scores)), dtype=np.float32)
    total = mark_scores(scores[None, :], np.zeros(1, dtype=np.int64), (NO_LABELS, NO_LABELS, *lists), result)
    assert total.tolist() == [len(relevant)]
    return result[0]


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_marks_sort_the_best_first(scores: np.ndarray) -> None:
    order = np.argsort(-scores, kind="stable")
    assert (np.diff(marked(scores, [])[order]) >= 0).all()


def test_the_last_bit_is_relevance() -> None:
    bits = marked(np.array([0.5, 0.5, -0.5], dtype="float32"), [1]).view(np.int32)
    assert (bits & 1).tolist() == [0, 1, 0]
    assert bits[0] & ~1 == bits[1] & ~1


def test_both_zeros_are_one_score() -> None:
    marks = marked(np.array([0.0, -0.0], dtype="float32"), [])
    assert marks[0] == marks[1]


def ranked(n_candidates: int, seed: int, *, levels: int = 0) -> tuple[np.ndarray, np.ndarray, ScoredBlock, Rescoring]:
    """A ranking long enough not to be settled whole, of vectors or of few values that rounding tells apart."""
    generator = np.random.default_rng(seed)
    sides = [generator.standard_normal((n, 24)).astype(np.float32) for n in (6, n_candidates)]
    if levels:
        sides = [generator.integers(0, 2, side.shape).astype(np.float32) * np.float32(0.1) for side in sides]
    scorer = dense_scorer(*map(Embeddings, sides), "inner_product", depth=40)
    rescoring = scorer.rescoring(np.arange(6))
    scores = scorer.block(0, scorer.n_rows)[scorer.rows]
    labels = [generator.random((n, 70)) < 0.02 for n in (6, n_candidates)]
    return *labels, ScoredBlock(scores, np.arange(6), rescoring=rescoring), rescoring  # type: ignore[return-value]


def same(left: Groups, right: Groups) -> None:
    for name in ("offsets", "before", "size", "relevant", "total"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


def test_marks_find_the_groups_that_sorting_with_indices_finds() -> None:
    for seed in range(5):
        query_labels, candidate_labels, block, rescoring = ranked(3000, seed)
        found = block.ordered(by_labels(query_labels, candidate_labels))
        # Graded rankings are sorted with their indices.
        right = ScoredBlock(block._scores, np.arange(6), rescoring=rescoring).ordered(
            by_labels(query_labels, candidate_labels), graded=True
        )
        np.testing.assert_array_equal(found.total, right.total)
        for q in range(6):
            here, there = (slice(*one.offsets[q : q + 2]) for one in (found, right))
            top = found.before[here] < 40
            np.testing.assert_array_equal(found.before[here][top], right.before[there][: top.sum()])
            # Below, only the last bit of a score is lost.
            assert np.abs(np.sort(found.before[here]) - np.sort(right.before[there])).max(initial=0) <= 1


def test_relevance_by_lists_and_by_labels_is_marked_alike() -> None:
    query_labels, candidate_labels, block, rescoring = ranked(3000, 1)
    by_label = block.ordered(by_labels(query_labels, candidate_labels))
    shared = query_labels.astype(int) @ candidate_labels.T.astype(int) > 0
    same(by_label, ScoredBlock(block._scores, np.arange(6), rescoring=rescoring).ordered(by_lists(shared)))


def test_looking_up_in_marks_finds_what_counting_finds() -> None:
    for levels in (0, 2):
        for seed in range(5):
            query_labels, candidate_labels, block, rescoring = ranked(3000, seed, levels=levels)
            generator = np.random.default_rng(seed)
            positives = by_lists(generator.random((6, 3000)) < 0.002)
            counted = ScoredBlock(block._scores, np.arange(6), rescoring=rescoring).counted(positives)
            block.ordered(by_labels(query_labels, candidate_labels))
            assert len(block._marked) == 6
            same(block.counted(positives), counted)


def test_two_orders_of_one_block_share_no_memory() -> None:
    query_labels, candidate_labels, block, _ = ranked(3000, 2)
    relevance = by_labels(query_labels, candidate_labels)
    first = block.ordered(relevance)
    kept = first.before.copy()
    block.ordered(by_lists(np.ones((6, 3000), dtype=np.bool_)))
    np.testing.assert_array_equal(first.before, kept)


def test_scores_that_are_sums_of_zeros_stay_tied() -> None:
    generator = np.random.default_rng(4)
    sides = [(generator.random((n, 200)) * (generator.random((n, 200)) < 0.02)).astype(np.float32) for n in (6, 3000)]
    for side in sides:
        side[:, 0] += side.sum(axis=1) == 0
    scorer = dense_scorer(*map(Embeddings, sides), "cosine", depth=40)
    rescoring = scorer.rescoring(np.arange(6))
    assert rescoring.relative > 0
    scores = scorer.block(0, scorer.n_rows)[scorer.rows]
    relevant = generator.random((6, 3000)) < 0.2
    groups = ScoredBlock(scores, np.arange(6), rescoring=rescoring).ordered(by_lists(relevant))
    none = sides[0] @ sides[1].T == 0
    assert none.sum(axis=1).min() > 1000
    last = groups.offsets[1:] - 1
    np.testing.assert_array_equal(groups.size[last], none.sum(axis=1))
    np.testing.assert_array_equal(groups.relevant[last], (none & relevant).sum(axis=1))
