"""What stands in the place of images or texts that a dataset does not have, only features of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, overload

from ficoitr.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image


@dataclass(frozen=True)
class AbsentImages:
    """N images of which no pixels are known: asking for one is an error that says why.

    Parameters
    ----------
    n_images : int
        N.
    reason : str
        Why there are none and where they could come from, as a sentence without the full stop.
    """

    n_images: int
    reason: str

    def __len__(self) -> int:
        return self.n_images

    def __getitem__(self, row: int, /) -> Image.Image:
        self._refuse()

    def __iter__(self) -> Iterator[Image.Image]:
        self._refuse()

    def take(self, rows: np.ndarray) -> AbsentImages:
        """Return as many absent images as there are rows."""
        return AbsentImages(len(rows), self.reason)

    def digest(self) -> str:
        """Return the SHA-256 of the number of images, in hexadecimal: there is nothing else to differ."""
        return hashlib.sha256(f"{self.n_images} absent images".encode()).hexdigest()

    def _refuse(self) -> NoReturn:
        raise InputError("this dataset has no pixels", where="images", fix=self.reason)


@dataclass(frozen=True)
class AbsentTexts(Sequence[str]):
    """M texts of which no words are known: asking for one is an error that says why.

    Parameters
    ----------
    n_texts : int
        M.
    reason : str
        Why there are none and what there is instead, as a sentence without the full stop.
    """

    n_texts: int
    reason: str

    def __len__(self) -> int:
        return self.n_texts

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...

    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        self._refuse()

    def __iter__(self) -> Iterator[str]:
        self._refuse()

    def take(self, rows: np.ndarray) -> AbsentTexts:
        """Return as many absent texts as there are rows."""
        return AbsentTexts(len(rows), self.reason)

    def _refuse(self) -> NoReturn:
        raise InputError("this dataset has no words", where="texts", fix=self.reason)
