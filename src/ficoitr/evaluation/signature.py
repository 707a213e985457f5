"""Signatures: short strings that say all that a figure depends on, enough to compute it again.

The idea is sacreBLEU's (Post 2018, "A Call for Clarity in Reporting BLEU Scores").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ficoitr.evaluation.protocol import Protocol, protocols
from ficoitr.metrics.metric import Metric

_OUTPUTS = ("images", "texts", "scores_i2t", "scores_t2i", "run_i2t", "run_t2i")


def truth_digest(inputs: Mapping[str, str]) -> str:
    """Twelve hexadecimal digits over what is known of the data: map, labels and positives, not a model's outputs."""
    return _short({name: value for name, value in inputs.items() if name not in _OUTPUTS})


def _short(inputs: Mapping[str, str]) -> str:
    text = ";".join(f"{name}={value}" for name, value in sorted(inputs.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def overall_signature(
    directions: Mapping[str, Any], *, resamples: int, seed: int, inputs: Mapping[str, str], **context: Any
) -> str:
    """Signature of a whole evaluation."""
    outputs = _short({name: value for name, value in inputs.items() if name in _OUTPUTS})
    sizes = {f"{direction}": f"{len(one.ids)}x{one.n_candidates}" for direction, one in directions.items()}
    return _joined(
        {
            "protocol": context["protocol"].name,
            **_departures(context["protocol"]),
            **_shared(**context),
            **_labels(**context),
            **sizes,
            "resamples": resamples,
            "seed": seed,
            "outputs": outputs,
            **_origin(**context),
        }
    )


def figure_signature(key: str, directions: Mapping[str, Any], **context: Any) -> str:
    """Signature of one figure, named by its dotted key."""
    protocol: Protocol = context["protocol"]
    task, _, rest = key.partition(".")
    direction, _, metric = rest.partition(".")
    asked = [directions[direction]] if direction in directions else list(directions.values())
    fields: dict[str, Any] = {
        "metric": metric or rest,
        "direction": direction if metric else "both",
        "task": task,
        "relevance": _relevance(task, direction, context),
        **_shared(**context),
    }
    if (metric or rest).startswith("mAP"):
        named = Metric.parse(metric).with_defaults(denominator=protocol.denominator)
        fields["denominator"] = named.option("denominator")
    if task == "category":
        fields["no_relevant"] = protocol.no_relevant
        fields |= _labels(**context)
    if "median" in key:
        fields["median"] = protocol.median
    fields |= {
        "queries": "+".join(str(len(one.ids)) for one in asked),
        "candidates": "+".join(str(one.n_candidates) for one in asked),
    }
    if protocol.fold:
        fields["fold"] = protocol.fold
    return _joined({**fields, **_origin(**context)})


def _departures(protocol: Protocol) -> dict[str, str]:
    """Choices that are not those of the named protocol, ties aside, which every signature says."""
    named = protocols().get(protocol.name, Protocol(name=protocol.name, description="", source=""))
    own, usual = protocol.model_dump(), named.model_dump()
    return {
        field: "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for field, value in own.items()
        if value != usual[field] and field not in ("description", "source", "ties")
    }


def _relevance(task: str, direction: str, context: Mapping[str, Any]) -> str:
    if task == "category":
        return "shared-label"
    judged = context["judged"]
    if not (direction in judged or (direction not in ("i2t", "t2i") and judged)):
        return "own"
    return "own+judged" if context["protocol"].positives == "add" else "judged"


def _shared(**context: Any) -> dict[str, Any]:
    return {
        "measure": context["measure"],
        "precision": context["precision"],
        "ties": _ties(context["protocol"]),
    }


def _labels(**context: Any) -> dict[str, str]:
    """Labels that no person has set; those that people did need no mention."""
    return {"labels": f"synthetic {context['labels']}"} if context["labels"] else {}


def _ties(protocol: Protocol) -> str:
    by_identifier = protocol.ties == "index" and protocol.tie_order != "row"
    return f"{protocol.ties}-{protocol.tie_order.replace('_', '-')}" if by_identifier else protocol.ties


def _origin(**context: Any) -> dict[str, Any]:
    return {"truth": context["truth"], "version": f"ficoitr-{context['version']}"}


def _joined(fields: Mapping[str, Any]) -> str:
    return "|".join(f"{name}:{_plain(value)}" for name, value in fields.items())


def _plain(value: Any) -> str:
    """A value without the characters that part a signature."""
    return str(value).replace(" ", "-").replace("|", "-")
