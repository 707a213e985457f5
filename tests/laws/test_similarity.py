"""Laws of the measures: codes of any width, and vectors whatever the blocks, the order of rows and the precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ficoitr.metrics.metric import Metric
from ficoitr.metrics.radius import Lookup
from ficoitr.outputs import HashCodes
from ficoitr.similarity import similarity_matrix
from ficoitr.similarity.dense import DENSE_MEASURES, dense_scorer
from ficoitr.similarity.hamming import hamming_scorer
from ficoitr.similarity.rows import first_occurrences
from ficoitr.similarity.threads import map_in_order
from laws.strategies import codes, columns, dense_groups, embeddings, hash_codes, vectors
from metrics.rankings import Array, by_labels, by_lists

Sides = tuple[Array, Array]
WITHIN_TEN = tuple(
    map(Metric.parse, ("R@1", "R@5", "P@10", "mAP@5", "mAP(denominator=total)@10", "mAP(denominator=min)@10"))
)
measures = pytest.mark.parametrize("measure", DENSE_MEASURES)


def some_relevant(sides: Sides) -> Array:
    """Relevance that depends on the vectors alone, so that it follows their rows."""
    return (sides[0][:, :1] > 0) == (sides[1][:, 0] + sides[1][:, -1] > 0)


def hamming_groups(sides: Sides, relevant: Array) -> list[tuple[int, int, int]]:
    scorer = hamming_scorer(*map(hash_codes, sides))
    return columns(scorer.ordered_groups(0, len(sides[0]), by_lists(relevant)))


def few_relevant(sides: Sides) -> Array:
    return (np.arange(len(sides[0]))[:, None] + np.arange(len(sides[1]))) % 3 == 0


@given(sides=codes())
def test_bits_in_common_are_the_bits_less_the_distance(sides: Sides) -> None:
    differing = (sides[0][:, None, :] != sides[1][None, :, :]).sum(axis=2)
    scorer = hamming_scorer(*map(hash_codes, sides))
    np.testing.assert_array_equal(scorer.similarities(0, len(sides[0])), sides[0].shape[1] - differing)


@measures
@given(sides=codes())
def test_all_measures_rank_signed_codes_as_hamming_does(measure: str, sides: Sides) -> None:
    relevant = few_relevant(sides)
    signed = tuple(np.where(side, 1, -1).astype(np.int8) for side in sides)
    scorer = hamming_scorer(*map(hash_codes, sides))
    for precision in ("float32", "float64"):
        for query, groups in dense_groups(signed, relevant, measure, precision=precision).items():
            by_distance = scorer.ordered_groups(query, query + 1, by_lists(relevant[[query]]))
            assert columns(groups) == columns(by_distance)


@pytest.mark.parametrize("fill", [False, True])
@given(sides=codes(), more=st.integers(1, 70))
def test_equal_padding_on_both_sides_never_counts(fill: bool, sides: Sides, more: int) -> None:
    padded = tuple(np.concatenate((side, np.full((len(side), more), fill)), axis=1) for side in sides)
    assert hamming_groups(padded, few_relevant(sides)) == hamming_groups(sides, few_relevant(sides))


@given(sides=codes())
def test_flipping_every_bit_of_both_sides(sides: Sides) -> None:
    assert hamming_groups((~sides[0], ~sides[1]), few_relevant(sides)) == hamming_groups(sides, few_relevant(sides))


@given(sides=codes(), data=st.data())
def test_reordering_bits(sides: Sides, data: st.DataObject) -> None:
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(sides[0].shape[1])
    turned = (sides[0][:, order], sides[1][:, order])
    assert hamming_groups(turned, few_relevant(sides)) == hamming_groups(sides, few_relevant(sides))


@given(sides=codes())
def test_each_query_of_codes_stands_by_itself(sides: Sides) -> None:
    relevant = few_relevant(sides)
    scorer = hamming_scorer(*map(hash_codes, sides))
    whole = scorer.ordered_groups(0, len(relevant), by_lists(relevant))
    for query in range(len(relevant)):
        alone = scorer.ordered_groups(query, query + 1, by_lists(relevant[[query]]))
        for metric in WITHIN_TEN:
            assert metric.per_query(alone)[0] == metric.per_query(whole)[0, query]


@given(sides=codes())
def test_codes_survive_packing(sides: Sides) -> None:
    bits = sides[0]
    n_bits = bits.shape[1]
    right = HashCodes.from_values(bits)
    np.testing.assert_array_equal(right.unpack(), bits)
    for forms in (bits.astype(np.uint8), np.where(bits, 1, -1), np.where(bits, 0.3, -0.0), bits.astype(np.float16)):
        np.testing.assert_array_equal(HashCodes.from_values(forms).words, right.words)
    packed = HashCodes.from_values(np.packbits(bits, axis=1), packed=True, bits=n_bits)
    np.testing.assert_array_equal(packed.words, right.words)
    np.testing.assert_array_equal(right.to_packed(), np.packbits(bits, axis=1))
    assert right.nbytes == right.to_packed().nbytes


@given(sides=codes(), radius=st.integers(0, 140))
def test_a_radius_holds_the_codes_within_it(sides: Sides, radius: int) -> None:
    relevant = few_relevant(sides)
    near = (sides[0][:, None, :] != sides[1][None, :, :]).sum(axis=2) <= radius
    scorer = hamming_scorer(*map(hash_codes, sides))
    counts = scorer.within_radius(0, len(relevant), by_lists(relevant), radius)
    right = (near.sum(axis=1), (near & relevant).sum(axis=1), relevant.sum(axis=1))
    for found, wanted in zip(counts, right, strict=True):
        np.testing.assert_array_equal(found, wanted)
    precision = Metric("radius_precision", radius).per_query(Lookup(*counts))[0]
    np.testing.assert_allclose(precision, right[1] / np.maximum(1, right[0]))


@given(sides=codes(), radius=st.integers(0, 140))
def test_recall_grows_with_the_radius_up_to_all(sides: Sides, radius: int) -> None:
    relevance = by_labels(np.ones((len(sides[0]), 1), np.bool_), np.ones((len(sides[1]), 1), np.bool_))
    scorer = hamming_scorer(*map(hash_codes, sides))

    def recall(within: int) -> Array:
        lookup = Lookup(*scorer.within_radius(0, len(sides[0]), relevance, within))
        return Metric("radius_recall", within).per_query(lookup)

    assert (recall(radius) <= recall(radius + 1)).all()
    assert (recall(sides[0].shape[1]) == 1).all()


@measures
@given(sides=vectors(), block=st.integers(1, 9))
def test_float64_rankings_do_not_hang_on_the_blocks(measure: str, sides: Sides, block: int) -> None:
    relevant = some_relevant(sides)
    whole = dense_groups(sides, relevant, measure, block=1000)
    parts = dense_groups(sides, relevant, measure, block=block)
    assert {query: columns(one) for query, one in whole.items()} == {
        query: columns(one) for query, one in parts.items()
    }


@given(seed=st.integers(0, 9999), block=st.integers(1, 6))
def test_float64_figures_are_equal_bit_for_bit_whatever_the_blocks(seed: int, block: int) -> None:
    # Under a constant query all orders of one vector's entries score the same, up to how the sum is rounded.
    generator = np.random.default_rng(seed)
    entries = generator.standard_normal(generator.integers(8, 80))
    alike = [generator.permutation(entries) for _ in range(generator.integers(3, 30))]
    candidates = np.concatenate((alike, generator.standard_normal((20, len(entries)))))
    queries = np.arange(1, 8)[:, None] * np.ones(len(entries))
    relevant = np.broadcast_to(
        (np.arange(len(candidates)) < len(alike)) | (np.arange(len(candidates)) % 3 == 0), (7, len(candidates))
    )
    whole, parts = (dense_groups((queries, candidates), relevant, "inner_product", block=size) for size in (7, block))
    for metric in (Metric.parse("mAP@N"), Metric.parse("mAP(denominator=total)@10"), Metric.parse("pr_curve")):
        for query, groups in whole.items():
            np.testing.assert_array_equal(metric.per_query(parts[query]), metric.per_query(groups), err_msg=str(metric))


@measures
@given(sides=vectors(), seed=st.integers(0, 999))
def test_float64_rankings_do_not_hang_on_the_order_of_rows(measure: str, sides: Sides, seed: int) -> None:
    generator = np.random.default_rng(seed)
    orders = [generator.permutation(len(side)) for side in sides]
    turned = (sides[0][orders[0]], sides[1][orders[1]])
    right = dense_groups(sides, some_relevant(sides), measure)
    found = dense_groups(turned, some_relevant(turned), measure)
    assert {int(orders[0][row]): columns(one) for row, one in found.items()} == {
        row: columns(one) for row, one in right.items()
    }


@measures
@given(sides=vectors(), block=st.integers(1, 9))
def test_the_top_of_float32_is_that_of_float64(measure: str, sides: Sides, block: int) -> None:
    relevant = some_relevant(sides)
    exact = dense_groups(sides, relevant, measure)
    quick = dense_groups(sides, relevant, measure, precision="float32", depth=10, block=block)
    for metric in WITHIN_TEN:
        for query, groups in quick.items():
            right = metric.per_query(exact[query])
            np.testing.assert_allclose(metric.per_query(groups), right, rtol=0, atol=1e-12, err_msg=str(metric))


@measures
@pytest.mark.parametrize("precision", ["float32", "float64"])
@given(sides=vectors(), block=st.integers(1, 9))
def test_counted_ranks_are_exact_at_any_depth(measure: str, precision: str, sides: Sides, block: int) -> None:
    relevant = some_relevant(sides)
    exact = dense_groups(sides, relevant, measure)
    counted = dense_groups(sides, relevant, measure, precision=precision, depth=0, block=block, counted=True)  # type: ignore[arg-type]
    assert {query: columns(one) for query, one in counted.items()} == {
        query: columns(one) for query, one in exact.items()
    }


@measures
@given(sides=vectors())
def test_repeated_rows_share_their_score(measure: str, sides: Sides) -> None:
    doubled = (np.concatenate((sides[0], sides[0])), np.concatenate((sides[1], sides[1])))
    scorer = dense_scorer(*map(embeddings, doubled), measure, depth=10)
    scores = scorer.block(0, scorer.n_rows)
    half = len(sides[1])
    np.testing.assert_array_equal(scores[:, :half], scores[:, half:])
    np.testing.assert_array_equal(scorer.rows[: len(sides[0])], scorer.rows[len(sides[0]) :])


@measures
@given(sides=vectors())
def test_a_gallery_taken_twice_doubles_every_group(measure: str, sides: Sides) -> None:
    relevant = some_relevant(sides)
    once = dense_groups(sides, relevant, measure)
    twice = dense_groups((sides[0], np.tile(sides[1], (2, 1))), np.tile(relevant, 2), measure)
    for query, groups in once.items():
        doubled = [(2 * before, 2 * size, 2 * hits) for before, size, hits in columns(groups)]
        in_pairs = [
            (before + i, 1, 1) if size == hits else (before, size, hits)
            for before, size, hits in doubled
            for i in range(2)
        ]
        assert sorted(set(in_pairs)) == sorted(set(columns(twice[query])))


@measures
@given(sides=vectors(), power=st.integers(-20, 20))
def test_the_length_of_a_query_ranks_nothing(measure: str, sides: Sides, power: int) -> None:
    scale = np.float32(2.0**power) if measure != "euclidean" else np.float32(1)
    candidates = np.float32(2.0**power) if measure == "cosine" else np.float32(1)
    scaled = (sides[0] * scale, sides[1] * candidates)
    relevant = some_relevant(sides)
    right, found = (dense_groups(one, relevant, measure) for one in (sides, scaled))
    assert {query: columns(one) for query, one in right.items()} == {
        query: columns(one) for query, one in found.items()
    }


@measures
@given(sides=vectors())
def test_dimensions_of_zeros_and_a_change_of_sign_rank_nothing(measure: str, sides: Sides) -> None:
    relevant = some_relevant(sides)
    wider = tuple(np.pad(-side, ((0, 0), (0, 3))) for side in sides)
    right, found = (dense_groups(one, relevant, measure) for one in (sides, wider))
    assert {query: columns(one) for query, one in right.items()} == {
        query: columns(one) for query, one in found.items()
    }


@measures
@given(sides=vectors())
def test_float64_vectors_of_float32_values_rank_alike(measure: str, sides: Sides) -> None:
    relevant = some_relevant(sides)
    wide = tuple(side.astype(np.float64) for side in sides)
    right, found = (dense_groups(one, relevant, measure) for one in (sides, wide))
    assert {query: columns(one) for query, one in right.items()} == {
        query: columns(one) for query, one in found.items()
    }


@measures
@given(sides=vectors())
def test_a_block_is_the_plain_product(measure: str, sides: Sides) -> None:
    scorer = dense_scorer(*map(embeddings, sides), measure, precision="float64", depth=10)
    scores = scorer.block(0, scorer.n_rows)[scorer.rows]
    queries, candidates = (side.astype(np.float64) for side in sides)
    if measure == "euclidean":
        plain = -((queries[:, None, :] - candidates[None, :, :]) ** 2).sum(axis=2)
        # Up to a constant of the query.
        scores, plain = scores - scores[:, :1], plain - plain[:, :1]
    else:
        plain = similarity_matrix(queries, candidates, measure)
    np.testing.assert_allclose(scores, plain, rtol=1e-9, atol=1e-9)


@given(seed=st.integers(0, 999), shift=st.integers(-1000, 1000))
def test_euclidean_ranks_do_not_move_with_the_origin(seed: int, shift: int) -> None:
    generator = np.random.default_rng(seed)
    whole = tuple(generator.integers(-5, 6, (n, 6)).astype(np.float32) for n in (4, 30))
    moved = tuple(side + np.float32(shift) for side in whole)
    relevant = some_relevant(whole)
    for precision in ("float32", "float64"):
        right, found = (
            dense_groups(one, relevant, "euclidean", precision=precision, depth=30) for one in (whole, moved)
        )
        assert {query: columns(one) for query, one in right.items()} == {
            query: columns(one) for query, one in found.items()
        }


@given(rows=st.integers(1, 40), width=st.integers(1, 9), seed=st.integers(0, 999))
def test_first_occurrences_are_those_of_a_dictionary(rows: int, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    for dtype in (np.float32, np.float64, np.int8):
        matrix = generator.integers(0, 2, (rows, width)).astype(dtype)
        seen: dict[bytes, int] = {}
        right = [seen.setdefault(row.tobytes(), place) for place, row in enumerate(matrix)]
        np.testing.assert_array_equal(first_occurrences(matrix), right)


@given(items=st.lists(st.integers(), max_size=30), threads=st.integers(1, 4))
def test_threads_never_change_the_order_of_results(items: list[int], threads: int) -> None:
    assert list(map_in_order(lambda item: item * 2, items, threads)) == [item * 2 for item in items]
