"""The files of bottom-up attention regions, image by image: ``.tsv`` files, or a file an image."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ficoitr.data.arrays import Array

_COLUMNS = ("image_id", "image_w", "image_h", "num_boxes", "boxes", "features")
_USUAL = 36


@dataclass(frozen=True)
class ImageRegions:
    """The regions of one image, and the file and line they stand in."""

    id: str
    where: str
    features: Array
    boxes: Array | None = None
    size: tuple[int, int] | None = None


def region_files(source: str | Path | Sequence[Path]) -> list[Path]:
    """List the files: those given, or those of a folder with one an image.

    Raises
    ------
    FileFormatError
        If one does not exist, or the folder has none.
    """
    paths = [Path(source)] if isinstance(source, str | Path) else list(source)
    for path in paths:
        if not path.exists():
            raise FileFormatError("the file does not exist", where=str(path))
    if len(paths) == 1 and paths[0].is_dir():
        found = sorted(path for path in paths[0].iterdir() if path.suffix in (".npy", ".npz"))
        if not found:
            raise FileFormatError("the folder has no .npy or .npz", where=str(paths[0]), expected="one an image")
        return found
    for path in paths:
        if not path.is_file():
            raise FileFormatError("this is no file", where=str(path), expected="files, or one folder")
    return paths


def _of_one_image(path: Path) -> bool:
    return path.suffix in (".npy", ".npz")


def all_ids(paths: Sequence[Path]) -> Iterator[str]:
    """Read the identifiers of all images, in the order of the files."""
    for path in paths:
        if _of_one_image(path):
            yield path.stem
            continue
        for _, fields in _lines(path):
            yield fields[0].decode()


def read_images(paths: Sequence[Path], wanted: Collection[str], n_regions: int) -> Iterator[ImageRegions]:
    """Read the wanted images, in the order of the files.

    Raises
    ------
    FileFormatError
        If a line or a file is damaged, or an image has another number of regions; with file and line.
    """
    for path in paths:
        if _of_one_image(path):
            if path.stem in wanted:
                yield _from_array(path, n_regions)
            continue
        for where, fields in _lines(path):
            if fields[0].decode() in wanted:
                yield _from_fields(where, fields, n_regions)


def _lines(path: Path) -> Iterator[tuple[str, list[bytes]]]:
    # Not the csv module: nothing is quoted, and a line of 400 kB is past the limit of its fields.
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            where = f"{path}, line {number}"
            fields = line.rstrip(b"\r\n").split(b"\t")
            if len(fields) != len(_COLUMNS):
                raise FileFormatError(
                    f"the line has {len(fields)} fields",
                    where=where,
                    expected=f"{len(_COLUMNS)}, with tabs: {', '.join(_COLUMNS)}",
                )
            if not fields[0] or not fields[0].isascii():
                raise FileFormatError(f"the image id is {fields[0]!r}", where=where, expected="ASCII")
            yield where, fields


def _from_fields(where: str, fields: Sequence[bytes], n_regions: int) -> ImageRegions:
    identifier, width, height, n_boxes, boxes, features = fields
    numbers = []
    for name, field in zip(_COLUMNS[1:4], (width, height, n_boxes), strict=True):
        if not field.isdigit():
            raise FileFormatError(f"{name} is {field[:20]!r}", where=where, expected="a whole number")
        numbers.append(int(field))
    if numbers[2] != n_regions:
        raise _wrong_number(where, numbers[2], n_regions)
    return ImageRegions(
        id=identifier.decode(),
        where=where,
        features=_decode(where, "features", features, n_regions),
        boxes=_decode(where, "boxes", boxes, n_regions, width=4),
        size=(numbers[0], numbers[1]),
    )


def _wrong_number(where: str, found: int, n_regions: int) -> FileFormatError:
    return FileFormatError(
        f"the image has {found} regions",
        where=where,
        expected=f"{n_regions}",
        fix="The files with 10 to 100 regions an image are others: take those with 36" if n_regions == _USUAL else None,
    )


def _decode(where: str, name: str, field: bytes, n_regions: int, width: int | None = None) -> Array:
    try:
        content = base64.b64decode(field, validate=True)
    except binascii.Error as problem:
        raise FileFormatError(f"{name} is no base64 ({problem})", where=where) from problem
    size = 4 * n_regions * (width or 1)
    if not content or (len(content) != size if width else len(content) % size):
        raise FileFormatError(
            f"{name} has {len(content):,} bytes",
            where=where,
            expected=f"{'' if width else 'a multiple of '}{size:,}: float32 for each of the {n_regions} regions",
        )
    return _finite(where, name, np.frombuffer(content, "<f4").reshape(n_regions, -1))


def _finite(where: str, name: str, values: Array) -> Array:
    if not np.isfinite(values).all():
        raise FileFormatError(f"{name} holds NaN or infinity", where=where, expected="numbers")
    return values


def _from_array(path: Path, n_regions: int) -> ImageRegions:
    try:
        content = np.load(path, allow_pickle=False)
        if path.suffix == ".npz":
            # Most write one array; those that write more call this one so.
            name = next((name for name in ("features", "feat", "x") if name in content), content.files[0])
            content = content[name]
    except (ValueError, OSError, EOFError, IndexError, BadZipFile) as problem:
        raise FileFormatError(f"the array cannot be read ({problem})", where=str(path)) from problem
    if content.ndim != 2 or content.dtype.kind != "f":
        raise FileFormatError(
            f"the array is of type {content.dtype} and shape {content.shape}",
            where=str(path),
            expected=f"floats of shape ({n_regions}, dimensions)",
        )
    if len(content) != n_regions:
        raise _wrong_number(str(path), len(content), n_regions)
    return ImageRegions(path.stem, str(path), _finite(str(path), "the array", content))
