"""Search: indexes of embeddings and of hash codes behind one protocol."""

from ficoitr.search.base import Index
from ficoitr.search.registry import IndexEntry, index_names, load_index, make_index

__all__ = ["Index", "IndexEntry", "index_names", "load_index", "make_index"]
