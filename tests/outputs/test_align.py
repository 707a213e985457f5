"""Outputs of several models are brought into one order by identifier, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ficoitr import Embeddings, HashCodes
from ficoitr.errors import IdentifierError, OptionError
from ficoitr.outputs import align

IDS = tuple("abcdefg")
VALUES = np.arange(14, dtype=np.float32).reshape(7, 2)
BITS = np.random.default_rng(0).integers(0, 2, size=(7, 70))


@given(st.permutations(range(7)), st.permutations(range(7)))
def test_rows_follow_their_identifiers(one: list[int], other: list[int]) -> None:
    embeddings = Embeddings(VALUES[one], tuple(IDS[row] for row in one))
    codes = HashCodes.from_values(BITS[other], ids=[IDS[row] for row in other])
    aligned = align(embeddings, codes)
    assert aligned[0].ids == aligned[1].ids == embeddings.ids
    np.testing.assert_array_equal(aligned[1].words, HashCodes.from_values(BITS[one]).words)
    in_order = align(codes, embeddings, ids=IDS)
    np.testing.assert_array_equal(in_order[1].values, VALUES)
    np.testing.assert_array_equal(in_order[0].words, HashCodes.from_values(BITS).words)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (("a", "b"), "output 1: it lacks 'c'"),
        (("a", "b", "c", "d"), "output 1: it has 'd' beyond"),
        (("a", "b", "x"), "output 1: it lacks 'c' and it has 'x' beyond"),
        (tuple("abuvwxyz"), "lacks 'c' and it has 'u', 'v', 'w' and 3 more beyond.*the same 3 identifiers"),
        (None, "output 1: it has no identifiers"),
    ],
)
def test_mismatches_are_named(other: tuple[str, ...] | None, says: str) -> None:
    first = Embeddings(VALUES[:3], ("a", "b", "c"))
    second = Embeddings(np.ones((3 if other is None else len(other), 2), dtype=np.float32), other)
    with pytest.raises(IdentifierError, match=says):
        align(first, second)


def test_identifiers_that_an_output_lacks() -> None:
    with pytest.raises(IdentifierError, match="output 0: it lacks 'z'"):
        align(Embeddings(VALUES, IDS), ids=[*IDS, "z"])
    with pytest.raises(OptionError, match="nothing to align"):
        align()
