"""WebDataset shards: tar files of images and what describes them, read without being unpacked."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from ficoitr.data.absent import AbsentImages
from ficoitr.data.encoded import EncodedImages
from ficoitr.data.files import read_json
from ficoitr.data.records import SPLIT_NAMES, ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

SCHEMA = "ficoitr.webdataset/1"
CARD = "webdataset.json"
_IMAGE_KINDS = {"bmp", "gif", "jpeg", "jpg", "png", "ppm", "tif", "tiff", "webp"}
_OTHER_KINDS = {"txt", "json", "cls"}
_CAPTIONS = ("captions", "caption", "texts", "text")


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to no sample, in ``webdataset.json`` beside the shards; shards of others have none."""

    schema: str
    name: str
    images: int
    category_names: tuple[str, ...] = ()
    category_source: str = ""


class _Place(NamedTuple):
    """Where a member lies in its shard."""

    name: str
    offset: int
    size: int


@dataclass
class _Sample:
    """The members of one key."""

    shard: int
    path: Path
    key: str
    image: _Place | None = None
    text: str | None = None
    fields: dict[str, Any] | None = None
    label: str | None = None

    @property
    def where(self) -> str:
        return f"{self.path}, {self.key}"


def load(root: Path) -> Dataset:
    """Load WebDataset shards.

    Parameters
    ----------
    root : Path
        A folder with ``*.tar`` in it or in its folders. The members of a sample follow each other and share a key,
        their name up to the first dot: an image (``jpg``, ``png``, ``webp``, …); captions in ``json`` (``captions``,
        a list, or ``caption``) or in ``txt``, one a line; labels in ``json`` (``labels``) or in ``cls``. ``json`` may
        hold ``image_id``, ``caption_ids`` and ``split`` as well; without it the split is the one word for a split in
        the name of the shard or its folder, if there is one. Other members are passed over.

    Returns
    -------
    Dataset
        In the order of the shards' names. Identifiers are the keys where none are given, behind the name of the shard
        if several shards use the same key. Only headers and descriptions are read; images when they are asked for.

    Raises
    ------
    FileFormatError, IdentifierError
        If there is no shard, or one is damaged, packed, or holds a sample without image or caption; the message names
        shard and member.
    """
    shards = sorted(root.rglob("*.tar"))
    if not shards:
        raise FileFormatError("there is no shard", where=str(root), expected="*.tar")
    card = _read_card(root)
    samples = [sample for number, path in enumerate(shards) for sample in _read_shard(path, number)]
    keys = [sample.key for sample in samples]
    repeated = len(set(keys)) < len(keys)
    records = [_record(sample, prefixed=repeated) for sample in samples]
    if card is not None and len(records) != card.images:
        raise FileFormatError(
            f"the shards hold {len(records):,} images", where=str(root / CARD), expected=f"{card.images:,}"
        )
    dataset = dataset_from_records(
        root.resolve().name if card is None else card.name,
        records,
        root,
        category_names=card.category_names if card is not None else None,
    )
    return replace(
        dataset,
        images=_images(samples, shards, root),
        splits=_splits(samples, root),
        category_source="" if card is None else card.category_source,
    )


@dataclass(frozen=True, eq=False)
class TarImages(EncodedImages):
    """Images in tar files, each read from its place.

    Parameters
    ----------
    shards : sequence of Path
    members : sequence of str
        The name of each image.
    places : ndarray of int64, shape (n_images, 3)
        The shard of each image, where it begins there, and its length in bytes.
    """

    shards: Sequence[Path]
    members: Sequence[str]
    places: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def encoded(self, row: int) -> bytes:
        """Return what the file of an image held."""
        shard, offset, size = self.places[row].tolist()
        try:
            with self.shards[shard].open("rb") as file:
                file.seek(offset)
                content: bytes = file.read(size)
        except OSError as problem:
            raise FileFormatError(f"the shard cannot be read ({problem.strerror})", where=self.place(row)) from problem
        if len(content) < size:
            raise FileFormatError("the shard ends within this image", where=self.place(row))
        return content

    def name(self, row: int) -> str:
        """Return the name of the image within its shard, without folders."""
        return self.members[row].rpartition("/")[2]

    def place(self, row: int) -> str:
        """Say where an image lies."""
        return f"{self.shards[int(self.places[row, 0])]}, {self.members[row]}"

    def take(self, rows: np.ndarray) -> TarImages:
        """Return the images of the given rows, in their order."""
        return TarImages(self.shards, [self.members[row] for row in rows.tolist()], self.places[rows])


def _read_card(root: Path) -> Card | None:
    path = root / CARD
    if not path.exists():
        return None
    card = read_json(path, Card, expected=f"the card of a dataset, {SCHEMA}")
    if card.schema != SCHEMA:
        raise FileFormatError(f"the schema is {card.schema!r}", where=str(path), expected=SCHEMA)
    return card


