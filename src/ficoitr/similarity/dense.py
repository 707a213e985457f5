"""Scores of real-valued vectors, one block of queries at a time.

Every measure is an inner product of prepared vectors: cosine of vectors of unit length; Euclidean distance ranks by
2·q·c - |c|², which is -d² up to a constant of the query. Queries keep their length, which never changes a ranking.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from ficoitr.compiled import kernel
from ficoitr.errors import OptionError, ShapeError, ValuesError
from ficoitr.metrics.ranking import Rescoring
from ficoitr.outputs import Embeddings
from ficoitr.similarity.rows import first_occurrences

Array = np.ndarray[Any, Any]
Precision = Literal["float32", "float64"]
DENSE_MEASURES = ("cosine", "inner_product", "euclidean")


@dataclass(frozen=True, eq=False)
class DenseScorer:
    """Scores queries against all candidates, block by block.

    Attributes
    ----------
    rows : int64 array of shape (n_queries,)
        The distinct query that each query equals bit for bit; blocks are made of distinct queries.
    n_rows : int
        Number of distinct queries.
    """

    rows: Array
    n_rows: int
    n_candidates: int
    _queries: Array
    _candidates: Array
    _repeats: tuple[Array, Array]
    _exact: Rescoring

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the scores."""
        dtype: np.dtype[Any] = self._candidates.dtype
        return dtype

    def block(self, start: int, stop: int, out: Array | None = None) -> Array:
        """Scores of distinct queries ``start`` to ``stop``, shape (stop - start, n_candidates), written to ``out``."""
        scores: Array = np.matmul(self._queries[start:stop], self._candidates.T, out=out)
        repeats, firsts = self._repeats
        if len(repeats):
            scores[:, repeats] = scores[:, firsts]
        return scores

    def rescoring(self, queries: Array) -> Rescoring:
        """How to compute scores of these queries again, where rounding could decide."""
        exact = self._exact
        return replace(exact, queries=exact.queries[queries], absolute=exact.absolute[queries])


class Vectors:
    """The vectors of one side, and what both directions need of them, found when it is first asked for.

    Parameters
    ----------
    embeddings : Embeddings
    """

    def __init__(self, embeddings: Embeddings) -> None:
        self._values = embeddings.values
        self._scaled: dict[Any, Array] = {}

    def __len__(self) -> int:
        return len(self._values)

    @property
    def width(self) -> int:
        """Number of dimensions."""
        return int(self._values.shape[1])

    def take(self, rows: Array) -> Vectors:
        """Some of the vectors; the same object where they are all."""
        every = np.array_equal(rows, np.arange(len(self)))
        return self if every else Vectors(Embeddings(self._values[rows]))

    @cached_property
    def source(self) -> Array:
        """Vectors in a dtype that kernels read; narrower types widen without loss."""
        exact_in_float32 = self._values.dtype in (np.float32, np.float16) or self._values.dtype.itemsize < 4
        return np.ascontiguousarray(self._values, dtype=np.float32 if exact_in_float32 else np.float64)

    @cached_property
    def squares(self) -> Array:
        """Squared lengths, float64 array of shape (n,)."""
        squares: Array = _squares(self.source)
        return squares

    @cached_property
    def first(self) -> Array:
        """For every vector the row of the first that equals it bit for bit."""
        return first_occurrences(self.source)

    def unit(self, dtype: Any) -> Array:
        """Vectors of length 1."""
        if dtype not in self._scaled:
            unit = np.empty(self.source.shape, dtype)
            _scale_rows(self.source, 1 / np.sqrt(self.squares), unit)
            self._scaled[dtype] = unit
        return self._scaled[dtype]


