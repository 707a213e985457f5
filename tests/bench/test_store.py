"""Runs are whole or not there, are found only unchanged, and processes do not disturb each other."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from ficoitr.bench.store import Run, RunStore
from ficoitr.errors import OutputError

FILES = {"a.txt": "first", "b.txt": "second"}
WAIT_INSIDE = """
import sys
from contextlib import nullcontext
from pathlib import Path
from ficoitr.bench.store import RunStore

def make(folder):
    (folder / "a.txt").write_text("first")
    print("inside", flush=True)
    sys.stdin.readline()
    (folder / "b.txt").write_text("second")
    return {"by": "child"}

RunStore(Path(sys.argv[1])).find_or_make("data", "model", {"seed": 0}, make, nullcontext())
"""
FOR_EVER = """
import sys
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from ficoitr.bench.store import RunStore

def make(folder):
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name * 10_000)
    return {}

store = RunStore(Path(sys.argv[1]))
for seed in count():
    store.find_or_make("data", "model", {"seed": seed % 2}, make, nullcontext())
    print("made", flush=True)
"""
unix = pytest.mark.skipif(sys.platform == "win32", reason="no locks of files there")


def make(folder: Path) -> dict[str, str]:
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return {"by": "test"}


def make_half(folder: Path) -> dict[str, str]:
    (folder / "a.txt").write_text("half")
    raise KeyboardInterrupt


def ask(store: RunStore, *, model: str = "model", seed: int = 0, how=make) -> Run:
    return store.find_or_make("data", model, {"seed": seed}, how, nullcontext())


def start(code: str, root: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen([sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() in (b"inside\n", b"made\n")
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    for stream in (child.stdin, child.stdout):
        assert stream is not None
        stream.close()


def in_sight(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "data").iterdir() if not path.name.endswith(".lock"))


def test_a_run_is_made_once(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    made = ask(store)
    assert (made.found, made.folder, made.measured) == (False, tmp_path / "data" / "model", {"by": "test"})
    assert {name: (made.folder / name).read_text() for name in FILES} == FILES
    found = ask(store, how=make_half)
    assert (found.found, found.folder, found.measured) == (True, made.folder, made.measured)
    assert in_sight(tmp_path) == ["model"]


def test_other_inputs_take_its_place(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    ask(store)
    assert not ask(store, seed=1).found
    assert store.find("data", "model", {"seed": 0}) is None
    assert ask(store, seed=1, how=make_half).found
    assert in_sight(tmp_path) == ["model"]


def test_an_interrupted_run_leaves_the_old_one(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    ask(store)
    with pytest.raises(KeyboardInterrupt):
        ask(store, seed=1, how=make_half)
    assert ask(store, how=make_half).found
    assert in_sight(tmp_path) == ["model"]


DAMAGES = {
    "a file is gone": lambda folder: (folder / "a.txt").unlink(),
    "a file is changed": lambda folder: (folder / "a.txt").write_text("First"),
    "the manifest is gone": lambda folder: (folder / "manifest.json").unlink(),
    "the manifest is cut": lambda folder: (folder / "manifest.json").write_text('{"schema": "ficoitr'),
    "the manifest is of a later version": lambda folder: (folder / "manifest.json").write_text(
        '{"schema": "ficoitr.run/2"}'
    ),
    "the manifest is another file": lambda folder: (folder / "manifest.json").write_text("[1]"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_made_again(tmp_path: Path, damage: str) -> None:
    store = RunStore(tmp_path)
    DAMAGES[damage](ask(store).folder)
    assert store.find("data", "model", {"seed": 0}) is None
    assert not ask(store).found
    assert ask(store, how=make_half).found


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(OutputError, match=r"data/model: the run cannot be written.*--output"):
        ask(RunStore(tmp_path))


@unix
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    child = start(WAIT_INSIDE, tmp_path)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    end(child)
    [leftover] = in_sight(tmp_path)
    assert leftover.startswith(".model.")
    assert (tmp_path / "data" / leftover / "a.txt").read_text() == "first"
    assert not ask(RunStore(tmp_path)).found
    assert in_sight(tmp_path) == ["model"]


@unix
def test_a_live_process_is_waited_for_and_left_alone(tmp_path: Path) -> None:
    child = start(WAIT_INSIDE, tmp_path)
    [under_way] = in_sight(tmp_path)
    for model in ("model.b", "mod"):
        assert not ask(RunStore(tmp_path), model=model).found
    waits, runs = threading.Event(), []

    class Waiting:
        def __enter__(self) -> None:
            waits.set()

        def __exit__(self, *_: object) -> None:
            pass

    def second() -> None:
        runs.append(RunStore(tmp_path).find_or_make("data", "model", {"seed": 0}, make_half, Waiting()))

    thread = threading.Thread(target=second)
    thread.start()
    assert waits.wait(timeout=30)
    assert under_way in in_sight(tmp_path)
    child.communicate(b"go on\n", timeout=30)
    thread.join(timeout=30)
    assert [(run.found, run.measured) for run in runs] == [(True, {"by": "child"})]
    assert in_sight(tmp_path) == ["mod", "model", "model.b"]


@unix
def test_killed_at_any_moment_a_run_is_whole_or_not_there(tmp_path: Path) -> None:
    store, moments = RunStore(tmp_path), random.Random(0)  # noqa: S311
    for _ in range(4):
        child = start(FOR_EVER, tmp_path)
        time.sleep(moments.uniform(0, 0.02))
        child.kill()
        child.wait()
        end(child)
        there = (tmp_path / "data" / "model").exists()
        found = [store.find("data", "model", {"seed": seed}) for seed in (0, 1)]
        assert sum(run is not None for run in found) == there
    ask(store, seed=2)
    assert in_sight(tmp_path) == ["model"]
