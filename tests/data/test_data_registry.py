"""Datasets by name: listing is cheap, loading says what it needs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from ficoitr.data import dataset_names, load_dataset
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

LISTING = """
import sys
from ficoitr.data import dataset_names
print(*(entry.name for entry in dataset_names()))
print(*(name for name in ("numpy", "PIL", "numba", "scipy", "sklearn") if name in sys.modules))
"""


def test_listing_imports_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True)
    names, heavy = run.stdout.split("\n")[:2]
    assert {"scenes", "folder", "karpathy", "coco338", "flickr8k"} <= set(names.split())
    assert heavy == ""


def test_every_loader_exists() -> None:
    assert all(callable(entry.function()) for entry in dataset_names())


def test_an_installed_package_adds_a_dataset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    distribution = tmp_path / "thirdparty-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text("[ficoitr.datasets]\nmine = thirdparty_module:load\n")
    (tmp_path / "thirdparty_module.py").write_text(
        "from ficoitr.data import load_dataset\n"
        "def load(root=None, *, n=5):\n"
        "    return load_dataset('scenes', train=n, validation=0, test=0)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = next(entry for entry in dataset_names() if entry.name == "mine")
    assert entry.description == "installed by thirdparty"
    assert entry.loader == EntryPoint("mine", "thirdparty_module:load", "ficoitr.datasets").value
    assert len(load_dataset("mine", n=3).images) == 3


def test_a_dataset_on_disk_asks_for_its_folder() -> None:
    with pytest.raises(OptionError, match=r"as root .*--root"):
        load_dataset("coco338")


def test_an_unknown_name_lists_the_names_and_the_likely_one() -> None:
    with pytest.raises(OptionError, match=r"scenes, folder.*Did you mean 'scenes'"):
        load_dataset("scene")


def test_an_unknown_option_lists_the_options() -> None:
    with pytest.raises(OptionError, match="seed, train, validation, test"):
        load_dataset("scenes", trian=3)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="does not exist"):
        load_dataset("folder", root=tmp_path / "nothing")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(FileFormatError, match="is a file"):
        load_dataset("folder", root=file)


def test_a_folder_of_no_known_layout(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"captions.csv \(folder\)"):
        load_dataset(tmp_path)
