"""Reading a dataset from parquet files and dataset.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.dataset import Dataset
from ficoitr.data.hashing.splits import HashingDataset
from ficoitr.data.images import FileImages
from ficoitr.data.parquet.card import CARD, IMAGES, TEXTS, Card, check_hashes, check_sizes, read_card
from ficoitr.data.parquet.images import ParquetImages, RowGroups
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ficoitr.data.images import ImageSource


def load(root: Path, *, verify: bool = False) -> Dataset:
    """Load what `save_dataset` has written.

    Images and features stay in their files until they are asked for.

    Parameters
    ----------
    root : Path
        The folder with ``dataset.json``.
    verify : bool
        Whether every file is compared with its hash, pixels and features too, which reads them all. Without it only
        identifiers, texts, map, labels and splits are, and of the others that they are there.

    Raises
    ------
    FileFormatError
        If a file is missing, damaged, of a later version, or not as it was written.
    """
    card = read_card(root)
    check_sizes(root, card)
    if verify:
        check_hashes(root, card)
    dataset = _dataset(root, card)
    if dataset.digest() != card.digest:
        check_hashes(root, card)  # names the file, if one was changed
        raise FileFormatError(
            "the dataset has another digest than this file says", where=str(root / CARD), fix="Save the dataset again"
        )
    if verify and card.pixels_digest is not None and dataset.images.digest() != card.pixels_digest:
        raise FileFormatError("an image is not as it was written", where=str(root), fix="Save the dataset again")
    return dataset


def _dataset(root: Path, card: Card) -> Dataset:
    images = _Table.read(root / IMAGES, card.images, ["id", "split", "labels", "image.path"])
    texts = _Table.read(root / TEXTS, card.texts, ["id", "image_id", "image_row", "text"])
    kind = HashingDataset if card.retrieval_holds_train else Dataset
    try:
        return kind(
            name=card.name,
            images=_images(root, card, images),
            image_ids=images.strings("id"),
            texts=AbsentTexts(card.texts, card.no_words) if card.no_words is not None else texts.strings("text"),
            text_ids=texts.strings("id"),
            text_to_image=_map(images, texts),
            categories=images.multi_hot("labels", card.category_names) if card.category_names else None,
            category_names=card.category_names,
            category_source=card.category_source,
            splits=np.array(images.strings("split")) if "split" in images.columns else None,
            split_name=card.split_name,
            image_features=_features(root, card.image_features),
            text_features=_features(root, card.text_features),
        )
    except FileFormatError:
        raise
    except InputError as problem:
        raise FileFormatError(
            f"{problem.where}: {problem.what}", where=str(root), expected=problem.expected
        ) from problem


def _images(root: Path, card: Card, table: _Table) -> ImageSource:
    if card.pixels == "none":
        return AbsentImages(card.images, card.no_pixels or "It was saved without its images")
    names = table.names()
    if card.pixels == "bytes":
        return ParquetImages(RowGroups(table.path), names, np.arange(card.images))
    # One listing of the folder, rather than a question to the file system for each of 100,000 files.
    there = {f"images/{path.name}" for path in (root / "images").iterdir()} if (root / "images").is_dir() else set()
    missing = [name for name in names if name not in there]
    if missing:
        raise FileFormatError(
            f"the image file {missing[0]} does not exist (of {card.images:,} images, {len(missing):,} have no file)",
            where=str(root),
            fix="Copy or save the dataset again",
        )
    return FileImages(tuple(root / str(name) for name in names))


def _map(images: _Table, texts: _Table) -> np.ndarray:
    import pyarrow.compute

    rows: np.ndarray = texts.column("image_row", "int64").to_numpy().astype(np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= images.n_rows):
        raise FileFormatError(
            f"image_row {rows[(rows < 0) | (rows >= images.n_rows)][0]} does not exist",
            where=str(texts.path),
            expected=f"rows of {IMAGES}, from 0 to {images.n_rows - 1}",
        )
    same = pyarrow.compute.equal(images.column("id", "string").take(rows), texts.column("image_id", "string"))
    if not pyarrow.compute.all(same).as_py():
        row = same.to_pylist().index(False)
        raise FileFormatError(
            f"image_id and image_row of row {row} are different images",
            where=str(texts.path),
            fix="Save the dataset again",
        )
    return rows


def _features(root: Path, files: Mapping[str, str]) -> dict[str, StoredFeatures]:
    features = {}
    for name, file in files.items():
        try:
            features[name] = StoredFeatures.of(np.load(root / file, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as problem:
            raise FileFormatError(f"the features cannot be read ({problem})", where=str(root / file)) from problem
    return features


@dataclass(frozen=True)
class _Table:
    """The columns of a parquet file, as a mapping from names to Arrow's arrays."""

    path: Path
    n_rows: int
    columns: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, n_rows: int, wanted: Sequence[str]) -> _Table:
        import pyarrow
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
                there = set(file.schema_arrow.names)
                table = file.read([name for name in wanted if name.partition(".")[0] in there])
        except (pyarrow.ArrowException, OSError) as problem:
            raise FileFormatError(
                f"the file is damaged, or not parquet ({problem})",
                where=str(path),
                fix="Copy or save the dataset again",
            ) from problem
        if table.num_rows != n_rows:
            raise FileFormatError(f"the file has {table.num_rows:,} rows", where=str(path), expected=f"{n_rows:,}")
        return cls(path, n_rows, {name: table[name].combine_chunks() for name in table.column_names})

    def column(self, name: str, kind: str) -> Any:
        """Return a column of a type, without nulls."""
        import pyarrow

        if name not in self.columns:
            raise FileFormatError(f"there is no column {name!r}", where=str(self.path))
        column = self.columns[name]
        try:
            column = column.cast(kind)
        except pyarrow.ArrowException as problem:
            raise FileFormatError(
                f"the column {name!r} is of type {column.type}", where=str(self.path), expected=kind
            ) from problem
        if column.null_count:
            raise FileFormatError(f"the column {name!r} has empty fields", where=str(self.path))
        return column

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a column of strings."""
        return tuple(self.column(name, "string").to_pylist())

    def names(self) -> tuple[str | None, ...]:
        """Return the paths in the column of images."""
        import pyarrow.compute

        if "image" not in self.columns:
            raise FileFormatError("there is no column 'image'", where=str(self.path))
        return tuple(pyarrow.compute.struct_field(self.columns["image"], "path").to_pylist())

    def multi_hot(self, name: str, labels: Sequence[str]) -> np.ndarray:
        """Return a column of lists of labels as booleans, shape (rows, labels)."""
        import pyarrow
        import pyarrow.compute

        if name not in self.columns:
            raise FileFormatError(f"there is no column {name!r}", where=str(self.path))
        lists = self.columns[name]
        if lists.null_count:
            raise FileFormatError(f"the column {name!r} has empty fields", where=str(self.path))
        named = pyarrow.compute.list_flatten(lists)
        found = pyarrow.compute.index_in(named, value_set=pyarrow.array(labels, named.type))
        if found.null_count:
            unknown = named.filter(pyarrow.compute.is_null(found))[0].as_py()
            raise FileFormatError(
                f"the label {unknown!r} is unknown", where=str(self.path), expected=f"one of category_names in {CARD}"
            )
        values = np.zeros((self.n_rows, len(labels)), dtype=np.bool_)
        values[np.repeat(np.arange(self.n_rows), pyarrow.compute.list_value_length(lists)), found] = True
        return values
