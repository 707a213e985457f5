"""What a newcomer types first: help, versions and lists."""

from __future__ import annotations

import json

import pytest

from e2e.conftest import Run
from ficoitr import __version__
from ficoitr.cli.application import application

COMMANDS = [str(command.name) for command in application.registered_commands]


def test_version(run: Run) -> None:
    assert run("--version").stdout == f"ficoitr {__version__}\n"


def test_help_names_every_command(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert {"evaluate", "compare", "bench", "models", "datasets", "metrics", "protocols"} <= set(COMMANDS)
    assert [name for name in COMMANDS if name not in done.stdout] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    examples = done.stdout.partition("Example")[2]
    assert f"ficoitr {name}" in examples


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("models", {"cca", "cca-itq"}),
        ("datasets", {"scenes", "coco338", "flickr8k"}),
        ("metrics", {"R@K", "mAP@K", "nDCG@K", "MRR"}),
        ("protocols", {"fico", "fico-itr-1.0", "coco-1k-5fold", "cmh", "eccv", "trec"}),
    ],
)
def test_lists(run: Run, name: str, holds: set[str]) -> None:
    printed, as_json = run(name), run(name, "--json")
    assert printed.returncode == as_json.returncode == 0, printed.stderr + as_json.stderr
    rows = json.loads(as_json.stdout)
    assert holds <= {next(iter(row.values())) for row in rows}
    assert all(row["description"] for row in rows)
    assert [word for word in holds if word not in printed.stdout] == []
