"""`ficoitr train`, `encode` and `evaluate`, one after the other, as a new user would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.models import load_model
from ficoitr.models.coarse.ucch_networks import UCCHNetwork

DATA = ["--dataset", "scenes", "-o", "train=120", "-o", "validation=40", "-o", "test=30"]
SMALL = ["--bits", "16", "--set", "hidden=32", "--set", "negatives=16", "--set", "training.batch_size=50"]


def run(*arguments: object):
    return CliRunner().invoke(application, [str(one) for one in arguments])


def test_from_training_to_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("train", "ucch", *DATA, *SMALL, "--set", "training.epochs=2")
    assert done.exit_code == 0, done.output
    assert "Trained ucch on scenes (global, bag-of-words): 2 epochs, best in epoch" in done.output
    assert "For two cores there is --preset small." in done.stderr
    # The commands that are proposed work as they stand.
    done = run(*done.output.split("Next: ficoitr ")[1].split())
    assert done.exit_code == 0, done.output
    assert "Wrote 30 images and 150 texts" in done.output
    proposed = done.output.split("Next: ficoitr ")[1].split()
    done = run(*proposed, "--resamples", 0, "--json")
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["queries"] == {"i2t": 30, "t2i": 150}
    assert 0 < result["category"]["t2i"]["mAP@N"] <= 1


def test_a_preset_may_be_of_the_dataset(tmp_path: Path) -> None:
    tiny = ["--set", "training.epochs=1", "--set", "training.batch_size=50", "--set", "hidden=16", "--bits", 8]
    done = run("train", "ucch", *DATA, *tiny, "--preset", "small", "--output", tmp_path)
    assert done.exit_code == 0, done.output
    assert "(global, bag-of-words; preset small-scenes)" in done.output
    assert "Published sizes" not in done.stderr
    assert load_model("ucch", checkpoint=tmp_path / "model.safetensors").config.shift == 7


def test_killed_and_started_again(tmp_path: Path) -> None:
    arguments = ["train", "ucch", *DATA, *SMALL, "--set", "training.epochs=12", "--set", "training.save_seconds=0"]

    def command(name: str) -> list[str]:
        program = "from ficoitr.cli import main; main()"
        return [sys.executable, "-c", program, *arguments, "--output", str(tmp_path / name)]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command("whole"), check=True, env=environment, capture_output=True)
    child = subprocess.Popen(command("killed"), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (tmp_path / "killed" / "checkpoint.pt").exists() and child.poll() is None:
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "killed" / "model.safetensors").exists(), "it was to be killed while it trains"
    subprocess.run(command("killed"), check=True, env=environment, capture_output=True)
    whole, again = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "killed"))
    assert whole == again


def test_continuous_values(tmp_path: Path) -> None:
    assert (
        run(
            "train",
            "dadh",
            *DATA,
            "--bits",
            8,
            "--set",
            "hidden=32",
            "--set",
            "training.epochs=1",
            "--output",
            tmp_path / "run",
        ).exit_code
        == 0
    )
    assert run("encode", tmp_path / "run", *DATA, "--continuous", "--output", tmp_path / "out").exit_code == 0
    values = np.load(tmp_path / "out" / "images.npy")
    assert values.dtype == np.float32
    assert values.shape == (30, 8)
    assert np.abs(values).max() <= 1


def test_a_file_of_the_authors_is_encoded(tmp_path: Path, test_data: Path) -> None:
    torch.manual_seed(0)
    network = UCCHNetwork(128, 10, bits=16, hidden=8)
    states = {f"{side}_model_state_dict": network.get_submodule(side).state_dict() for side in ("image", "text")}
    torch.save(states, tmp_path / "best.t7")
    arguments = ["encode", tmp_path / "best.t7", "--dataset", "wiki", "--root", test_data / "wiki"]
    assert "which model this file is of" in str(run(*arguments).exception)
    done = run(*arguments, "--model", "ucch", "--set", "bits=16", "--set", "features=sift")
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "test" / "images.npy").shape == (693, 2)
    assert "bits is 16" in str(run(*arguments, "--model", "ucch", "--set", "bits=32").exception)


def test_what_a_run_must_be(tmp_path: Path) -> None:
    assert run("train", "ucch", *DATA, *SMALL, "--set", "training.epochs=1", "--output", tmp_path).exit_code == 0
    assert "bits is 16" in str(run("encode", tmp_path, *DATA, "--set", "bits=32").exception)
    assert run("encode", tmp_path, *DATA, "--set", "bits=16", "--set", "training.epochs=1").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "cca"], "not trained in epochs"),
        (["train", "uch"], "Did you mean 'ucch'"),
        (["train", "ucch", "--set", "bit=3"], "has no setting 'bit'"),
        (["train", "ucch", "--preset", "tiny"], "has no preset 'tiny'"),
        (["train", "ucch", "--dataset", "scenes", "-o", "train=0"], "a split train"),
        (["encode", "nothing"], "there is no trained model here"),
    ],
)
def test_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code != 0
    assert says in str(done.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "ucch"],
        ["data", "label", "scenes", "--train", "scenes", "--output", "labels"],
        ["data", "features", "scenes", "--features", "minilm", "--output", "texts.npy"],
    ],
)
def test_without_torch_the_extra_is_named(tmp_path: Path, arguments: list[str]) -> None:
    # None in the list of modules makes an import fail as a missing library does.
    program = (
        f"import sys; sys.modules['torch'] = None; sys.argv[1:] = {arguments!r}; from ficoitr.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'ficoitr[models]'" in done.stderr
    assert "Traceback" not in done.stderr
