"""Which columns of a Hugging Face dataset hold what, and the images and captions that they list."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ficoitr.data.records import SPLIT_NAMES, ImageRecord
from ficoitr.errors import FileFormatError, OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import datasets

# What a dataset without splits is called in a DatasetDict, whose parts all have names.
UNSPLIT = "unsplit"

# By the datasets of the Hub; the first one that is there counts.
_NAMES = {
    "image": ("image", "img", "jpg", "png", "webp", "picture", "photo"),
    "captions": (
        *("captions", "caption", "texts", "text", "sentences", "sentence", "sentences_raw", "raw"),
        *("descriptions", "description", "alt_text", "txt"),
    ),
    "labels": ("labels", "label", "categories", "category", "classes", "class"),
    "split": ("split",),
    "image_id": (
        *("image_id", "cocoid", "imgid", "img_id", "filename", "file_name", "image_filename", "id", "key", "__key__"),
    ),
    "caption_ids": ("caption_ids", "text_ids", "sentids", "caption_id", "text_id", "sentid"),
}
_NUMBERED = re.compile(r"(captions?|texts?|sentences?)_?(\d+)")
_TEXT_FIELDS = ("raw", "caption", "text")


@dataclass(frozen=True)
class Columns:
    """Names of columns; those of captions may be several, with a caption each."""

    image: str | None
    captions: str | tuple[str, ...] | None
    labels: str | None
    split: str | None
    image_id: str | None
    caption_ids: str | None


@dataclass(frozen=True)
class Read:
    """What the rows list.

    Attributes
    ----------
    records : list of ImageRecord
        Without splits.
    rows : list of int
        The row of each image, counted through all parts.
    splits : list of str or None
        Of each image.
    label_names : tuple of str or None
        All of them, if the labels have a class each; else those that occur are all.
    """

    records: list[ImageRecord]
    rows: list[int]
    splits: list[str] | None
    label_names: tuple[str, ...] | None


def find_columns(features: datasets.Features, asked: Columns) -> Columns:
    """Complete the columns that were asked for.

    Raises
    ------
    OptionError
        If one does not exist, or there are no captions.
    """
    listed = ", ".join(features)
    found = {}
    for one in fields(Columns):
        name = getattr(asked, one.name)
        if name is not None and name not in features:
            raise OptionError(
                f"there is no column {name!r}",
                where=one.name,
                expected=f"one of {listed}",
                fix=did_you_mean(name, features),
            )
        found[one.name] = name or next((known for known in _NAMES[one.name] if known in features), None)
    columns = Columns(**found)
    typed = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    if asked.image is None and typed and columns.image not in typed:
        columns = replace(columns, image=typed[0])
    if asked.labels is None and columns.labels is not None and _is_no_label(features[columns.labels]):
        columns = replace(columns, labels=None)
    if columns.captions is None:
        numbered = [(int(match[2]), name) for name in features if (match := _NUMBERED.fullmatch(name))]
        columns = replace(columns, captions=tuple(name for _, name in sorted(numbered)) or None)
    if columns.captions is None:
        raise OptionError(
            "no column of captions was found",
            where="captions",
            expected=f"one of the columns {listed}",
            fix="Say which one holds them (captions=…)",
        )
    return columns


def read_records(parts: Mapping[str, datasets.Dataset], columns: Columns, name: str) -> Read:
    """Read all columns but that of the images.

    Raises
    ------
    FileFormatError
        If a field holds something else, or an image stands in two splits; the message names the row.
    """
    images: dict[tuple[str, str], _Image] = {}
    start = 0
    for part, data in parts.items():
        _add_rows(images, part, data, columns, name, start)
        start += len(data)
    # Numbers begin again in each part of many datasets.
    in_parts: dict[str, int] = {}
    for _, image_id in images:
        in_parts[image_id] = in_parts.get(image_id, 0) + 1
    shared = any(count > 1 for count in in_parts.values())
    records = [
        ImageRecord(
            id=f"{part}/{image_id}" if shared else image_id,
            path=None,
            texts=tuple(image.texts),
            text_ids=_text_ids(image, part if shared else "", columns),
            labels=tuple(sorted(set(image.labels))),
            where=image.where,
        )
        for (part, image_id), image in images.items()
    ]
    splits = [image.split for image in images.values()]
    for image in images.values():
        if image.split is None and any(split is not None for split in splits):
            raise FileFormatError("this image has no split, but others have one", where=image.where)
    named = [split for split in splits if split is not None]
    feature = next(iter(parts.values())).features[columns.labels] if columns.labels else None
    return Read(records, [image.row for image in images.values()], named or None, _class_names(feature))


@dataclass
class _Image:
    row: int
    where: str
    split: str | None
    texts: list[str]
    text_ids: list[str]
    labels: list[str]


def _add_rows(
    images: dict[tuple[str, str], _Image],
    part: str,
    data: datasets.Dataset,
    columns: Columns,
    name: str,
    start: int,
) -> None:
    captions = (columns.captions,) if isinstance(columns.captions, str) else columns.captions or ()
    others = (columns.labels, columns.split, columns.image_id, columns.caption_ids)
    table = data.select_columns(list(dict.fromkeys([*captions, *filter(None, others)]))).with_format("arrow")[:]
    names = _class_names(data.features[columns.labels]) if columns.labels else None
    fields_of = {column: table[column].to_pylist() for column in table.column_names}
    for row in range(len(data)):
        where = f"{name}{f', part {part}' if part else ''}, row {row}"
        given = None if columns.image_id is None else fields_of[columns.image_id][row]
        if columns.image_id is not None and given is None:
            raise FileFormatError(f"the field {columns.image_id!r} is empty", where=where)
        split = _split(part, fields_of[columns.split][row] if columns.split else None, columns)
        image = images.setdefault(
            (part, str(row if given is None else given)), _Image(start + row, where, split, [], [], [])
        )
        if image.split != split:
            raise FileFormatError(
                f"the image {given!r} is in the split {split!r} here and in {image.split!r} above", where=where
            )
        image.texts += [text for column in captions for text in _texts(fields_of[column][row], column, where)]
        if columns.caption_ids:
            image.text_ids += [str(one) for one in _as_list(fields_of[columns.caption_ids][row])]
        if columns.labels:
            image.labels += [
                names[label] if names and isinstance(label, int) else str(label)
                for label in _as_list(fields_of[columns.labels][row])
                if not (names and label == -1)  # what ClassLabel has for no label
            ]


def _split(part: str, field: str | None, columns: Columns) -> str | None:
    split = field if columns.split else part
    return None if split in (None, "", UNSPLIT) else SPLIT_NAMES.get(str(split), str(split))


def _texts(field: Any, column: str, where: str) -> list[str]:
    if field is None:
        return []
    if isinstance(field, str):
        return [field]
    if isinstance(field, list):
        return [text for one in field for text in _texts(one, column, where)]
    if isinstance(field, dict):
        known = next((name for name in _TEXT_FIELDS if name in field), None)
        if known is not None:
            return _texts(field[known], column, where)
    raise FileFormatError(
        f"the field {column!r} holds {str(field)[:60]!r}", where=where, expected="a caption, or a list of captions"
    )


def _text_ids(image: _Image, part: str, columns: Columns) -> tuple[str, ...] | None:
    if columns.caption_ids is None:
        return None
    if len(image.text_ids) != len(image.texts):
        raise FileFormatError(
            f"there are {len(image.texts)} captions but {len(image.text_ids)} identifiers in {columns.caption_ids!r}",
            where=image.where,
        )
    return tuple(f"{part}/{one}" if part else one for one in image.text_ids)


def _as_list(field: Any) -> Iterable[Any]:
    if field is None:
        return ()
    return field if isinstance(field, list) else (field,)


def _is_no_label(feature: Any) -> bool:
    inner = getattr(feature, "feature", feature)
    return isinstance(inner, dict | list) or not (hasattr(inner, "names") or _is_countable(inner))


def _is_countable(feature: Any) -> bool:
    kind = str(getattr(feature, "dtype", ""))
    return kind in ("string", "large_string", "bool") or kind.startswith(("int", "uint"))


def _class_names(feature: Any) -> tuple[str, ...] | None:
    names = getattr(getattr(feature, "feature", feature), "names", None)
    return tuple(names) if names else None
