"""A small suite on a small part of scenes, run once, and a folder of one's own with some of its pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ficoitr.bench import BenchResult, Suite, SuiteModel, bench
from ficoitr.data import Dataset, load_dataset

SIZES = {"train": 200, "validation": 50, "test": 60}
SMALL = Suite(
    "small",
    "Two baselines of few dimensions",
    (SuiteModel("cca-16", "cca", {"dimensions": 16}), SuiteModel("cca-itq-16", "cca-itq", {"dimensions": 16})),
    {"scenes": SIZES},
)


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[BenchResult, list[tuple[str, int, int]]]:
    """What the small suite found, and the progress it reported."""
    reports: list[tuple[str, int, int]] = []
    output = tmp_path_factory.mktemp("runs")
    result = bench(SMALL, output=output, resamples=50, progress=lambda *report: reports.append(report))
    return result, reports


@pytest.fixture(scope="session")
def result(small_runs: tuple[BenchResult, list[tuple[str, int, int]]]) -> BenchResult:
    return small_runs[0]


def save_as_folder(dataset: Dataset, folder: Path) -> Path:
    """Write a dataset as ``images/`` and ``captions.csv``, with its splits but without its labels and boxes."""
    (folder / "images").mkdir(parents=True)
    names = [f"{row:03d}.png" for row in range(len(dataset.images))]
    for name, image in zip(names, dataset.images, strict=True):
        image.save(folder / "images" / name)
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "caption", "split"))
        for text, image_row in zip(dataset.texts, dataset.text_to_image.tolist(), strict=True):
            writer.writerow((names[image_row], text, dataset.splits[image_row]))
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 140 training and 40 test images."""
    return save_as_folder(load_dataset("scenes", seed=5, train=140, validation=0, test=40), tmp_path / "photos")


def modified(folder: Path) -> dict[str, int]:
    """When each file of a folder was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
