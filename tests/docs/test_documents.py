"""Every example of the documents runs and prints what the document says."""

from __future__ import annotations

from doctest import ELLIPSIS
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from docs.console import Command, ConsoleParser, commands, run

ROOT = Path(__file__).resolve().parents[2]
READER = Sybil(parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS), ConsoleParser])
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
WITH_EXAMPLES = [path for path in DOCUMENTS if list(READER.parse(path).examples())]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_of_a_document(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for example in READER.parse(path).examples():
        example.evaluate()


@pytest.mark.parametrize("name", ["README.md", "docs/quickstart.md", "docs/protocols.md", "docs/inputs-and-outputs.md"])
def test_documents_that_must_have_examples(name: str) -> None:
    assert ROOT / name in WITH_EXAMPLES


def test_a_block_is_split_into_commands() -> None:
    block = "$ echo one \\\n    two\none two\n$ true\n$ echo three\nthree\n"
    assert list(commands(block)) == [
        Command("echo one     two", "one two\n"),
        Command("true", ""),
        Command("echo three", "three\n"),
    ]


def test_a_command_that_fails_shows_its_exit_code() -> None:
    assert run(Command("echo wrong >&2; exit 2", "")) == "wrong\n[exit code 2]\n"
