"""The datasets that have a name: one line each, loaded only when asked for."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ficoitr.errors import FileFormatError, OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ficoitr.data.dataset import Dataset

ENTRY_POINT_GROUP = "ficoitr.datasets"


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset that can be loaded by name.

    Parameters
    ----------
    name : str
        What the user types.
    description : str
        One line.
    loader : str
        ``"package.module:function"``; called as ``function(root, **options)``, or as
        ``function(**options)`` if the dataset needs no folder.
    needs_root : bool
        Whether the dataset is read from a folder.
    marker : str, optional
        The file (a glob pattern) by which a folder is recognised as this dataset.
    options : mapping
        Options of the loader that make this a variant of a dataset, which then bears the name of the entry.
    """

    name: str
    description: str
    loader: str
    needs_root: bool = True
    marker: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def function(self) -> Callable[..., Dataset]:
        """Import the loader."""
        module, _, attribute = self.loader.partition(":")
        function: Callable[..., Dataset] = getattr(importlib.import_module(module), attribute)
        return function


_COCO = {"captions": "dataset_coco.json"}

_BUILT_IN = (
    DatasetEntry("scenes", "generated pictures, five captions each", "ficoitr.data.scenes:load", needs_root=False),
    DatasetEntry("folder", "images/ and captions.csv", "ficoitr.data.folder:load", marker="captions.csv"),
    DatasetEntry("karpathy", "Karpathy's JSON and images", "ficoitr.data.karpathy:load", marker="dataset_*.json"),
    DatasetEntry("coco", "COCO, Karpathy's split, 25,010 test texts", "ficoitr.data.karpathy:load", options=_COCO),
    DatasetEntry(
        "coco-25000",
        "the same with the first five texts of each image",
        "ficoitr.data.karpathy:load",
        options={**_COCO, "texts_per_image": 5},
    ),
    DatasetEntry(
        "coco-1k5",
        "the same with the test images in five splits of 1,000",
        "ficoitr.data.karpathy:load",
        options={**_COCO, "texts_per_image": 5, "test_folds": True},
    ),
    DatasetEntry(
        "flickr30k",
        "Flickr30K, Karpathy's split",
        "ficoitr.data.karpathy:load",
        options={"captions": "dataset_flickr30k.json"},
    ),
    DatasetEntry("coco338", "338 COCO photos, 80 labels", "ficoitr.data.coco338:load", marker="coco338.json"),
    DatasetEntry("coco5k", "COCO's 5,000 test images without pixels", "ficoitr.data.coco5k:load", marker="coco5k.npz"),
    DatasetEntry("coco-captions", "COCO's own JSON and images", "ficoitr.data.coco:load", marker="**/captions_*.json*"),
    DatasetEntry("flickr8k", "Flickr8k, 1,000 photos or all", "ficoitr.data.flickr8k:load", marker="captions_1000.csv"),
    DatasetEntry(
        "flickr30k-captions",
        "Flickr30K's dev and test captions in four languages",
        "ficoitr.data.flickr30k_captions:load",
        marker="karpathy_test_caps.txt",
    ),
)


def dataset_names() -> tuple[DatasetEntry, ...]:
    """List the datasets that can be loaded by name, without importing their loaders.

    Returns
    -------
    tuple of DatasetEntry
        The built-in datasets, then those of installed packages (entry points of the group
        ``ficoitr.datasets``; the entry point refers to a function ``load(root=None, **options)``).

    Examples
    --------
    >>> [entry.name for entry in dataset_names()][:2]
    ['scenes', 'folder']
    """
    # Imported here: it takes longer than the rest of this module.
    from importlib.metadata import entry_points

    taken = {entry.name for entry in _BUILT_IN}
    installed = tuple(
        DatasetEntry(
            name=point.name,
            description=f"installed by {point.dist.name}" if point.dist else "installed by another package",
            loader=point.value,
            needs_root=False,
        )
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
        if point.name not in taken
    )
    return _BUILT_IN + installed


def load_dataset(name: str | Path, root: str | Path | None = None, **options: Any) -> Dataset:
    """Load a dataset by its name, or from a folder.

    Parameters
    ----------
    name : str or Path
        A name of ``dataset_names``, or the path of a folder, whose layout is recognised by its files.
    root : str or Path, optional
        The folder that the dataset is read from.
    **options
        Options of the dataset's loader, such as ``seed=1`` for ``scenes``.

    Returns
    -------
    Dataset

    Raises
    ------
    OptionError
        For an unknown name or option, or if the folder is not given.
    FileFormatError
        If the folder does not exist or its files cannot be used.

    Examples
    --------
    >>> dataset = load_dataset("scenes", train=40, validation=10, test=10)
    >>> len(dataset.images), len(dataset.texts)
    (60, 300)
    """
    entry = _find(str(name))
    if entry is None:
        root = _existing_folder(Path(name)) if root is None and Path(name).exists() else None
        if root is None:
            raise _unknown(str(name))
        entry = _recognise(root)
    function = entry.function()
    positional: tuple[Path, ...] = ()
    if root is not None:
        positional = (_existing_folder(Path(root)),)
    elif entry.needs_root:
        raise OptionError(
            f"the dataset {entry.name!r} is read from a folder, but none is given",
            where="root",
            fix="Give the folder as root (on the command line --root)",
        )
    _check_options(entry, function, positional, options)
    dataset = function(*positional, **{**entry.options, **options})
    return replace(dataset, name=entry.name) if entry.options else dataset


def _find(name: str) -> DatasetEntry | None:
    return next((entry for entry in dataset_names() if entry.name == name), None)


def _unknown(name: str) -> OptionError:
    names = [entry.name for entry in dataset_names()]
    return OptionError(
        f"there is no dataset or folder {name!r}",
        where="name",
        expected=f"one of {', '.join(names)}, or the path of a folder",
        fix=did_you_mean(name, names),
    )


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise FileFormatError(f"the dataset's folder {what}", where=str(path))
    return path


def _recognise(folder: Path) -> DatasetEntry:
    candidates = [entry for entry in _BUILT_IN if entry.marker]
    for entry in candidates:
        if any(folder.glob(entry.marker or "")):
            return entry
    markers = ", ".join(f"{entry.marker} ({entry.name})" for entry in candidates)
    raise FileFormatError(
        "no known dataset layout is in this folder", where=str(folder), expected=f"one of the files {markers}"
    )


def _check_options(
    entry: DatasetEntry,
    function: Callable[..., Dataset],
    positional: tuple[Path, ...],
    options: dict[str, Any],
) -> None:
    signature = inspect.signature(function)
    try:
        signature.bind(*positional, **options)
    except TypeError as problem:
        known = [name for name in signature.parameters if name != "root"]
        raise OptionError(
            f"the dataset {entry.name!r} cannot be loaded so: {problem}",
            where="options",
            expected=f"options among {', '.join(known)}" if known else "no options",
        ) from problem
