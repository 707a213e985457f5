"""Importing the package, listing what it has and asking for help load nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "PIL",
    "altair",
    "faiss",
    "matplotlib",
    "numba",
    "pandas",
    "pyarrow",
    "ray",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
    "vl_convert",
}


def loaded_by(code: str) -> set[str]:
    """Names of the top-level packages that a fresh interpreter holds after running the code."""
    program = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import ficoitr",
        "import ficoitr.cli",
        "from ficoitr.data import dataset_names; dataset_names()",
        "from ficoitr.models import model_names; model_names()",
        "from ficoitr.metrics.metric import FAMILIES, Metric; Metric.parse('mAP@10')",
        "from ficoitr.cli import main\nsys.argv = ['ficoitr', '--help']\ntry: main()\nexcept SystemExit: pass",
    ],
    ids=["package", "command-line", "datasets", "models", "metrics", "help"],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()


def test_heavy_libraries_would_be_noticed() -> None:
    assert "numba" in loaded_by("import ficoitr.metrics.hits")


def test_public_names_are_what_the_package_lists() -> None:
    names = "import ficoitr; [getattr(ficoitr, name) for name in ficoitr.__all__]"
    assert "ficoitr" in loaded_by(names)
