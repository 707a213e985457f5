"""`ficoitr bench`: a suite of models on a dataset, compared, timed and reported."""

from __future__ import annotations


def bench_command() -> None:
    """Fit, encode, evaluate and compare models on a dataset, and write a report."""
