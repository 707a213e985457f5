"""Figures: recall, ranks, average precision, gains, curves, exact under ties; a metric is a value with a name."""

from ficoitr.metrics.metric import FAMILIES, Family, Metric

__all__ = ["FAMILIES", "Family", "Metric"]
