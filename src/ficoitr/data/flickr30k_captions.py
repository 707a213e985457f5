"""The captions of Flickr30K's validation and test images, in four languages, without the photos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ficoitr.data.files import read_lines
from ficoitr.data.records import ImageRecord, dataset_from_records
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from pathlib import Path

    from ficoitr.data.dataset import Dataset

_SPLITS = {"validation": "dev", "test": "test"}
_TRANSLATED = {"de": 5, "fr": 1, "cs": 1}


def load(root: Path, *, language: str = "en") -> Dataset:
    """Load Karpathy's validation and test captions of Flickr30K, or Multi30K's translations of the test captions.

    Parameters
    ----------
    root : Path
        The folder with ``karpathy_{dev,test}_caps.txt`` (five consecutive lines an image), ``test_images.txt``
        (their file names, in the same order) and ``multi30k/``.
    language : {"en", "de", "fr", "cs"}
        ``en``: five captions an image, of both splits. Others: of the test images only, in German five captions,
        written independently, in French and Czech a translation of one English caption (Elliott et al. 2016, 2017;
        Barrault et al. 2018).

    Returns
    -------
    Dataset
        1,014 validation images, which have no names here (``dev-0`` …), and 1,000 test images. It has no pixels.

    Raises
    ------
    FileFormatError
        If a file is missing or their lines do not correspond.
    OptionError
        For another language.
    """
    names = root / "test_images.txt"
    images = [name.strip() for name in read_lines(names)]
    if language == "en":
        records = [
            record
            for split, short in _SPLITS.items()
            for record in _english(root / f"karpathy_{short}_caps.txt", split, images if split == "test" else None)
        ]
    elif language in _TRANSLATED:
        records = _translated(root / "multi30k", language, images)
    else:
        raise OptionError(f"{language!r} is unknown", where="language", expected=f"one of en, {', '.join(_TRANSLATED)}")
    return dataset_from_records("flickr30k-captions", records, root, pixels="none")


def _english(path: Path, split: str, images: list[str] | None) -> list[ImageRecord]:
    lines = [line.strip() for line in read_lines(path)]
    n_images, rest = divmod(len(lines), 5)
    if rest or (images is not None and n_images != len(images)):
        raise FileFormatError(
            f"the file has {len(lines):,} lines",
            where=str(path),
            expected="five lines an image" + ("" if images is None else f", {5 * len(images):,} of them"),
        )
    return [
        ImageRecord(
            id=images[row] if images else f"dev-{row}",
            path=None,
            texts=tuple(lines[5 * row : 5 * row + 5]),
            where=f"{path}, line {5 * row + 1}",
            split=split,
        )
        for row in range(n_images)
    ]


def _translated(folder: Path, language: str, images: list[str]) -> list[ImageRecord]:
    count = _TRANSLATED[language]
    files = [f"test_2016.{number}.{language}.gz" for number in range(1, count + 1)]
    paths = [folder / name for name in (files if count > 1 else [f"task1_test_2016_flickr.{language}.gz"])]
    columns = [read_lines(path) for path in paths]
    for path, lines in zip(paths, columns, strict=True):
        if len(lines) != len(images):
            raise FileFormatError(
                f"the file has {len(lines):,} lines", where=str(path), expected=f"{len(images):,}, one an image"
            )
    return [
        ImageRecord(
            id=image,
            path=None,
            texts=tuple(lines[row].strip() for lines in columns),
            where=f"{paths[0]}, line {row + 1}",
            split="test",
        )
        for row, image in enumerate(images)
    ]
