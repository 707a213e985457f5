"""The comparison: suites of models on a dataset, kept as runs, compared and reported."""

from ficoitr.bench.bench import BenchResult, bench
from ficoitr.bench.suite import Suite, SuiteModel, get_suite, suites

__all__ = ["BenchResult", "Suite", "SuiteModel", "bench", "get_suite", "suites"]
