"""What can be computed from what was given: splits, checks, and the metrics of each direction and task."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ficoitr.errors import OptionError
from ficoitr.evaluation.engine import Part
from ficoitr.evaluation.problem import Problem
from ficoitr.evaluation.protocol import Protocol
from ficoitr.metrics.metric import Metric
from ficoitr.outputs import HashCodes, Scores
from ficoitr.outputs.files import digest_arrays, digest_lines
from ficoitr.tasks import plain_array

Array = np.ndarray[Any, Any]
Tasks = dict[str, tuple[Metric, ...]]
_CUTOFFS = {"instance": "k", "category": "category_k"}


def query_split(queries: Any, n_images: int) -> Array | None:
    """Return which images are queries, from a number, a mask or rows; None where all are queries and candidates."""
    if queries is None:
        return None
    chosen = np.zeros(n_images, dtype=np.bool_)
    expected = f"a number of images, {n_images} truth values, or rows of images"
    array = plain_array(queries, error=OptionError, where="queries", expected=expected)
    if array.ndim == 0 and array.dtype.kind in "iu":
        if not 0 < int(array) < n_images:
            raise OptionError(
                f"{int(array)} of {n_images} images are to be queries",
                where="queries",
                expected=f"between 1 and {n_images - 1}",
            )
        chosen[: int(array)] = True
    elif array.dtype.kind == "b" and array.shape == (n_images,):
        chosen = array
    elif array.dtype.kind in "iu" and array.ndim == 1 and array.size and array.min() >= 0 and array.max() < n_images:
        chosen[array] = True
    else:
        raise OptionError(
            f"the query split is {str(queries)[:60]}",
            where="queries",
            expected=expected,
        )
    if not chosen.any() or chosen.all():
        raise OptionError("the query or the retrieval split is empty", where="queries", expected="images in both")
    return chosen


def check_fit(problem: Problem, protocol: Protocol, split: Array | None, measure: str | None) -> None:
    """Raise a clear error where outputs, data and protocol do not fit together."""
    if protocol.split and split is None:
        raise OptionError(
            f"the protocol {protocol.name!r} tells the query split from the retrieval split",
            where="queries",
            expected="which images are queries",
            fix="Pass queries, e.g. queries=2000 for the first 2,000 (--queries 2000)",
        )
    if protocol.fold and problem.n_images % protocol.fold:
        raise OptionError(
            f"{problem.n_images} images do not make folds of {protocol.fold}",
            where=f"protocol {protocol.name}",
            expected=f"a multiple of {protocol.fold} images, 5,000 for MS-COCO",
        )
    lists = isinstance(problem.outputs, dict)
    if lists and (split is not None or protocol.fold):
        raise OptionError(
            "ranked lists were made over one gallery, which cannot be divided afterwards",
            where="scores",
            fix="Rank each fold or split by itself",
        )
    if protocol.judged_only and not problem.judged:
        raise OptionError(
            f"the protocol {protocol.name!r} asks the queries that have extra positives",
            where="positives",
            expected="the positives of i2t and t2i",
        )
    if (isinstance(problem.outputs, Scores) or lists) and measure is not None:
        raise OptionError("scores already are a measure", where="measure", fix="Leave it away")
    codes = isinstance(problem.outputs, tuple) and isinstance(problem.outputs[0], HashCodes)
    if codes and measure not in (None, "hamming"):
        raise OptionError(
            f"the measure {measure!r} is not for hash codes",
            where="measure",
            expected="hamming",
            fix="Leave it away, or pass the codes as embeddings of -1 and +1",
        )


def deciding_inputs(problem: Problem, protocol: Protocol, split: Array | None) -> dict[str, str]:
    """Return hashes of what decides figures beside outputs and truth: the query split, identifiers that order ties."""
    inputs = {}
    if split is not None:
        inputs["queries"] = digest_arrays(split)
    if protocol.ties == "index" and protocol.tie_order == "id_descending":
        inputs |= {"image_ids": digest_lines(problem.image_ids), "text_ids": digest_lines(problem.text_ids)}
    return inputs


def asked_metrics(
    protocol: Protocol, *, instance: bool, category: bool, extra: tuple[Iterable[str], Iterable[str]]
) -> dict[str, set[Metric]]:
    """Return the metrics of each task that the user asked for: by choosing the cut-offs, or by name."""
    asked = {}
    for task, chosen, names in (("instance", instance, extra[0]), ("category", category, extra[1])):
        named = {Metric.parse(name) for name in ([names] if isinstance(names, str) else names)}
        by_cutoff = {one for one in protocol.metrics(task) if chosen and one.name in ("R", "mAP", "recall_fraction")}
        asked[task] = named | by_cutoff
    return asked


def plan_tasks(
    problem: Problem,
    protocol: Protocol,
    parts: Mapping[str, list[Part]],
    split: Array | None,
    asked: Mapping[str, Collection[Metric]],
) -> tuple[dict[str, Tasks], list[str]]:
    """Choose the metrics that the data allow, for each direction and task, with notes on what is left out.

    Parameters
    ----------
    asked : mapping from task to metrics
        Those that the user chose: a cut-off of theirs that no gallery can hold is an error.
    """
    unjudged = [direction for direction in problem.directions if direction not in parts]
    notes = [f"{direction} was left out, since it has no positives" for direction in unjudged]
    if protocol.images not in (None, problem.n_images):
        notes.append(f"the protocol {protocol.name} is of {protocol.images:,} images, these are {problem.n_images:,}")
    plan: dict[str, Tasks] = {direction: {} for direction in parts}
    for task in ("instance", "category"):
        metrics = tuple(one.with_defaults(denominator=protocol.denominator) for one in protocol.metrics(task))
        reason = _why_not(problem, split, task)
        if reason is not None:
            if asked[task]:
                raise OptionError(
                    f"cut-offs of the {task} task were given, but {reason}",
                    where=_CUTOFFS[task],
                    fix=f"Leave {_CUTOFFS[task]} away, or pass what the task needs",
                )
            if metrics:
                notes.append(f"{reason}, so the {task} task was left out")
            continue
        _check_radii(problem, task, metrics)
        sizes = {direction: min(len(part.candidates) for part in those) for direction, those in parts.items()}
        beyond = [one for one in asked[task] if _rank_cutoff(one) > max(sizes.values())]
        if beyond:
            raise OptionError(
                f"the cut-off {beyond[0].cutoff} is beyond the gallery of {max(sizes.values())} candidates",
                where=_CUTOFFS[task],
                expected=f"at most {max(sizes.values())}",
            )
        for direction, size in sizes.items():
            plan[direction][task] = tuple(one for one in metrics if _rank_cutoff(one) <= size)
            left = [f"{one.name}@{one.cutoff}" for one in metrics if _rank_cutoff(one) > size]
            if left:
                notes.append(f"{task}.{direction}: {', '.join(left)} left out, beyond the gallery of {size} candidates")
    if not any(metrics for tasks in plan.values() for metrics in tasks.values()):
        raise OptionError(
            "nothing is left to compute: " + ("; ".join(notes) or "the protocol asks for nothing"),
            where=f"protocol {protocol.name}",
            fix="Pass categories" if problem.labels is None else "Ask for smaller cut-offs",
        )
    return plan, notes


def _why_not(problem: Problem, split: Array | None, task: str) -> str | None:
    """Why a task cannot be evaluated, or None."""
    if task == "category" and problem.labels is None:
        return "no labels were given (categories)"
    if task == "instance" and split is not None:
        return "the right items are not in the retrieval split"
    return None


def _check_radii(problem: Problem, task: str, metrics: tuple[Metric, ...]) -> None:
    codes = isinstance(problem.outputs, tuple) and isinstance(problem.outputs[0], HashCodes)
    if not codes and any(one.family.cutoffs == "radius" for one in metrics):
        raise OptionError("a Hamming radius needs hash codes", where=f"{task} metrics", expected="HashCodes")


def _rank_cutoff(metric: Metric) -> int:
    """The rank that a gallery must have for the metric; 0 where any gallery will do."""
    counts_relevant = dict(metric.options).get("denominator") == "first"
    is_rank = metric.family.cutoffs == "number" and not counts_relevant
    return metric.cutoff if is_rank and isinstance(metric.cutoff, int) else 0
