"""Scores of real-valued vectors, one block of queries at a time.

Every measure is an inner product of prepared vectors: cosine of vectors of unit length; Euclidean distance ranks by
2·q·c - |c|², which is -d² up to a constant of the query. Queries keep their length, which never changes a ranking.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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

    def block(self, start: int, stop: int) -> Array:
        """Scores of distinct queries ``start`` to ``stop``, shape (stop - start, n_candidates)."""
        scores: Array = self._queries[start:stop] @ self._candidates.T
        repeats, firsts = self._repeats
        if len(repeats):
            scores[:, repeats] = scores[:, firsts]
        return scores

    def rescoring(self, queries: Array) -> Rescoring:
        """How to compute scores of these queries again, where rounding could decide."""
        exact = self._exact
        return replace(exact, queries=exact.queries[queries], absolute=exact.absolute[queries])


def dense_scorer(
    queries: Embeddings,
    candidates: Embeddings,
    measure: str,
    *,
    precision: Precision = "float32",
    depth: int,
    names: tuple[str, str] = ("queries", "candidates"),
) -> DenseScorer:
    """Prepare vectors for a measure.

    Parameters
    ----------
    queries, candidates : Embeddings
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
    width, other = queries.values.shape[1], candidates.values.shape[1]
    if width != other:
        raise ShapeError(
            f"{names[0]} have {width} dimensions, {names[1]} {other}",
            where="embeddings",
            expected="both from one model, of equal width",
        )
    dtype = np.dtype(precision)
    sources = _source(queries.values), _source(candidates.values)
    squares = _squares(sources[0]), _squares(sources[1])
    for name, values in zip(names, squares, strict=True):
        _require_range(name, values, measure, dtype)
    scale = _scale(measure, squares[1])
    query_first, candidate_first = (first_occurrences(source) for source in sources)
    distinct, rows = np.unique(query_first, return_inverse=True)
    kept = sources[0][distinct]
    if _sums_are_exact(kept, sources[1], squares[1], measure, dtype):
        prepared = _prepare_whole(kept, sources[1], squares[1], measure, dtype)
        absolute, relative = np.zeros(len(kept), dtype), 0.0
    else:
        prepared = _prepare(kept, sources[1], scale, measure, dtype)
        absolute, relative = _bound(*prepared, measure, dtype)
    repeats = np.flatnonzero(candidate_first != np.arange(len(candidate_first)))
    settled = depth if precision == "float32" else len(candidate_first)
    exact = Rescoring(sources[0], sources[1], scale, absolute[rows], relative, settled)
    return DenseScorer(
        rows.astype(np.int64),
        len(distinct),
        len(candidate_first),
        *prepared,
        (repeats, candidate_first[repeats]),
        exact,
    )


def _source(values: Array) -> Array:
    """Vectors in a dtype that kernels read; narrower types widen without loss."""
    exact_in_float32 = values.dtype in (np.float32, np.float16) or values.dtype.itemsize < 4
    return np.ascontiguousarray(values, dtype=np.float32 if exact_in_float32 else np.float64)


@kernel
def _squares(values):  # type: ignore[no-untyped-def]
    """Squared lengths in float64, summed in index order whatever the number of rows."""
    result = np.zeros(len(values))
    for row in range(len(values)):
        for k in range(values.shape[1]):
            result[row] += np.float64(values[row, k]) * values[row, k]
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


def _prepare(queries: Array, candidates: Array, scale: Array, measure: str, dtype: Any) -> tuple[Array, Array]:
    if measure == "cosine":
        lengths = np.sqrt(_squares(queries))
        return (queries / lengths[:, None]).astype(dtype), _scaled(candidates, scale, dtype)
    if measure == "euclidean":
        # Distances do not change when all vectors move; close to the origin they round least.
        centre = candidates.mean(axis=0, dtype=np.float64)
        moved = candidates - centre
        return (
            np.column_stack((2 * (queries - centre), np.full(len(queries), -1.0))).astype(dtype),
            np.column_stack((moved, (moved**2).sum(axis=1))).astype(dtype),
        )
    return queries.astype(dtype, copy=False), candidates.astype(dtype, copy=False)


def _scaled(values: Array, scale: Array, dtype: Any) -> Array:
    result = np.empty(values.shape, dtype=dtype)
    for start in range(0, len(values), 4096):
        part = slice(start, start + 4096)
        result[part] = values[part] * scale[part, None]
    return result


def _sums_are_exact(queries: Array, candidates: Array, squares: Array, measure: str, dtype: Any) -> bool:
    """Whether scores are sums of whole numbers small enough to be added without rounding, as for ±1 codes."""
    if measure == "cosine" and not np.all(squares == squares[0]):
        return False
    largest = float(np.abs(queries).max()) * float(np.abs(candidates).max()) * candidates.shape[1]
    if 4 * (largest + float(squares.max())) * float(np.finfo(dtype).eps) >= 1:
        return False
    return all(np.array_equal(part, np.rint(part)) for part in (queries, candidates))


def _prepare_whole(queries: Array, candidates: Array, squares: Array, measure: str, dtype: Any) -> tuple[Array, Array]:
    """Vectors whose inner products are whole numbers; under cosine all candidates have one length."""
    if measure == "euclidean":
        queries = np.column_stack((2 * queries, np.full(len(queries), -1.0)))
        candidates = np.column_stack((candidates, squares))
    return queries.astype(dtype, copy=False), candidates.astype(dtype, copy=False)


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
