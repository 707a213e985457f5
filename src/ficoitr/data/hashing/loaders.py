"""MIRFlickr-25K, NUS-WIDE, IAPR TC-12 and COCO as the files of DCMH, DADH and UCCH hold them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.data.absent import AbsentImages, AbsentTexts
from ficoitr.data.arrays import has_array, read_matrix, read_strings
from ficoitr.data.hashing import layouts
from ficoitr.data.hashing.splits import HashingDataset, choose
from ficoitr.data.stored import StoredFeatures
from ficoitr.errors import FicoitrWarning, FileFormatError, IdentifierError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ficoitr.data.arrays import Array
    from ficoitr.data.hashing.layouts import HashingSet, Layout, Part

_BLOCK_BYTES = 1 << 26


def mirflickr25k(root: Path, *, splits: str = "dcmh", layout: str | None = None) -> HashingDataset:
    """Load MIRFlickr-25K (Huiskes and Lew 2008): 20,015 pairs, 24 labels, 1,386 tags.

    Parameters
    ----------
    root : Path
        The folder of the files, or one above the folders that DCMH's archive has for each.
    splits : {"dcmh", "dadh", "ucch"}
        ``dcmh``: the first 2,000 pairs are queries and the next 10,000 train. ``dadh``: the last 2,000 are queries
        and the first 10,000 train. ``ucch``: the last 2,000 are queries and all others train. What is searched is
        everything but the queries, see `HashingDataset`.
    layout : {"separate", "merged"}, optional
        ``separate``: ``mirflickr25k-lall.mat``, ``-yall.mat``, and if they are there ``-iall-vgg.mat`` (the
        features ``vgg19``) and ``-fall.mat`` (file names, the identifiers). ``merged``: DADH's ``FLICKR-25K.mat``
        (``cnn-f``). Needed only where the folder has both.

    Returns
    -------
    HashingDataset
        Without pixels and words. Identifiers are positions where no file names are known.

    Raises
    ------
    FileFormatError, IdentifierError
        If a file is missing or damaged, or its arrays do not fit together.
    OptionError
        For unknown splits or another layout.
    """
    return _load(root, layouts.MIRFLICKR25K, splits, layout)


def nus_wide_tc10(root: Path, *, splits: str = "ucch", layout: str | None = None) -> HashingDataset:
    """Load NUS-WIDE (Chua and others 2009) with its ten commonest concepts: 186,557 pairs, 1,000 tags.

    Parameters
    ----------
    root : Path
        The folder of ``nus-wide-tc10-lall.mat`` and ``-yall.mat``, and if they are there ``-xall-vgg.mat`` (the
        features ``vgg19``, 3 GB) and ``-fall.mat`` (file names).
    splits : {"ucch"}
        The last 2,100 pairs are queries, all others train.
    layout : {"separate"}, optional

    Returns
    -------
    HashingDataset
        See `mirflickr25k`, also for errors. The authors do not say which column is which concept: labels have numbers.
    """
    return _load(root, layouts.NUS_WIDE_TC10, splits, layout)


def nus_wide_tc21(root: Path, *, splits: str = "dadh", layout: str | None = None) -> HashingDataset:
    """Load NUS-WIDE with its 21 commonest concepts: 195,834 pairs, 1,000 tags.

    Parameters
    ----------
    root : Path
        The folder of DADH's ``NUS-WIDE-TC21.mat`` (the features ``cnn-f``), or of the files of ``separate``.
    splits : {"dadh", "dcmh"}
        The first 2,100 pairs are queries, and the next 10,000 (``dadh``) or 10,500 (``dcmh``, Jiang and Li 2017)
        train.
    layout : {"merged", "separate"}, optional
        ``separate``: as for `nus_wide_tc10`. Needed only where the folder has both.

    Returns
    -------
    HashingDataset
        See `nus_wide_tc10`, and `mirflickr25k` for errors.
    """
    return _load(root, layouts.NUS_WIDE_TC21, splits, layout)


def iapr_tc12(root: Path, *, splits: str = "ucch", layout: str | None = None) -> HashingDataset:
    """Load IAPR TC-12 (Grubinger and others 2006): 20,000 pairs, 255 labels, 2,912 words as a bag.

    Parameters
    ----------
    root : Path
        The folder of ``iapr-tc12-rand.mat``, whose ``…Database`` and ``…Test`` arrays are put one below the other.
    splits : {"ucch"}
        The last 2,000 pairs are queries, all others train.
    layout : {"merged"}, optional

    Returns
    -------
    HashingDataset
        See `mirflickr25k`, also for errors. The labels have no agreed names, but numbers.
    """
    return _load(root, layouts.IAPR_TC12, splits, layout)


def coco_doc2vec(root: Path, *, splits: str = "ucch", layout: str | None = None) -> HashingDataset:
    """Load UCCH's file of COCO: 122,218 labelled images, 80 labels, one 300-d Doc2Vec vector an image.

    Parameters
    ----------
    root : Path
        The folder of ``MSCOCO_deep_doc2vec_data_rand.h5py``.
    splits : {"ucch"}
        The last 5,000 pairs are queries, all others train.
    layout : {"merged"}, optional

    Returns
    -------
    HashingDataset
        See `mirflickr25k`, also for errors. UCCH does not say which column is which category: labels have numbers.
    """
    return _load(root, layouts.COCO_DOC2VEC, splits, layout)


def _load(root: Path, known: HashingSet, splits: str, layout: str | None) -> HashingDataset:
    positions = choose(splits, known.splits)
    chosen = _recognise(root, known, layout)
    source = _existing(root, chosen.labels)
    labels = [_labels(source, name, known.n_labels) for name in chosen.labels.arrays]
    rows = [len(one) for one in labels]
    n_pairs = sum(rows)
    if n_pairs != known.n_pairs:
        warnings.warn(
            f"{source}: it has {n_pairs:,} pairs, the published dataset {known.n_pairs:,}; the splits are counted in "
            "positions, so that figures cannot be compared with the papers'",
            FicoitrWarning,
            stacklevel=3,
        )
    ids = _ids(root, chosen, n_pairs)
    images = find(root, chosen.images.file)
    with_images = images is not None and has_array(images, chosen.images.arrays[0])
    return HashingDataset(
        name=known.name,
        images=AbsentImages(n_pairs, _no_pixels(chosen, with_images=with_images)),
        image_ids=ids,
        texts=AbsentTexts(n_pairs, known.no_words),
        text_ids=ids,
        text_to_image=np.arange(n_pairs),
        categories=np.concatenate(labels),
        category_names=known.label_names or tuple(f"label {number}" for number in range(1, known.n_labels + 1)),
        splits=positions.of(n_pairs, str(source)),
        image_features={chosen.image_features: _features(root, chosen.images, rows)} if with_images else {},
        text_features={known.text_features: _features(root, chosen.texts, rows)},
    )


def find(root: Path, file: str) -> Path | None:
    """Return the file of that name in a folder or in one of its folders, if there is one."""
    if (root / file).is_file():
        return root / file
    return next(iter(sorted(root.glob(f"*/{file}"))), None)


def _existing(root: Path, part: Part) -> Path:
    path = find(root, part.file)
    if path is None:
        raise FileFormatError("the file does not exist", where=str(root / part.file))
    return path


def _recognise(root: Path, known: HashingSet, layout: str | None) -> Layout:
    names = ", ".join(repr(one.name) for one in known.layouts)
    if layout is not None:
        for one in known.layouts:
            if one.name == layout:
                return one
        raise OptionError(f"{layout!r} is unknown", where="layout", expected=f"one of {names}")
    found = [one for one in known.layouts if find(root, one.labels.file) is not None]
    if not found:
        files = " or ".join(one.labels.file for one in known.layouts)
        raise FileFormatError(f"no file of {known.name!r} is in this folder", where=str(root), expected=files)
    if len(found) > 1:
        files = ", ".join(one.labels.file for one in found)
        raise OptionError(f"the folder has {files}", where="layout", expected=f"one of {names}", fix="Choose one")
    return found[0]


def _labels(path: Path, name: str, n_labels: int) -> np.ndarray:
    values = read_matrix(path, name)
    if values.shape[1] != n_labels:
        raise FileFormatError(
            f"{name!r} has {values.shape[1]:,} columns", where=str(path), expected=f"{n_labels}, a column a label"
        )
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise FileFormatError(
            f"{name!r} holds {values[row, column]}", where=f"{path}, row {row}, column {column}", expected="0 or 1"
        )
    return values.astype(np.bool_)


def _features(root: Path, part: Part, rows: Sequence[int]) -> StoredFeatures:
    path = _existing(root, part)
    return StoredFeatures.of(*(read_features(path, name, rows=n) for name, n in zip(part.arrays, rows, strict=True)))


def read_features(path: Path, name: str, *, rows: int) -> Array:
    """Read a table of features, all of them finite.

    Raises
    ------
    FileFormatError
        As for `read_matrix`, or if a value is NaN or infinite; the message names the row.
    """
    values = read_matrix(path, name, rows=rows)
    if not np.issubdtype(values.dtype, np.floating):
        return values
    size = max(1, _BLOCK_BYTES // (values.shape[1] * values.itemsize))
    for start in range(0, len(values), size):
        finite = np.isfinite(values[start : start + size]).all(axis=1)
        if not finite.all():
            row = start + int(np.argmin(finite))
            raise FileFormatError(f"{name!r} holds NaN or infinity", where=f"{path}, row {row}", expected="numbers")
    return values


def _ids(root: Path, layout: Layout, n_pairs: int) -> tuple[str, ...]:
    path = find(root, layout.image_names.file) if layout.image_names else None
    if path is None or layout.image_names is None:
        return tuple(map(str, range(n_pairs)))
    name = layout.image_names.arrays[0]
    ids = read_strings(path, name)
    if len(ids) != n_pairs:
        raise FileFormatError(
            f"{name!r} has {len(ids):,} names", where=str(path), expected=f"{n_pairs:,}, a row an item"
        )
    first: dict[str, int] = {}
    for row, identifier in enumerate(ids):
        if first.setdefault(identifier, row) != row:
            raise IdentifierError(
                f"{identifier!r} stands in rows {first[identifier]} and {row}", where=str(path), expected="unique names"
            )
    return tuple(ids)


def _no_pixels(layout: Layout, *, with_images: bool) -> str:
    if with_images:
        return f"Its files hold features of the photos: see image_features[{layout.image_features!r}]"
    return (
        f"Features of the photos would be in {layout.images.file}, under the name {layout.images.arrays[0]!r}, "
        "which is not there"
    )
