"""What a case of bad input is, and ways to make one from good input with one mistake in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import ficoitr
from ficoitr.cli.application import application
from ficoitr.errors import FicoitrError

Array = np.ndarray[Any, Any]
N_IMAGES, N_TEXTS, WIDTH = 4, 8, 3
TEXT_TO_IMAGE = np.repeat(np.arange(N_IMAGES), 2)
IMAGES = np.random.default_rng(0).normal(size=(N_IMAGES, WIDTH)).astype(np.float32)
TEXTS = (IMAGES[TEXT_TO_IMAGE] + np.random.default_rng(1).normal(size=(N_TEXTS, WIDTH))).astype(np.float32)
SCORES = IMAGES @ TEXTS.T
LABELS = np.eye(N_IMAGES, 2)
PACKED = np.packbits(IMAGES > 0, axis=1), np.packbits(TEXTS > 0, axis=1)


@dataclass(frozen=True)
class Case:
    """A mistake, the error it must end in, and what the message must say.

    Parameters
    ----------
    name : str
    attempt : callable
        Makes the mistake; takes an empty folder for files.
    error : type
    says : tuple of str
        Fragments of the message: what, where, what was expected, how to mend it.
    """

    name: str
    attempt: Callable[[Path], Any]
    error: type[FicoitrError]
    says: tuple[str, ...]


def evaluating(**changes: Any) -> Callable[[Path], Any]:
    """Evaluate good embeddings with some arguments changed; an argument set to ``...`` is left away."""
    arguments = {"images": IMAGES, "texts": TEXTS, "captions_per_image": 2, "resamples": 0, **changes}
    given = {name: value for name, value in arguments.items() if value is not ...}
    return lambda _folder: ficoitr.evaluate(**given)


def scoring(scores: Any, **changes: Any) -> Callable[[Path], Any]:
    """Evaluate scores."""
    return evaluating(images=..., texts=..., scores=scores, **changes)


def changed(array: Array, at: Any, value: Any) -> Array:
    """Return a copy with one place changed."""
    copy = array.copy()
    copy[at] = value
    return copy


@dataclass(frozen=True)
class Command:
    """A command line; a word ``{name}`` is the path of a file in a folder, written before.

    Parameters
    ----------
    words : tuple of str
    files : dict from file name to array, text or bytes
    """

    words: tuple[str, ...]
    files: dict[str, Any]

    def arguments(self, folder: Path) -> list[str]:
        """Write the files and return the command line."""
        for name, content in self.files.items():
            write(folder / name, content)
        return [word.replace("{", f"{folder}/").replace("}", "") for word in self.words]

    def __call__(self, folder: Path) -> None:
        """Run the command, errors left as they are."""
        application(self.arguments(folder), standalone_mode=False)


def command(line: str, **files: Any) -> Command:
    """A command line; ``images__npy=array`` writes ``images.npy``."""
    return Command(tuple(line.split()), {name.replace("__", "."): content for name, content in files.items()})


def evaluate_command(extra: str, **files: Any) -> Command:
    """Evaluate good embeddings on the command line, with more words."""
    line = f"evaluate --images {{images.npy}} --texts {{texts.npy}} --captions-per-image 2 --resamples 0 {extra}"
    return command(line, **{"images__npy": IMAGES, "texts__npy": TEXTS, **files})


def write(path: Path, content: Any) -> None:
    """Write an array as ``.npy``, text or bytes as they are."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        np.save(path, content)
