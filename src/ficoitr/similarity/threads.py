"""One pool of threads for the compiled kernels, which release the interpreter's lock, and one limit on BLAS's own."""

from __future__ import annotations

import operator
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from threading import Lock
from typing import TypeVar

from threadpoolctl import threadpool_limits

from ficoitr.errors import OptionError

Item = TypeVar("Item")
Result = TypeVar("Result")


def thread_count(threads: int | None = None) -> int:
    """Return how many threads to use: what was asked for, ``FICOITR_THREADS``, or the processors there are."""
    asked = os.environ.get("FICOITR_THREADS") if threads is None else threads
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        count = operator.index(int(asked) if isinstance(asked, str) else asked)
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise OptionError(f"{asked!r} threads were asked for", where="threads", expected="a whole number of at least 1")
    return count


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="ficoitr")


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Apply ``function`` in parallel and yield results in the order of ``items``.

    At most two items a thread are under way, so that results do not pile up in memory.
    """
    if threads == 1:
        yield from map(function, items)
        return
    pool = _pool(threads)
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


class _BlasLimit:
    """One thread for BLAS while anyone needs it so.

    The limit is the process's: of two blocks that overlap in time, each restoring what it found, the later one
    would restore the limit of the earlier. And threadpoolctl lets only the thread that set a limit lift it, whereas
    the first to come need not be the last to go: a thread of its own does both.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._limits = ExitStack()
        self._owner: ThreadPoolExecutor | None = None

    def enter(self) -> None:
        with self._lock:
            if self._owner is None:
                self._owner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ficoitr-blas")
                self._owner.submit(self._set).result()
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._owner is not None:
                self._owner.submit(self._limits.close).result()
                self._owner.shutdown()
                self._owner = None

    def _set(self) -> None:
        self._limits.enter_context(threadpool_limits(limits=1, user_api="blas"))


_blas_limit = _BlasLimit()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep products of matrices to one thread each; blocks may nest, and overlap in different threads.

    Each thread of a pool multiplies its own block: a second level of threads inside would only get in their way.
    """
    _blas_limit.enter()
    try:
        yield
    finally:
        _blas_limit.leave()
