"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The first call of a kernel compiles it: no time limit on single examples.
settings.register_profile("ficoitr", deadline=None)
settings.load_profile("ficoitr")

ROOT = Path(__file__).resolve().parents[1]


def _shared(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT / default)).resolve()
    if folder.is_dir():
        return folder
    if os.environ.get("FICOITR_REQUIRE_TEST_DATA") == "1":
        pytest.fail(f"{variable}: no folder {folder}, and FICOITR_REQUIRE_TEST_DATA=1")
    pytest.skip(f"real test data is absent ({variable} or {default})")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the real data sets, see ``CONTRIBUTING.md``."""
    return _shared("FICOITR_TEST_DATA", "../shared/data")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the golden numbers."""
    return _shared("FICOITR_GOLDEN", "../shared/golden")
