"""`ficoitr data features`: one file, with ids; unreadable images named, and left out only on request."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ficoitr.cli.application import application
from ficoitr.data import load_dataset
from ficoitr.errors import FileFormatError, OutputError
from ficoitr.models.features import extract_features


def run(*arguments: object) -> str:
    done = CliRunner().invoke(application, ["data", "features", *map(str, arguments)])
    if done.exception is not None:
        raise done.exception
    return done.stdout


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    lines = ["image,caption"]
    for row, image in enumerate(load_dataset("scenes", train=5, validation=1, test=1).split("train").images):
        image.save(folder / "images" / f"{row}.png")
        lines.append(f"{row}.png,picture number {row}")
    (folder / "captions.csv").write_text("\n".join(lines))
    return folder


def test_a_file_and_its_ids(photos, tmp_path):
    printed = run(photos, "--features", "global", "--output", tmp_path / "images.npy")
    assert printed.split() == ["Wrote", f"{tmp_path / 'images.npy'}:", "5", "×", "780"]
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), extract_features(load_dataset(photos), "global"))
    assert len((tmp_path / "images.ids.txt").read_text().splitlines()) == 5


def test_unreadable_images(photos, tmp_path):
    (photos / "images" / "3.png").write_bytes(b"no image")
    arguments = (photos, "--features", "global", "--output", tmp_path / "images.npy")
    with pytest.raises(FileFormatError, match=r"3\.png"):
        run(*arguments)
    assert not (tmp_path / "images.npy").exists()
    found = json.loads(run(*arguments, "--skip-unreadable", "--json"))
    assert found["shape"] == [4, 780]
    [(identifier, problem)] = found["unreadable"].items()
    assert identifier in problem
    assert identifier not in (tmp_path / "images.ids.txt").read_text().splitlines()


def test_a_name_of_another_kind_is_refused_before_the_work(photos, tmp_path):
    with pytest.raises(OutputError, match=r"ending in \.npy"):
        run(photos, "--features", "global", "--output", tmp_path / "images.csv")
