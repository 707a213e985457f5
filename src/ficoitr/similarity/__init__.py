"""Measures: cosine, inner product, Euclidean, Hamming; scored block by block on one pool of threads."""

from ficoitr.similarity.dense import DENSE_MEASURES, DenseScorer, dense_scorer
from ficoitr.similarity.hamming import HammingScorer, hamming_scorer
from ficoitr.similarity.matrix import similarity_matrix

__all__ = [
    "DENSE_MEASURES",
    "DenseScorer",
    "HammingScorer",
    "dense_scorer",
    "hamming_scorer",
    "similarity_matrix",
]
