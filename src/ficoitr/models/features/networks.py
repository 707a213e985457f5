"""What extractors made of a network share: its weights, and one thread of torch's for each thread that extracts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ficoitr.models.features.base import Extractor
from ficoitr.outputs.files import digest_file


class NetworkExtractor(Extractor):
    """An extractor whose features are those of a network.

    Parameters
    ----------
    weights : Path
        The file that the network was loaded from.
    """

    batch = 16

    def __init__(self, weights: Path) -> None:
        self._digest = digest_file(weights)

    @property
    def identity(self) -> dict[str, Any]:
        """The name, and the hash of the weights."""
        return {"name": self.name, "weights": self._digest}

    @contextmanager
    def threads(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Let each thread compute alone.

        Several threads within one convolution wait for one another; several images at a time do not. And sums are
        then added up in an order that does not depend on the number of cores.
        """
        before = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                yield pool
        finally:
            # Setting it in one thread also sets what threads to come will have.
            torch.set_num_threads(before)
