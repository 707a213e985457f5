"""One streaming pass over both directions: scores, groups and per-query values, block by block, on all threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ficoitr.evaluation.columns import Column
from ficoitr.evaluation.part import Job, PartValues, Progress, evaluate_parts
from ficoitr.evaluation.problem import Problem
from ficoitr.evaluation.protocol import Protocol
from ficoitr.evaluation.rankers import (
    DenseRanker,
    HammingRanker,
    ListRanker,
    Ranker,
    ScoreRanker,
    Truth,
    Wanted,
)
from ficoitr.metrics.metric import Metric
from ficoitr.metrics.workspace import Workspace
from ficoitr.outputs import HashCodes, RankedLists, Scores
from ficoitr.similarity.dense import dense_scorer
from ficoitr.similarity.hamming import hamming_scorer
from ficoitr.tasks import (
    Positives,
    judged_positives,
    merged_positives,
    pack_labels,
    positives_from_map,
    replaced_positives,
)

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Part:
    """Queries and the gallery they search: a direction, or a fold or the query split of one."""

    direction: str
    queries: Array
    candidates: Array
    fold: int = 0


@dataclass(frozen=True)
class Settings:
    """How the pass is run; none of it changes the meaning of a figure."""

    measure: str
    precision: str
    threads: int
    progress: Progress | None = None
    workspace: Workspace = field(default_factory=Workspace)


@dataclass(frozen=True, eq=False)
class DirectionResult:
    """Columns of one direction by task, with what else the pass found out."""

    ids: tuple[str, ...]
    images: Array
    columns: dict[str, list[Column]]
    inapplicable: dict[str, list[Metric]]
    no_relevant: int
    near_ties: int
    n_candidates: int


def parts_of(problem: Problem, protocol: Protocol, queries: Array | None) -> dict[str, list[Part]]:
    """Split each direction into the parts that the protocol asks for.

    Parameters
    ----------
    queries : bool array of shape (n_images,), optional
        Images of the query split; the others, with their texts, are the retrieval split.
    """
    images, texts = np.arange(problem.n_images), np.arange(problem.n_texts)
    of_text = problem.text_to_image
    asked_of = [one for one in problem.directions if not protocol.judged_only or one in problem.judged]
    if queries is not None:
        asked = queries[of_text]
        pairs = {"i2t": (images[queries], texts[~asked]), "t2i": (texts[asked], images[~queries])}
        parts = {direction: [Part(direction, *pairs[direction])] for direction in asked_of}
        return _in_order_of_ties(problem, protocol, parts)
    parts = {}
    for direction in asked_of:
        folds = images // protocol.fold if protocol.fold else np.zeros_like(images)
        own = {"i2t": (folds, folds[of_text]), "t2i": (folds[of_text], folds)}[direction]
        parts[direction] = [
            Part(direction, np.flatnonzero(own[0] == fold), np.flatnonzero(own[1] == fold), int(fold))
            for fold in range(int(folds.max()) + 1)
        ]
    return _in_order_of_ties(problem, protocol, parts)


def _in_order_of_ties(problem: Problem, protocol: Protocol, parts: dict[str, list[Part]]) -> dict[str, list[Part]]:
    """Lay out each gallery in the order in which the protocol ranks tied candidates."""
    if protocol.tie_order == "row":
        return parts
    return {
        direction: [replace(part, candidates=_by_descending_id(problem, part)) for part in those]
        for direction, those in parts.items()
    }


def _by_descending_id(problem: Problem, part: Part) -> Array:
    ids = problem.text_ids if part.direction == "i2t" else problem.image_ids
    return np.array(sorted(part.candidates.tolist(), key=ids.__getitem__, reverse=True), dtype=np.int64)


def instance_positives(problem: Problem, protocol: Protocol, direction: str) -> tuple[Positives, Array | None]:
    """Positives of a direction, and the rows of the judged queries where only those are asked."""
    own = positives_from_map(problem.text_to_image, problem.n_images, direction)
    if direction not in problem.judged:
        return own, None
    ids = (problem.image_ids, problem.text_ids)
    query_ids, candidate_ids = ids if direction == "i2t" else ids[::-1]
    extra, judged = judged_positives(
        problem.judged[direction], query_ids, candidate_ids, where=f"positives {direction}"
    )
    combined = replaced_positives(own, extra) if protocol.positives == "replace" else merged_positives(own, extra)
    return combined, judged if protocol.judged_only else None


def evaluate_directions(
    problem: Problem,
    protocol: Protocol,
    parts: dict[str, list[Part]],
    tasks: dict[str, dict[str, tuple[Metric, ...]]],
    settings: Settings,
) -> dict[str, DirectionResult]:
    """Evaluate all tasks of all directions in one pass."""
    asked: list[Part] = []
    jobs: list[Job] = []
    for direction, those in parts.items():
        positives, judged = instance_positives(problem, protocol, direction)
        for part in those:
            queries = part.queries if judged is None else np.intersect1d(part.queries, judged)
            asked.append(replace(part, queries=queries))
            jobs.append(_job(problem, protocol, asked[-1], positives, tasks[direction], settings))
    values = evaluate_parts(jobs, protocol, threads=settings.threads, progress=settings.progress)
    return {
        direction: _gathered(
            problem,
            protocol,
            [(part, one) for part, one in zip(asked, values, strict=True) if part.direction == direction],
            tasks[direction],
        )
        for direction in parts
    }


def _job(
    problem: Problem,
    protocol: Protocol,
    part: Part,
    positives: Positives,
    tasks: dict[str, tuple[Metric, ...]],
    settings: Settings,
) -> Job:
    def prepare() -> tuple[Ranker, dict[str, Wanted]]:
        return _ranker(problem, protocol, part, settings), {
            task: _wanted(problem, protocol, part, positives, task, metrics)
            for task, metrics in tasks.items()
            if metrics
        }

    return Job(len(part.queries), prepare, tasks)


def _gathered(
    problem: Problem,
    protocol: Protocol,
    results: list[tuple[Part, PartValues]],
    tasks: dict[str, tuple[Metric, ...]],
) -> DirectionResult:
    """Put the parts of a direction together."""
    parts = [part for part, _ in results]
    values = [one for _, one in results]
    direction = parts[0].direction
    queries = np.concatenate([part.queries for part in parts])
    folds = np.concatenate([np.full(len(part.queries), part.fold) for part in parts])
    images = queries if direction == "i2t" else problem.text_to_image[queries]
    ids = problem.image_ids if direction == "i2t" else problem.text_ids
    columns: dict[str, list[Column]] = {}
    inapplicable: dict[str, list[Metric]] = {}
    for task, metrics in tasks.items():
        columns[task] = [
            Column(
                metric,
                np.concatenate([one.values[task, metric] for one in values], axis=1),
                np.concatenate([one.weights[task, metric] for one in values], axis=1),
                images,
                folds,
                protocol.median == "floor",
            )
            for metric in metrics
            if all((task, metric) in one.values for one in values)
        ]
        found = [column.metric for column in columns[task]]
        inapplicable[task] = [metric for metric in metrics if metric not in found]
    return DirectionResult(
        tuple(ids[query] for query in queries),
        images,
        columns,
        inapplicable,
        sum(one.no_relevant for one in values),
        sum(one.near_ties for one in values),
        max(len(part.candidates) for part in parts),
    )


def _wanted(
    problem: Problem,
    protocol: Protocol,
    part: Part,
    positives: Positives,
    task: str,
    metrics: Iterable[Metric],
) -> Wanted:
    metrics = tuple(metrics)
    graded = any(metric.name == "nDCG" for metric in metrics)
    radii = tuple({metric.cutoff for metric in metrics if metric.family.cutoffs == "radius"})
    by_index = protocol.ties == "index"
    if task == "instance":
        n_candidates = problem.n_texts if part.direction == "i2t" else problem.n_images
        own = positives.of(part.queries)
        if not np.array_equal(part.candidates, np.arange(n_candidates)):
            own = own.among(part.candidates, n_candidates)
        return Wanted(Truth(own), graded, by_index, radii)  # type: ignore[arg-type]
    if problem.labels is None:
        raise TypeError("the category task needs labels")
    labels = problem.labels if part.direction == "i2t" else problem.labels[::-1]
    # Labels of candidates lie word by word, as the kernels read them.
    candidate_labels = np.asfortranarray(pack_labels(labels[1][part.candidates]))
    truth = Truth(None, pack_labels(labels[0][part.queries]), candidate_labels)
    return Wanted(truth, graded, by_index, radii)  # type: ignore[arg-type]


def _ranker(problem: Problem, protocol: Protocol, part: Part, settings: Settings) -> Ranker:
    outputs = problem.outputs
    names = ("images", "texts") if part.direction == "i2t" else ("texts", "images")
    if isinstance(outputs, dict):
        return ListRanker(_selected_lists(outputs[part.direction], part))
    if isinstance(outputs, Scores):
        return ScoreRanker(_rows(_columns(outputs.direction(part.direction), part.candidates), part.queries))
    if isinstance(outputs[0], HashCodes) and isinstance(outputs[1], HashCodes):
        asked, gallery = outputs if part.direction == "i2t" else outputs[::-1]
        return HammingRanker(
            hamming_scorer(
                HashCodes(_rows(asked.words, part.queries), asked.bits),
                HashCodes(_rows(gallery.words, part.candidates), gallery.bits),
                names=names,
            )
        )
    queries, candidates = problem.vectors if part.direction == "i2t" else problem.vectors[::-1]
    return DenseRanker(
        dense_scorer(
            queries.take(part.queries),
            candidates.take(part.candidates),
            settings.measure,
            precision=settings.precision,  # type: ignore[arg-type]
            depth=_settled_depth(protocol, len(part.candidates)),
            names=names,
        ),
        settings.workspace,
    )


def _settled_depth(protocol: Protocol, n_candidates: int) -> int:
    """Rank down to which rounding must not decide: the largest cut-off, all ranks where a metric is cut at R."""
    metrics = [metric for task in ("instance", "category") for metric in protocol.metrics(task)]
    if any(metric.reach() == "relevant" for metric in metrics):
        return n_candidates
    return max((metric.cutoff for metric in metrics if isinstance(metric.cutoff, int)), default=0)


def _rows(array: Array, rows: Array) -> Array:
    return array if np.array_equal(rows, np.arange(len(array))) else array[rows]


def _columns(array: Array, columns: Array) -> Array:
    return array if np.array_equal(columns, np.arange(array.shape[1])) else array[:, columns]


def _selected_lists(lists: RankedLists, part: Part) -> RankedLists:
    """Lists of some queries; the gallery of a ranked list can be laid out anew, but not cut afterwards."""
    place = np.empty(lists.n_candidates, dtype=np.int64)
    place[part.candidates] = np.arange(lists.n_candidates)
    taken = Positives(lists.offsets, np.arange(len(lists.candidates))).of(part.queries)
    return RankedLists(
        taken.offsets, place[lists.candidates[taken.candidates]], lists.scores[taken.candidates], lists.n_candidates
    )