def dense_scorer(
    queries: Embeddings | Vectors,
    candidates: Embeddings | Vectors,
    measure: str,
    *,
    precision: Precision = "float32",
    depth: int,
    names: tuple[str, str] = ("queries", "candidates"),
) -> DenseScorer:
    """Prepare vectors for a measure.

    Parameters
    ----------
    queries, candidates : Embeddings or Vectors
        Of equal width.
    measure : {"cosine", "inner_product", "euclidean"}
        Higher scores are closer for all three.
    precision : {"float32", "float64"}
        Of the products; in float64 every order that rounding could decide is settled by the canonical score.
    depth : int
        In float32, ranks down to this depth are settled so.
    names : pair of str
        How errors name the two.

    Raises
    ------
    ShapeError
        If the widths differ.
    ValuesError
        For a vector of zeros under cosine, or values whose products overflow.
    """
    if measure not in DENSE_MEASURES:
        raise OptionError(
            f"the measure {measure!r} is not for embeddings",
            where="measure",
            expected=f"one of {', '.join(DENSE_MEASURES)}",
        )
    queries = queries if isinstance(queries, Vectors) else Vectors(queries)
    candidates = candidates if isinstance(candidates, Vectors) else Vectors(candidates)
    if queries.width != candidates.width:
        raise ShapeError(
            f"{names[0]} have {queries.width} dimensions, {names[1]} {candidates.width}",
            where="embeddings",
            expected="both from one model, of equal width",
        )
    dtype = np.dtype(precision)
    for name, side in zip(names, (queries, candidates), strict=True):
        _require_range(name, side.squares, measure, dtype)
    distinct, rows = np.unique(queries.first, return_inverse=True)
    # All queries, or a copy of the distinct ones.
    kept: Array | slice = slice(None) if len(distinct) == len(rows) else distinct
    if _sums_are_exact(queries, candidates, measure, dtype):
        prepared = _prepare_whole(queries.source[kept], candidates, measure, dtype)
        absolute, relative = np.zeros(len(distinct), dtype), 0.0
    else:
        prepared = _prepare(queries, kept, candidates, measure, dtype)
        absolute, relative = _bound(*prepared, measure, dtype)
    repeats = np.flatnonzero(candidates.first != np.arange(len(candidates)))
    settled = depth if precision == "float32" else len(candidates)
    exact = Rescoring(
        queries.source,
        candidates.source,
        _scale(measure, candidates.squares),
        absolute[rows],
        relative,
        settled,
        len(repeats),
    )
    return DenseScorer(
        rows.astype(np.int64),
        len(distinct),
        len(candidates),
        *prepared,
        (repeats, candidates.first[repeats]),
        exact,
    )


@kernel
def _squares(values):  # type: ignore[no-untyped-def]
    """Squared lengths in float64, summed in index order whatever the number of rows."""
    result = np.empty(len(values))
    for row in range(0, len(values), 4):
        # Four rows at a time hide the latency of the sums; beyond the last one, that one is summed again.
        last = len(values) - 1
        r0, r1, r2, r3 = row, min(row + 1, last), min(row + 2, last), min(row + 3, last)
        s0 = s1 = s2 = s3 = 0.0
        for k in range(values.shape[1]):
            s0 += np.float64(values[r0, k]) * values[r0, k]
            s1 += np.float64(values[r1, k]) * values[r1, k]
            s2 += np.float64(values[r2, k]) * values[r2, k]
            s3 += np.float64(values[r3, k]) * values[r3, k]
        result[r0], result[r1], result[r2], result[r3] = s0, s1, s2, s3
    return result


def _require_range(name: str, squares: Array, measure: str, dtype: Any) -> None:
    zero = np.flatnonzero(squares == 0)
    if measure == "cosine" and len(zero):
        raise ValuesError(
            f"row {zero[0]} is a vector of zeros, which has no cosine"
            + (f" ({len(zero)} such rows)" if len(zero) > 1 else ""),
            where=name,
            expected="vectors that are not 0",
            fix="Find why the model gave nothing (an empty caption?), or choose the measure inner_product",
        )
    # Vectors are brought to one length under cosine, in float64; otherwise they are multiplied as they are.
    limits = np.finfo(np.float64 if measure == "cosine" else dtype)
    least = float(limits.tiny)
    long_enough = squares >= least if measure == "cosine" else np.full(len(squares), squares.max() >= least)
    outside = np.flatnonzero(~((long_enough | (squares.max() == 0)) & (squares < limits.max / 8)))
    if len(outside):
        row = outside[0]
        raise ValuesError(
            f"row {row} is so {'long' if squares[row] > 1 else 'short'} (length {np.sqrt(squares[row]):.3g}) that its "
            f"products leave the range of {limits.dtype}",
            where=name,
            fix="Scale the embeddings" + ("" if dtype == np.float64 else ', or choose precision="float64"'),
        )


