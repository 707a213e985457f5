"""Karpathy's JSON of Flickr8k, Flickr30K and COCO, beside a folder of images, with COCO's categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset


def load(
    root: Path, *, captions: str | None = None, images: str = "images", texts_per_image: int | None = None
) -> Dataset:
    """Load a ``dataset_*.json`` of Karpathy and Fei-Fei (2015) and the images it names.

    Parameters
    ----------
    root : Path
        The folder of the JSON file.
    captions : str, optional
        Name of the JSON file; needed only if the folder holds several ``dataset*.json``.
    images : str
        Folder of the images below ``root``, ``filepath`` (such as ``val2014``) included if the file gives it.
    texts_per_image : int, optional
        Keep the first so many sentences of an image. COCO's 5,000 test images have 25,010 sentences, of which most
        papers use the first five of each, 25,000.

    Returns
    -------
    Dataset
        Identifiers are COCO's image ids where given and file names otherwise, and the sentence ids. The split
        ``restval`` counts as train. Where COCO's ``instances_*.json`` lie in ``root`` or in ``root/annotations``,
        an image has the categories of the objects annotated in it.

    Raises
    ------
    FileFormatError
        If the file or an image is missing, or an entry lacks a key.
    OptionError
        If ``texts_per_image`` is less than 1.
    """
    if texts_per_image is not None and texts_per_image < 1:
        raise OptionError(f"{texts_per_image} were asked for", where="texts_per_image", expected="at least 1")
    source = root / captions if captions else _only_json(root)
    content = read_json(source)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise FileFormatError("there is no list 'images'", where=str(source), expected="Karpathy's JSON")
    labels = _instance_labels(root)
    records = [
        _record(entry, root / images, f"{source}, images[{row}]", labels, texts_per_image)
        for row, entry in enumerate(content["images"])
    ]
    name = content.get("dataset")
    return dataset_from_records(name if isinstance(name, str) else root.resolve().name, records, source)


def _instance_labels(root: Path) -> dict[str, set[str]]:
    """Names of the categories annotated in each image that COCO's files list, by image id; empty without such files."""
    labels: dict[str, set[str]] = {}
    for source in sorted({*root.glob("instances_*.json"), *root.glob("annotations/instances_*.json")}):
        content = read_json(source)
        try:
            names = {one["id"]: str(one["name"]) for one in content["categories"]}
            # Images without an object are listed too, and have no label.
            labels |= {str(one["id"]): set() for one in content["images"]}
            for row, one in enumerate(content["annotations"]):
                if one["category_id"] not in names:
                    raise FileFormatError(
                        f"the category {one['category_id']!r} is not among the categories",
                        where=f"{source}, annotations[{row}]",
                    )
                labels[str(one["image_id"])].add(names[one["category_id"]])
        except (KeyError, TypeError) as problem:
            raise FileFormatError(
                f"the file or an entry lacks {problem}",
                where=str(source),
                expected="images with id, categories with id and name, annotations with image_id and category_id",
            ) from problem
    return labels


def _only_json(root: Path) -> Path:
    found = sorted(root.glob("dataset*.json"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise FileFormatError(
            f"of the files dataset*.json there are {len(found)} ({names})",
            where=str(root),
            expected="one",
            fix='Name it: captions="dataset_….json"' if found else None,
        )
    return found[0]


def _record(
    entry: Any, folder: Path, where: str, labels: dict[str, set[str]], texts_per_image: int | None
) -> ImageRecord:
    try:
        file, split, sentences = entry["filename"], entry["split"], entry["sentences"]
        texts = tuple(str(sentence["raw"]).strip() for sentence in sentences)
        text_ids = tuple(str(sentence["sentid"]) for sentence in sentences)
        below = entry.get("filepath", "")
    except (KeyError, TypeError, AttributeError) as problem:
        raise FileFormatError(
            f"the entry lacks {problem}",
            where=where,
            expected="filename, split, and sentences with raw and sentid",
        ) from problem
    identifier = str(entry.get("cocoid", file))
    if labels and identifier not in labels:
        raise FileFormatError(
            f"no instances_*.json lists the image {identifier!r}",
            where=where,
            expected="categories of all images or of none",
            fix="Put the files of all parts there, instances_train2014.json and instances_val2014.json, or none",
        )
    return ImageRecord(
        id=identifier,
        path=folder / below / file,
        texts=texts[:texts_per_image],
        text_ids=text_ids[:texts_per_image],
        labels=tuple(sorted(labels.get(identifier, ()))),
        split=str(split),
        where=where,
    )
