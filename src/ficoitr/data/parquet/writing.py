"""Writing a dataset as parquet files and dataset.json."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.encoded import encoded_images
from ficoitr.data.hashing.splits import HashingDataset
from ficoitr.data.parquet.card import CARD, IMAGES, SCHEMA, TEXTS, Card, File, Pixels, digest_file
from ficoitr.data.writing import FileNames, whole_folder
from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ficoitr.data.dataset import Dataset
    from ficoitr.data.images import ImageSource
    from ficoitr.data.stored import StoredFeatures

    Progress = Callable[[str, int, int], None]

# A row group is what has to be read for one image. Without pixels it may be large.
_GROUP_BYTES = 2 << 20
_GROUP_ROWS = 1 << 16
_AS_IMAGE = {b"huggingface": b'{"info": {"features": {"image": {"_type": "Image"}}}}'}


def save_dataset(
    dataset: Dataset, folder: str | Path, *, images: Pixels = "bytes", progress: Progress | None = None
) -> None:
    """Write a dataset in the one form that all of them have in common, whole or not at all.

    Parameters
    ----------
    dataset : Dataset
        Its ``extra`` is left out; all else is read back as it was.
    folder : str or Path
        It must not exist, or be empty. It gets ``images.parquet`` (id, split, labels, image), ``texts.parquet`` (id,
        image_id, image_row, text), ``features/…npy``, and ``dataset.json`` with what belongs to no row and the hashes
        of the other files.
    images : {"bytes", "files", "none"}
        Image files are kept as they are; what is drawn or in memory becomes PNG. ``bytes``: in the column ``image``,
        as Hugging Face's datasets has it. ``files``: in the folder ``images``, whose paths the column holds.
        ``none``: left out.
    progress : callable, optional
        Told what is done, how many of it, and of how many.

    Raises
    ------
    OptionError
        For another value of ``images``.
    OutputError
        If the folder is not empty or cannot be written.
    FileFormatError
        If an image cannot be read.

    Examples
    --------
    >>> from ficoitr.data import load_dataset
    >>> dataset = load_dataset("scenes", train=4, validation=2, test=2)
    >>> save_dataset(dataset, "eight-scenes")
    >>> load_dataset("eight-scenes").digest() == dataset.digest()
    True
    """
    if images not in ("bytes", "files", "none"):
        raise OptionError(f"{images!r} is unknown", where="images", expected="'bytes', 'files' or 'none'")
    pixels: Pixels = images if dataset.has_pixels else "none"
    with whole_folder(folder) as place:
        digest = _write_images(dataset, place, pixels, progress)
        _write_texts(dataset, place / TEXTS)
        features = {
            modality: _write_features(place, modality, stored, progress)
            for modality, stored in (("images", dataset.image_features), ("texts", dataset.text_features))
        }
        (place / "README.md").write_text(_readme(dataset), encoding="utf-8")
        tables = [IMAGES, TEXTS, *features["images"].values(), *features["texts"].values()]
        card = Card(
            schema=SCHEMA,
            name=dataset.name,
            images=len(dataset.image_ids),
            texts=len(dataset.text_ids),
            digest=dataset.digest(),
            pixels=pixels,
            no_pixels=_no_pixels(dataset.images) if pixels == "none" else None,
            no_words=dataset.texts.reason if isinstance(dataset.texts, AbsentTexts) else None,
            split_name=dataset.split_name,
            retrieval_holds_train=isinstance(dataset, HashingDataset),
            category_names=dataset.category_names,
            category_source=dataset.category_source,
            image_features=features["images"],
            text_features=features["texts"],
            pixels_digest=digest,
            files={name: File((place / name).stat().st_size, digest_file(place / name)) for name in tables},
        )
        content = msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n"
        (place / CARD).write_bytes(content)


def _write_images(dataset: Dataset, folder: Path, pixels: Pixels, progress: Progress | None) -> str | None:
    """Write ``images.parquet`` and the image files; return the digest that the images will have."""
    import pyarrow
    import pyarrow.parquet

    columns = _image_columns(dataset)
    n_images = len(dataset.image_ids)
    schema = pyarrow.schema([(name, column.type) for name, column in columns.items()])
    if pixels != "none":
        image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
        schema = schema.append(pyarrow.field("image", image)).with_metadata(_AS_IMAGE)
    state = hashlib.sha256()
    groups = _groups(dataset, folder, pixels, state)
    with pyarrow.parquet.ParquetWriter(
        folder / IMAGES,
        schema,
        compression={"image.bytes": "NONE"},
        use_dictionary=["split", "labels.list.element"],
        # Those of the bytes would hold whole images.
        write_statistics=["id", "split"],
        write_page_checksum=True,
    ) as writer:
        done = 0
        for size, images in groups:
            arrays = [column.slice(done, size) for column in columns.values()]
            if images is not None:
                arrays.append(pyarrow.array(images, schema.field("image").type))
            writer.write_table(pyarrow.table(arrays, schema=schema))
            done += size
            if progress is not None:
                progress("writing images", done, n_images)
    return state.hexdigest() if pixels != "none" else None


def _image_columns(dataset: Dataset) -> dict[str, Any]:
    import pyarrow

    columns = {"id": pyarrow.array(dataset.image_ids, pyarrow.string())}
    if dataset.splits is not None:
        columns["split"] = pyarrow.array(dataset.splits.tolist(), pyarrow.string())
    if dataset.categories is not None:
        ends = np.concatenate(([0], np.cumsum(dataset.categories.sum(axis=1))))
        names = pyarrow.array(dataset.category_names, pyarrow.string()).take(np.nonzero(dataset.categories)[1])
        columns["labels"] = pyarrow.ListArray.from_arrays(pyarrow.array(ends, pyarrow.int32()), names)
    return columns


def _groups(
    dataset: Dataset, folder: Path, pixels: Pixels, state: hashlib._Hash
) -> Iterator[tuple[int, list[dict[str, Any]] | None]]:
    """Cut the images into row groups: the size of each, and its values of the column ``image``."""
    if pixels == "none":
        for start in range(0, len(dataset.image_ids), _GROUP_ROWS):
            yield min(_GROUP_ROWS, len(dataset.image_ids) - start), None
        return
    if pixels == "files":
        (folder / "images").mkdir()
    names = FileNames()
    group: list[dict[str, Any]] = []
    size = 0
    for row, image in enumerate(encoded_images(dataset)):
        state.update(hashlib.sha256(image.content).digest())
        if pixels == "files":
            path = f"images/{names.like(image.name, row)}"
            (folder / path).write_bytes(image.content)
            group.append({"bytes": None, "path": path})
        else:
            group.append({"bytes": image.content, "path": image.name})
            size += len(image.content)
        if size >= _GROUP_BYTES or len(group) >= _GROUP_ROWS:
            yield len(group), group
            group, size = [], 0
    if group:
        yield len(group), group


def _write_texts(dataset: Dataset, path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    rows = np.asarray(dataset.text_to_image, dtype=np.int64)
    columns = {
        "id": pyarrow.array(dataset.text_ids, pyarrow.string()),
        "image_id": pyarrow.array(dataset.image_ids, pyarrow.string()).take(rows),
        "image_row": pyarrow.array(rows),
    }
    if dataset.has_words:
        columns["text"] = pyarrow.array(list(dataset.texts), pyarrow.string())
    pyarrow.parquet.write_table(
        pyarrow.table(columns), path, row_group_size=_GROUP_ROWS, compression="zstd", write_page_checksum=True
    )


def _write_features(
    folder: Path, modality: str, features: Mapping[str, StoredFeatures], progress: Progress | None
) -> dict[str, str]:
    """Write features block by block; a file that is mapped while it grows would end the process on a full disk."""
    files = {}
    names = FileNames()
    for number, (name, stored) in enumerate(features.items()):
        file = f"features/{modality}/{names.like(f'{name}.npy', number)}"
        files[name] = file
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        header = {
            "descr": np.lib.format.dtype_to_descr(stored.dtype),
            "fortran_order": False,
            "shape": stored.shape,
        }
        with (folder / file).open("wb") as written:
            np.lib.format.write_array_header_2_0(written, header)
            done = 0
            for block in stored.blocks():
                written.write(np.ascontiguousarray(block, dtype=stored.dtype).data)
                done += len(block)
                if progress is not None:
                    progress(f"writing {name}", done, len(stored))
    return files


def _no_pixels(images: ImageSource) -> str:
    return images.reason if isinstance(images, AbsentImages) else "It was saved without its images"


def _readme(dataset: Dataset) -> str:
    """Say to Hugging Face's datasets what the files are."""
    title = re.sub(r"\s+", " ", dataset.name)
    return (
        "---\nconfigs:\n"
        f"- config_name: images\n  data_files: {IMAGES}\n  default: true\n"
        f"- config_name: texts\n  data_files: {TEXTS}\n---\n\n"
        f"# {title}\n\n{len(dataset.image_ids):,} images and {len(dataset.text_ids):,} texts, written by ficoitr.\n"
        f"`image_row` of `{TEXTS}` counts the rows of `{IMAGES}` from 0; `{CARD}` says what belongs to no row.\n"
    )
