"""Instance-level relevance: for each query the candidates that count as right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ficoitr.errors import IdentifierError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Positives:
    """Relevant candidates of every query, ``candidates[offsets[q]:offsets[q + 1]]``, ascending, without repetition."""

    offsets: Array
    candidates: Array

    @property
    def counts(self) -> Array:
        """Number of relevant candidates of each query."""
        return np.diff(self.offsets)

    def of(self, queries: Array) -> Positives:
        """Positives of some queries, in the order given."""
        if len(queries) and queries[-1] - queries[0] == len(queries) - 1 and (np.diff(queries) == 1).all():
            offsets = self.offsets[queries[0] : queries[-1] + 2]
            return Positives(offsets - offsets[0], self.candidates[offsets[0] : offsets[-1]])
        counts = self.counts[queries]
        offsets = np.concatenate(([0], np.cumsum(counts)))
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        return Positives(offsets, self.candidates[np.repeat(self.offsets[queries], counts) + within])

    def among(self, candidates: Array, n_candidates: int) -> Positives:
        """Positives that are among some candidates, as rows of that list."""
        place = np.full(n_candidates, -1, dtype=np.int64)
        place[candidates] = np.arange(len(candidates))
        moved = place[self.candidates]
        query = np.repeat(np.arange(len(self.counts)), self.counts)
        kept = moved >= 0
        return positives_from_pairs(query[kept], moved[kept], len(self.counts))


def positives_from_pairs(queries: Array, candidates: Array, n_queries: int) -> Positives:
    """Build positives from (query, candidate) pairs in any order, repeated or not."""
    pairs = np.unique(np.stack((queries, candidates), axis=1).reshape(-1, 2).astype(np.int64), axis=0)
    offsets = np.searchsorted(pairs[:, 0], np.arange(n_queries + 1)).astype(np.int64)
    return Positives(offsets, np.ascontiguousarray(pairs[:, 1]))


def positives_from_map(text_to_image: Array, n_images: int, direction: str) -> Positives:
    """Own texts of each image (``i2t``), own image of each text (``t2i``)."""
    texts = np.arange(len(text_to_image))
    if direction == "t2i":
        return Positives(np.arange(len(texts) + 1), text_to_image)
    order = np.argsort(text_to_image, kind="stable")
    offsets = np.searchsorted(text_to_image[order], np.arange(n_images + 1)).astype(np.int64)
    return Positives(offsets, order)


def judged_positives(
    judged: Mapping[Any, Sequence[Any]], query_ids: Sequence[str], candidate_ids: Sequence[str], *, where: str
) -> tuple[Positives, Array]:
    """Read judgements ``{query: [candidate, …]}`` keyed by identifiers.

    Returns
    -------
    positives : Positives
    queries : int64 array
        Rows of the queries that were judged.

    Raises
    ------
    IdentifierError
        For an identifier that is unknown, or a judged query without a relevant candidate.
    """
    query_row = {one: row for row, one in enumerate(query_ids)}
    candidate_row = {one: row for row, one in enumerate(candidate_ids)}
    queries: list[int] = []
    pairs: list[tuple[int, int]] = []
    for query, candidates in judged.items():
        if str(query) not in query_row:
            raise _unknown("query", query, query_ids, where)
        row = query_row[str(query)]
        queries.append(row)
        if isinstance(candidates, str) or not isinstance(candidates, Sequence | np.ndarray):
            candidates = [candidates]
        if not len(candidates):
            raise IdentifierError(f"query {query!r} has an empty list", where=where, expected="at least one candidate")
        for candidate in candidates:
            if str(candidate) not in candidate_row:
                raise _unknown("candidate", candidate, candidate_ids, f"{where}, query {query!r}")
            pairs.append((row, candidate_row[str(candidate)]))
    if not pairs:
        raise IdentifierError("there are no judgements", where=where, expected="{query: [candidate, …]}")
    as_array = np.array(pairs, dtype=np.int64)
    return positives_from_pairs(as_array[:, 0], as_array[:, 1], len(query_ids)), np.unique(queries)


def positives_in_gallery(
    judged: Mapping[Any, Sequence[Any]], candidate_ids: Sequence[str]
) -> tuple[dict[Any, Sequence[Any]], list[tuple[Any, Any]]]:
    """Leave out candidates that are not in the gallery, as long as a query keeps another.

    Published judgements reach beyond the usual gallery: ECCV Caption names sixth captions of two MS-COCO images.

    Returns
    -------
    judged : dict
    left_out : list of (query, candidate)
    """
    known = set(candidate_ids)
    kept: dict[Any, Sequence[Any]] = {}
    left_out = []
    for query, candidates in judged.items():
        kept[query] = candidates
        if isinstance(candidates, str) or not isinstance(candidates, Sequence | np.ndarray):
            continue
        inside = [one for one in candidates if str(one) in known]
        if inside and len(inside) < len(candidates):
            kept[query] = inside
            left_out += [(query, one) for one in candidates if str(one) not in known]
    return kept, left_out


def merged_positives(own: Positives, extra: Positives) -> Positives:
    """Positives of either."""
    n_queries = len(own.counts)
    queries = [np.repeat(np.arange(n_queries), one.counts) for one in (own, extra)]
    return positives_from_pairs(np.concatenate(queries), np.concatenate((own.candidates, extra.candidates)), n_queries)


def replaced_positives(own: Positives, judged: Positives) -> Positives:
    """Judged positives where a query has any, its own otherwise."""
    n_queries = len(own.counts)
    unjudged = judged.counts == 0
    own_query = np.repeat(np.arange(n_queries), own.counts)
    kept = unjudged[own_query]
    judged_query = np.repeat(np.arange(n_queries), judged.counts)
    return positives_from_pairs(
        np.concatenate((own_query[kept], judged_query)),
        np.concatenate((own.candidates[kept], judged.candidates)),
        n_queries,
    )


def _unknown(kind: str, name: Any, ids: Sequence[str], where: str) -> IdentifierError:
    return IdentifierError(
        f"the {kind} {str(name)!r} is unknown",
        where=where,
        expected=f"one of {len(ids)} identifiers such as {ids[0]!r}",
        fix="Pass image_ids and text_ids in row order, or key the judgements by row",
    )
