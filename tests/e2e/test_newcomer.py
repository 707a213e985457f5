"""Mistakes that a newcomer made, each with the words that would have helped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ficoitr

PROGRAM = Path(sys.executable).with_name("ficoitr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer")
    generator = np.random.default_rng(0)
    images = generator.standard_normal((30, 8)).astype("float32")
    texts = np.repeat(images, 2, axis=0) + generator.standard_normal((60, 8)).astype("float32")
    np.save(folder / "images.npy", images)
    np.save(folder / "texts.npy", texts)
    for name in ("one", "other"):
        ficoitr.evaluate(images, texts, captions_per_image=2, resamples=0, name=name).save(folder / f"{name}.json")
    ficoitr.export_trec(folder / "trec", images, texts, captions_per_image=2)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def test_a_run_of_text_queries_given_for_images_is_refused(folder: Path) -> None:
    done = run(folder, "evaluate", "--run-i2t", "trec/t2i.run", "--captions-per-image", "5", "--resamples", "0")
    assert done.returncode == 2
    assert "--run-t2i" in done.stderr


def test_comparing_rows_without_identifiers_says_so(folder: Path) -> None:
    done = run(folder, "compare", "one.json", "other.json", "--figures", "instance.t2i.R@1")
    assert done.returncode == 0
    assert "No identifiers were given" in done.stdout
    assert "R@5" not in done.stdout


def test_a_protocol_of_another_size_is_noted(folder: Path) -> None:
    given = ("--images", "images.npy", "--texts", "texts.npy", "--captions-per-image", "2", "--resamples", "0")
    done = run(folder, "evaluate", *given, "--protocol", "coco-5k")
    assert "of 5,000 images, these are 30" in done.stdout


def test_a_mistyped_protocol_is_suggested(folder: Path) -> None:
    done = run(folder, "evaluate", "--images", "images.npy", "--texts", "texts.npy", "--protocol", "FiCo")
    assert done.returncode == 2
    assert "Did you mean 'fico'" in done.stderr


def test_a_report_without_resamples_speaks_of_no_intervals(folder: Path) -> None:
    given = ("--images", "images.npy", "--texts", "texts.npy", "--captions-per-image", "2", "--resamples", "0")
    assert run(folder, "evaluate", *given, "--report", "report.html").returncode == 0
    page = (folder / "report.html").read_text()
    assert "no resamples were drawn" in page
    assert "bands are 95% intervals" not in page
