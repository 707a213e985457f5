"""Folders of SCAN's "precomp" archive: regions of Flickr30K and COCO with their captions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ficoitr.data.absent import AbsentImages
from ficoitr.data.dataset import Dataset
from ficoitr.data.files import read_lines
from ficoitr.data.records import split_from
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import FileFormatError, IdentifierError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ficoitr.data.arrays import Array

_CAPTIONS_AN_IMAGE = 5
_FEATURES = ("ims", "feat")
_IDS = ("ids", "imgids")
_REGION_AXES = 3
_WHOLE_GROUPS = 16
_BLOCK = 1024


@dataclass(frozen=True)
class _Ids:
    """The identifiers of a split's images, and the file and lines they come from."""

    values: tuple[str, ...]
    path: Path | None = None
    lines_an_id: int = 1

    def where(self, row: int) -> str:
        return f"{self.path}, line {row * self.lines_an_id + 1}"


@dataclass(frozen=True)
class _Split:
    """One split: a row of the features, an identifier and five captions an image."""

    name: str
    features: Array
    rows: np.ndarray
    ids: _Ids
    texts: tuple[str, ...]


def load(
    root: Path, *, test: Literal["testall", "test"] | None = None, validation_images: int | None = None
) -> Dataset:
    """Load ``f30k_precomp``, ``coco_precomp`` or a folder like them (Lee and others 2018).

    Parameters
    ----------
    root : Path
        The folder of ``{train,dev,test,testall}_ims.npy`` (IMRAM: ``_feat.npy``), ``_caps.txt`` and ``_ids.txt``. Any
        of the splits may be away, and the identifiers too.
    test : {"testall", "test"}, optional
        Which files are the test split; by default ``testall`` where it is there. COCO's ``test`` is the first 1,000
        images of ``testall``: it reads higher than the mean over five folds that papers call "1K".
    validation_images : int, optional
        Keep the first so many images of ``dev``. The published code selects models on the first 1,000, though
        Flickr30K's file has 1,014 and COCO's 5,000.

    Returns
    -------
    Dataset
        Captions, and the image features ``regions`` of shape (36, 2048), memory-mapped: the training regions take 9 GB
        for Flickr30K and 33 GB for COCO. Without pixels. Identifiers are the file's (Karpathy's ``imgid`` for
        Flickr30K, COCO's image ids for COCO), or ``train-0``, ``train-1``, … where it has none.

        Whether a file repeats each image for its five captions is decided for every file: with five captions a row it
        does not; with as many rows as captions it does, and each five rows must be equal. Repetitions are passed over
        without copying. Of every row its first region is compared, and the whole rows of 16 images.

    Raises
    ------
    FileFormatError, IdentifierError
        If a file is missing or damaged, or rows, captions and identifiers do not fit together; with the line.
    OptionError
        For another ``test``, or less than one validation image.
    """
    if test not in (None, "testall", "test"):
        raise OptionError(f"{test!r} is unknown", where="test", expected="'testall' or 'test'")
    if validation_images is not None and validation_images < 1:
        raise OptionError(f"{validation_images} were asked for", where="validation_images", expected="at least 1")
    test = test or ("testall" if _is_there(root, "testall") else "test")
    names = [name for name in ("train", "dev", test) if _is_there(root, name)]
    if not names:
        raise FileFormatError("no split is in this folder", where=str(root), expected="train_caps.txt and the like")
    splits = [_read(root, name, validation_images if name == "dev" else None) for name in names]
    _check_shapes(root, splits)
    _check_ids(splits)
    ids = tuple(identifier for split in splits for identifier in split.ids.values)
    starts = np.cumsum([0, *(len(split.features) for split in splits)])
    return Dataset(
        name=root.name if root.name != "precomp" else f"{root.resolve().parent.name}_precomp",
        images=AbsentImages(len(ids), "Its files hold regions of the photos: see image_features['regions']"),
        image_ids=ids,
        texts=tuple(text for split in splits for text in split.texts),
        text_ids=tuple(f"{identifier}#{number}" for identifier in ids for number in range(_CAPTIONS_AN_IMAGE)),
        text_to_image=np.repeat(np.arange(len(ids)), _CAPTIONS_AN_IMAGE),
        splits=np.repeat(
            [split_from(split.name.removesuffix("all"), str(root)) for split in splits],
            [len(split.rows) for split in splits],
        ),
        image_features={
            "regions": StoredFeatures(
                tuple(split.features for split in splits),
                np.concatenate([start + split.rows for start, split in zip(starts, splits, strict=False)]),
            )
        },
    )


def _is_there(root: Path, split: str) -> bool:
    return any((root / f"{split}_{part}").exists() for part in ("caps.txt", *(f"{one}.npy" for one in _FEATURES)))


def _first_of(root: Path, split: str, parts: Sequence[str], suffix: str) -> Path | None:
    paths = (root / f"{split}_{part}{suffix}" for part in parts)
    return next((path for path in paths if path.exists()), None)


