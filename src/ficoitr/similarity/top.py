"""The first K candidates of every query, by exhaustive search."""

from __future__ import annotations

from typing import Any

import numpy as np

from ficoitr.outputs import Embeddings, HashCodes, RankedLists
from ficoitr.similarity.dense import dense_scorer
from ficoitr.similarity.nearest import nearest_codes

Array = np.ndarray[Any, Any]
_BLOCK = 128


def top_lists(
    queries: Embeddings | HashCodes, candidates: Embeddings | HashCodes, depth: int, *, measure: str = "cosine"
) -> RankedLists:
    """Rank the candidates of every query and keep the first; equal scores in the order of the rows.

    Parameters
    ----------
    queries, candidates : Embeddings or HashCodes
        Both of one kind.
    depth : int
        Length of each list, at most the number of candidates.
    measure : {"cosine", "inner_product", "euclidean"}
        Of embeddings; codes are compared by the number of equal bits.

    Returns
    -------
    RankedLists
        Euclidean scores are 2·q·c - |c|², which rank as the distance does.
    """
    depth = min(depth, len(candidates))
    if isinstance(queries, HashCodes) and isinstance(candidates, HashCodes):
        rows, distances = nearest_codes(queries, candidates, depth)
        return RankedLists.from_arrays(
            rows, (queries.bits - distances).astype(np.float32), n_candidates=len(candidates)
        )
    if not (isinstance(queries, Embeddings) and isinstance(candidates, Embeddings)):
        raise TypeError("queries and candidates are of two kinds")
    dense = dense_scorer(queries, candidates, measure, depth=0)
    parts = [
        _first(dense.block(start, min(dense.n_rows, start + _BLOCK)), depth) for start in range(0, dense.n_rows, _BLOCK)
    ]
    rows, scores = map(np.concatenate, zip(*parts, strict=True))
    return RankedLists.from_arrays(rows[dense.rows], scores[dense.rows], n_candidates=len(candidates))


def first_of_scores(scores: Array, depth: int) -> RankedLists:
    """Keep the first candidates of every row of given scores."""
    depth = min(depth, scores.shape[1])
    parts = [_first(np.asarray(scores[start : start + _BLOCK]), depth) for start in range(0, len(scores), _BLOCK)]
    return RankedLists.from_arrays(*map(np.concatenate, zip(*parts, strict=True)), n_candidates=scores.shape[1])


def _first(scores: Array, depth: int) -> tuple[Array, Array]:
    """Rows and scores of the ``depth`` best of every line, best first."""
    # Negated as floats: unsigned integers would wrap.
    order = np.argsort(-scores.astype(np.float64, copy=False), axis=1, kind="stable")[:, :depth]
    return order, np.take_along_axis(scores, order, axis=1)
