"""Which pairs are queries, which train, and which are searched: by position in the file, as the papers' code has it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ficoitr.data.dataset import Dataset
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, eq=False)
class HashingDataset(Dataset):
    """A dataset that is searched, by the queries of its test split, in all of its other pairs.

    ``splits`` names one split an image: ``train``, ``retrieval`` for the searched pairs that are not trained on, and
    ``test``. But what is searched holds the training pairs, so ``split("retrieval")`` is everything that is not
    ``test``, and ``evaluate(…, queries=dataset.splits == "test")`` evaluates as the papers do.
    """

    def split(self, name: str) -> Dataset:
        """Return the pairs of one split; ``retrieval`` includes those of ``train``.

        Raises
        ------
        OptionError
            If the dataset has no such split; the message lists those it has.
        """
        if name != "retrieval" or self.splits is None or self.split_name is not None:
            return super().split(name)
        return replace(self.select(self.splits != "test"), split_name=name)


@dataclass(frozen=True)
class Positions:
    """Queries at one end of the file, training pairs at the beginning of the rest.

    Parameters
    ----------
    queries : {"first", "last"}
        At which end.
    n_queries : int
    n_train : int, optional
        How many of the others are trained on, the first of them; by default all.
    """

    queries: Literal["first", "last"]
    n_queries: int
    n_train: int | None = None

    def of(self, n_pairs: int, where: str) -> np.ndarray:
        """Return the name of the split of each pair.

        Raises
        ------
        FileFormatError
            If there are too few pairs.
        """
        needed = self.n_queries + (self.n_train or 1)
        if n_pairs < needed:
            raise FileFormatError(
                f"there are {n_pairs:,} pairs",
                where=where,
                expected=f"at least {needed:,}: {self.n_queries:,} queries and what is trained on",
            )
        n_others = n_pairs - self.n_queries
        others, queries = (self.n_queries, 0) if self.queries == "first" else (0, n_others)
        names = np.full(n_pairs, "retrieval")
        names[others : others + (self.n_train or n_others)] = "train"
        names[queries : queries + self.n_queries] = "test"
        return names


def choose(splits: str, known: Mapping[str, Positions]) -> Positions:
    """Return the split of that name.

    Raises
    ------
    OptionError
        If there is none.
    """
    if splits not in known:
        names = ", ".join(map(repr, known))
        raise OptionError(f"{splits!r} is unknown", where="splits", expected=f"one of {names}")
    return known[splits]
