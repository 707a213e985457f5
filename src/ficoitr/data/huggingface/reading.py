"""From a dataset of Hugging Face's library to one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.absent import AbsentImages
from ficoitr.data.encoded import EncodedImages
from ficoitr.data.huggingface.columns import Columns, find_columns, read_records
from ficoitr.data.huggingface.quiet import quietly
from ficoitr.data.records import SPLIT_NAMES, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError
from ficoitr.extras import require

if TYPE_CHECKING:
    import datasets
    from ficoitr.data.dataset import Dataset

_SOURCE = re.compile(r"^category_source: (.*)$", re.MULTILINE)


def load(
    root: Path | None = None,
    *,
    hub: str | None = None,
    image: str | None = None,
    captions: str | None = None,
    labels: str | None = None,
    split: str | None = None,
    image_id: str | None = None,
    caption_ids: str | None = None,
) -> Dataset:
    """Load a folder that Hugging Face's ``datasets`` can read.

    Parameters
    ----------
    root : Path, optional
        A folder written by ``save_to_disk``, or one with parquet files, a dataset card or anything else that
        ``datasets.load_dataset`` takes, which copies it to the cache of that library.
    hub : str, optional
        In place of a folder, the name of a dataset on the Hub, such as ``"user/name"``, which is downloaded.
    image, captions, labels, split, image_id, caption_ids : str, optional
        See `from_huggingface`.

    Raises
    ------
    OptionError
        If both or neither of folder and name are given, or a column does not exist.
    FileFormatError
        If ``datasets`` cannot read it, or see `from_huggingface`.
    MissingExtraError
        If ``datasets`` is not installed (extra ``data``).
    """
    import pyarrow

    if (root is None) == (hub is None):
        raise OptionError(
            "a folder or the name of a dataset on the Hub is needed, not both", where="root", expected="root or hub"
        )
    library = require("datasets", "data")
    place = str(root if root is not None else hub)
    saved = root is not None and any((root / name).is_file() for name in ("dataset_dict.json", "state.json"))
    try:
        with quietly(library):
            data = library.load_from_disk(place) if saved else library.load_dataset(place)
    except (library.exceptions.DatasetsError, pyarrow.ArrowException, OSError, ValueError) as problem:
        raise FileFormatError(
            f"Hugging Face's datasets cannot read it ({problem})",
            where=place,
            expected="a folder of save_to_disk, or of parquet files",
        ) from problem
    return from_huggingface(
        data,
        name=None if saved else Path(place).name,
        image=image,
        captions=captions,
        labels=labels,
        split=split,
        image_id=image_id,
        caption_ids=caption_ids,
    )


def from_huggingface(
    data: datasets.Dataset | Mapping[str, datasets.Dataset],
    *,
    name: str | None = None,
    image: str | None = None,
    captions: str | None = None,
    labels: str | None = None,
    split: str | None = None,
    image_id: str | None = None,
    caption_ids: str | None = None,
) -> Dataset:
    """Take a dataset of Hugging Face's ``datasets``; its images stay where they are until they are asked for.

    Parameters
    ----------
    data : datasets.Dataset or DatasetDict
        A row an image, or several rows an image if they share an image id.
    name : str, optional
        Of the dataset; by default what ``data`` is called.
    image : str, optional
        The column of images, by default the first of the type ``Image``, else one called so. Without one there are
        no pixels.
    captions : str, optional
        The column of captions: one, a list of them, or structs with a field ``raw``, ``caption`` or ``text``. By
        default ``captions``, ``caption``, ``texts``, ``text``, ``sentences``, … or all of ``caption_0``,
        ``caption_1``, ….
    labels : str, optional
        The column of labels, one or a list of them: strings, numbers or class labels. By default ``labels``,
        ``label``, ``categories``, …, if there is one.
    split : str, optional
        The column of splits, by default ``split``; without one the parts of a ``DatasetDict`` are the splits.
    image_id, caption_ids : str, optional
        Columns of identifiers; by default ``image_id``, ``cocoid``, ``filename``, … and ``caption_ids``, ``sentids``,
        …, else the rows are numbered.

    Returns
    -------
    Dataset
        Identifiers that several parts of a ``DatasetDict`` use have the part before them: ``train/17``.

    Raises
    ------
    OptionError
        If a column does not exist, or none holds captions; the message lists the columns.
    FileFormatError, IdentifierError
        If a row has no caption, an image stands in two splits, or identifiers repeat; the message names the row.

    Examples
    --------
    >>> import datasets
    >>> data = datasets.Dataset.from_dict({"image": ["a.png", "b.png"], "caption": [["One.", "Two."], ["Three."]]})
    >>> from_huggingface(data, name="mine").texts
    ('One.', 'Two.', 'Three.')
    """
    library = require("datasets", "data")
    parts = dict(data) if isinstance(data, Mapping) else {"": data}
    for part in parts.values():
        if not isinstance(part, library.Dataset):
            raise OptionError(
                f"this is a {type(part).__name__}",
                where="data",
                expected="a datasets.Dataset, or a DatasetDict of them",
                fix="Load it with streaming=False",
            )
    if not parts or not all(map(len, parts.values())):
        raise FileFormatError("the Hugging Face dataset has no rows", where=name or "data")
    first = next(iter(parts.values()))
    columns = find_columns(
        first.features,
        Columns(image, captions, labels, split, image_id, caption_ids),
    )
    for key, part in parts.items():
        if part.features != first.features:
            raise FileFormatError(f"the part {key!r} has other columns than the first", where=name or "data")
    name = name or first.info.dataset_name or first.info.builder_name or "huggingface"
    read = read_records(parts, columns, name)
    dataset = dataset_from_records(
        name,
        read.records,
        Path(name),
        category_names=read.label_names,
    )
    said = _SOURCE.search(first.info.description or "")
    if columns.image is None:
        reason = f"The Hugging Face dataset {name!r} has no column of images, only {', '.join(first.column_names)}"
        images: HuggingFaceImages | AbsentImages = AbsentImages(len(read.records), reason)
    else:
        only = [part.select_columns([columns.image]) for part in parts.values()]
        whole = library.concatenate_datasets(only).cast_column(columns.image, library.Image(decode=False))
        images = HuggingFaceImages(whole, columns.image, np.array(read.rows), name)
    return replace(
        dataset,
        images=images,
        splits=None if read.splits is None else np.array([SPLIT_NAMES.get(one, one) for one in read.splits]),
        category_source=said[1] if said else "",
    )


@dataclass(frozen=True, eq=False)
class HuggingFaceImages(EncodedImages):
    """Images in a column of a Hugging Face dataset.

    Parameters
    ----------
    data : datasets.Dataset
        With a column of images that are not decoded.
    column : str
    rows : ndarray of int64, shape (n_images,)
        Rows of ``data``.
    dataset : str
        What it is called, for errors.
    """

    data: datasets.Dataset
    column: str
    rows: np.ndarray
    dataset: str

    def __len__(self) -> int:
        return len(self.rows)

    def encoded(self, row: int) -> bytes:
        """Return what the file of an image held."""
        value = self._value(row)
        if value["bytes"] is not None:
            return bytes(value["bytes"])
        try:
            return Path(value["path"]).read_bytes()
        except OSError as problem:
            raise FileFormatError(
                f"the image file {value['path']} cannot be read ({problem.strerror})", where=self.place(row)
            ) from problem

    def name(self, row: int) -> str | None:
        """Return the name that the file of an image had, if it is known."""
        path = self._value(row)["path"]
        return Path(path).name if path else None

    def place(self, row: int) -> str:
        """Say where an image lies."""
        return f"{self.dataset}, row {self.rows[row]}"

    def take(self, rows: np.ndarray) -> HuggingFaceImages:
        """Return the images of the given rows, in their order."""
        return HuggingFaceImages(self.data, self.column, self.rows[rows], self.dataset)

    def _value(self, row: int) -> dict[str, Any]:
        value = self.data[int(self.rows[row])][self.column]
        if value is None or (value["bytes"] is None and not value["path"]):
            raise FileFormatError("there is no image", where=self.place(row))
        return dict(value)
