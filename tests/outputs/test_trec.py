"""Runs and judgements in the formats of TREC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ficoitr.errors import FileFormatError, IdentifierError
from ficoitr.outputs import RankedLists, read_qrels, read_run, write_qrels, write_run

QUERIES, CANDIDATES = ("q1", "q2"), ("a", "b", "c", "d")
IDS = {"query_ids": QUERIES, "candidate_ids": CANDIDATES}


@pytest.mark.parametrize("suffix", [".run", ".parquet"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_run_keeps_every_digit(suffix: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    numbers = st.floats(allow_nan=False, allow_infinity=False) | st.floats(
        width=32, allow_nan=False, allow_infinity=False
    )
    listed = [data.draw(st.dictionaries(st.integers(0, 3), numbers, min_size=1)) for _ in QUERIES]
    pairs = [(query, candidate, score) for query, those in enumerate(listed) for candidate, score in those.items()]
    lists = RankedLists.from_pairs(*zip(*pairs, strict=True), n_queries=2, n_candidates=4)
    path = tmp_path_factory.mktemp("run") / f"x{suffix}"
    write_run(path, lists, **IDS)
    again = read_run(path, **IDS)
    for query in range(2):
        part = slice(again.offsets[query], again.offsets[query + 1])
        assert dict(zip(again.candidates[part].tolist(), again.scores[part].tolist(), strict=True)) == listed[query]


def test_lines_are_written_best_first(tmp_path: Path) -> None:
    lists = RankedLists.from_arrays([[3, 1], [0, 2]], [[0.25, 0.5], [1.0, 1.0]], n_candidates=4)
    write_run(tmp_path / "x.run", lists, **IDS, tag="model")
    assert (tmp_path / "x.run").read_text().splitlines() == [
        "q1 Q0 b 1 0.5 model",
        "q1 Q0 d 2 0.25 model",
        "q2 Q0 a 1 1.0 model",
        "q2 Q0 c 2 1.0 model",
    ]


def test_pytrec_eval_reads_what_is_written(tmp_path: Path) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    lists = RankedLists.from_arrays([[3, 1], [0, 2]], [[0.25, 0.5], [1.0, 0.5]], n_candidates=4)
    write_run(tmp_path / "x.run", lists, **IDS)
    write_qrels(tmp_path / "x.qrels", {"q1": ["d"], "q2": ["a", "b"]})
    with (tmp_path / "x.run").open() as run, (tmp_path / "x.qrels").open() as qrels:
        evaluator = pytrec_eval.RelevanceEvaluator(pytrec_eval.parse_qrel(qrels), {"recip_rank"})
        values = evaluator.evaluate(pytrec_eval.parse_run(run))
    assert {query: one["recip_rank"] for query, one in values.items()} == {"q1": 0.5, "q2": 1.0}


def test_judgements_survive_the_disk(tmp_path: Path) -> None:
    positives = {"q1": ["a", "c"], "q2": ["d"]}
    write_qrels(tmp_path / "x.qrels", positives)
    assert read_qrels(tmp_path / "x.qrels") == positives


def test_grades_of_zero_and_below_are_not_relevant(tmp_path: Path) -> None:
    (tmp_path / "x.qrels").write_text("q1 0 a 2\nq1 0 b 0\n\nq2 0 c -1\n")
    assert read_qrels(tmp_path / "x.qrels") == {"q1": ["a"]}


@pytest.mark.parametrize("line", ["q1 Q0 a 1", "q1 Q0 a 1 high tag", "hello"])
def test_a_line_that_is_no_run_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "x.run").write_text(f"q1 Q0 b 1 0.5 tag\n{line}\n")
    with pytest.raises(FileFormatError, match="line 2"):
        read_run(tmp_path / "x.run", **IDS)


@pytest.mark.parametrize("line", ["q1 0 a", "q1 0 a one", "q1 0 a 1 more"])
def test_a_line_that_is_no_judgement_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "x.qrels").write_text(f"{line}\n")
    with pytest.raises(FileFormatError, match="line 1"):
        read_qrels(tmp_path / "x.qrels")


def test_unknown_and_missing_identifiers_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.run").write_text("q1 Q0 z 1 0.5 tag\n")
    with pytest.raises(IdentifierError, match="'z' is unknown"):
        read_run(tmp_path / "x.run", **IDS)
    (tmp_path / "x.run").write_text("q1 Q0 a 1 0.5 tag\n")
    with pytest.raises(IdentifierError, match="the first is 'q2'"):
        read_run(tmp_path / "x.run", **IDS)


def test_identifiers_with_spaces_cannot_be_lines_of_a_run(tmp_path: Path) -> None:
    lists = RankedLists.from_arrays([[0]], n_candidates=1)
    with pytest.raises(IdentifierError, match="space"):
        write_run(tmp_path / "x.run", lists, query_ids=("a query",), candidate_ids=("a",))


def test_scores_of_a_run_are_finite(tmp_path: Path) -> None:
    (tmp_path / "x.run").write_text("q1 Q0 a 1 nan tag\nq2 Q0 a 1 0.5 tag\n")
    with pytest.raises(ValueError, match="NaN"):
        read_run(tmp_path / "x.run", **IDS)
    assert np.isfinite(RankedLists.from_arrays([[0]], n_candidates=1).scores).all()
