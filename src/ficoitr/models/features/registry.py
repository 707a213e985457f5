"""The features that have a name: one line each, imported only when asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ficoitr.errors import OptionError, did_you_mean
from ficoitr.extras import require
from ficoitr.outputs.files import require_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ficoitr.models.base import Progress
    from ficoitr.models.features.base import Extractor, FittedTextExtractor

ENTRY_POINT_GROUP = "ficoitr.features"


@dataclass(frozen=True)
class FeatureEntry:
    """Features that can be extracted by name.

    Parameters
    ----------
    name : str
        What the user types.
    modality : str
        ``"image"`` or ``"text"``; ``"unknown"`` for an extractor of another package, which is not imported to find
        out.
    description : str
        One line.
    source : str
        ``"package.module:Class"``, a class that is an `Extractor`.
    shape : tuple of int
        Of the features of one item; empty where it is not known before.
    weights : {"none", "package", "file"}
        Whether they have weights, and whether a package brings them or the user a file.
    fitted : bool
        Whether they are learnt from the texts of a training split.
    needs : tuple of str
        Libraries of the extra ``models``.
    """

    name: str
    modality: str
    description: str
    source: str
    shape: tuple[int, ...] = ()
    weights: str = "none"
    fitted: bool = False
    needs: tuple[str, ...] = ()

    def extractor_class(self) -> Any:
        """Import the class.

        Raises
        ------
        MissingExtraError
            If a library that it needs is not installed.
        """
        for library in self.needs:
            require(library, "models")
        module, _, attribute = self.source.partition(":")
        return getattr(importlib.import_module(module), attribute)


_HERE = "ficoitr.models.features"
_BUILT_IN = (
    FeatureEntry(
        "global",
        "image",
        "colours, gradients and 12 × 12 pixels of the whole image",
        f"{_HERE}.classic_sets:GlobalFeatures",
        (780,),
    ),
    FeatureEntry(
        "regions",
        "image",
        "mean of colours, gradients, 8 × 8 pixels and geometry of the regions",
        f"{_HERE}.classic_sets:RegionMeans",
        (345,),
    ),
    FeatureEntry(
        "region-set",
        "image",
        "the same of each region: the boxes that a dataset knows, or fixed ones",
        f"{_HERE}.classic_sets:RegionSets",
        (8, 345),
    ),
    FeatureEntry(
        "efficientnet-lite0",
        "image",
        "EfficientNet-Lite0, mean of its last grid; weights by package",
        f"{_HERE}.efficientnet:GlobalEfficientNet",
        (1280,),
        weights="package",
        needs=("torch",),
    ),
    FeatureEntry(
        "efficientnet-lite0-grid",
        "image",
        "the 7 × 7 fields of that grid as regions, row by row",
        f"{_HERE}.efficientnet:GridEfficientNet",
        (49, 1280),
        weights="package",
        needs=("torch",),
    ),
    FeatureEntry(
        "vgg19",
        "image",
        "VGG-19, second fully connected layer after its ReLU (fc7)",
        f"{_HERE}.vgg:VGG19",
        (4096,),
        weights="file",
        needs=("torch",),
    ),
    FeatureEntry(
        "minilm",
        "text",
        "sentence vectors of all-MiniLM-L6-v2; weights by package",
        f"{_HERE}.minilm:MiniLM",
        (384,),
        weights="package",
        needs=("torch", "tokenizers", "safetensors"),
    ),
    FeatureEntry(
        "minilm-tokens",
        "text",
        "states of the first 32 tokens in all-MiniLM-L6-v2, as ADV reads them; weights by package",
        f"{_HERE}.minilm:MiniLMTokens",
        (32, 384),
        weights="package",
        needs=("torch", "tokenizers", "safetensors"),
    ),
    FeatureEntry(
        "doc2vec",
        "text",
        "Doc2Vec (distributed bag of words), learnt from training texts",
        f"{_HERE}.doc2vec:Doc2Vec",
        (300,),
        fitted=True,
        needs=("gensim",),
    ),
    FeatureEntry(
        "bag-of-words",
        "text",
        "which of the most frequent words of training texts a text has",
        f"{_HERE}.words:BagOfWords",
        fitted=True,
    ),
)


def feature_names(modality: str | None = None) -> tuple[FeatureEntry, ...]:
    """List the features that can be extracted by name, without importing their extractors.

    Parameters
    ----------
    modality : {"image", "text"}, optional
        By default both. Features of other packages, of which that is not known, are always listed.

    Returns
    -------
    tuple of FeatureEntry
        The built-in features, then those of installed packages (entry points of the group ``ficoitr.features``; the
        entry point refers to an `Extractor` class).

    Examples
    --------
    >>> [entry.name for entry in feature_names("text")][:3]
    ['minilm', 'minilm-tokens', 'doc2vec']
    """
    taken = {entry.name for entry in _BUILT_IN}
    installed = tuple(
        FeatureEntry(
            name=point.name,
            modality="unknown",
            description=f"installed by {point.dist.name}" if point.dist else "installed by another package",
            source=point.value,
            weights="package",
        )
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
        if point.name not in taken
    )
    return tuple(entry for entry in _BUILT_IN + installed if modality in (None, entry.modality, "unknown"))


def find_features(name: str, modality: str | None = None, *, others: Iterable[str] = ()) -> FeatureEntry:
    """Find features by their name.

    Parameters
    ----------
    name : str
    modality : {"image", "text"}, optional
        By default both.
    others : iterable of str
        What else could have been asked for, where this is called: the message lists it.

    Raises
    ------
    OptionError
        If there are none of that name.
    """
    entries = {entry.name: entry for entry in feature_names(modality)}
    if name not in entries:
        known = (*others, *entries)
        raise OptionError(
            f"there are no {f'{modality} ' if modality else ''}features {name!r}",
            where="features",
            expected=f"one of {', '.join(known)}",
            fix=did_you_mean(name, known),
        )
    return entries[name]


def load_extractor(name: str, *, weights: str | Path | None = None) -> Extractor:
    """Load an extractor by its name, once for all who ask: a network is kept in memory.

    Parameters
    ----------
    name : str
        A name of `feature_names`, of features that are not learnt from texts.
    weights : path, optional
        A file of weights, ``.pth`` or ``.safetensors``, in place of the packaged ones, or where there are none.

    Raises
    ------
    OptionError
        For an unknown name, features that have to be learnt, weights where none are used, or none where needed.
    FileFormatError
        If the weights are missing, damaged or of another network.
    MissingExtraError
        If a library or a package of weights is not installed.
    """
    entry = find_features(name)
    if entry.fitted:
        raise OptionError(
            f"the features {name!r} have to be learnt from texts first",
            where="features",
            fix=f"Pass fit_extractor({name!r}, texts) instead of the name",
        )
    if weights is None and entry.weights == "file":
        raise OptionError(
            f"the features {name!r} need a file of weights, which no package brings",
            where="weights",
            expected="a .pth or .safetensors file of that network",
        )
    if weights is None:
        return _load(entry, None, None)
    if entry.weights == "none":
        raise OptionError(f"the features {name!r} have no weights", where="weights", fix="Leave the file away")
    path = Path(weights)
    require_file(path)
    facts = path.stat()
    return _load(entry, path, (facts.st_mtime_ns, facts.st_size))


@lru_cache(maxsize=4)
def _load(entry: FeatureEntry, weights: Path | None, _version: tuple[int, int] | None) -> Extractor:
    options = {} if weights is None else {"weights": weights}
    extractor: Extractor = entry.extractor_class()(**options)
    return extractor


def fit_extractor(
    name: str, texts: Sequence[str], *, seed: int = 0, progress: Progress | None = None
) -> FittedTextExtractor:
    """Learn text features from the texts of a training split.

    Raises
    ------
    OptionError
        For an unknown name, or features that are not learnt.
    ValuesError
        If the texts have too little in common.

    Examples
    --------
    >>> words = fit_extractor("bag-of-words", ["a red car", "a blue car", "the sea"])
    >>> words(["a car in a red garage"]).shape
    (1, 5)
    """
    entry = find_features(name, "text")
    if not entry.fitted:
        raise OptionError(f"the features {name!r} are not learnt from texts", where="features")
    fitted: FittedTextExtractor = entry.extractor_class().fit(texts, seed=seed, progress=progress)
    return fitted
