"""COCO's own JSON: captions and the categories of the objects annotated in an image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ficoitr.data.dataset import Dataset
    from ficoitr.data.records import Pixels

    # Names of the categories in an image, in alphabetical order, by image id.
    Labels = Mapping[str, tuple[str, ...]]

_CAPTIONS = re.compile(r"captions_(?P<split>train|val|test)(?P<year>\d*)\.json(\.gz)?")


class _Image(msgspec.Struct):
    id: int
    file_name: str = ""


class _Caption(msgspec.Struct):
    id: int
    image_id: int
    caption: str


class _CaptionFile(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Caption]


class _Category(msgspec.Struct):
    id: int
    name: str


class _Object(msgspec.Struct):
    image_id: int
    category_id: int


class _InstanceFile(msgspec.Struct):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Object]


def load(root: Path, *, images: str = "images", texts_per_image: int | None = None, pixels: Pixels = "all") -> Dataset:
    """Load COCO's ``captions_*.json`` and, where they are, ``instances_*.json``.

    Parameters
    ----------
    root : Path
        The JSON files, which may be packed (``.json.gz``), lie in it or in ``root/annotations``.
    images : str
        Folder of the images below ``root``, in folders such as ``val2017`` or without.
    texts_per_image : int, optional
        Keep the first so many captions of an image.
    pixels : {"all", "present", "none"}
        Whether every image file must be there, images without one are left out, or none is looked for.

    Returns
    -------
    Dataset
        Images in the order of the files, an image's captions in the order of their ids. Splits are those of the
        file names (COCO's own, not Karpathy's); images without a caption are left out.

    Raises
    ------
    FileFormatError
        If a file is missing or of another form, or a caption belongs to an image that is not listed.
    """
    sources = _find(root, "captions")
    if not sources:
        raise FileFormatError("there is no captions_*.json", where=str(root), expected="one here or in annotations/")
    labels, names = image_labels(root)
    records = [record for source in sources for record in _records(source, root / images, labels, texts_per_image)]
    return dataset_from_records("coco-captions", records, sources[0], pixels=pixels, category_names=names)


def image_labels(root: Path) -> tuple[Labels, tuple[str, ...] | None]:
    """Read the categories of the objects in each image that an ``instances_*.json`` lists.

    Returns
    -------
    labels : mapping from str to tuple of str
        By image id; an image without an object has none. Empty without such files.
    names : tuple of str or None
        All categories, in alphabetical order.
    """
    labels: dict[str, set[str]] = {}
    names: set[str] = set()
    for source in _find(root, "instances"):
        content = read_json(
            source,
            _InstanceFile,
            expected="images with id, categories with id and name, annotations with image_id and category_id",
        )
        name_of = {one.id: one.name for one in content.categories}
        here: dict[int, set[str]] = {one.id: set() for one in content.images}
        for row, one in enumerate(content.annotations):
            where = f"{source}, annotations[{row}]"
            if one.category_id not in name_of:
                raise FileFormatError(f"the category {one.category_id!r} is not among the categories", where=where)
            if one.image_id not in here:
                raise FileFormatError(f"the image {one.image_id!r} is not among the images", where=where)
            here[one.image_id].add(name_of[one.category_id])
        labels |= {str(image): those for image, those in here.items()}
        names |= set(name_of.values())
    return {image: tuple(sorted(those)) for image, those in labels.items()}, tuple(sorted(names)) or None


def _find(root: Path, kind: str) -> list[Path]:
    found = {path for folder in (root, root / "annotations") for path in folder.glob(f"{kind}_*.json*")}
    return sorted(path for path in found if path.name.endswith((".json", ".json.gz")))


def _records(source: Path, folder: Path, labels: Labels, texts_per_image: int | None) -> list[ImageRecord]:
    name = _CAPTIONS.fullmatch(source.name)
    if name is None:
        raise FileFormatError("the name tells no split", where=str(source), expected="captions_val2017.json or alike")
    content = read_json(
        source, _CaptionFile, expected="images with id and file_name, annotations with id, image_id and caption"
    )
    of_image: dict[int, list[_Caption]] = {image.id: [] for image in content.images}
    for row, caption in enumerate(content.annotations):
        if caption.image_id not in of_image:
            raise FileFormatError(
                f"the image {caption.image_id!r} is not among the images", where=f"{source}, annotations[{row}]"
            )
        of_image[caption.image_id].append(caption)
    below = folder / f"{name['split']}{name['year']}"
    folder = below if below.is_dir() else folder
    records = []
    for row, image in enumerate(content.images):
        captions = sorted(of_image[image.id], key=lambda caption: caption.id)[:texts_per_image]
        if captions:
            records.append(
                ImageRecord(
                    id=str(image.id),
                    path=folder / image.file_name,
                    texts=tuple(caption.caption.strip() for caption in captions),
                    text_ids=tuple(str(caption.id) for caption in captions),
                    labels=labels.get(str(image.id), ()),
                    split=name["split"],
                    where=f"{source}, images[{row}]",
                )
            )
    return records
