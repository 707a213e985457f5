"""Predicted labels on disk: a folder that `ficoitr evaluate` takes as it is, and that says what its labels are."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr._version import __version__
from ficoitr.errors import FileFormatError, IdentifierError, OutputError
from ficoitr.outputs.files import digest_file, read_array, read_json, read_lines

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.labels.labeller import Labeller
    from ficoitr.models.labels.quality import LabelQuality

Array = np.ndarray[Any, Any]

SCHEMA = "ficoitr.labels/1"
_ABOUT = "labels.json"


def require_labels_folder(folder: Path) -> None:
    """Raise a clear error unless labels could be written there: before the work, not after it.

    Raises
    ------
    OutputError
        If the place above does not exist or may not be written, or if something other than labels is there.
    """
    where = str(folder)
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {folder.parent} does not exist", where=where, fix="Create it first")
    if not os.access(folder.parent, os.W_OK | os.X_OK):
        raise OutputError("the folder above may not be written", where=where, fix="Choose another folder")
    if folder.exists() and not _replaceable(folder):
        raise OutputError("something else is there", where=where, fix="Choose a name that is free")


def write_labels(
    folder: Path,
    dataset: Dataset,
    labeller: Labeller,
    scores: Array,
    *,
    quality: LabelQuality | None = None,
    keep_labeller: bool = True,
) -> dict[str, Any]:
    """Write predicted labels to a folder, which is replaced whole or not at all.

    Parameters
    ----------
    folder : Path
        It gets ``labels.npy`` (uint8, images by labels, 0 or 1), ``scores.npy`` (float32), ``label_names.txt`` and
        ``image_ids.txt`` (one a line), ``labels.json`` (what these labels are) and ``labeller.safetensors``.
    dataset : Dataset
        What was labelled.
    labeller : Labeller
    scores : ndarray of float32, shape (n_images, n_labels)
        Of ``labeller.scores(dataset)``.
    quality : LabelQuality, optional
        On the dataset's own labels, which the labeller has not seen.
    keep_labeller : bool
        Whether to write the labeller too.

    Returns
    -------
    dict
        What ``labels.json`` holds.

    Raises
    ------
    OutputError
        If the folder cannot be written.
    """
    require_labels_folder(folder)
    labels = labeller.decide(scores)
    with _replacing(folder) as new:
        np.save(new / "labels.npy", labels.astype(np.uint8), allow_pickle=False)
        np.save(new / "scores.npy", scores, allow_pickle=False)
        _write_lines(new / "label_names.txt", labeller.names)
        _write_lines(new / "image_ids.txt", dataset.image_ids)
        if keep_labeller:
            labeller.save(new / "labeller.safetensors")
        about = {
            "schema": SCHEMA,
            "category_source": labeller.category_source,
            "dataset": {
                "name": dataset.name,
                "split": dataset.split_name,
                "n_images": len(dataset.image_ids),
                "images": f"sha256:{dataset.images.digest()}",
            },
            "trained_on": asdict(labeller.origin),
            "features": labeller.features,
            "seed": labeller.seed,
            "judged_on": labeller.judged_on,
            "quality": labeller.quality.to_json(),
            "quality_on_dataset": None if quality is None else quality.to_json(),
            "thresholds": {
                name: float(threshold) if np.isfinite(threshold) else None
                for name, threshold in zip(labeller.names, labeller.thresholds, strict=True)
            },
            "labels_an_image": float(labels.sum() / len(labels)),
            "version": __version__,
            "files": {path.name: digest_file(path) for path in sorted(new.iterdir())},
        }
        text = json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (new / _ABOUT).write_text(text, encoding="utf-8")
    return about


def read_labels(folder: str | Path, dataset: Dataset) -> Dataset:
    """Return a dataset with the labels that a folder has for its images, marked as predicted.

    Parameters
    ----------
    folder : path
    dataset : Dataset
        All of whose images are among those that were labelled, in any order.

    Raises
    ------
    FileFormatError
        If the folder is not one of labels.
    IdentifierError
        If an image was not labelled.
    """
    folder = Path(folder)
    about = read_json(folder / _ABOUT)
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise FileFormatError("this is no folder of labels", where=str(folder), expected=SCHEMA)
    labels = read_array(folder / "labels.npy", mmap=False).astype(np.bool_)
    rows = {identifier: row for row, identifier in enumerate(read_lines(folder / "image_ids.txt"))}
    missing = [identifier for identifier in dataset.image_ids if identifier not in rows]
    if missing:
        raise IdentifierError(
            f"{len(missing):,} images were not labelled, the first is {missing[0]!r}", where=str(folder)
        )
    return replace(
        dataset,
        categories=labels[[rows[identifier] for identifier in dataset.image_ids]],
        category_names=tuple(read_lines(folder / "label_names.txt")),
        category_source=str(about["category_source"]),
    )


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder`` that takes its place when the block ends without an error."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
            new, old = Path(place, "new"), Path(place, "old")
            new.mkdir()
            yield new
            for path in new.iterdir():
                with path.open("rb+") as file:
                    os.fsync(file.fileno())
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"writing failed ({error.strerror or error})", where=str(folder), fix="Check the free space of the disk"
        ) from error


def _replaceable(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return (folder / _ABOUT).is_file() or not any(folder.iterdir())


def _write_lines(path: Path, lines: tuple[str, ...]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