def _read_shard(path: Path, number: int) -> Iterator[_Sample]:
    seen: set[str] = set()
    sample: _Sample | None = None
    try:
        # "r:" reads no packed file, in which nothing has a place.
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                key, _, kind = _split_name(member.name)
                if not member.isfile() or not kind or re.fullmatch("__.*__", key):
                    continue
                if sample is None or key != sample.key:
                    if sample is not None:
                        yield sample
                    if key in seen:
                        raise FileFormatError(
                            f"the sample {key!r} is continued after others", where=f"{path}, {member.name}"
                        )
                    seen.add(key)
                    sample = _Sample(number, path, key)
                _add(sample, member, kind.lower(), archive)
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise FileFormatError(
            f"the shard is damaged or no plain tar file ({problem})",
            where=str(path),
            expected="a tar file that is not packed",
        ) from problem
    if sample is None:
        raise FileFormatError("the shard holds no sample", where=str(path))
    yield sample


def _split_name(name: str) -> tuple[str, str, str]:
    folder, slash, base = name.rpartition("/")
    key, dot, kind = base.partition(".")
    return f"{folder}{slash}{key}", dot, kind


def _add(sample: _Sample, member: tarfile.TarInfo, kind: str, archive: tarfile.TarFile) -> None:
    where = f"{sample.path}, {member.name}"
    if kind in _IMAGE_KINDS:
        if sample.image is not None:
            raise FileFormatError(f"the sample {sample.key!r} has two images", where=where)
        sample.image = _Place(member.name, member.offset_data, member.size)
    elif kind in _OTHER_KINDS:
        file = archive.extractfile(member)
        content = b"" if file is None else file.read()
        try:
            if kind == "json":
                sample.fields = msgspec.json.decode(content, type=dict[str, Any])
            elif kind == "txt":
                sample.text = content.decode()
            else:
                sample.label = content.decode().strip()
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise FileFormatError(f"the member is not {kind.upper()} in UTF-8 ({problem})", where=where) from problem


def _record(sample: _Sample, *, prefixed: bool) -> ImageRecord:
    fields = sample.fields or {}
    captions = next((fields[name] for name in _CAPTIONS if fields.get(name)), None)
    if captions is None and sample.text is not None:
        captions = [line.strip() for line in sample.text.split("\n") if line.strip()]
    labels = fields.get("labels", fields.get("label", sample.label))
    ids = fields.get("caption_ids")
    texts = tuple(_listed(captions, "captions", sample))
    if ids is not None and len(_listed(ids, "caption_ids", sample)) != len(texts):
        raise FileFormatError("captions and caption_ids differ in number", where=sample.where)
    key = f"{sample.path.stem}/{sample.key}" if prefixed else sample.key
    return ImageRecord(
        id=str(fields.get("image_id", key)),
        path=None,
        texts=texts,
        text_ids=None if ids is None else tuple(map(str, ids)),
        labels=tuple(sorted({str(label) for label in _listed(labels, "labels", sample)})),
        where=sample.where,
    )


def _listed(field: Any, name: str, sample: _Sample) -> list[Any]:
    listed = field if isinstance(field, list) else [] if field is None else [field]
    if not all(isinstance(one, str | int) for one in listed):
        raise FileFormatError(f"{name!r} holds {str(field)[:60]!r}", where=sample.where, expected="a list of strings")
    return listed


def _images(samples: Sequence[_Sample], shards: Sequence[Path], root: Path) -> TarImages | AbsentImages:
    members = [sample.image for sample in samples if sample.image is not None]
    if not members:
        return AbsentImages(len(samples), f"The shards in {root} hold no images")
    if len(members) < len(samples):
        alone = next(sample for sample in samples if sample.image is None)
        raise FileFormatError("this sample has no image, but others have one", where=alone.where)
    places = [(sample.shard, member.offset, member.size) for sample, member in zip(samples, members, strict=True)]
    return TarImages(shards, [member.name for member in members], np.array(places, dtype=np.int64))


def _splits(samples: Sequence[_Sample], root: Path) -> np.ndarray | None:
    of_shard = {sample.path: _split_of(sample.path, root) for sample in samples}
    given = [(sample.fields or {}).get("split", of_shard[sample.path]) for sample in samples]
    if all(split is None for split in given):
        return None
    splits = []
    for sample, split in zip(samples, given, strict=True):
        if not isinstance(split, str):
            raise FileFormatError("this image has no split, but others have one", where=sample.where)
        splits.append(SPLIT_NAMES.get(split, split))
    return np.array(splits)


def _split_of(path: Path, root: Path) -> str | None:
    words = re.split("[^a-z]+", path.relative_to(root).as_posix().lower())
    named = {SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES}
    return named.pop() if len(named) == 1 else None
