"""`ficoitr.evaluate`: from a model's outputs to every figure of a protocol."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ficoitr._version import __version__
from ficoitr.efficiency.environment import environment
from ficoitr.errors import OptionError
from ficoitr.evaluation.engine import DirectionResult, Progress, Settings, evaluate_direction, parts_of
from ficoitr.evaluation.problem import Problem, build_problem
from ficoitr.evaluation.protocol import Protocol, get_protocol
from ficoitr.evaluation.result import Evaluation, PerQuery
from ficoitr.evaluation.signature import figure_signature, overall_signature, truth_digest
from ficoitr.evaluation.summary import Summary, summarise
from ficoitr.metrics.metric import Metric
from ficoitr.outputs import HashCodes, Scores
from ficoitr.similarity.dense import DENSE_MEASURES
from ficoitr.similarity.threads import thread_count

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
    positives: Any = None,
    image_ids: Sequence[str] | None = None,
    text_ids: Sequence[str] | None = None,
    queries: int | Any | None = None,
    measure: str | None = None,
    protocol: str | Protocol = "fico",
    k: Iterable[int] | None = None,
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
    measure = measure or chosen.measure if scores is None else measure
    if measure is not None and measure not in MEASURES:
        raise OptionError(f"{measure!r} is unknown", where="measure", expected=f"one of {', '.join(MEASURES)}")
    problem = build_problem(
        images,
        texts,
        scores=scores,
        text_to_image=text_to_image,
        captions_per_image=captions_per_image,
        categories=categories,
        text_categories=text_categories,
        positives=positives,
        image_ids=image_ids,
        text_ids=text_ids,
        measure=measure,
    )
    split = _query_split(queries, problem.n_images)
    _check_fit(problem, chosen, split, measure, k=k, category_k=category_k)
    notes = list(problem.notes)
    tasks = _tasks(problem, chosen, split, notes, k=k, category_k=category_k)
    used = _measure_used(problem, measure)
    settings = Settings(used, precision, thread_count(threads), progress)
    parts = parts_of(problem, chosen, split)
    # Each thread multiplies its own block; a second level of threads inside would only get in their way.
    with threadpool_limits(limits=1, user_api="blas"):
        directions = {
            direction: evaluate_direction(problem, chosen, these, tasks, settings) for direction, these in parts.items()
        }
    summary = summarise(directions, chosen, resamples=resamples, seed=seed, n_images=problem.n_images)
    return _result(problem, chosen, directions, summary, notes, used, precision, resamples, seed, name, started)


def _query_split(queries: Any, n_images: int) -> Array | None:
    if queries is None:
        return None
    chosen = np.zeros(n_images, dtype=np.bool_)
    array = np.asarray(queries)
    if array.ndim == 0 and array.dtype.kind in "iu":
        if not 0 < int(array) < n_images:
            raise OptionError(
                f"{int(array)} images are to be queries", where="queries", expected=f"between 1 and {n_images - 1}"
            )
        chosen[: int(array)] = True
    elif array.dtype.kind == "b" and array.shape == (n_images,):
        chosen = array
    elif array.dtype.kind in "iu" and array.ndim == 1 and array.size and 0 <= array.min() and array.max() < n_images:
        chosen[array] = True
    else:
        raise OptionError(
            f"the query split is {str(queries)[:60]}",
            where="queries",
            expected=f"a number of images, {n_images} truth values, or rows of images",
        )
    if not chosen.any() or chosen.all():
        raise OptionError("the query or the retrieval split is empty", where="queries", expected="images in both")
    return chosen


def _check_fit(
    problem: Problem, protocol: Protocol, split: Array | None, measure: str | None, *, k: Any, category_k: Any
) -> None:
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
    if isinstance(problem.outputs, Scores) or lists:
        if measure is not None:
            raise OptionError("scores already are a measure", where="measure", fix="Leave it away")
    elif isinstance(problem.outputs[0], HashCodes) and measure not in (None, "hamming", "inner_product", "cosine"):
        raise OptionError(f"hash codes are compared by hamming, not {measure}", where="measure")
    wants_category = category_k is not None
    if wants_category and problem.labels is None:
        raise OptionError(
            "cut-offs of the category task were given without labels", where="category_k", fix="Pass categories"
        )


def _tasks(
    problem: Problem, protocol: Protocol, split: Array | None, notes: list[str], *, k: Any, category_k: Any
) -> dict[str, tuple[Metric, ...]]:
    """Metrics of each task that the data allow; a default cut-off beyond the gallery is left out with a note."""
    wanted: dict[str, tuple[Metric, ...]] = {}
    asked = {"instance": k is not None, "category": category_k is not None}
    galleries = _gallery_sizes(problem, protocol, split)
    for task in ("instance", "category"):
        metrics = tuple(one.with_defaults(denominator=protocol.denominator) for one in protocol.metrics(task))
        if task == "category" and problem.labels is None:
            if metrics:
                notes.append("no labels were given, so the category task was left out (categories)")
            continue
        if task == "instance" and split is not None:
            if metrics:
                notes.append("the right items are not in the retrieval split, so the instance task was left out")
            continue
        smallest = min(galleries.values())
        beyond = [one for one in metrics if isinstance(one.cutoff, int) and _is_rank(one) and one.cutoff > smallest]
        if beyond and asked[task]:
            raise OptionError(
                f"the cut-off {beyond[0].cutoff} is beyond the gallery of {smallest} candidates",
                where="k" if task == "instance" else "category_k",
                expected=f"at most {smallest}",
            )
        if beyond:
            names = ", ".join(str(Metric(one.name, one.cutoff)) for one in beyond)
            notes.append(f"{task}: {names} left out, beyond the gallery of {smallest} candidates")
        if any(one.family.cutoffs == "radius" for one in metrics) and not (
            isinstance(problem.outputs, tuple) and isinstance(problem.outputs[0], HashCodes)
        ):
            raise OptionError("a Hamming radius needs hash codes", where=f"{task} metrics", expected="HashCodes")
        wanted[task] = tuple(one for one in metrics if one not in beyond)
    if not any(wanted.values()):
        raise OptionError(
            "nothing is left to compute",
            where=f"protocol {protocol.name}",
            fix="Pass categories" if problem.labels is None else "Ask for smaller cut-offs",
        )
    return wanted


def _is_rank(metric: Metric) -> bool:
    return metric.family.cutoffs == "number" and dict(metric.options).get("denominator") != "first"


def _gallery_sizes(problem: Problem, protocol: Protocol, split: Array | None) -> dict[str, int]:
    parts = parts_of(problem, protocol, split)
    return {direction: min(len(part.candidates) for part in those) for direction, those in parts.items()}


def _measure_used(problem: Problem, measure: str | None) -> str:
    if isinstance(problem.outputs, dict):
        return "ranked lists"
    if isinstance(problem.outputs, Scores):
        return "scores"
    return "hamming" if isinstance(problem.outputs[0], HashCodes) else measure or "cosine"


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
        "judged": bool(problem.judged),
        "version": __version__,
    }
    evaluation = Evaluation(
        name=name,
        signature=overall_signature(directions, resamples=resamples, seed=seed, inputs=problem.inputs, **context),
        protocol=protocol,
        queries={direction: len(one.ids) for direction, one in directions.items()},
        candidates={direction: one.n_candidates for direction, one in directions.items()},
        instance=summary.tables["instance"],
        category=summary.tables["category"],
        intervals=summary.intervals,
        ties=summary.ties,
        near_ties={direction: one.near_ties for direction, one in directions.items()},
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
