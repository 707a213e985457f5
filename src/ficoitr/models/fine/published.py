"""The authors' checkpoints of the fine-grained models as networks that score as theirs do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ficoitr.errors import FileFormatError
from ficoitr.models.fine.checkpoints import read_published
from ficoitr.models.fine.imram_networks import IMRAMNetwork
from ficoitr.models.fine.scan_networks import SCANNetwork
from ficoitr.models.fine.sgraf_networks import SGRAFNetwork
from ficoitr.models.fine.vse_infty_networks import VSEInftyNetwork
from ficoitr.models.fine.vsepp_networks import VSEPPNetwork
from ficoitr.models.fine.vsrn_networks import VSRNNetwork

_NETWORKS: dict[str, Any] = {
    "scan": SCANNetwork,
    "vsrn": VSRNNetwork,
    "imram": IMRAMNetwork,
    "sgraf": SGRAFNetwork,
    "vsepp": VSEPPNetwork,
    "vse-infinity": VSEInftyNetwork,
}

# By an option of the authors' command: what it is here, and how its value becomes ours.
_Choices = Mapping[str, tuple[str, Callable[[Any], Any]]]


def _same(value: Any) -> Any:
    return value


def _negated(value: Any) -> bool:
    return not value


def _imram_mode(value: Any) -> Any:
    return str(value).removesuffix("_IMRAM")


_CHOICES: dict[str, _Choices] = {
    "scan": {
        "no_imgnorm": ("image_norm", _negated),
        "no_txtnorm": ("text_norm", _negated),
        "cross_attn": ("direction", _same),
        "agg_func": ("aggregation", _same),
        "raw_feature_norm": ("raw_feature_norm", _same),
        "lambda_softmax": ("lambda_softmax", float),
        "lambda_lse": ("lambda_lse", float),
    },
    "imram": {
        "model_mode": ("mode", _imram_mode),
        "iteration_step": ("steps", int),
        "lambda_softmax": ("lambda_softmax", float),
        "no_IMRAM_norm": ("normalise", _negated),
    },
    "vsepp": {
        "measure": ("similarity", _same),
        "no_imgnorm": ("image_norm", _negated),
        "use_abs": ("absolute", bool),
    },
}
# Options that no published figure was made with, and that the networks here do not have.
_UNUSED = {
    "vsrn": ("no_imgnorm", "use_abs"),
    "imram": ("no_imgnorm", "no_txtnorm"),
    "sgraf": ("no_imgnorm", "no_txtnorm"),
    "vse-infinity": ("no_imgnorm", "no_txtnorm"),
}


@dataclass(frozen=True, eq=False)
class PublishedNetwork:
    """A checkpoint of the authors' code, as a network.

    Attributes
    ----------
    network : torch.nn.Module
        In evaluation mode; its ``sizes`` are fields of the model's configuration.
    options : dict
        What the authors' command was called with; empty where the checkpoint does not say.
    epoch : int or None
        As the checkpoint says it.
    """

    network: nn.Module
    options: dict[str, Any]
    epoch: int | None


def read_network(path: Path, model: str, **choices: Any) -> PublishedNetwork:
    """Read a checkpoint of a model's authors as a network; no code in it is run.

    Parameters
    ----------
    path : Path
    model : {"scan", "vsrn", "imram", "sgraf", "vsepp", "vse-infinity"}
    **choices
        What no tensor tells, such as ``lambda_softmax``: the keyword arguments of ``from_published`` of the model's
        network. They go before what the checkpoint's options say; what neither says is the published setting for
        Flickr30K.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, of another model or variant, or a tensor is missing, unknown or of another
        shape, see `ficoitr.models.fine.checkpoints.read_published`.
    OptionError
        For another name of a model, or a value out of its range.
    """
    found = read_published(path, model)
    if used := [name for name in _UNUSED.get(model, ()) if found.options.get(name)]:
        raise FileFormatError(
            f"it was trained with {used[0]}", where=str(path), expected="the published way to compare embeddings"
        )
    told = {
        name: convert(found.options[option])
        for option, (name, convert) in _CHOICES.get(model, {}).items()
        if option in found.options
    }
    network = _NETWORKS[model].from_published(found.states, path=path, **{**told, **choices})
    return PublishedNetwork(network.eval(), found.options, found.epoch)
