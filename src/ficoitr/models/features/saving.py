"""Features as a file of their own, with the identifiers of its rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ficoitr.models.features.extract import extract_features, find_stored
from ficoitr.models.features.registry import find_features, fit_extractor
from ficoitr.outputs.embeddings import write_ids
from ficoitr.outputs.files import atomic_path, require_target

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress
    from ficoitr.models.features.base import Extractor, Modality

_BLOCK_ROWS = 256


def save_features(
    dataset: Dataset,
    features: str,
    path: Path,
    *,
    modality: Modality | None = None,
    learn_from: Dataset | None = None,
    weights: str | Path | None = None,
    cache: str | Path | None = None,
    progress: Progress | None = None,
) -> tuple[int, ...]:
    """Extract features into one ``.npy`` file, with the identifiers of the images or texts beside it.

    Parameters
    ----------
    dataset : Dataset
    features : str
        A name of `feature_names`, or of features that the dataset brings.
    modality : {"image", "text"}, optional
        Of which side; needed only if the dataset brings features of that name for both.
    path : Path
        The file; the identifiers lie in ``<name>.ids.txt``, one a line.
    learn_from : Dataset, optional
        Where features that have to be learnt are learnt: its split train, or all of it if there is none. By default
        the dataset itself.
    weights : path, optional
        See `load_extractor`.
    cache : path, optional
        A folder to extract in. By default a hidden one beside the file, which goes when the file is there.
    progress : callable, optional
        Called after each batch.

    Returns
    -------
    tuple of int
        The shape of what was written.

    Raises
    ------
    OutputError
        If the file or the folder cannot be written.
    FicoitrError
        See `extract_features`.
    """
    require_target(path, suffix=".npy")
    side, source = _source(dataset, features, modality, learn_from or dataset, progress)
    folder = path.with_name(f".{path.stem}.features") if cache is None else Path(cache)
    values = extract_features(dataset, source, modality=side, weights=weights, cache=folder, progress=progress)
    with atomic_path(path) as temporary:
        written = np.lib.format.open_memmap(temporary, "w+", values.dtype, values.shape)
        for start in range(0, len(values), _BLOCK_ROWS):
            written[start : start + _BLOCK_ROWS] = values[start : start + _BLOCK_ROWS]
        written.flush()
    write_ids(path, dataset.image_ids if side == "image" else dataset.text_ids)
    if cache is None:
        shutil.rmtree(folder, ignore_errors=True)
    return tuple(values.shape)


def _source(
    dataset: Dataset, features: str, modality: Modality | None, learn_from: Dataset, progress: Progress | None
) -> tuple[Modality, str | Extractor]:
    if find_stored(dataset, features, modality) is not None:
        return modality or ("image" if features in dataset.image_features else "text"), features
    entry = find_features(features, modality)
    if not entry.fitted:
        side: Modality = entry.extractor_class().modality
        return side, features
    texts = (learn_from.split("train") if "train" in learn_from.split_names else learn_from).texts
    return "text", fit_extractor(features, texts, progress=progress)
