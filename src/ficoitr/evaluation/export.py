"""Runs and judgements for the tools of information retrieval: trec_eval, ir_measures, ranx and their like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ficoitr.errors import OptionError, OutputError
from ficoitr.evaluation.engine import instance_positives
from ficoitr.evaluation.problem import Problem, build_problem
from ficoitr.evaluation.protocol import get_protocol
from ficoitr.outputs import Embeddings, HashCodes, RankedLists, Scores, write_qrels, write_run
from ficoitr.similarity.top import first_of_scores, top_lists


def export_trec(
    folder: str | Path,
    images: Any = None,
    texts: Any = None,
    *,
    scores: Any = None,
    text_to_image: Any = None,
    captions_per_image: int | Sequence[int] | None = None,
    positives: Any = None,
    image_ids: Sequence[str] | None = None,
    text_ids: Sequence[str] | None = None,
    measure: str | None = None,
    depth: int = 1000,
) -> tuple[Path, ...]:
    """Write ``i2t.run``, ``i2t.qrels``, ``t2i.run`` and ``t2i.qrels`` of the instance task.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    depth : int
        Candidates a query in a run.
    images, texts, scores, text_to_image, captions_per_image, positives, image_ids, text_ids, measure
        As in `ficoitr.evaluate`.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    FicoitrError
        For input that cannot be evaluated, or a folder that cannot be written.
    """
    if depth < 1:
        raise OptionError(f"the depth is {depth}", where="depth", expected="a whole number of at least 1")
    problem = build_problem(
        images,
        texts,
        scores=scores,
        text_to_image=text_to_image,
        captions_per_image=captions_per_image,
        positives=positives,
        image_ids=image_ids,
        text_ids=text_ids,
        measure=measure,
    )
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder cannot be made ({error.strerror})", where=str(folder)) from error
    written = []
    for direction in problem.directions:
        names = (problem.image_ids, problem.text_ids)
        query_ids, candidate_ids = names if direction == "i2t" else names[::-1]
        run, qrels = folder / f"{direction}.run", folder / f"{direction}.qrels"
        lists = _lists(problem, direction, depth, measure or "cosine")
        write_run(run, lists, query_ids=query_ids, candidate_ids=candidate_ids)
        positive, _ = instance_positives(problem, get_protocol("fico"), direction)
        ends = positive.offsets.tolist()
        rows = positive.candidates.tolist()
        write_qrels(
            qrels,
            {
                query: [candidate_ids[row] for row in rows[start:stop]]
                for query, start, stop in zip(query_ids, ends[:-1], ends[1:], strict=True)
            },
        )
        written += [run, qrels]
    return tuple(written)


def _lists(problem: Problem, direction: str, depth: int, measure: str) -> RankedLists:
    outputs = problem.outputs
    if isinstance(outputs, dict):
        return outputs[direction]
    if isinstance(outputs, Scores):
        return first_of_scores(outputs.direction(direction), depth)
    queries: Embeddings | HashCodes
    candidates: Embeddings | HashCodes
    queries, candidates = outputs if direction == "i2t" else outputs[::-1]
    return top_lists(queries, candidates, depth, measure=measure)
