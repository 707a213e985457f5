"""Fine- and coarse-grained image-text retrieval: one protocol to evaluate, compare and search.

The names below load what they need when they are first used, so that importing the package is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ficoitr._version import __version__

if TYPE_CHECKING:
    from ficoitr.compatibility import category_retrieval, compute_similarity, instance_retrieval
    from ficoitr.data import Dataset, load_dataset
    from ficoitr.errors import FicoitrError
    from ficoitr.evaluation import Evaluation, Protocol, evaluate, export_trec, protocols
    from ficoitr.evaluation.compare import compare
    from ficoitr.models import load_model
    from ficoitr.outputs import Embeddings, HashCodes, RankedLists, Scores

_HOMES = {
    "Dataset": "data",
    "Embeddings": "outputs",
    "Evaluation": "evaluation",
    "FicoitrError": "errors",
    "HashCodes": "outputs",
    "Protocol": "evaluation",
    "RankedLists": "outputs",
    "Scores": "outputs",
    "category_retrieval": "compatibility",
    "compare": "evaluation.compare",
    "compute_similarity": "compatibility",
    "evaluate": "evaluation",
    "export_trec": "evaluation",
    "instance_retrieval": "compatibility",
    "load_dataset": "data",
    "load_model": "models",
    "protocols": "evaluation",
}

__all__ = [
    "Dataset",
    "Embeddings",
    "Evaluation",
    "FicoitrError",
    "HashCodes",
    "Protocol",
    "RankedLists",
    "Scores",
    "__version__",
    "category_retrieval",
    "compare",
    "compute_similarity",
    "evaluate",
    "export_trec",
    "instance_retrieval",
    "load_dataset",
    "load_model",
    "protocols",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ficoitr' has no attribute {name!r}")
    return getattr(import_module(f"ficoitr.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
