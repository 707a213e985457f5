"""`ficoitr.evaluate`: from a model's outputs to every figure of a protocol."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ficoitr._version import __version__
from ficoitr.efficiency.environment import environment
from ficoitr.errors import OptionError
from ficoitr.evaluation.engine import DirectionResult, Settings, evaluate_directions, parts_of
from ficoitr.evaluation.part import Progress
from ficoitr.evaluation.plan import asked_metrics, check_fit, deciding_inputs, plan_tasks, query_split
from ficoitr.evaluation.problem import Problem, build_problem
from ficoitr.evaluation.protocol import Protocol, get_protocol
from ficoitr.evaluation.result import Evaluation, PerQuery
from ficoitr.evaluation.signature import figure_signature, overall_signature, truth_digest
from ficoitr.evaluation.summary import Summary, summarise
from ficoitr.metrics.codes import CodeStatistics, code_statistics
from ficoitr.outputs import HashCodes, Scores
from ficoitr.similarity.dense import DENSE_MEASURES
from ficoitr.similarity.threads import single_threaded_blas, thread_count

Array = np.ndarray[Any, Any]
MEASURES = (*DENSE_MEASURES, "hamming")


def evaluate(
    images: Any = None,
    texts: Any = None,
    *,
    scores: Any = None,
    text_to_image: Any = None,
    captions_per_image: int | Sequence[int] | None = None,
    categories: Any = None,
    text_categories: Any = None,
    category_source: str | None = None,
    positives: Any = None,
    image_ids: Sequence[str] | None = None,
    text_ids: Sequence[str] | None = None,
    queries: int | Any | None = None,
    measure: str | None = None,
    protocol: str | Protocol = "fico",
    k: Iterable[int | str] | None = None,
    category_k: Iterable[int | str] | None = None,
    denominator: str | None = None,
    ties: str | None = None,
    metrics: Iterable[str] = (),
    category_metrics: Iterable[str] = (),
    resamples: int = 1000,
    seed: int = 0,
    precision: str = "float32",
    threads: int | None = None,
    name: str = "",
    progress: Progress | None = None,
) -> Evaluation:
    """Evaluate image-text retrieval in both directions, on the instance and, with labels, the category task.

    Parameters
    ----------
    images, texts : array of shape (n, d), Embeddings, HashCodes or path
        Outputs of a model, one row an item.
    scores : array of shape (n_images, n_texts), pair of arrays, Scores, or pair of RankedLists
        In place of images and texts. A pair is (i2t, t2i), the second with one row a text.
    text_to_image : int array of shape (n_texts,), mapping or path, optional
        The row of the image that each text describes. Without it and without ``captions_per_image`` the texts are
        taken in image order, as many for each image; the result says so.
    captions_per_image : int or sequence of int, optional
        In place of the map, for texts in image order. Where a model wrote each image once a text, it is taken once.
    categories : array of shape (n_images, n_labels) or (n_images,), or path, optional
        Multi-hot labels or class numbers; texts have those of their image unless ``text_categories`` says otherwise.
    category_source : str, optional
        Where the labels come from if no person has set them (``Dataset.category_source``); every figure of the
        category task says so in its signature. By default what the ``.json`` beside a file of labels says.
    positives : {"i2t": {image: [text, ...]}, "t2i": {text: [image, ...]}}, optional
        Extra positives, keyed by identifiers if given, else by row; each may be a path to JSON or qrels.
    queries : int, or bool or int array, optional
        The query split: the first so many images, a mask, or rows of images; the others are the retrieval split.
    measure : {"cosine", "inner_product", "euclidean", "hamming"}, optional
        Cosine by default, Hamming for codes.
    protocol : str or Protocol
        A named protocol, see `ficoitr.protocols`.
    k, category_k, denominator, ties, metrics, category_metrics
        Choices that depart from the protocol, or metrics beyond it such as ``"nDCG@10"``.
    resamples : int
        Bootstrap resamples of images for 95% intervals; 0 for none.
    seed : int
        Of the resampling.
    precision : {"float32", "float64"}
        Of the products. Figures of float64 are equal bit for bit whatever the threads and the order of rows.
    threads : int, optional
        By default ``FICOITR_THREADS`` or all processors.
    name : str
        What to call this evaluation in tables.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of queries.

    Returns
    -------
    Evaluation

    Raises
    ------
    FicoitrError
        For input that cannot be evaluated; the message says what, where, and how to mend it.

    Examples
    --------
    >>> import numpy as np
    >>> import ficoitr
    >>> images = np.eye(3, dtype="float32")
    >>> evaluation = ficoitr.evaluate(images, np.repeat(images, 2, axis=0), captions_per_image=2)
    >>> evaluation["instance.t2i.R@1"].value
    1.0
    """
    started = time.perf_counter()
    chosen = get_protocol(protocol).changed(
        k=k,
        category_k=category_k,
        denominator=denominator,
        ties=ties,
        metrics=metrics,
        category_metrics=category_metrics,
    )
    if precision not in ("float32", "float64"):
        raise OptionError(f"{precision!r} is unknown", where="precision", expected="float32 or float64")
    if not isinstance(resamples, int) or resamples < 0:
        raise OptionError(f"resamples is {resamples!r}", where="resamples", expected="a whole number of at least 0")
    if not isinstance(seed, int) or seed < 0:
        raise OptionError(f"the seed is {seed!r}", where="seed", expected="a whole number of at least 0")
    measure = measure or chosen.measure if scores is None else measure
    if measure is not None and measure not in MEASURES:
        raise OptionError(
            f"{measure!r} is unknown",
            where="measure",
            expected=f"one of {', '.join(MEASURES)}",
            fix="Pass scores=model.scores(dataset), without a measure" if measure == "pairs" else None,
        )
    problem = build_problem(
        images,
        texts,
        scores=scores,
        text_to_image=text_to_image,
        captions_per_image=captions_per_image,
        categories=categories,
        text_categories=text_categories,
        category_source=category_source,
        positives=positives,
        image_ids=image_ids,
        text_ids=text_ids,
        measure=measure,
    )
    split = query_split(queries, problem.n_images)
    check_fit(problem, chosen, split, measure)
    problem = replace(problem, inputs=problem.inputs | deciding_inputs(problem, chosen, split))
    parts = parts_of(problem, chosen, split)
    asked = asked_metrics(
        chosen, instance=k is not None, category=category_k is not None, extra=(metrics, category_metrics)
    )
    tasks, notes = plan_tasks(problem, chosen, parts, split, asked)
    used = _measure_used(problem, measure)
    settings = Settings(used, precision, thread_count(threads), progress)
    with single_threaded_blas():
        directions = evaluate_directions(problem, chosen, parts, tasks, settings)
    summary = summarise(directions, chosen, resamples=resamples, seed=seed, n_images=problem.n_images)
    return _result(
        problem,
        chosen,
        directions,
        summary,
        [*problem.notes, *notes],
        used,
        precision,
        resamples,
        seed,
        name,
        started,
    )


def _measure_used(problem: Problem, measure: str | None) -> str:
    if isinstance(problem.outputs, dict):
        return "ranked lists"
    if isinstance(problem.outputs, Scores):
        return "scores"
    return "hamming" if isinstance(problem.outputs[0], HashCodes) else measure or "cosine"


def _statistics_of_codes(problem: Problem) -> dict[str, CodeStatistics]:
    """Of all images and of all texts, whichever of them are queries."""
    sides = zip(("images", "texts"), problem.outputs, strict=True) if isinstance(problem.outputs, tuple) else ()
    return {side: code_statistics(one.words, one.bits) for side, one in sides if isinstance(one, HashCodes)}


def _result(
    problem: Problem,
    protocol: Protocol,
    directions: Mapping[str, DirectionResult],
    summary: Summary,
    notes: list[str],
    measure: str,
    precision: str,
    resamples: int,
    seed: int,
    name: str,
    started: float,
) -> Evaluation:
    truth = truth_digest(problem.inputs)
    context = {
        "protocol": protocol,
        "measure": measure,
        "precision": precision if measure in DENSE_MEASURES else "exact",
        "truth": truth,
        "judged": frozenset(problem.judged),
        "labels": problem.category_source,
        "version": __version__,
    }
    evaluation = Evaluation(
        name=str(name),
        signature=overall_signature(directions, resamples=resamples, seed=seed, inputs=problem.inputs, **context),
        protocol=protocol,
        queries={direction: len(one.ids) for direction, one in directions.items()},
        candidates={direction: one.n_candidates for direction, one in directions.items()},
        instance=summary.tables["instance"],
        category=summary.tables["category"],
        intervals=summary.intervals,
        ties=summary.ties,
        near_ties={direction: one.near_ties for direction, one in directions.items()},
        codes=_statistics_of_codes(problem),
        signatures={key: figure_signature(key, directions, **context) for key in summary.keys},
        notes=[*notes, *summary.notes],
        environment=environment(),
        inputs=problem.inputs,
        seconds=round(time.perf_counter() - started, 3),
    )
    values = {
        direction: PerQuery(one.ids, one.images, summary.per_query[direction]) for direction, one in directions.items()
    }
    return evaluation.with_values(values)
