"""What FAISS's indexes share: threads, training, and how their results are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ficoitr.errors import OptionError
from ficoitr.extras import require
from ficoitr.search.base import Index
from ficoitr.similarity.threads import thread_count

Array = np.ndarray[Any, Any]


class FaissIndex(Index):
    """An index of FAISS, whose file is FAISS's own.

    Notes
    -----
    Douze et al., "The Faiss library", arXiv 2401.08281. FAISS counts its threads for the whole process: they are set
    for every call, and set back.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._faiss = require("faiss", "search")
        self._index: Any = None

    @property
    def size(self) -> int:
        """Number of items."""
        return 0 if self._index is None else int(self._index.ntotal)

    @abstractmethod
    def _make(self) -> Any:
        """Make FAISS's index for items of this ``width``."""

    def _set_search(self) -> None:
        """Set what a search looks at."""

    @contextmanager
    def _threads(self) -> Iterator[None]:
        before = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(thread_count(self.config.threads))
        try:
            yield
        finally:
            self._faiss.omp_set_num_threads(before)

    def _add(self, values: Array) -> None:
        prepared = self._prepared(values, "items")
        with self._threads():
            if self._index is None:
                made = self._make()
                self._require_enough(made, len(prepared))
                if not made.is_trained:
                    made.train(prepared)
                self._index = made
            self._index.add(prepared)
            self._set_search()

    def _search(self, values: Array, k: int) -> tuple[Array, Array]:
        prepared = self._prepared(values, "queries")
        with self._threads():
            found, rows = self._index.search(prepared, k)
        return rows, self._scores(found)

    def _require_enough(self, made: Any, n_items: int) -> None:
        lists = getattr(made, "nlist", 1)
        # A centroid of product quantisation is learnt from an item each.
        needed = max(lists, 256 if "PQ" in type(made).__name__ else 1)
        if n_items < needed:
            raise OptionError(
                f"there are {n_items:,} items to learn {needed:,} centroids from",
                where=f"index {self.name!r}",
                fix="Add more at first, or choose fewer lists or an index without centroids",
            )

    @abstractmethod
    def _prepared(self, values: Array, what: str) -> Array:
        """Bring items or queries to what FAISS takes."""

    @abstractmethod
    def _scores(self, found: Array) -> Array:
        """Turn FAISS's results into scores, of which higher ones are better."""
