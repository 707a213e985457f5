"""Writing WebDataset shards."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ficoitr.data.encoded import encoded_images, require_words
from ficoitr.data.webdataset.reading import CARD, SCHEMA, Card
from ficoitr.data.writing import FileNames, whole_folder
from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

    Progress = Callable[[str, int, int], None]


def write_webdataset(
    dataset: Dataset, folder: str | Path, *, images_per_shard: int = 1000, progress: Progress | None = None
) -> None:
    """Write a dataset as WebDataset shards, whole or not at all.

    A sample is an image, as its file is or as PNG, and a ``json`` with ``image_id``, ``captions``, ``caption_ids``,
    and, where the dataset has them, ``labels`` and ``split``. The images of a split stay in their order, and captions
    follow their images: ``ficoitr.data.webdataset.load`` reads each split back as it was. The same dataset gives the
    same bytes.

    Parameters
    ----------
    dataset : Dataset
        Features and ``extra`` are left out. Without pixels the samples have no image.
    folder : str or Path
        It must not exist, or be empty. It gets ``train-000000.tar``, …, each of one split, or ``shard-000000.tar``, …,
        and ``webdataset.json`` with the names of the categories.
    images_per_shard : int
    progress : callable, optional
        Told what is done, how many of it, and of how many.

    Raises
    ------
    OptionError
        If the dataset has no words, or ``images_per_shard`` is below 1.
    OutputError
        If the folder is not empty or cannot be written.
    FileFormatError
        If an image cannot be read.
    """
    require_words(dataset, "webdataset")
    if images_per_shard < 1:
        raise OptionError(
            f"there are {images_per_shard} images a shard", where="images_per_shard", expected="1 or more"
        )
    parts = {"shard": dataset} if dataset.splits is None else {one: dataset.split(one) for one in dataset.split_names}
    names = FileNames()
    card = Card(
        schema=SCHEMA,
        name=dataset.name,
        images=len(dataset.image_ids),
        category_names=dataset.category_names,
        category_source=dataset.category_source,
    )
    with whole_folder(folder) as place:
        for number, (split, part) in enumerate(parts.items()):
            _write_part(part, place, names.like(split, number), images_per_shard, progress)
        (place / CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")


def _write_part(dataset: Dataset, folder: Path, name: str, images_per_shard: int, progress: Progress | None) -> None:
    texts: list[list[int]] = [[] for _ in dataset.image_ids]
    for text, image in enumerate(dataset.text_to_image.tolist()):
        texts[image].append(text)
    n_images = len(dataset.image_ids)
    images = encoded_images(dataset) if dataset.has_pixels else None
    for number, start in enumerate(range(0, n_images, images_per_shard)):
        with tarfile.open(folder / f"{name}-{number:06}.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
            for row in range(start, min(start + images_per_shard, n_images)):
                # A key ends at the first dot of a name, so that identifiers cannot be keys.
                key = f"{name.replace('.', '_')}-{row:09}"
                if images is not None:
                    image = next(images)
                    suffix = PurePosixPath(image.name).suffix.lower() or ".png"
                    _add(archive, f"{key}{suffix}", image.content)
                _add(archive, f"{key}.json", msgspec.json.encode(_description(dataset, row, texts[row])))
                if progress is not None:
                    progress(f"writing {name}", row + 1, n_images)


def _description(dataset: Dataset, row: int, texts: list[int]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "image_id": dataset.image_ids[row],
        "captions": [dataset.texts[text] for text in texts],
        "caption_ids": [dataset.text_ids[text] for text in texts],
    }
    if dataset.categories is not None:
        fields["labels"] = [dataset.category_names[label] for label in np.flatnonzero(dataset.categories[row])]
    if dataset.splits is not None:
        fields["split"] = str(dataset.splits[row])
    return fields


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    # Neither time nor owner: the same dataset gives the same shards.
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
