"""Bottom-up attention regions as their authors publish them: ``.tsv`` files, or a file an image."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.region_files import all_ids, read_images, region_files
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import FileFormatError, IdentifierError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ficoitr.data.arrays import Array
    from ficoitr.data.dataset import Dataset
    from ficoitr.data.region_files import ImageRegions

_SCHEMA = "ficoitr.regions/1"
_FILES = {"features": "features.npy", "boxes": "boxes.npy", "sizes": "sizes.npy"}


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of n images, memory-mapped.

    Attributes
    ----------
    ids : tuple of str
    features : ndarray of float32, shape (n, n_regions, d)
    boxes : ndarray of float32, shape (n, n_regions, 4), or None
        Left, top, right and bottom in pixels of the image; None where the files do not say.
    sizes : ndarray of int64, shape (n, 2), or None
        Width and height of the images in pixels.
    """

    ids: tuple[str, ...]
    features: Array
    boxes: Array | None
    sizes: Array | None


def add_regions(
    dataset: Dataset, source: str | Path | Sequence[Path], cache: str | Path, *, ids: Sequence[str] | None = None
) -> Dataset:
    """Return a dataset with the image features ``regions``, and ``boxes`` where they are known.

    Parameters
    ----------
    dataset : Dataset
    source, cache
        See `read_regions`.
    ids : sequence of str, optional
        What the files call each image of the dataset; by default as the dataset does.

    Raises
    ------
    FileFormatError, IdentifierError, OutputError
        See `read_regions`.
    """
    regions = read_regions(source, cache, ids=dataset.image_ids if ids is None else ids)
    features = {**dataset.image_features, "regions": StoredFeatures.of(regions.features)}
    if regions.boxes is not None:
        features["boxes"] = StoredFeatures.of(regions.boxes)
    return replace(dataset, image_features=features)


def read_regions(
    source: str | Path | Sequence[Path], cache: str | Path, *, ids: Sequence[str] | None = None, n_regions: int = 36
) -> Regions:
    """Read bottom-up attention regions (Anderson and others 2018) once, and from a cache ever after.

    Parameters
    ----------
    source : Path or sequence of Path
        One or several ``.tsv`` files as bottom-up-attention writes them (image_id, image_w, image_h, num_boxes, and in
        base64 the float32 boxes and features), read line by line; or a folder with an ``.npy`` or ``.npz`` an image,
        named by its id.
    cache : Path
        A folder that is made, with ``features.npy``, ``boxes.npy`` and ``sizes.npy``; whole or not at all. It is used
        again for the same ids and source files of the same size and time, and otherwise replaced.
    ids : sequence of str, optional
        The images that are wanted, in this order; by default all, in the order of the files.
    n_regions : int
        How many each image must have.

    Returns
    -------
    Regions

    Raises
    ------
    FileFormatError, IdentifierError
        If a file is missing or damaged, an image has another number of regions, stands there twice or is missing; with
        file and line.
    OutputError
        If the cache cannot be written, or is a folder with other files in it.
    """
    paths, cache = region_files(source), Path(cache)
    wanted = tuple(all_ids(paths) if ids is None else ids)
    row_of = {identifier: row for row, identifier in enumerate(wanted)}
    if len(row_of) < len(wanted):
        twice = next(identifier for row, identifier in enumerate(wanted) if row_of[identifier] != row)
        raise IdentifierError(f"{twice!r} is asked for twice", where="ids", expected="unique ids")
    if not wanted:
        raise IdentifierError("no image is asked for", where="ids")
    manifest = {"schema": _SCHEMA, "n_regions": n_regions, "ids": list(wanted), "sources": _sources(paths)}
    if _manifest(cache) != manifest or not (cache / _FILES["features"]).exists():
        _require_replaceable(cache)
        _write(cache, manifest, read_images(paths, row_of, n_regions), row_of, paths)
    boxes, sizes = (cache / _FILES[name] for name in ("boxes", "sizes"))
    return Regions(
        ids=wanted,
        features=np.load(cache / _FILES["features"], mmap_mode="r"),
        boxes=np.load(boxes, mmap_mode="r") if boxes.exists() else None,
        sizes=np.load(sizes, mmap_mode="r") if sizes.exists() else None,
    )


def _sources(paths: Sequence[Path]) -> list[dict[str, Any]]:
    # Not a hash: the files are read once for that alone, and there may be 30 GB of them.
    facts = [(path.name, path.stat()) for path in paths]
    return [{"name": name, "bytes": fact.st_size, "modified": fact.st_mtime_ns} for name, fact in facts]


def _manifest(cache: Path) -> dict[str, Any] | None:
    try:
        content = json.loads((cache / "regions.json").read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _require_replaceable(cache: Path) -> None:
    if cache.exists() and not (cache.is_dir() and ((cache / "regions.json").exists() or not any(cache.iterdir()))):
        raise OutputError("something else is there", where=str(cache), expected="an earlier cache, or nothing")


def _write(
    cache: Path, manifest: dict[str, Any], images: Iterator[ImageRegions], row_of: dict[str, int], paths: Sequence[Path]
) -> None:
    """Fill a folder beside the cache, which takes its place when all is there."""
    folder = cache.with_name(f".{cache.name}.{secrets.token_hex(4)}")
    try:
        folder.mkdir()
    except OSError as problem:
        raise OutputError(f"cannot write here ({problem.strerror})", where=str(cache)) from problem
    try:
        _fill(folder, images, row_of, paths)
        (folder / "regions.json").write_text(json.dumps(manifest))
        if cache.exists():
            shutil.rmtree(cache)
        folder.replace(cache)
    except OSError as problem:
        raise OutputError(f"writing failed ({problem})", where=str(cache), fix="Check the free space") from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, images: Iterator[ImageRegions], row_of: dict[str, int], paths: Sequence[Path]) -> None:
    seen: dict[str, str] = {}
    arrays: dict[str, Array] = {}
    for image in images:
        if image.id in seen:
            raise IdentifierError(
                f"the image {image.id!r} is there again", where=image.where, expected="unique ids",
                fix=f"It was first at {seen[image.id]}",
            )  # fmt: skip
        seen[image.id] = image.where
        values = {"features": image.features, "boxes": image.boxes, "sizes": image.size}
        if not arrays:
            for name, value in values.items():
                if value is not None:
                    kind = np.int64 if name == "sizes" else np.float32
                    shape = (len(row_of), *np.shape(value))
                    arrays[name] = np.lib.format.open_memmap(folder / _FILES[name], "w+", kind, shape)
        if image.features.shape != arrays["features"].shape[1:]:
            raise FileFormatError(
                f"the features have the shape {image.features.shape}",
                where=image.where,
                expected=f"{arrays['features'].shape[1:]}, as those before",
            )
        for name, value in values.items():
            if (value is not None) != (name in arrays):
                raise FileFormatError(
                    f"there are {'no ' if value is None else ''}{name}", where=image.where, expected="as those before"
                )
            if value is not None:
                arrays[name][row_of[image.id]] = value
    missing = [identifier for identifier in row_of if identifier not in seen]
    if missing:
        places = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1:,} more files"
        raise IdentifierError(
            f"of {len(row_of):,} images {len(missing):,} are missing, the first is {missing[0]!r}", where=places
        )
    for array in arrays.values():
        array.flush()  # type: ignore[attr-defined]
