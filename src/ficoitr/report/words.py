"""The protocol in words, and what the figures say in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ficoitr.evaluation.compare import unique_names
from ficoitr.evaluation.tables import best_of, is_fraction, print_difference, print_figure, print_interval, print_p

if TYPE_CHECKING:
    from ficoitr.evaluation.comparison import Comparison
    from ficoitr.evaluation.protocol import Protocol
    from ficoitr.evaluation.result import Evaluation
    from ficoitr.metrics.metric import Metric

_DENOMINATORS = {
    "retrieved": "the number of relevant candidates among the first K; a query without one counts as 0",
    "retrieved_skip": "the number of relevant candidates among the first K; a query without one is dropped",
    "min": "the number of relevant candidates in the gallery, or K if that is less",
    "total": "the number of relevant candidates in the whole gallery",
    "first": "K, over the first K relevant candidates wherever they are ranked, or over all if there are fewer",
}
_TIES = {
    "expected": "Tied candidates count by the mean over all their orders, in closed form; the band from the worst to "
    "the best order stands beside it.",
    "best": "Tied candidates are taken in the best order for the model.",
    "worst": "Tied candidates are taken in the worst order for the model.",
    "index": "Among tied candidates the lower index comes first, so figures depend on the order of the data.",
    "identifier": "Among tied candidates the greater identifier comes first, as in trec_eval.",
}


class Clause(NamedTuple):
    """One choice of a protocol: what it is about, and what was chosen."""

    term: str
    text: str


class Headline(NamedTuple):
    """The outcome in one figure: its name, the winner and its value, and what stands behind it."""

    figure: str
    winner: str
    value: str
    text: str


def describe(protocol: Protocol, *, resampled: bool = True) -> list[Clause]:
    """Say in words all that a protocol fixes."""
    instance, category = protocol.metrics("instance"), protocol.metrics("category")
    clauses = [Clause("Name", f"{protocol.name}: {protocol.description} ({protocol.source}).")]
    clauses.append(
        Clause(
            "Directions",
            "i2t: an image is the query and texts are retrieved. t2i: a text is the query and images are retrieved.",
        )
    )
    if instance:
        clauses.append(Clause("Relevant, instance", _instance_relevance(protocol)))
    if category:
        clauses.append(
            Clause(
                "Relevant, category",
                "A candidate that shares at least one label with the query. A text has the labels of its image "
                "unless it has its own.",
            )
        )
    clauses += [Clause(name, text) for name, text in _metric_words(instance + category).items()]
    if "rsum" in protocol.instance:
        clauses.append(Clause("rSum", "The sum of the six recalls at 1, 5 and 10 of both directions, in percent."))
    if any(metric.name == "mAP" for metric in instance + category):
        clauses.append(Clause("Denominator of AP", f"“{protocol.denominator}”: {_DENOMINATORS[protocol.denominator]}."))
    if category:
        counted = "count as 0" if protocol.no_relevant == "zero" else "are left out"
        clauses.append(Clause("Nothing relevant", f"Queries without a relevant candidate {counted}."))
    by_identifier = protocol.ties == "index" and protocol.tie_order == "id_descending"
    clauses.append(Clause("Ties", _TIES["identifier" if by_identifier else protocol.ties]))
    if protocol.median == "floor":
        clauses.append(Clause("Median", "floor(median of the 0-based ranks) + 1."))
    if protocol.fold:
        clauses.append(
            Clause("Folds", f"Means over consecutive folds of {protocol.fold:,} images, each searched by itself.")
        )
    if protocol.split:
        clauses.append(Clause("Split", "Queries come from the query split and search the retrieval split."))
    if protocol.measure:
        clauses.append(Clause("Measure", f"{protocol.measure.capitalize()}, fixed by the protocol."))
    clauses.append(
        Clause(
            "Intervals",
            "95%, percentile bootstrap over images, whose texts follow them; the gallery stays as it is."
            if resampled
            else "None: no resamples were drawn.",
        )
    )
    return clauses


def _instance_relevance(protocol: Protocol) -> str:
    own = "For an image any of its own texts; for a text its own image."
    replaced = protocol.positives == "replace"
    extra = "Extra positives take their place." if replaced else "Extra positives, where there are any, count too."
    asked = " Only queries with extra positives are asked; the gallery stays whole." if protocol.judged_only else ""
    return f"{own} {extra}{asked}"


def _metric_words(metrics: tuple[Metric, ...]) -> dict[str, str]:
    """One sentence a family, under the metrics of it that are used."""
    used: dict[str, list[str]] = {}
    for metric in metrics:
        names = used.setdefault(metric.name, [])
        names += [str(metric)] if str(metric) not in names else []
    by_name = {metric.name: metric.family for metric in metrics}
    return {
        ", ".join(names): f"{by_name[name].description[0].upper()}{by_name[name].description[1:]}."
        for name, names in used.items()
    }


def headlines(evaluations: list[Evaluation], comparison: Comparison | None = None) -> list[Headline]:
    """Say who leads in the main figures of each task, and how sure that is."""
    names = unique_names([one.name for one in evaluations])
    known = [set(one.keys()) for one in evaluations]
    wanted = [
        next(
            (
                key
                for key in ("instance.rsum", "instance.t2i.R@1", "instance.i2t.R@1")
                if any(key in one for one in known)
            ),
            "",
        ),
        "category.i2t.mAP@N",
        "category.t2i.mAP@N",
    ]
    found = []
    for key in wanted:
        values = [one[key].value if key in keys else None for one, keys in zip(evaluations, known, strict=True)]
        order = sorted(
            (at for at, value in enumerate(values) if value is not None), key=lambda at: -(values[at] or 0.0)
        )
        if not order:
            continue
        best = min(best_of(key, values))
        interval = print_interval(key, evaluations[best][key].interval)
        text = f"95% interval {interval}" if interval else ""
        if len(order) > 1:
            second = next(at for at in order if at != best)
            text = _lead(key, names[best], names[second], values, (best, second), comparison)
        unit = "%" if is_fraction(key) else ""
        found.append(Headline(_figure_name(key), names[best], print_figure(key, values[best]) + unit, text))
    return found


def _lead(
    key: str,
    winner: str,
    second: str,
    values: list[float | None],
    places: tuple[int, int],
    comparison: Comparison | None,
) -> str:
    first_value, second_value = (values[place] or 0.0 for place in places)
    pair = comparison.pair(key, winner, second) if comparison else None
    margin = print_difference(key, first_value - second_value).lstrip("+")
    unit = " points" if is_fraction(key) else ""
    ahead = f"{margin}{unit} ahead of {second}" if first_value != second_value else f"level with {second}"
    if pair is None or pair.p_holm is None:
        return f"{ahead}."
    sure = "significant" if pair.significant else "not significant"
    return f"{ahead}, {sure} (p\u00a0=\u00a0{print_p(pair.p_holm)}, Holm)."


def _figure_name(key: str) -> str:
    if key == "instance.rsum":
        return "Instance, rSum"
    task, direction, metric = key.split(".", 2)
    return f"{task.capitalize()}, {direction} {metric}"
