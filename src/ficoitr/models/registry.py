"""The models that have a name: one line each, imported only when asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ficoitr.errors import OptionError, did_you_mean
from ficoitr.extras import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ficoitr.models.base import Encoder

ENTRY_POINT_GROUP = "ficoitr.models"


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be loaded by name.

    Parameters
    ----------
    name : str
        What the user types.
    granularity : str
        ``"fine"`` or ``"coarse"``; ``"unknown"`` for a model of another package, which is not imported
        to find out.
    description : str
        One line.
    source : str
        ``"package.module:Class"``, a class that is an `Encoder` and takes its options as keywords.
    needs : tuple of str
        Libraries of the extra ``models``.
    """

    name: str
    granularity: str
    description: str
    source: str
    needs: tuple[str, ...] = ()

    def model_class(self) -> Any:
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


_TORCH = ("torch", "safetensors", "yaml")
_WORDS = (*_TORCH, "nltk", "punkt")
_FINE = "ficoitr.models.fine.models:"
_BUILT_IN = (
    ModelEntry(
        "cca",
        "fine",
        "canonical correlation of classic image features and TF-IDF",
        "ficoitr.models.baseline.cca:CCA",
    ),
    ModelEntry("cca-itq", "coarse", "the same, then iterative quantization", "ficoitr.models.baseline.cca_itq:CCAITQ"),
    ModelEntry(
        "cmfh",
        "coarse",
        "collective matrix factorization of images and texts",
        "ficoitr.models.baseline.cmfh:CMFH",
    ),
    ModelEntry(
        "ucch", "coarse", "contrastive hashing without labels", "ficoitr.models.coarse.models:UCCH", needs=_TORCH
    ),
    ModelEntry("dadh", "coarse", "adversarial hashing with labels", "ficoitr.models.coarse.models:DADH", needs=_TORCH),
    ModelEntry(
        "dcmh",
        "coarse",
        "likelihood of shared labels, one modality at a time",
        "ficoitr.models.coarse.peers:DCMH",
        needs=_TORCH,
    ),
    ModelEntry(
        "djsrh",
        "coarse",
        "codes that reconstruct joint similarities",
        "ficoitr.models.coarse.peers:DJSRH",
        needs=_TORCH,
    ),
    ModelEntry(
        "jdsh",
        "coarse",
        "codes that reconstruct weighted similarities",
        "ficoitr.models.coarse.peers:JDSH",
        needs=_TORCH,
    ),
    ModelEntry(
        "dgcpn",
        "coarse",
        "codes that keep shared neighbours",
        "ficoitr.models.coarse.peers:DGCPN",
        needs=_TORCH,
    ),
    ModelEntry(
        "adv",
        "coarse",
        "balanced codes of regions and tokens",
        "ficoitr.models.coarse.adv_model:ADV",
        needs=(*_TORCH, "tokenizers"),
    ),
    ModelEntry("scan", "fine", "words that attend to regions, or regions to words", f"{_FINE}SCAN", needs=_WORDS),
    ModelEntry("vsrn", "fine", "reasoning over a graph of regions, one vector an image", f"{_FINE}VSRN", needs=_WORDS),
    ModelEntry("imram", "fine", "cross attention in steps, with a memory", f"{_FINE}IMRAM", needs=_WORDS),
    ModelEntry("sgraf", "fine", "vectors of similarity, reasoned over or filtered", f"{_FINE}SGRAF", needs=_WORDS),
    ModelEntry("vsepp", "fine", "one vector an image, hardest negatives", f"{_FINE}VSEPP", needs=_WORDS),
    ModelEntry("vse-infinity", "fine", "one vector an image, learnt pooling", f"{_FINE}VSEInfinity", needs=_WORDS),
)


def model_names() -> tuple[ModelEntry, ...]:
    """List the models that can be loaded by name, without importing them.

    Returns
    -------
    tuple of ModelEntry
        The built-in models, then those of installed packages (entry points of the group
        ``ficoitr.models``; the entry point refers to an `Encoder` class).

    Examples
    --------
    >>> [(entry.name, entry.granularity) for entry in model_names()][:2]
    [('cca', 'fine'), ('cca-itq', 'coarse')]
    """
    taken = {entry.name for entry in _BUILT_IN}
    installed = tuple(
        ModelEntry(
            name=point.name,
            granularity="unknown",
            description=f"installed by {point.dist.name}" if point.dist else "installed by another package",
            source=point.value,
        )
        for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
        if point.name not in taken
    )
    return _BUILT_IN + installed


def load_model(name: str, checkpoint: str | Path | None = None, config: Mapping[str, Any] | None = None) -> Encoder:
    """Load a model by its name: to be fitted, or fitted from a checkpoint.

    Parameters
    ----------
    name : str
        A name of `model_names`.
    checkpoint : str or Path, optional
        A file that the model's `save` wrote; or, of models that are trained in epochs, one of its authors' code.
    config : mapping, optional
        Options of the model. A checkpoint brings its own: beside one, for models that are trained in epochs, what the
        model has to be, such as its bits, and for the authors' files, which features it reads.

    Returns
    -------
    Encoder

    Raises
    ------
    OptionError
        For an unknown name or option, or options that a checkpoint does not have.
    FileFormatError
        If the checkpoint is missing or is not of this model.

    Examples
    --------
    >>> model = load_model("cca", config={"dimensions": 32})
    >>> model.granularity, model.measure
    ('fine', 'cosine')
    """
    found = _find(name).model_class()
    if checkpoint is None:
        model: Encoder = found(**(config or {}))
    elif _has_config(found):
        model = found.load(Path(checkpoint), config)
    elif config:
        raise OptionError("a checkpoint brings its own options", where="config", fix="Leave config or checkpoint away")
    else:
        model = found.load(Path(checkpoint))
    return model


def _has_config(model_class: Any) -> bool:
    """Whether a model is trained in epochs, and so has a typed configuration."""
    return hasattr(model_class, "config_class")


def _find(name: str) -> ModelEntry:
    entries = {entry.name: entry for entry in model_names()}
    if name not in entries:
        raise OptionError(
            f"there is no model {name!r}",
            where="name",
            expected=f"one of {', '.join(entries)}",
            fix=did_you_mean(name, entries),
        )
    return entries[name]


def trainable(name: str) -> Any:
    """Return the class of a model that is trained in epochs, and has a typed configuration.

    Raises
    ------
    OptionError
        For an unknown name, or a model that is fitted otherwise.
    MissingExtraError
        If a library that it needs is not installed.
    """
    found = _find(name).model_class()
    if not _has_config(found):
        raise OptionError(
            f"the model {name!r} is not trained in epochs", where="model", fix="Fit it by ficoitr bench, or in Python"
        )
    return found
