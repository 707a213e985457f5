"""The installed command, run as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def command_line(*words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``ficoitr`` in a folder, with no terminal, and return what it printed."""
    program = Path(sys.executable).with_name("ficoitr")
    return subprocess.run(
        [program, *map(str, words)],
        cwd=folder,
        env=os.environ | {"COLUMNS": "120", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of outputs of a model: 40 images, 3 texts each, 4 labels."""
    folder = tmp_path_factory.mktemp("outputs")
    generator = np.random.default_rng(0)
    images = generator.normal(size=(40, 24)).astype(np.float32)
    texts = np.repeat(images, 3, axis=0) + 1.2 * generator.normal(size=(120, 24)).astype(np.float32)
    other = np.repeat(images, 3, axis=0) + 3.0 * generator.normal(size=(120, 24)).astype(np.float32)
    arrays: dict[str, Any] = {
        "images": images,
        "texts": texts,
        "other_texts": other,
        "image_bits": images > 0,
        "text_bits": texts > 0,
        "image_codes": np.packbits(images > 0, axis=1),
        "text_codes": np.packbits(texts > 0, axis=1),
        "scores": images @ texts.T,
        "scores_t2i": texts @ images.T,
        "map": np.repeat(np.arange(40), 3),
        "labels": (generator.random((40, 4)) < 0.4).astype(np.uint8),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Run the command in that folder."""

    def run_there(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return command_line(*words, folder=folder, **environment)

    return run_there
