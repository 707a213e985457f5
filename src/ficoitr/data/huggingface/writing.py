"""From a dataset of ours to one of Hugging Face's library."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ficoitr.data.encoded import encoded_images, require_words
from ficoitr.data.huggingface.columns import UNSPLIT
from ficoitr.data.huggingface.quiet import quietly
from ficoitr.data.images import FileImages
from ficoitr.data.writing import whole_folder
from ficoitr.errors import OutputError
from ficoitr.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import datasets
    from ficoitr.data.dataset import Dataset

    Progress = Callable[[str, int, int], None]

_PART = re.compile(r"\w+(\.\w+)*")


def to_huggingface(
    dataset: Dataset, *, cache: str | Path | None = None, progress: Progress | None = None
) -> datasets.DatasetDict:
    """Make a ``DatasetDict`` of a dataset, a part a split and a row an image.

    Parameters
    ----------
    dataset : Dataset
        Features and ``extra`` are left out.
    cache : str or Path, optional
        The folder for what has to be written, since ``datasets`` holds nothing in memory: all images that do not lie in
        files of their own. By default a temporary one, removed when Python ends.
    progress : callable, optional
        Told what is done, how many of it, and of how many.

    Returns
    -------
    datasets.DatasetDict
        The columns ``image_id``, ``image`` (if there are pixels), ``captions`` and ``caption_ids`` (lists), and
        ``labels`` (a list of class labels, if there are any). A dataset without splits has the one part ``unsplit``;
        so has one whose splits have names that a part cannot have (``test-1``), with a column ``split``. The images of
        a split stay in their order, and captions follow their images: `from_huggingface` reads each split back as it
        was.

    Raises
    ------
    OptionError
        If the dataset has no words.
    OutputError
        If the folder cannot be written.
    MissingExtraError
        If ``datasets`` is not installed (extra ``data``).
    """
    library = require("datasets", "data")
    require_words(dataset, "huggingface")
    folder = _temporary_folder() if cache is None else Path(cache)
    folder.mkdir(parents=True, exist_ok=True)
    in_parts = dataset.splits is not None and all(_PART.fullmatch(name) for name in dataset.split_names)
    parts = {name: dataset.split(name) for name in dataset.split_names} if in_parts else {UNSPLIT: dataset}
    features = _features(library, dataset)
    if dataset.splits is not None and not in_parts:
        features["split"] = library.Value("string")
    info = library.DatasetInfo(
        features=features,
        dataset_name=dataset.name,
        description=f"category_source: {dataset.category_source}" if dataset.category_source else "",
    )
    made = {}
    for number, (key, part) in enumerate(parts.items()):
        path = folder / f"{number}.arrow"
        try:
            with library.arrow_writer.ArrowWriter(path=str(path), features=features) as writer:
                for done, row in enumerate(_rows(part, features), start=1):
                    writer.write(row)
                    if progress is not None:
                        progress(f"writing {key}", done, len(part.image_ids))
                writer.finalize()
        except OSError as problem:
            raise OutputError(f"writing failed ({problem.strerror or problem})", where=str(folder)) from problem
        made[key] = library.Dataset.from_file(str(path), info=info, split=library.NamedSplit(key))
    return library.DatasetDict(made)


def write_huggingface(dataset: Dataset, folder: str | Path, *, progress: Progress | None = None) -> None:
    """Write a dataset as ``save_to_disk`` does, images included, whole or not at all.

    Parameters
    ----------
    dataset : Dataset
    folder : str or Path
        It must not exist, or be empty.
    progress : callable, optional

    Raises
    ------
    OptionError, MissingExtraError
        See `to_huggingface`.
    OutputError
        If the folder is not empty or cannot be written.
    """
    library = require("datasets", "data")
    with whole_folder(folder) as place:
        cache = place / "cache"
        data = to_huggingface(dataset, cache=cache, progress=progress)
        with quietly(library):
            data.save_to_disk(place)
        del data
        shutil.rmtree(cache)


def _temporary_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="ficoitr-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _features(library: Any, dataset: Dataset) -> Any:
    strings = library.List(library.Value("string"))
    features = {"image_id": library.Value("string")}
    if dataset.has_pixels:
        features["image"] = library.Image()
    features |= {"captions": strings, "caption_ids": strings}
    if dataset.categories is not None:
        features["labels"] = library.List(library.ClassLabel(names=list(dataset.category_names)))
    return library.Features(features)


def _rows(dataset: Dataset, features: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through the images of a part, with their captions."""
    texts: list[list[int]] = [[] for _ in dataset.image_ids]
    for text, image in enumerate(dataset.text_to_image.tolist()):
        texts[image].append(text)
    images = _images(dataset)
    for row, image_id in enumerate(dataset.image_ids):
        made: dict[str, Any] = {
            "image_id": image_id,
            "captions": [dataset.texts[text] for text in texts[row]],
            "caption_ids": [dataset.text_ids[text] for text in texts[row]],
        }
        if dataset.splits is not None and "split" in features:
            made["split"] = str(dataset.splits[row])
        if dataset.has_pixels:
            made["image"] = next(images)
        if dataset.categories is not None:
            made["labels"] = np.flatnonzero(dataset.categories[row]).tolist()
        yield made


def _images(dataset: Dataset) -> Iterator[dict[str, Any]]:
    if type(dataset.images) is FileImages:
        return ({"bytes": None, "path": str(path.absolute())} for path in dataset.images.paths)
    return ({"bytes": image.content, "path": image.name} for image in encoded_images(dataset))
