"""TREC run and qrels files, and runs as parquet: exchange with the tools of information retrieval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ficoitr.errors import FileFormatError, IdentifierError
from ficoitr.outputs.files import atomic_path, read_lines, require_file
from ficoitr.outputs.ranked import RankedLists


def read_run(path: str | Path, *, query_ids: Sequence[str], candidate_ids: Sequence[str]) -> RankedLists:
    """Read a TREC run file, or parquet with the columns ``query``, ``candidate`` and ``score``.

    As in trec_eval the score decides the order, not the rank column.

    Parameters
    ----------
    path : path
        ``*.parquet``, or text lines ``query Q0 candidate rank score tag``.
    query_ids, candidate_ids : sequence of str
        Identifiers in row order; plain row numbers are the strings "0", "1", ….

    Raises
    ------
    FileFormatError
        For a line that is not of a run; the message names file and line.
    IdentifierError
        For an unknown query or candidate, or a query without any candidate.
    """
    path = Path(path)
    require_file(path)
    queries, candidates, scores = _read_parquet(path) if path.suffix == ".parquet" else _read_text(path)
    query_rows = _rows(queries, query_ids, f"{path}, queries")
    candidate_rows = _rows(candidates, candidate_ids, f"{path}, candidates")
    missing = np.setdiff1d(np.arange(len(query_ids)), query_rows)
    if len(missing):
        raise IdentifierError(
            f"{len(missing)} of {len(query_ids)} queries have no line, the first is {query_ids[missing[0]]!r}",
            where=str(path),
            expected="at least one candidate for every query",
        )
    return RankedLists.from_pairs(
        query_rows, candidate_rows, scores, n_queries=len(query_ids), n_candidates=len(candidate_ids)
    )


def read_identifiers(path: str | Path) -> tuple[list[str], list[str]]:
    """Return the queries and the candidates that a run names, a list entry a line."""
    path = Path(path)
    require_file(path)
    queries, candidates, _ = _read_parquet(path) if path.suffix == ".parquet" else _read_text(path)
    return queries, candidates


def _read_text(path: Path) -> tuple[list[str], list[str], list[float]]:
    queries, candidates, scores = [], [], []
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        fields = line.split()
        try:
            query, _, candidate, _, score, *_ = fields
            scores.append(float(score))
        except ValueError as error:
            raise FileFormatError(
                f"not a line of a run: {line[:60]!r}",
                where=f"{path}, line {number}",
                expected="query Q0 candidate rank score tag",
            ) from error
        queries.append(query)
        candidates.append(candidate)
    return queries, candidates, scores


def _read_parquet(path: Path) -> tuple[list[str], list[str], list[float]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, columns=["query", "candidate", "score"])
    except (pyarrow.ArrowException, OSError) as error:
        raise FileFormatError(
            f"not a parquet run ({error})", where=str(path), expected="the columns query, candidate, score"
        ) from error
    columns = [table.column(name).to_pylist() for name in ("query", "candidate", "score")]
    for name, column in zip(("query", "candidate", "score"), columns, strict=True):
        if None in column:
            raise FileFormatError(
                f"row {column.index(None)} of the column {name} is empty", where=str(path), expected="a value a row"
            )
    return list(map(str, columns[0])), list(map(str, columns[1])), list(map(float, columns[2]))


def _rows(names: Iterable[str], ids: Sequence[str], where: str) -> list[int]:
    row_of = {one: row for row, one in enumerate(ids)}
    try:
        return [row_of[name] for name in names]
    except KeyError as error:
        raise IdentifierError(
            f"the identifier {error.args[0]!r} is unknown",
            where=where,
            expected=f"one of {len(ids)} identifiers such as {ids[0]!r}",
            fix="Pass the identifiers (image_ids, text_ids) in row order, or use row numbers in the file",
        ) from error


def write_run(
    path: str | Path,
    lists: RankedLists,
    *,
    query_ids: Sequence[str],
    candidate_ids: Sequence[str],
    tag: str = "ficoitr",
) -> None:
    """Write ranked lists as a TREC run, or as parquet when ``path`` ends so; scores keep all their digits."""
    path = Path(path)
    query_rows = np.repeat(np.arange(lists.n_queries), np.diff(lists.offsets))
    order = np.lexsort((lists.candidates, -lists.scores, query_rows))
    rank = np.arange(len(order)) - lists.offsets[query_rows] + 1
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.table(
            {
                "query": [query_ids[row] for row in query_rows.tolist()],
                "candidate": [candidate_ids[row] for row in lists.candidates[order].tolist()],
                "score": lists.scores[order],
            }
        )
        with atomic_path(path) as temporary:
            pyarrow.parquet.write_table(table, temporary)
        return
    for name in (*query_ids, *candidate_ids):
        if name.split() != [name]:
            raise IdentifierError(
                f"the identifier {name!r} holds a space, which parts the fields of a run",
                where=str(path),
                expected="identifiers without spaces",
                fix="Write parquet: choose a path that ends in .parquet",
            )
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        columns = (query_rows, lists.candidates[order], rank, lists.scores[order])
        file.writelines(
            f"{query_ids[query]} Q0 {candidate_ids[candidate]} {place} {score!r} {tag}\n"
            for query, candidate, place, score in zip(*(column.tolist() for column in columns), strict=True)
        )


def write_qrels(path: str | Path, positives: Mapping[str, Sequence[str]]) -> None:
    """Write relevance judgements, ``query 0 candidate 1`` a line."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query, relevant in positives.items():
            file.writelines(f"{query} 0 {candidate} 1\n" for candidate in relevant)


def read_qrels(path: str | Path) -> dict[str, list[str]]:
    """Read relevance judgements into ``{query: [relevant candidate, …]}``.

    Grade 0 and below is not relevant; queries without a relevant candidate are left out.
    """
    judged: dict[str, list[str]] = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            query, _, candidate, grade = line.split()
            relevant = int(grade) > 0
        except ValueError as error:
            raise FileFormatError(
                f"not a line of qrels: {line[:60]!r}",
                where=f"{path}, line {number}",
                expected="query 0 candidate grade",
            ) from error
        if relevant:
            judged.setdefault(query, []).append(candidate)
    return judged