def _read(root: Path, split: str, n_kept: int | None) -> _Split:
    captions = root / f"{split}_caps.txt"
    texts = read_lines(captions)
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise FileFormatError("the caption is empty", where=f"{captions}, line {number}")
    path = _first_of(root, split, _FEATURES, ".npy")
    if path is None:
        raise FileFormatError("the file does not exist", where=str(root / f"{split}_ims.npy"))
    features = _open(path)
    repeated = _is_repeated(path, len(features), captions, len(texts))
    if repeated:
        _check_repetition(path, features)
    rows = np.arange(0, len(features), _CAPTIONS_AN_IMAGE if repeated else 1)
    identifiers = _read_ids(root, split, len(rows))
    kept = slice(n_kept)
    return _Split(
        split, features, rows[kept], replace(identifiers, values=identifiers.values[kept]),
        tuple(text.strip() for text in texts[: None if n_kept is None else n_kept * _CAPTIONS_AN_IMAGE]),
    )  # fmt: skip


def _open(path: Path) -> Array:
    try:
        features: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as problem:
        raise FileFormatError(
            f"the array cannot be read ({problem})",
            where=str(path),
            expected="a .npy file of numbers",
            fix="The file may be cut off: compare its size with the original's",
        ) from problem
    if getattr(features, "ndim", 0) != _REGION_AXES or features.dtype.kind != "f" or 0 in features.shape:
        what = f"type {features.dtype} and shape {features.shape}" if isinstance(features, np.ndarray) else "no array"
        raise FileFormatError(
            f"the array is of {what}", where=str(path), expected="floats: (rows, regions, dimensions)"
        )
    return features


def _is_repeated(path: Path, n_rows: int, captions: Path, n_texts: int) -> bool:
    if n_rows * _CAPTIONS_AN_IMAGE == n_texts:
        return False
    if n_rows == n_texts and n_rows % _CAPTIONS_AN_IMAGE == 0:
        return True
    raise FileFormatError(
        f"there are {n_rows:,} rows, and {n_texts:,} captions in {captions}",
        where=str(path),
        expected="five captions a row, or as many rows as captions, each image five times",
    )


def _check_repetition(path: Path, features: Array) -> None:
    """Raise an error unless each five consecutive rows are equal."""
    size = _BLOCK * _CAPTIONS_AN_IMAGE
    for start in range(0, len(features), size):
        first_regions = np.asarray(features[start : start + size, 0])
        groups = first_regions.reshape(-1, _CAPTIONS_AN_IMAGE, first_regions.shape[-1])
        differ = (groups != groups[:, :1]).any(axis=(1, 2))
        if differ.any():
            raise _not_repeated(path, start + int(np.argmax(differ)) * _CAPTIONS_AN_IMAGE)
    n_images = len(features) // _CAPTIONS_AN_IMAGE
    for image in np.unique(np.linspace(0, n_images - 1, _WHOLE_GROUPS).astype(np.int64)).tolist():
        row = image * _CAPTIONS_AN_IMAGE
        group = np.asarray(features[row : row + _CAPTIONS_AN_IMAGE])
        if (group != group[:1]).any():
            raise _not_repeated(path, row)


def _not_repeated(path: Path, row: int) -> FileFormatError:
    return FileFormatError(
        f"there are as many rows as captions, but the rows {row} to {row + _CAPTIONS_AN_IMAGE - 1} differ",
        where=str(path),
        expected="each image five times, or once with five captions",
    )


def _read_ids(root: Path, split: str, n_images: int) -> _Ids:
    path = _first_of(root, split, _IDS, ".txt")
    if path is None:
        return _Ids(tuple(f"{split}-{number}" for number in range(n_images)))
    ids = [line.strip() for line in read_lines(path)]
    # Some files have a line a caption, whether or not the features repeat.
    lines_an_id = _CAPTIONS_AN_IMAGE if len(ids) == n_images * _CAPTIONS_AN_IMAGE else 1
    if lines_an_id > 1:
        for row, identifier in enumerate(ids):
            expected = ids[row - row % _CAPTIONS_AN_IMAGE]
            if identifier != expected:
                raise IdentifierError(
                    f"the id is {identifier!r}",
                    where=f"{path}, line {row + 1}",
                    expected=f"{expected!r}, each id on five lines as there are {n_images:,} images",
                )
        ids = ids[::_CAPTIONS_AN_IMAGE]
    if len(ids) != n_images:
        raise FileFormatError(f"there are {len(ids):,} ids", where=str(path), expected=f"{n_images:,}, one an image")
    return _Ids(tuple(ids), path, lines_an_id)


def _check_shapes(root: Path, splits: Sequence[_Split]) -> None:
    first = splits[0]
    for split in splits[1:]:
        if split.features.shape[1:] != first.features.shape[1:]:
            raise FileFormatError(
                f"the regions of {split.name} have the shape {split.features.shape[1:]}",
                where=str(root),
                expected=f"{first.features.shape[1:]}, as in {first.name}",
            )


def _check_ids(splits: Sequence[_Split]) -> None:
    first: dict[str, str] = {}
    for split in splits:
        for row, identifier in enumerate(split.ids.values):
            if identifier in first:
                raise IdentifierError(
                    f"the id {identifier!r} is listed again",
                    where=split.ids.where(row),
                    expected="unique ids",
                    fix=f"It was first at {first[identifier]}",
                )
            first[identifier] = split.ids.where(row)
