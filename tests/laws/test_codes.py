"""Laws of the statistics of hash codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ficoitr.metrics.codes import CodeStatistics, code_statistics
from laws.strategies import codes, hash_codes

SEEDS = st.integers(0, 2**32)
# Some items equal each other, and some bits are constant.
BITS = codes().map(lambda sides: sides[1])


def statistics(bits: np.ndarray) -> CodeStatistics:
    packed = hash_codes(bits)
    return code_statistics(packed.words, packed.bits)


@given(bits=BITS, seed=SEEDS)
def test_the_order_of_the_items_changes_nothing(bits: np.ndarray, seed: int) -> None:
    assert statistics(np.random.default_rng(seed).permutation(bits)) == statistics(bits)


@given(bits=BITS, data=st.data())
def test_inverting_a_bit_turns_its_share_around_and_changes_nothing_else(bits: np.ndarray, data: st.DataObject) -> None:
    before = statistics(bits)
    chosen = data.draw(st.integers(0, before.bits - 1))
    inverted = bits.copy()
    inverted[:, chosen] = ~bits[:, chosen]
    after = statistics(inverted)
    np.testing.assert_allclose(after.ones[chosen], 1 - before.ones[chosen], rtol=0, atol=1e-15)
    assert [*after.ones[:chosen], *after.ones[chosen + 1 :]] == [*before.ones[:chosen], *before.ones[chosen + 1 :]]
    assert replace(after, ones=before.ones) == before


@given(bits=BITS, seed=SEEDS)
def test_the_order_of_the_bits_permutes_their_shares(bits: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(bits.shape[1])
    before, after = statistics(bits), statistics(bits[:, order])
    assert after.ones == tuple(before.ones[bit] for bit in order)
    assert replace(after, ones=(), mean_correlation=None) == replace(before, ones=(), mean_correlation=None)
    if before.mean_correlation is None or after.mean_correlation is None:
        assert before.mean_correlation == after.mean_correlation
    else:
        np.testing.assert_allclose(after.mean_correlation, before.mean_correlation, rtol=1e-12)


@given(bits=BITS)
def test_taking_every_item_twice_leaves_balance_and_correlation(bits: np.ndarray) -> None:
    before, after = statistics(bits), statistics(np.concatenate((bits, bits)))
    for name in ("ones", "imbalance", "constant_bits", "mean_correlation", "max_correlation", "distinct"):
        assert getattr(after, name) == getattr(before, name), name
    assert after.items == after.colliding == 2 * before.items
    assert after.largest_bucket == 2 * before.largest_bucket


@given(bits=BITS)
def test_a_further_bit_never_makes_codes_collide(bits: np.ndarray) -> None:
    longer, shorter = statistics(np.column_stack((bits, bits[:, 0] ^ bits[:, -1]))), statistics(bits[:, :1])
    found = statistics(bits)
    assert (longer.distinct, longer.colliding) == (found.distinct, found.colliding), "it follows from others"
    assert shorter.distinct <= found.distinct
    assert shorter.largest_bucket >= found.largest_bucket


@given(bits=BITS)
def test_counts_hang_together(bits: np.ndarray) -> None:
    found = statistics(bits)
    alone = found.items - found.colliding
    shared = found.distinct - alone
    assert 1 <= found.distinct <= min(found.items, 2**found.bits)
    assert 2 * shared <= found.colliding, "a shared code has two items at least"
    assert (found.colliding == 0) == (found.largest_bucket == 1) == (found.distinct == found.items)
    assert found.distinct - 1 + found.largest_bucket <= found.items
    assert (found.collision_probability == 0) == (found.colliding == 0 and found.items > 1)
    assert 0 <= found.imbalance <= 0.5
    assert (found.imbalance == 0.5) == (found.constant_bits == found.bits)
    assert (found.max_correlation is None) == (found.bits - found.constant_bits < 2)
    if found.max_correlation is not None and found.mean_correlation is not None:
        assert 0 <= found.mean_correlation <= found.max_correlation + 1e-12
        assert found.max_correlation <= 1
