"""One pool of threads for the compiled kernels, which release the interpreter's lock."""

from __future__ import annotations

import operator
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

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
