"""The Wikipedia articles of Rasiwasia and others (2010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.arrays import read_array, read_matrix
from ficoitr.data.files import read_lines
from ficoitr.data.hashing.loaders import find, read_features
from ficoitr.data.hashing.splits import HashingDataset
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import FileFormatError, IdentifierError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

_FEATURES = "raw_features.mat"
_ROPH = "roph_wiki.mat"
_LISTS = {"train": "trainset_txt_img_cat.list", "test": "testset_txt_img_cat.list"}
_CATEGORIES = "categories.list"
_FIELDS = 3


@dataclass(frozen=True)
class _Lists:
    """What the lists say of each pair, those of the training set first."""

    text_ids: tuple[str, ...]
    image_ids: tuple[str, ...]
    categories: np.ndarray
    splits: np.ndarray
    names: tuple[str, ...]
    sources: tuple[tuple[Path, int], ...]


def wiki(root: Path, *, splits: str = "official") -> HashingDataset:
    """Load 2,866 pairs of an image and a section of a featured Wikipedia article, of one of ten categories each.

    Parameters
    ----------
    root : Path
        The folder of ``raw_features.mat``, ``categories.list`` and ``{train,test}set_txt_img_cat.list``, or the one
        above it. ``roph_wiki.mat`` beside one or the other is read as well.
    splits : {"official", "roph"}
        ``official``: the lists, 2,173 pairs to train on and 693 queries. ``roph``: as many, drawn anew at random by
        the authors of ``roph_wiki.mat``; a quarter of its training pairs are official queries.

    Returns
    -------
    HashingDataset
        Image features ``sift`` (128-d bag of SIFT words) and text features ``lda`` (10 topics); with
        ``roph_wiki.mat``, which gives the same pairs in the same order, also ``roph`` for both (128-d and 100-d; their
        origin is not stated, and they are neither SIFT counts nor topics). Identifiers are those of the lists.

    Raises
    ------
    FileFormatError, IdentifierError
        If a file is missing or damaged, or the files do not fit together; lists with the line.
    OptionError
        For other splits, or for ``roph`` without its file.
    """
    if splits not in ("official", "roph"):
        raise OptionError(f"{splits!r} is unknown", where="splits", expected="'official' or 'roph'")
    source = find(root, _FEATURES)
    if source is None:
        raise FileFormatError("the file does not exist", where=str(root / _FEATURES))
    lists = _read_lists(source.parent)
    image_features = {"sift": _both(source, "I", lists)}
    text_features = {"lda": _both(source, "T", lists)}
    roph = find(root, _ROPH) or find(source.parent, _ROPH)
    if roph is not None:
        _check_same_pairs(roph, lists)
        n_pairs = len(lists.image_ids)
        image_features["roph"] = StoredFeatures.of(_by_columns(roph, "data.X1", n_pairs))
        text_features["roph"] = StoredFeatures.of(_by_columns(roph, "data.X2", n_pairs))
    elif splits == "roph":
        raise OptionError(f"there is no {_ROPH}", where="splits", expected="'official', or that file")
    reason = "Only features of the photos are published with the lists: see image_features"
    return HashingDataset(
        name="wiki",
        images=AbsentImages(len(lists.image_ids), reason),
        image_ids=lists.image_ids,
        texts=AbsentTexts(len(lists.text_ids), "Only features of the articles are here: see text_features"),
        text_ids=lists.text_ids,
        text_to_image=np.arange(len(lists.text_ids)),
        categories=lists.categories[:, None] == np.arange(len(lists.names)),
        category_names=lists.names,
        splits=lists.splits if splits == "official" or roph is None else _roph_splits(roph, len(lists.image_ids)),
        image_features=image_features,
        text_features=text_features,
    )


def _read_lists(folder: Path) -> _Lists:
    names = tuple(read_lines(folder / _CATEGORIES))
    text_ids: dict[str, str] = {}
    image_ids: dict[str, str] = {}
    categories: list[int] = []
    splits: list[str] = []
    sources: list[tuple[Path, int]] = []
    for split, file in _LISTS.items():
        path = folder / file
        lines = read_lines(path)
        for number, line in enumerate(lines, start=1):
            where = f"{path}, line {number}"
            fields = line.split("\t")
            if len(fields) != _FIELDS:
                raise FileFormatError(
                    f"the line has {len(fields)} fields", where=where, expected="text, image and category, with tabs"
                )
            _add(text_ids, fields[0], where)
            _add(image_ids, fields[1], where)
            categories.append(_category(fields[2], len(names), where))
        splits += [split] * len(lines)
        sources.append((path, len(lines)))
    return _Lists(
        tuple(text_ids), tuple(image_ids), np.array(categories, np.int64), np.array(splits), names, tuple(sources)
    )


def _add(seen: dict[str, str], identifier: str, where: str) -> None:
    if identifier in seen:
        raise IdentifierError(
            f"{identifier!r} is listed again",
            where=where,
            expected="unique ids",
            fix=f"It was first at {seen[identifier]}",
        )
    seen[identifier] = where


def _category(field: str, n_categories: int, where: str) -> int:
    if not field.isdecimal() or not 1 <= int(field) <= n_categories:
        raise FileFormatError(f"the category is {field!r}", where=where, expected=f"a number from 1 to {n_categories}")
    return int(field) - 1


def _both(source: Path, modality: str, lists: _Lists) -> StoredFeatures:
    (_, n_train), (_, n_test) = lists.sources
    return StoredFeatures.of(
        read_features(source, f"{modality}_tr", rows=n_train), read_features(source, f"{modality}_te", rows=n_test)
    )


def _by_columns(path: Path, name: str, n_pairs: int) -> np.ndarray:
    # Unlike all other files it has a column an item.
    values = read_matrix(path, name)
    if values.shape[1] != n_pairs:
        raise FileFormatError(f"{name!r} has {values.shape[1]:,} columns", where=str(path), expected=f"{n_pairs:,}")
    return values.T


def _check_same_pairs(roph: Path, lists: _Lists) -> None:
    labels = _by_columns(roph, "data.Y", len(lists.image_ids))
    expected = lists.categories[:, None] == np.arange(len(lists.names))
    if labels.shape != expected.shape or (labels != expected).any():
        path = lists.sources[0][0]
        raise FileFormatError(
            "its labels are not those of the lists", where=str(roph), expected=f"those of {path.parent}"
        )


def _roph_splits(roph: Path, n_pairs: int) -> np.ndarray:
    names = np.full(n_pairs, "", dtype="U5")
    for field, split in (("ind_train", "train"), ("ind_test", "test")):
        rows = np.asarray(read_array(roph, f"data.split.{field}")).ravel().astype(np.int64) - 1
        outside = len(rows) == 0 or rows.min() < 0 or rows.max() >= n_pairs
        if outside or len(np.unique(rows)) < len(rows) or (names[rows] != "").any():
            raise FileFormatError(
                f"'data.split.{field}' holds a number twice or one that does not exist",
                where=str(roph),
                expected=f"numbers from 1 to {n_pairs:,}, each in one split",
            )
        names[rows] = split
    if (names == "").any():
        row = int(np.argmax(names == ""))
        raise FileFormatError(f"the pair {row + 1} is in no split", where=str(roph))
    return names