def _scale(measure: str, squares: Array) -> Array:
    """What a product with each candidate is multiplied by, see `Rescoring`."""
    if measure == "cosine":
        return np.asarray(1 / np.sqrt(squares))
    return np.zeros(0) if measure == "euclidean" else np.ones_like(squares)


def _prepare(
    queries: Vectors, kept: Array | slice, candidates: Vectors, measure: str, dtype: Any
) -> tuple[Array, Array]:
    if measure == "cosine":
        return queries.unit(dtype)[kept], candidates.unit(dtype)
    asked, gallery = queries.source[kept], candidates.source
    if measure == "euclidean":
        # Distances do not change when all vectors move; close to the origin they round least.
        centre = gallery.mean(axis=0, dtype=np.float64)
        moved = gallery - centre
        return (
            np.column_stack((2 * (asked - centre), np.full(len(asked), -1.0))).astype(dtype),
            np.column_stack((moved, (moved**2).sum(axis=1))).astype(dtype),
        )
    return asked.astype(dtype, copy=False), gallery.astype(dtype, copy=False)


@kernel
def _scale_rows(values, scale, result):  # type: ignore[no-untyped-def]
    for row in range(len(values)):
        for k in range(values.shape[1]):
            result[row, k] = values[row, k] * scale[row]


def _sums_are_exact(queries: Vectors, candidates: Vectors, measure: str, dtype: Any) -> bool:
    """Whether scores are sums of whole numbers small enough to be added without rounding, as for ±1 codes."""
    squares = candidates.squares
    if measure == "cosine" and not np.all(squares == squares[0]):
        return False
    largest = float(np.abs(queries.source).max()) * float(np.abs(candidates.source).max()) * candidates.width
    if 4 * (largest + float(squares.max())) * float(np.finfo(dtype).eps) >= 1:
        return False
    return all(np.array_equal(side.source, np.rint(side.source)) for side in (queries, candidates))


def _prepare_whole(queries: Array, candidates: Vectors, measure: str, dtype: Any) -> tuple[Array, Array]:
    """Vectors whose inner products are whole numbers; under cosine all candidates have one length."""
    gallery = candidates.source
    if measure == "euclidean":
        queries = np.column_stack((2 * queries, np.full(len(queries), -1.0)))
        gallery = np.column_stack((gallery, candidates.squares))
    return queries.astype(dtype, copy=False), gallery.astype(dtype, copy=False)


def _bound(queries: Array, candidates: Array, measure: str, dtype: Any) -> tuple[Array, float]:
    """How far apart two scores of a query may be and still stand in either order: absolute and relative part.

    A product of d terms in floating point errs by at most d·u·Σ|q_k·c_k|, u the unit roundoff (Higham, "Accuracy and
    Stability of Numerical Algorithms", 3.1). That sum is the score itself where nothing is negative, and at most
    |q|·|c| otherwise. Preparing the vectors adds a few u; two scores err in opposite directions at worst.
    """
    worst = 2 * (candidates.shape[1] + 8) * float(np.finfo(dtype).eps) / 2
    if queries.min() >= 0 and candidates.min() >= 0:
        return np.zeros(len(queries), dtype), worst
    if measure == "euclidean":
        # The last product is the square of the candidate's length, which |q|·|c| would count with a third power.
        lengths = _squares(queries[:, :-1]) * _squares(candidates[:, :-1]).max()
        largest = np.sqrt(lengths) + float(candidates[:, -1].max())
    else:
        largest = np.sqrt(_squares(queries) * _squares(candidates).max())
    # A bound too small for the dtype would be 0, which says exact; the smallest number above is safe.
    return np.maximum((worst * largest).astype(dtype), np.finfo(dtype).tiny), 0.0
