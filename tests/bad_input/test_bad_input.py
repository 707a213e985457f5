"""Every mistake ends in a named error that says what, where, what was expected and how to mend it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import ficoitr
from bad_input import array_cases, file_cases, truth_cases
from bad_input.case import IMAGES, TEXTS, Case, Command
from ficoitr.cli import main
from ficoitr.errors import FicoitrError, OptionError

CASES = [*array_cases.CASES, *truth_cases.CASES, *file_cases.CASES]
BY_COMMAND = [case for case in CASES if isinstance(case.attempt, Command)]


def named(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.name.replace(" ", "-") for case in cases])


@named(CASES)
def test_error_says_what_and_where(case: Case, tmp_path: Path) -> None:
    with pytest.raises(FicoitrError) as caught:
        case.attempt(tmp_path)
    assert type(caught.value) is case.error
    message = str(caught.value)
    assert [said for said in case.says if said not in message] == [], message
    assert caught.value.where
    assert caught.value.expected or caught.value.fix, "what is the user to do?"


@named(BY_COMMAND)
def test_command_line_ends_in_one_message(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert isinstance(case.attempt, Command)
    monkeypatch.setattr(sys, "argv", ["ficoitr", *case.attempt.arguments(tmp_path)])
    with pytest.raises(SystemExit) as left:
        main()
    printed = capsys.readouterr()
    assert left.value.code == (2 if case.error is OptionError else 1)
    assert printed.out == ""
    assert printed.err.startswith("Error: ")
    assert "Traceback" not in printed.err
    assert [said for said in case.says if said not in printed.err] == []


def test_table_has_no_case_twice() -> None:
    names = [case.name for case in CASES]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


def test_threads_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FICOITR_THREADS", "abc")
    with pytest.raises(OptionError, match=r"threads: 'abc' threads were asked for.*whole number"):
        ficoitr.evaluate(IMAGES, TEXTS, captions_per_image=2, resamples=0)


def test_one_row_of_each_is_no_mistake() -> None:
    evaluation = ficoitr.evaluate(IMAGES[:1], TEXTS[:1], captions_per_image=1, categories=[[1, 0]], resamples=10)
    assert evaluation["instance.t2i.R@1"].value == evaluation["category.i2t.mAP@N"].value == 1.0


def test_an_error_is_what_python_calls_such_errors() -> None:
    with pytest.raises(ValueError, match="NaN"):
        ficoitr.Embeddings(np.full((1, 1), np.nan))
    with pytest.raises(OSError, match="does not exist"):
        ficoitr.Embeddings(np.ones((1, 1))).save("/no such folder/images.npy")
