"""Real-valued outputs of a model: one vector an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ficoitr.errors import CodesError, FileFormatError, ShapeError
from ficoitr.outputs.checks import Array, as_matrix, check_ids, require_finite
from ficoitr.outputs.files import atomic_path, naming, read_array, read_lines
from ficoitr.outputs.vector_sets import VectorSets


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors of images or texts.

    Parameters
    ----------
    values : array of shape (n_items, n_dimensions)
        Any real dtype; kept as it is, memory-mapped or not.
    ids : sequence of str, optional
        Unique identifiers, one a row.

    Raises
    ------
    ValuesError
        For NaN, infinity, or a dtype that is not real.
    ShapeError
        For anything but a matrix with at least one row and column.
    CodesError
        For bytes above 1: they may be packed hash codes, which are not features.

    Examples
    --------
    >>> import numpy as np
    >>> from ficoitr.outputs import Embeddings
    >>> Embeddings(np.eye(3, 4, dtype="float32"), ids=("a", "b", "c"))
    Embeddings(3 × 4, float32)
    """

    values: Array
    ids: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        name = "embeddings"
        values = as_matrix(self.values, name)
        if values.dtype == np.uint8 and values.max() > 1:
            raise CodesError(
                "unsigned bytes above 1 may be packed hash codes",
                where=name,
                expected="features as floats or signed integers",
                fix="For codes use HashCodes.from_values(codes, packed=True); for features convert to float32",
            )
        require_finite(values, name)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "ids", check_ids(self.ids, len(values), name))

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Embeddings({self.values.shape[0]} × {self.values.shape[1]}, {self.values.dtype})"

    @property
    def nbytes(self) -> int:
        """Bytes of storage: items × dimensions × bytes a number."""
        return int(self.values.nbytes)

    def save(self, path: str | Path) -> None:
        """Write ``path`` (``.npy``) and, with identifiers, ``path`` with the suffix ``.ids.txt``."""
        path = Path(path)
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.save(file, self.values, allow_pickle=False)
        write_ids(path, self.ids)

    @classmethod
    def load(cls, path: str | Path, *, modality: str | None = None, ids: Sequence[str] | None = None) -> Embeddings:
        """Read a ``.npy`` file or a folder of shards, memory-mapped where it is one file.

        Parameters
        ----------
        path : path
            ``x.npy``; a folder of ``.npy`` shards; or a folder with ``img_emb/`` and ``text_emb/`` as
            clip-retrieval writes it, from which ``modality`` chooses.
        modality : {"images", "texts"}, optional
            Which half of a clip-retrieval folder to read.
        ids : sequence of str, optional
            Identifiers; by default those written beside the file.
        """
        path = Path(path)
        own = read_ids(path) if ids is None and path.is_file() else ids
        with naming(str(path)):
            values = _read_shards(path, modality) if path.is_dir() else read_array(path)
            return cls(values, None if own is None else tuple(own))


def _read_shards(folder: Path, modality: str | None) -> Array:
    halves = {"images": folder / "img_emb", "texts": folder / "text_emb"}
    if modality is not None and halves[modality].is_dir():
        folder = halves[modality]
    shards = sorted(folder.glob("*.npy"), key=lambda shard: _natural_key(shard.stem))
    if not shards:
        raise FileFormatError(
            "the folder holds no .npy file",
            where=str(folder),
            expected="x_0.npy, x_1.npy, … or the folders img_emb/ and text_emb/",
        )
    arrays = [read_array(shard) for shard in shards]
    widths = {array.shape[1:] for array in arrays}
    if len(widths) > 1:
        raise ShapeError(f"the shards have different widths: {sorted(widths)}", where=str(folder))
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _natural_key(stem: str) -> tuple[str, int]:
    """Order ``x_10`` after ``x_9``."""
    head, _, tail = stem.rpartition("_")
    return (head, int(tail)) if tail.isdigit() else (stem, -1)


def ids_path(path: Path) -> Path:
    """Where the identifiers of an output file lie."""
    return path.with_suffix(".ids.txt")


def write_ids(path: Path, ids: Sequence[str] | None) -> None:
    """Write identifiers beside an output, one a line; without any, those of an older file go."""
    if ids is None:
        ids_path(path).unlink(missing_ok=True)
    else:
        with atomic_path(ids_path(path)) as temporary:
            temporary.write_text("".join(f"{one}\n" for one in ids), encoding="utf-8")


def read_ids(path: Path) -> tuple[str, ...] | None:
    """Read the identifiers beside an output, if there are any."""
    beside = ids_path(path)
    return tuple(read_lines(beside)) if beside.exists() else None


def as_embeddings(values: Any, *, ids: Sequence[str] | None = None, modality: str) -> Embeddings:
    """Turn whatever a user passes (array, tensor, path, Embeddings) into Embeddings."""
    if isinstance(values, Embeddings):
        return values if ids is None else Embeddings(values.values, tuple(ids))
    if isinstance(values, str | Path):
        return Embeddings.load(values, modality=modality, ids=ids)
    if isinstance(values, VectorSets):
        raise ShapeError(
            "these are sets of vectors, which only the model that made them compares",
            where=modality,
            expected="a vector an item",
            fix="Pass what the model makes of them: evaluate(scores=model.scores(dataset))",
        )
    return Embeddings(
        values if isinstance(values, np.ndarray) else as_matrix(values, modality),
        None if ids is None else tuple(ids),
    )
