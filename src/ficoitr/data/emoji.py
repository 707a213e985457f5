"""Emoji: small pictures of everything, with names, tags, groups and subgroups."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from ficoitr.data.fetch import dataset_folder
from ficoitr.data.files import read_json
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

Kinds = Literal["both", "groups", "subgroups"]

_EMOJI = "emoji-datasource-google/emoji.json"
_PICTURES = "emoji-datasource-google/img/google/64"
_TAGS = "emojibase-data/en/data.json"
_N_TEST = 511
_FETCH = "Fetch them: ficoitr data fetch emoji"


class _Emoji(msgspec.Struct):
    name: str
    unified: str
    image: str
    short_names: list[str]
    category: str
    subcategory: str
    has_img_google: bool


class _English(msgspec.Struct):
    hexcode: str
    label: str
    tags: list[str] = []


def load(root: Path | None = None, *, categories: Kinds = "both") -> Dataset:
    """Load the emoji: 1,400 for training and 511 to test, 64 × 64 pixels on white.

    Parameters
    ----------
    root : Path, optional
        The folder of the npm packages ``emoji-datasource-google`` and ``emojibase-data``; by default where
        ``ficoitr data fetch emoji`` puts them.
    categories : {"both", "groups", "subgroups"}
        The 10 groups, the 99 subgroups, each of which lies in one group, or both. With both, two emoji of one
        subgroup share two labels, and two of one group share one: graded relevance, whose binary form is that of the
        groups.

    Returns
    -------
    Dataset
        One image an emoji: the entries of ``emoji.json``, of which skin tones are variants. Identifiers are their
        code points (``1f913``). The texts of an emoji are its English name (``#name``), its other names (``#other-1``,
        …: its Unicode name in small letters, then its short names as words) and its tags as one text (``#tags``),
        each only if it differs from those before by more than case and punctuation.

    Raises
    ------
    FileFormatError
        If a file is missing or of another form.
    OptionError
        For another value of ``categories``.

    Notes
    -----
    The split is for ever: emoji are sorted by subgroup, then by the SHA-256 of their identifier, and the i-th of N is
    for testing if ⌊511 (i + 1) / N⌋ > ⌊511 i / N⌋, so that every subgroup has its share, to within one.
    """
    if categories not in ("both", "groups", "subgroups"):
        raise OptionError(f"{categories!r} is unknown", where="categories", expected="'both', 'groups' or 'subgroups'")
    folder = dataset_folder("emoji") if root is None else root
    for needed in (_EMOJI, _TAGS):
        if not (folder / needed).is_file():
            raise FileFormatError(f"there is no {needed}", where=str(folder), fix=_FETCH)
    source = folder / _EMOJI
    entries = [one for one in read_json(source, list[_Emoji], expected="emoji-datasource") if one.has_img_google]
    english = {_code(one.hexcode): one for one in read_json(folder / _TAGS, list[_English], expected="emojibase-data")}
    splits = _splits(entries)
    records = [
        _record(one, folder, f"{source}, {one.unified}", english, splits[_id(one)], categories) for one in entries
    ]
    return dataset_from_records("emoji", records, source)


def _record(
    emoji: _Emoji, folder: Path, where: str, english: Mapping[str, _English], split: str, categories: Kinds
) -> ImageRecord:
    words = english.get(_code(emoji.unified))
    if words is None:
        raise FileFormatError("this emoji has no English name", where=f"{folder / _TAGS}, {emoji.unified}", fix=_FETCH)
    names = _distinct([words.label, emoji.name.lower(), *(_as_words(name) for name in emoji.short_names)])
    kinds = ["name", *(f"other-{number}" for number in range(1, len(names)))]
    texts = _distinct([*names, ", ".join(words.tags)])
    if len(texts) > len(names):
        kinds.append("tags")
    labels = {"both": (emoji.category, emoji.subcategory), "groups": (emoji.category,)}
    return ImageRecord(
        id=_id(emoji),
        path=folder / _PICTURES / emoji.image,
        texts=tuple(texts),
        text_ids=tuple(f"{_id(emoji)}#{kind}" for kind in kinds),
        labels=labels.get(categories, (emoji.subcategory,)),
        split=split,
        where=where,
    )


def _id(emoji: _Emoji) -> str:
    return emoji.unified.lower()


def _code(code_points: str) -> str:
    # The two packages disagree on where to write the variation selector, which only asks for a coloured picture.
    return code_points.replace("-FE0F", "")


def _as_words(short_name: str) -> str:
    # Not the minus sign of "-1", thumbs down.
    return re.sub(r"(?<=[^\W_])[_-]+(?=[^\W_])", " ", short_name)


def _distinct(names: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(" ".join(re.findall(r"\w+", name.casefold())) or name, name)
    return [name for name in first.values() if name]


def _splits(entries: Sequence[_Emoji]) -> dict[str, str]:
    ordered = sorted(entries, key=lambda one: (one.subcategory, hashlib.sha256(_id(one).encode()).hexdigest()))
    count = len(ordered)
    return {
        _id(one): "test" if _N_TEST * (place + 1) // count > _N_TEST * place // count else "train"
        for place, one in enumerate(ordered)
    }
