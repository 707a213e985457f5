"""Runs and judgements as other tools read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ficoitr
from ficoitr.outputs import HashCodes, RankedLists, read_qrels, read_run

N_IMAGES, N_TEXTS = 30, 90


def vectors() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    images = generator.standard_normal((N_IMAGES, 16)).astype("float32")
    return images, np.repeat(images, 3, axis=0) + generator.standard_normal((N_TEXTS, 16)).astype("float32")


@pytest.mark.parametrize("form", ["embeddings", "codes", "scores", "lists"])
def test_other_tools_find_the_same_figures(form: str, tmp_path: Path) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    images, texts = vectors()
    arguments: dict[str, object] = {"images": images, "texts": texts}
    if form == "codes":
        arguments = {"images": HashCodes.from_values(images), "texts": HashCodes.from_values(texts)}
    if form in ("scores", "lists"):
        arguments = {"scores": images @ texts.T}
    given = {"captions_per_image": 3}
    # A run names its candidates in the order of the rows where scores are equal.
    by_rows = ficoitr.protocols()["trec"].model_copy(update={"tie_order": "row"})
    ours = ficoitr.evaluate(**arguments, **given, protocol=by_rows, resamples=0)
    files = ficoitr.export_trec(tmp_path, **arguments, **given)
    if form == "lists":
        rows = [str(row) for row in range(N_TEXTS)]
        pair = (
            read_run(tmp_path / "i2t.run", query_ids=rows[:N_IMAGES], candidate_ids=rows),
            read_run(tmp_path / "t2i.run", query_ids=rows, candidate_ids=rows[:N_IMAGES]),
        )
        files = ficoitr.export_trec(tmp_path / "again", scores=pair, **given)
    for run, qrels, direction in ((*files[:2], "i2t"), (*files[2:], "t2i")):
        lines = [line.split() for line in run.read_text().splitlines()]
        # Tools differ in how they order ties: ranks, which follow ours, stand for the scores.
        ranked = [ir_measures.ScoredDoc(query, document, -float(rank)) for query, _, document, rank, *_ in lines]
        known = read_qrels(qrels).items()
        judged = [ir_measures.Qrel(query, document, 1) for query, those in known for document in those]
        measures = [ir_measures.R @ 5, ir_measures.AP]
        theirs = ir_measures.calc_aggregate(measures, judged, ranked)
        assert ours[f"instance.{direction}.recall_fraction@5"].value == pytest.approx(theirs[measures[0]], abs=1e-9)
        assert ours[f"instance.{direction}.mAP@N"].value == pytest.approx(theirs[measures[1]], abs=1e-9)


def test_identifiers_and_depth_are_kept(tmp_path: Path) -> None:
    images, texts = vectors()
    names = [f"photo {row}".replace(" ", "-") for row in range(N_IMAGES)]
    ficoitr.export_trec(tmp_path, images, texts, captions_per_image=3, image_ids=names, depth=7)
    lines = (tmp_path / "t2i.run").read_text().splitlines()
    assert len(lines) == 7 * N_TEXTS
    assert {line.split()[2] for line in lines} <= set(names)
    assert read_qrels(tmp_path / "t2i.qrels")["5"] == ["photo-1"]


def test_trec_ranks_ties_by_descending_identifier() -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    generator = np.random.default_rng(5)
    scores = generator.integers(0, 3, (N_IMAGES, N_TEXTS)).astype("float32")
    ours = ficoitr.evaluate(scores=scores, captions_per_image=3, protocol="trec", resamples=0)
    lists = RankedLists.from_arrays(np.tile(np.arange(N_TEXTS), (N_IMAGES, 1)), scores, n_candidates=N_TEXTS)
    listed = ficoitr.evaluate(scores=(lists, None), captions_per_image=3, protocol="trec", resamples=0)
    judged = {f"q{row}": {str(3 * row + text): 1 for text in range(3)} for row in range(N_IMAGES)}
    run = {f"q{row}": {str(text): float(score) for text, score in enumerate(line)} for row, line in enumerate(scores)}
    theirs = pytrec_eval.RelevanceEvaluator(judged, {"map", "recall_5"}).evaluate(run)
    for name, key in (("map", "mAP@N"), ("recall_5", "recall_fraction@5")):
        mean = np.mean([one[name] for one in theirs.values()])
        for evaluation in (ours, listed):
            assert evaluation[f"instance.i2t.{key}"].value == pytest.approx(mean, abs=1e-9)
