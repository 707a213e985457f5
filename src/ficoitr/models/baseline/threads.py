"""How many threads the linear algebra of fitting uses."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ficoitr.similarity.threads import single_threaded_blas


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep linear algebra to one thread within a block.

    The threads of OpenBLAS spin while they wait for one another: beside other work on the same cores,
    decompositions of some hundred rows take ten times as long with two threads as with one.
    """
    return single_threaded_blas()
