"""What outputs cost to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ficoitr.outputs import Embeddings, HashCodes, VectorSets


@dataclass(frozen=True)
class Storage:
    """Bytes of one modality's outputs, without identifiers and file headers.

    Parameters
    ----------
    n_items : int
    total_bytes : int
        Codes count packed: ``ceil(bits / 8)`` an item.
    """

    n_items: int
    total_bytes: int

    @property
    def bytes_per_item(self) -> float:
        """Bytes of one vector or code, or of a set of vectors in the mean."""
        return self.total_bytes / self.n_items


def measure_storage(outputs: Embeddings | HashCodes | VectorSets) -> Storage:
    """Count the bytes of embeddings, codes or sets of vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.outputs import Embeddings, HashCodes
    >>> measure_storage(HashCodes.from_values(np.ones((10, 64)))).bytes_per_item
    8.0
    >>> measure_storage(Embeddings(np.ones((10, 128), dtype="float32"))).total_bytes
    5120
    """
    return Storage(n_items=len(outputs), total_bytes=outputs.nbytes)
