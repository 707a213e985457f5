"""Examples of the command line in documents: each command is run, and must print what stands below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from doctest import ELLIPSIS, Example, OutputChecker
from pathlib import Path

import sybil
from sybil.parsers.markdown import CodeBlockParser


@dataclass(frozen=True)
class Command:
    """A command after the prompt ``$``, and the output that follows it; ``...`` there stands for anything."""

    line: str
    output: str


def commands(block: str) -> Iterator[Command]:
    """Read the commands of a block; a line that ends in a backslash goes on in the next."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, _, output = part.replace("\\\n", "").partition("\n")
        yield Command(line, output)


def run(command: Command) -> str:
    """Run a command in the working folder, in a terminal 100 columns wide without colours; return all it printed."""
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    done = subprocess.run(
        ["bash", "-c", command.line],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        return f"{done.stdout}[exit code {done.returncode}]\n"
    return done.stdout


def evaluate(example: sybil.Example) -> str | None:
    """Compare the outputs of a block with what the commands print."""
    for command in commands(example.parsed):
        got = _without_trailing_spaces(run(command))
        if not OutputChecker().check_output(command.output, got, ELLIPSIS):
            difference = OutputChecker().output_difference(Example("", command.output), got, ELLIPSIS)
            return f"$ {command.line}\n{difference}"
    return None


def _without_trailing_spaces(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


ConsoleParser = CodeBlockParser("console", evaluate)
