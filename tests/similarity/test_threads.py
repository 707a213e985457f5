"""The pool of threads: order, bounded work, errors."""

from __future__ import annotations

import threading
import time

import pytest

from ficoitr.errors import OptionError
from ficoitr.similarity.threads import map_in_order, thread_count


def test_results_come_in_order_though_work_ends_out_of_order() -> None:
    def slow_if_even(item: int) -> int:
        time.sleep(0.01 if item % 2 == 0 else 0)
        return item

    assert list(map_in_order(slow_if_even, range(20), 3)) == list(range(20))


def test_no_more_than_two_items_a_thread_are_under_way() -> None:
    taken = 0

    def items() -> object:
        nonlocal taken
        for item in range(100):
            taken = item
            yield item

    results = map_in_order(lambda item: item, items(), 2)  # type: ignore[arg-type, var-annotated]
    next(results)
    assert taken <= 4


def test_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(2, timeout=10)
    assert len(list(map_in_order(lambda _: meeting.wait(), range(2), 2))) == 2


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_reaches_the_caller(threads: int) -> None:
    def fail_at_three(item: int) -> int:
        return 1 // (3 - item)

    with pytest.raises(ZeroDivisionError):
        list(map_in_order(fail_at_three, range(10), threads))
    assert list(map_in_order(lambda item: item, range(3), threads)) == [0, 1, 2]


def test_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FICOITR_THREADS", "3")
    assert thread_count() == 3
    assert thread_count(2) == 2
    monkeypatch.delenv("FICOITR_THREADS")
    assert thread_count() >= 1


@pytest.mark.parametrize("asked", [0, -1, "many", ""])
def test_no_threads_are_an_error(asked: object) -> None:
    with pytest.raises(OptionError, match="threads"):
        thread_count(asked)  # type: ignore[arg-type]
