"""Measures, tasks and metrics in one streaming pass, the protocol that names every choice, and its result."""

from ficoitr.evaluation.evaluate import evaluate
from ficoitr.evaluation.export import export_trec
from ficoitr.evaluation.protocol import Protocol, get_protocol, protocols
from ficoitr.evaluation.result import Evaluation, Figure
from ficoitr.metrics.codes import CodeStatistics

__all__ = [
    "CodeStatistics",
    "Evaluation",
    "Figure",
    "Protocol",
    "evaluate",
    "export_trec",
    "get_protocol",
    "protocols",
]
