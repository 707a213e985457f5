"""What outputs hold, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ficoitr.errors import CodesError, FicoitrError, IdentifierError, OptionError, ShapeError, ValuesError
from ficoitr.outputs import (
    Embeddings,
    HashCodes,
    RankedLists,
    Scores,
    VectorSets,
    as_codes,
    as_embeddings,
    as_scores,
    mean_scores,
)


def holed(value: float, dtype: type = np.float32) -> np.ndarray:
    array = np.ones((5, 4), dtype=dtype)
    array[3, 2] = value
    return array


REFUSED: dict[str, tuple[Any, type[FicoitrError], str]] = {
    "NaN": (holed(np.nan), ValuesError, "row 3, column 2 is NaN"),
    "infinity": (holed(np.inf), ValuesError, "row 3, column 2 is infinite"),
    "minus infinity in float16": (holed(-np.inf, np.float16), ValuesError, "row 3, column 2 is infinite"),
    "opposite infinities": (np.array([[np.inf, -np.inf]]), ValuesError, "row 0, column 0 is infinite"),
    "objects": (np.array([[1, None]], dtype=object), ValuesError, "object"),
    "complex numbers": (np.ones((2, 2), dtype=complex), ValuesError, "complex"),
    "text": (np.array([["a", "b"]]), ValuesError, "text"),
    "one dimension": (np.ones(3), ShapeError, "1 dimension"),
    "three dimensions": (np.ones((2, 2, 2)), ShapeError, "3 dimensions"),
    "no rows": (np.ones((0, 3)), ShapeError, "empty"),
    "no columns": (np.ones((3, 0)), ShapeError, "empty"),
    "ragged rows": ([[1, 2], [3]], ShapeError, "equal length"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_embeddings_and_scores_refuse(name: str) -> None:
    values, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        as_embeddings(values, modality="images")
    with pytest.raises(error, match=message):
        as_scores(values)


@pytest.mark.parametrize("name", REFUSED)
def test_codes_refuse(name: str) -> None:
    values, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        as_codes(values)


def test_values_whose_sum_overflows_are_finite() -> None:
    large = np.full((3, 4), np.finfo(np.float64).max)
    assert len(Embeddings(large)) == 3


CODES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "signs mixed with zeros": ([[1, -1], [0, 1]], {}, "row 1"),
    "bytes taken for bits": (np.array([[200, 3]], np.uint8), {}, "packed=True"),
    "bits taken for bytes": (np.array([[1, -1]], np.int8), {"packed": True}, "uint8"),
    "bits that the bytes do not hold": (np.zeros((1, 2), np.uint8), {"packed": True, "bits": 17}, "between 9 and 16"),
    "too many bytes": (np.zeros((1, 2), np.uint8), {"packed": True, "bits": 8}, "between 9 and 16"),
    "padding that is set": (np.array([[255]], np.uint8), {"packed": True, "bits": 5}, "padding"),
    "another number of columns": (np.eye(4), {"bits": 8}, "4 columns"),
    "integers beyond one": ([[0, 2]], {}, "from 0 to 2"),
}


@pytest.mark.parametrize("name", CODES)
def test_codes_of_no_alphabet(name: str) -> None:
    values, options, message = CODES[name]
    with pytest.raises(CodesError, match=message):
        HashCodes.from_values(np.asarray(values), **options)


def test_bits_beyond_the_last_are_refused() -> None:
    with pytest.raises(CodesError, match="beyond the 3th"):
        HashCodes(np.array([[8]], dtype=np.uint64), 3)


def test_zero_is_no_set_bit() -> None:
    codes = HashCodes.from_values(np.sign([[0.0, -0.0, 2.0, -2.0]]))
    np.testing.assert_array_equal(codes.unpack(), [[False, False, True, False]])


def test_bytes_are_no_features() -> None:
    with pytest.raises(CodesError, match="packed"):
        Embeddings(np.array([[7, 8]], dtype=np.uint8))


def test_lists_of_arrays_are_ranked_by_their_columns() -> None:
    lists = RankedLists.from_arrays([[2, 0], [1, 2]], n_candidates=3)
    assert (lists.n_queries, lists.depth) == (2, 2)
    assert (np.diff(lists.scores.reshape(2, 2)) < 0).all()


LISTS: dict[str, tuple[dict[str, Any], type[FicoitrError], str]] = {
    "a candidate twice": (
        {"candidates": [[1, 1]], "n_candidates": 3},
        IdentifierError,
        "query 0 lists candidate 1 twice",
    ),
    "padding of FAISS": (
        {"candidates": [[1, 2], [0, -1]], "n_candidates": 3},
        IdentifierError,
        "candidate -1 of query 1",
    ),
    "beyond the gallery": ({"candidates": [[1, 3]], "n_candidates": 3}, IdentifierError, "rows 0 to 2"),
    "floats for rows": ({"candidates": [[0.0, 1.0]], "n_candidates": 3}, ShapeError, "integer rows"),
    "scores of another shape": (
        {"candidates": [[0, 1]], "scores": [[1.0]], "n_candidates": 3},
        ShapeError,
        "equal shapes",
    ),
    "NaN": ({"candidates": [[0, 1]], "scores": [[1.0, np.nan]], "n_candidates": 3}, ValuesError, "NaN"),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_refuse(name: str) -> None:
    arguments, error, message = LISTS[name]
    with pytest.raises(error, match=message):
        RankedLists.from_arrays(**arguments)


def test_a_query_without_a_candidate_is_named() -> None:
    with pytest.raises(ShapeError, match="query 1 has no ranked candidate"):
        RankedLists.from_pairs([0, 2], [1, 1], [0.5, 0.5], n_queries=3, n_candidates=2)


def test_pairs_come_in_any_order() -> None:
    lists = RankedLists.from_pairs([1, 0, 1], [0, 2, 1], [0.1, 0.2, 0.3], n_queries=2, n_candidates=3)
    assert lists.offsets.tolist() == [0, 1, 3]
    assert lists.candidates.tolist() == [2, 0, 1]
    assert lists.scores.tolist() == [0.2, 0.1, 0.3]


def test_scores_of_both_directions_are_transposed() -> None:
    both = Scores(np.ones((2, 3)), np.zeros((3, 2)))
    assert both.direction("t2i").shape == Scores(np.ones((2, 3))).direction("t2i").shape == (3, 2)
    with pytest.raises(ShapeError, match="Transpose it"):
        Scores(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ShapeError, match="tuple of 3"):
        as_scores((np.ones((2, 2)),) * 3)


def test_an_ensemble_is_the_mean_of_scores() -> None:
    one, two = np.random.default_rng(0).random((2, 5, 7), dtype=np.float32)
    both = mean_scores([one, Scores(two)])
    assert both.i2t.dtype == np.float32
    assert both.t2i is None
    np.testing.assert_allclose(both.i2t, (one.astype(np.float64) + two) / 2, rtol=1e-6)
    assert mean_scores([one, two.astype(np.float64)]).i2t.dtype == np.float64
    assert mean_scores([np.array([[1, 2]], dtype=np.int16)] * 2).i2t.dtype.kind == "f"
    # Where the directions of one are scored differently, those of the mean are.
    np.testing.assert_allclose(mean_scores([Scores(one, two.T), two]).direction("t2i"), two.T)
    with pytest.raises(ShapeError, match=r"model 2: the scores have the shape \(5, 6\).*Expected \(5, 7\), as of"):
        mean_scores([one, two[:, :6]])
    with pytest.raises(OptionError, match="no scores"):
        mean_scores([])


def test_scores_are_saved_where_the_directions_share_them(tmp_path: Path) -> None:
    Scores(np.eye(2, 3)).save(tmp_path / "scores.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), np.eye(2, 3))
    with pytest.raises(OptionError, match="a matrix each"):
        Scores(np.eye(2, 3), np.eye(3, 2)).save(tmp_path / "other.npy")


def test_sets_of_vectors() -> None:
    sets = VectorSets(np.arange(12.0).reshape(6, 2), np.array([3, 3]), ids=("a", "b"))
    assert (len(sets), sets.nbytes) == (2, 96)
    np.testing.assert_array_equal(sets.rows[1], [[6, 7], [8, 9], [10, 11]])
    with pytest.raises(ShapeError, match="items have 2 to 4 vectors"):
        _ = VectorSets(np.ones((6, 2)), np.array([2, 4])).rows
    for lengths in ([3, 2], [6, 0], [[3, 3]]):
        with pytest.raises(ShapeError, match="6 vectors and lengths"):
            VectorSets(np.ones((6, 2)), np.array(lengths))
