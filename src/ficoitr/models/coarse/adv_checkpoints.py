"""Checkpoints of ADV's published code, as they are: ``checkpoint_N.pth.tar``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from ficoitr.errors import FileFormatError
from ficoitr.models.coarse.adv_networks import ADVNetwork, PixelEncoder, RegionEncoder, TextEncoder
from ficoitr.models.features.bert import Bert, BertConfig
from ficoitr.models.features.weights import load_weights, read_checkpoint

State = Mapping[str, Tensor]

# What BERT's weights hold beside the encoder: a layer that ADV does not use, and the numbers of positions.
_UNUSED = ("pooler.", "embeddings.position_ids")
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


@dataclass(frozen=True, eq=False)
class PublishedADV:
    """A published checkpoint.

    Attributes
    ----------
    network : ADVNetwork
        In evaluation mode.
    bert : Bert or None
        The frozen text encoder, where the checkpoint has it.
    options : dict
        What the authors' command was called with, such as ``max_words``; empty where the checkpoint does not say.
    epoch : int or None
        How many it was trained for.
    """

    network: ADVNetwork
    bert: Bert | None
    options: dict[str, Any]
    epoch: int | None


def read_published(
    path: Path,
    *,
    bits: int | None = None,
    image_encoder: Literal["regions", "pixels"] | None = None,
    heads: int = 16,
    bert_heads: int = 12,
) -> PublishedADV:
    """Read a checkpoint of the authors' code; no code in it is run.

    Parameters
    ----------
    path : Path
        ``checkpoint_N.pth.tar`` or ``model_best.pth.tar``.
    bits : int, optional
        The length of its codes, if it must be this one.
    image_encoder : {"regions", "pixels"}, optional
        What it must read of an image: regions (re-ranking model) or pixels (screening model).
    heads, bert_heads : int
        Attention heads of the region network and of BERT, which weights do not tell; those of the published files.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged or of another model; the message says which tensor is missing or unknown.
    """
    foreign = FileFormatError(
        "this is no checkpoint, or it is damaged", where=str(path), expected="a checkpoint of ADV's published code"
    )
    # The authors' options come as a Namespace, which is data only.
    content = read_checkpoint(path, foreign, allowed=[argparse.Namespace])
    states = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(states, list) or len(states) not in (2, 3) or not all(map(_is_state, states)):
        raise FileFormatError(
            "there is no list of two or three networks' weights under 'model'",
            where=str(path),
            expected="a checkpoint of ADV's published code",
        )
    network, bert = published_networks(
        states, bits=bits, image_encoder=image_encoder, heads=heads, bert_heads=bert_heads, path=path
    )
    return PublishedADV(network, bert, vars(content.get("opt", argparse.Namespace())), content.get("epoch"))


def published_networks(
    states: list[State],
    *,
    bits: int | None = None,
    image_encoder: Literal["regions", "pixels"] | None = None,
    heads: int = 16,
    bert_heads: int = 12,
    path: Path = Path("checkpoint"),
) -> tuple[ADVNetwork, Bert | None]:
    """Build the networks of published state dicts, whatever their sizes.

    Parameters
    ----------
    states : list of mappings from str to Tensor
        Those of the image and the text network, and of the concept head if there is one.
    bits, image_encoder, heads, bert_heads
        As in `read_published`.
    path : Path
        What errors name.

    Raises
    ------
    FileFormatError
        As `read_published` does.
    """
    image, text, *concept = states
    text_own = {name: one for name, one in text.items() if not name.startswith("bert.")}
    kind = "pixels" if any(name.startswith("backbone.") for name in image) else "regions"
    if image_encoder not in (None, kind):
        raise FileFormatError(
            f"the image network reads {kind}",
            where=str(path),
            expected=f"a checkpoint whose image network reads {image_encoder}",
        )
    found = len(_tensor(text_own, "mapping.weight", "text", path))
    if bits not in (None, found):
        raise FileFormatError(f"its codes have {found} bits", where=str(path), expected=f"{bits} bits")
    channels, _, _, width = _tensor(text_own, "convs1.0.weight", "text", path).shape
    network = ADVNetwork(
        PixelEncoder(found) if kind == "pixels" else _regions(image, found, heads, path),
        TextEncoder(width, found, channels=channels),
        n_concepts=len(_tensor(concept[0], "2.weight", "concept", path)) if concept else 0,
        concept_hidden=len(_tensor(concept[0], "0.weight", "concept", path)) if concept else 1,
    )
    for part, state in zip(network.children(), (image, text_own, *concept), strict=True):
        load_weights(part, state, path)
    # The weights are to be trained further, if anybody wants to.
    network.requires_grad_(requires_grad=True)
    return network, _bert({name[5:]: one for name, one in text.items() if name.startswith("bert.")}, bert_heads, path)


def _regions(state: State, bits: int, heads: int, path: Path) -> RegionEncoder:
    hidden, width = _tensor(state, "mapping.weight", "image", path).shape
    inner = len(_tensor(state, "layer.intermediate.dense.weight", "image", path))
    _require_heads(hidden, heads, "heads", path)
    return RegionEncoder(width, bits, hidden=hidden, heads=heads, inner=inner)


def _bert(state: State, heads: int, path: Path) -> Bert | None:
    if not state:
        return None
    used = {_new_name(name): one for name, one in state.items() if not name.startswith(_UNUSED)}
    vocabulary, width = _tensor(used, "embeddings.word_embeddings.weight", "BERT", path).shape
    _require_heads(width, heads, "bert_heads", path)
    bert = Bert(
        BertConfig(
            width=width,
            layers=1 + max((int(name.split(".")[2]) for name in used if name.startswith("encoder.layer.")), default=-1),
            heads=heads,
            inner=len(_tensor(used, "encoder.layer.0.intermediate.dense.weight", "BERT", path)),
            vocabulary=vocabulary,
            positions=len(_tensor(used, "embeddings.position_embeddings.weight", "BERT", path)),
            kinds=len(_tensor(used, "embeddings.token_type_embeddings.weight", "BERT", path)),
        )
    )
    load_weights(bert, used, path)
    return bert


def _new_name(name: str) -> str:
    stem, dot, norm = name.rpartition("LayerNorm.")
    return stem + _OLD_NAMES.get(dot + norm, dot + norm)


def _tensor(state: State, name: str, network: str, path: Path) -> Tensor:
    if name not in state:
        raise FileFormatError(
            f"the {network} network lacks {name!r}", where=str(path), expected="a checkpoint of ADV's published code"
        )
    return state[name]


def _require_heads(width: int, heads: int, name: str, path: Path) -> None:
    if width % heads:
        raise FileFormatError(
            f"a width of {width} does not divide into {heads} attention heads", where=str(path), fix=f"Pass {name}"
        )


def _is_state(state: Any) -> bool:
    return isinstance(state, Mapping) and all(isinstance(one, Tensor) for one in state.values())
