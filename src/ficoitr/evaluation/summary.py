"""From per-query columns to figures, tie bands and intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ficoitr.evaluation.columns import Column
from ficoitr.evaluation.engine import DirectionResult
from ficoitr.evaluation.protocol import Protocol
from ficoitr.metrics.average_precision import BEST, EXPECTED, WORST
from ficoitr.metrics.curves import RECALL_LEVELS
from ficoitr.metrics.metric import Metric
from ficoitr.metrics.statistics import bootstrap_counts, percentile_interval

Array = np.ndarray[Any, Any]
_KIND = {"expected": EXPECTED, "best": BEST, "worst": WORST, "index": EXPECTED}


@dataclass(frozen=True)
class Summary:
    """Figures by task and direction, and what goes with each, by dotted key."""

    tables: dict[str, dict[str, Any]]
    intervals: dict[str, tuple[float, float]]
    ties: dict[str, tuple[float, float]]
    per_query: dict[str, dict[str, Array]]
    keys: list[str]
    notes: list[str] = field(default_factory=list)


def summarise(
    directions: Mapping[str, DirectionResult], protocol: Protocol, *, resamples: int, seed: int, n_images: int
) -> Summary:
    """Put the queries of each direction together."""
    kind = _KIND[protocol.ties]
    columns = {
        f"{task}.{direction}.{short_name(column.metric, protocol)}": column
        for direction, result in directions.items()
        for task, those in result.columns.items()
        for column in those
    }
    figures = {key: column.figure(kind) for key, column in columns.items()}
    bands = {} if protocol.ties == "index" else {key: column.band() for key, column in columns.items()}
    samples = _resample(columns, kind, directions, resamples, seed, n_images)
    _add_rsum(protocol, figures, bands, samples)
    tables = _tables(directions, protocol, figures)
    return Summary(
        tables,
        {
            name: _pair(*percentile_interval(values))
            for key, one in samples.items()
            for name, values in _points(key, one)
            if np.isfinite(values).any()
        },
        {
            name: _pair(worst, best)
            for key, (low, high) in bands.items()
            for (name, worst), (_, best) in zip(_points(key, low), _points(key, high), strict=True)
            if np.isfinite(worst) and np.isfinite(best)
        },
        {direction: _per_query(direction, columns, kind) for direction in directions},
        [
            f"{task}.{direction}.{name}"
            for task, rows in tables.items()
            for direction in directions
            for name in rows.get(direction, {})
        ]
        + (["instance.rsum"] if "rsum" in tables["instance"] else []),
        _notes(directions, protocol),
    )


def short_name(metric: Metric, protocol: Protocol) -> str:
    """Return the key of a metric: what the protocol itself says is not repeated."""
    implied = {("denominator", "total" if metric.cutoff == "R" else protocol.denominator)}
    options = tuple(option for option in metric.options if option not in implied)
    return str(Metric(metric.name, metric.cutoff, options))


def _resample(
    columns: Mapping[str, Column],
    kind: int,
    directions: Mapping[str, DirectionResult],
    resamples: int,
    seed: int,
    n_images: int,
) -> dict[str, Array]:
    """Figures on resamples of images; both directions follow one draw, so that sums over both are resampled too."""
    columns = {key: column for key, column in columns.items() if column.can_be_resampled(kind)}
    if resamples == 0 or not columns:
        return {}
    images = np.unique(np.concatenate([one.images for one in directions.values()]))
    place = np.zeros(n_images, dtype=np.int64)
    place[images] = np.arange(len(images))
    strata = np.zeros(len(images), dtype=np.int64)
    moved = {}
    for key, column in columns.items():
        moved[key] = Column(
            column.metric,
            column.values,
            column.weights,
            place[column.images],
            column.folds,
            column.floor_median,
        )
        strata[moved[key].images] = column.folds
    blocks: dict[str, list[Array]] = {key: [] for key in columns}
    for counts in bootstrap_counts(strata, resamples, seed):
        for key, column in moved.items():
            blocks[key].append(column.resampled(counts, kind, len(images)))
    return {key: np.concatenate(parts) for key, parts in blocks.items()}


def _add_rsum(protocol: Protocol, figures: dict[str, Any], bands: dict[str, Any], samples: dict[str, Any]) -> None:
    """Add rSum, the sum of the six recalls at 1, 5 and 10, in percent, where all six are there."""
    parts = [f"instance.{direction}.R@{k}" for direction in ("i2t", "t2i") for k in (1, 5, 10)]
    if "rsum" not in protocol.instance or not all(part in figures for part in parts):
        return
    figures["instance.rsum"] = 100 * sum(figures[part] for part in parts)
    if bands:
        bands["instance.rsum"] = tuple(100 * sum(bands[part][end] for part in parts) for end in (0, 1))
    if samples:
        samples["instance.rsum"] = 100 * sum(samples[part] for part in parts)


def _tables(
    directions: Mapping[str, DirectionResult], protocol: Protocol, figures: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {"instance": {}, "category": {}}
    for direction, result in directions.items():
        for task, those in result.columns.items():
            metrics = [column.metric for column in those] + result.inapplicable[task]
            if not metrics:
                continue
            row: dict[str, Any] = {}
            for metric in metrics:
                name = short_name(metric, protocol)
                row[name] = _number(figures.get(f"{task}.{direction}.{name}"))
            if task == "category":
                row["no_relevant"] = result.no_relevant
            tables[task][direction] = row
    if "instance.rsum" in figures:
        tables["instance"]["rsum"] = _number(figures["instance.rsum"])
    return tables


def _number(value: Any) -> Any:
    if value is None or np.isnan(value).any():
        return None
    if np.ndim(value):
        return {"recall": list(RECALL_LEVELS), "precision": [float(one) for one in value]}
    return float(value)


def _points(key: str, values: Any) -> Iterator[tuple[str, Any]]:
    """One key a number: a curve has eleven, ``pr_curve@0.3``."""
    if not key.endswith(".pr_curve"):
        yield key, values
        return
    for level, column in zip(RECALL_LEVELS, np.moveaxis(np.asarray(values), -1, 0), strict=True):
        yield f"{key}@{level}", column


def _pair(low: Any, high: Any) -> tuple[float, float]:
    return float(low), float(high)


def _per_query(direction: str, columns: Mapping[str, Column], kind: int) -> dict[str, Array]:
    """Values of the queries under keys without the direction; NaN for queries that are left out."""
    result = {}
    for key, column in columns.items():
        task, which, name = key.split(".", 2)
        if which == direction and column.values.ndim == 2:
            result[f"{task}.{name}"] = np.where(column.weights[kind] > 0, column.values[kind], np.nan)
    return result


def _notes(directions: Mapping[str, DirectionResult], protocol: Protocol) -> list[str]:
    notes = []
    for direction, result in directions.items():
        for task, metrics in result.inapplicable.items():
            if metrics:
                names = ", ".join(short_name(metric, protocol) for metric in metrics)
                notes.append(f"{task}.{direction}: {names} not applicable, since the lists end before")
        if result.no_relevant:
            treated = "count as 0" if protocol.no_relevant == "zero" else "are left out"
            notes.append(f"category.{direction}: {result.no_relevant} queries have no relevant candidate and {treated}")
    return notes
