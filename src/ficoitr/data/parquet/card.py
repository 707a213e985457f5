"""What `dataset.json` says of the files beside it, and whether they are as they were written."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ficoitr.data.files import read_json
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

Pixels = Literal["bytes", "files", "none"]

SCHEMA = "ficoitr.dataset/1"
CARD, IMAGES, TEXTS = "dataset.json", "images.parquet", "texts.parquet"


class File(msgspec.Struct, frozen=True):
    """What is known of a file: its size in bytes and its SHA-256, in hexadecimal."""

    size: int
    sha256: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What ``dataset.json`` says."""

    schema: str
    name: str
    images: int
    texts: int
    digest: str
    pixels: Pixels
    no_pixels: str | None = None
    no_words: str | None = None
    split_name: str | None = None
    # Of the hashing datasets, whose split "retrieval" holds the training images.
    retrieval_holds_train: bool = False
    category_names: tuple[str, ...] = ()
    category_source: str = ""
    image_features: dict[str, str] = {}
    text_features: dict[str, str] = {}
    pixels_digest: str | None = None
    files: dict[str, File] = {}


def read_card(root: Path) -> Card:
    """Read ``dataset.json``.

    Raises
    ------
    FileFormatError
        If it is missing, no such card, or of a later version.
    """
    path = root / CARD
    found = read_json(path, dict[str, Any], expected=f"the card of a dataset, {SCHEMA}").get("schema")
    if found != SCHEMA:
        known = str(found).startswith(f"{SCHEMA.partition('/')[0]}/")
        raise FileFormatError(
            f"the schema is {found!r}",
            where=str(path),
            expected=SCHEMA,
            fix="It was written by a later version of ficoitr: update it" if known else None,
        )
    return read_json(path, Card, expected=f"the card of a dataset, {SCHEMA}")


def check_sizes(root: Path, card: Card) -> None:
    """Check that all files are there and as long as they were.

    Raises
    ------
    FileFormatError
        If one is not.
    """
    for name, file in card.files.items():
        _check_size(root / name, file)


def _check_size(path: Path, file: File) -> None:
    if not path.is_file():
        raise FileFormatError("the file does not exist", where=str(path), fix="Copy or save the dataset again")
    if path.stat().st_size != file.size:
        raise FileFormatError(
            f"the file has {path.stat().st_size:,} bytes",
            where=str(path),
            expected=f"{file.size:,}, as it was written",
            fix="Copy or save the dataset again",
        )


def check_hashes(root: Path, card: Card) -> None:
    """Compare all files with their hashes: reads them all.

    Raises
    ------
    FileFormatError
        If one was changed.
    """
    for name, file in card.files.items():
        found = digest_file(root / name)
        if found != file.sha256:
            raise FileFormatError(
                f"the file has the SHA-256 {found[:16]}…",
                where=str(root / name),
                expected=f"{file.sha256[:16]}…: it was changed after it was written",
                fix="Copy or save the dataset again",
            )


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
