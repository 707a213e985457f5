"""What the repository holds, and what it must not hold."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ficoitr._version import __version__

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SOURCE = 400
LARGEST_FILE = 300_000
DATA_SUFFIXES = {
    *{".npy", ".npz", ".mat", ".h5", ".hdf5", ".parquet", ".pkl", ".zip", ".gz", ".tar", ".7z"},
    *{".pt", ".pth", ".ckpt", ".safetensors", ".onnx"},
    *{".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"},
}


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Files of the repository: those that git tracks or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_source_files_can_be_read_at_a_sitting() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "src").rglob("*.py")}
    assert lengths
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_SOURCE} == {}


def test_no_data_weights_or_large_files_are_in_the_repository(files: list[Path]) -> None:
    assert [path for path in files if path.suffix.lower() in DATA_SUFFIXES] == []
    assert [path for path in files if path.stat().st_size > LARGEST_FILE] == []


def test_no_file_of_the_test_data_is_in_the_repository(files: list[Path], test_data: Path) -> None:
    sizes = {path.stat().st_size: path for path in files if path.stat().st_size}
    same_size = [path for path in test_data.rglob("*") if path.is_file() and path.stat().st_size in sizes]
    assert [path for path in same_size if path.read_bytes() == sizes[path.stat().st_size].read_bytes()] == []


def pins() -> dict[str, str]:
    """Versions in ``constraints.txt``; any other kind of line is an error."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if not line.startswith("#")]
    assert all(matches)
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def requirements() -> list[Requirement]:
    """Everything that the package and its extras ask for by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return [one for one in map(Requirement, listed) if one.name != project["name"]]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda one: one.name)
def test_constraints_pin_every_requirement(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_version_is_the_first_of_the_changelog_and_of_the_citation() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first = re.search(r"^## (\S+)", changelog, flags=re.MULTILINE)
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert first is not None
    assert citation is not None
    assert first[1] == citation[1] == __version__


@pytest.mark.parametrize("target", ["help", "demo", "test", "lint", "docs", "clean"])
def test_make_knows_its_commands(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
