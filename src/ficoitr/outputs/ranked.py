"""Ranked lists: for each query a few candidates with scores; what is not listed is unranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.errors import IdentifierError, ShapeError
from ficoitr.outputs.checks import Array, as_matrix, require_finite


@dataclass(frozen=True, eq=False)
class RankedLists:
    """The top of a ranking for every query of one direction, as an index or a reranker returns it.

    Parameters
    ----------
    offsets : int64 array of shape (n_queries + 1,)
        The list of query q is ``candidates[offsets[q]:offsets[q + 1]]``.
    candidates : int64 array of shape (n_listed,)
        Rows of the candidates, each at most once a query.
    scores : float array of shape (n_listed,)
        Higher is closer; lists are ranked by score, equal scores are ties.
    n_candidates : int
        Size of the gallery the lists were taken from.
    """

    offsets: Array
    candidates: Array
    scores: Array
    n_candidates: int

    def __post_init__(self) -> None:
        offsets = np.ascontiguousarray(self.offsets, dtype=np.int64)
        candidates = np.ascontiguousarray(self.candidates, dtype=np.int64)
        scores = np.ascontiguousarray(self.scores)
        if scores.dtype not in (np.float32, np.float64):
            scores = scores.astype(np.float64)
        if len(candidates) != len(scores) or offsets[0] != 0 or offsets[-1] != len(scores):
            raise ShapeError("offsets, candidates and scores do not fit together", where="ranked lists")
        lengths = np.diff(offsets)
        if len(lengths) == 0 or (lengths <= 0).any():
            query = int(np.argmin(lengths)) if len(lengths) else 0
            raise ShapeError(
                f"query {query} has no ranked candidate",
                where="ranked lists",
                expected="at least one a query",
            )
        require_finite(scores[None, :], "ranked lists, scores")
        if candidates.min() < 0 or candidates.max() >= self.n_candidates:
            wrong = int(np.argmax((candidates < 0) | (candidates >= self.n_candidates)))
            raise IdentifierError(
                f"candidate {candidates[wrong]} of query {int(np.searchsorted(offsets, wrong, 'right')) - 1} "
                "is not in the gallery",
                where="ranked lists",
                expected=f"rows 0 to {self.n_candidates - 1}",
                fix="FAISS pads short lists with -1: build the lists without them",
            )
        self._require_unique(offsets, candidates)
        for name, value in (("offsets", offsets), ("candidates", candidates), ("scores", scores)):
            object.__setattr__(self, name, value)

    def _require_unique(self, offsets: Array, candidates: Array) -> None:
        query = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        pairs = np.sort(query * self.n_candidates + candidates)
        double = np.flatnonzero(pairs[1:] == pairs[:-1])
        if len(double):
            query_row, candidate = divmod(int(pairs[double[0]]), self.n_candidates)
            raise IdentifierError(
                f"query {query_row} lists candidate {candidate} twice",
                where="ranked lists",
                expected="each candidate at most once a query",
            )

    @property
    def n_queries(self) -> int:
        """Number of queries."""
        return len(self.offsets) - 1

    @property
    def depth(self) -> int:
        """Length of the shortest list: figures at deeper cut-offs are not applicable."""
        return int(np.diff(self.offsets).min())

    @classmethod
    def from_arrays(cls, candidates: Any, scores: Any | None = None, *, n_candidates: int) -> RankedLists:
        """Build lists from rectangular arrays, as FAISS returns them.

        Parameters
        ----------
        candidates : int array of shape (n_queries, k)
            Rows of candidates.
        scores : array of shape (n_queries, k), optional
            Higher is closer; by default the order of the columns is the ranking, without ties.
        n_candidates : int
            Size of the gallery.
        """
        rows = as_matrix(candidates, "ranked lists, candidates")
        if rows.dtype.kind not in "iu":
            raise ShapeError(f"candidates have dtype {rows.dtype}", where="ranked lists", expected="integer rows")
        values = np.broadcast_to(-np.arange(rows.shape[1], dtype=np.float64), rows.shape)
        if scores is not None:
            values = as_matrix(scores, "ranked lists, scores")
        if values.shape != rows.shape:
            raise ShapeError(
                f"candidates have shape {rows.shape}, scores {values.shape}",
                where="ranked lists",
                expected="equal shapes",
            )
        offsets = np.arange(len(rows) + 1, dtype=np.int64) * rows.shape[1]
        return cls(offsets, rows.ravel(), values.ravel(), n_candidates)

    @classmethod
    def from_pairs(
        cls,
        queries: Sequence[int],
        candidates: Sequence[int],
        scores: Sequence[float],
        *,
        n_queries: int,
        n_candidates: int,
    ) -> RankedLists:
        """Build lists from one entry a (query, candidate) pair, in any order."""
        query_rows = np.asarray(queries, dtype=np.int64)
        if not len(query_rows) == len(candidates) == len(scores):
            raise ShapeError(
                f"there are {len(query_rows)} queries, {len(candidates)} candidates and {len(scores)} scores",
                where="ranked lists",
                expected="one of each a pair",
            )
        order = np.argsort(query_rows, kind="stable")
        offsets = np.searchsorted(query_rows[order], np.arange(n_queries + 1))
        return cls(offsets, np.asarray(candidates)[order], np.asarray(scores)[order], n_candidates)
