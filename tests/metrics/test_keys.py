"""Integer keys sort as the scores they stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ficoitr.metrics.keyed import build_keys

NO_LABELS = np.zeros((0, 0), dtype=np.uint64)


def keys_of(scores: np.ndarray, relevant: list[int]) -> np.ndarray:
    lists = (np.array([0, len(relevant)]), np.array(relevant, dtype=np.int64))
    keys, _, _ = build_keys(scores[None, :], np.zeros(1, dtype=np.int64), (NO_LABELS, NO_LABELS, *lists))
    return np.asarray(keys[0])


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_keys_never_reverse_an_order(scores: np.ndarray) -> None:
    order = np.argsort(scores, kind="stable")
    assert (np.diff(keys_of(scores, [])[order].astype(np.int64)) >= 0).all()


def test_the_last_bit_is_relevance() -> None:
    scores = np.array([0.5, 0.5, -0.5], dtype="float32")
    keys = keys_of(scores, [1])
    assert (keys & 1).tolist() == [0, 1, 0]
    assert keys[0] & ~1 == keys[1] & ~1


def test_both_zeros_are_one_score() -> None:
    keys = keys_of(np.array([0.0, -0.0], dtype="float32"), [])
    assert keys[0] == keys[1]
