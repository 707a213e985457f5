"""What a model hands on: embeddings, hash codes, sets of vectors, scores, ranked lists; how they lie on disk."""

from ficoitr.outputs.align import align
from ficoitr.outputs.codes import HashCodes, as_codes
from ficoitr.outputs.embeddings import Embeddings, as_embeddings
from ficoitr.outputs.ranked import RankedLists
from ficoitr.outputs.scores import Scores, as_scores, mean_scores
from ficoitr.outputs.trec import read_qrels, read_run, write_qrels, write_run
from ficoitr.outputs.vector_sets import VectorSets

__all__ = [
    "Embeddings",
    "HashCodes",
    "RankedLists",
    "Scores",
    "VectorSets",
    "align",
    "as_codes",
    "as_embeddings",
    "as_scores",
    "mean_scores",
    "read_qrels",
    "read_run",
    "write_qrels",
    "write_run",
]
