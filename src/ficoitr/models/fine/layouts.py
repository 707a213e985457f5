"""Which tensors the authors' checkpoints of the fine-grained models hold, network by network."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

State = Mapping[str, Tensor]
Names = list[str]


@dataclass(frozen=True)
class Part:
    """One network of a checkpoint.

    Parameters
    ----------
    name : str
        What errors call it.
    names : callable
        From a state dict to the names that it has to have; some hang on which variant the others show.
    filtered : bool
        Whether the authors' own code leaves out names that it does not know, rather than to fail.
    """

    name: str
    names: Callable[[State], Names]
    filtered: bool = False


@dataclass(frozen=True)
class Layout:
    """What a checkpoint of one model holds.

    Parameters
    ----------
    title : str
        Whose checkpoint it is, as errors say it.
    parts : tuple of Part
        In the order of the file.
    prefixes : tuple of str
        Where the file holds one flat state dict, by what the names of each part begin with; else empty.
    mark : str
        An option of the authors' command that the other models whose checkpoints have the same names do not have.
    """

    title: str
    parts: tuple[Part, ...]
    prefixes: tuple[str, ...] = ()
    mark: str = ""


def _linear(*names: str) -> Names:
    return [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]


def _norm(*names: str) -> Names:
    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [f"{name}.{kind}" for name in names for kind in kinds]


def _gru(name: str, *, both_ways: bool, layers: int = 1) -> Names:
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ways = ("", "_reverse") if both_ways else ("",)
    return [f"{name}.{kind}_l{layer}{way}" for layer in range(layers) for way in ways for kind in kinds]


def _projection(state: State) -> Names:
    normalised = any(name.startswith("fc.weight_") for name in state)
    return ["fc.weight_g", "fc.weight_v", "fc.bias"] if normalised else _linear("fc")


def _words(state: State) -> Names:
    layers = {int(found[1]) for name in state if (found := re.match(r"rnn\.\w+_l(\d+)", name))}
    both_ways = any(name.endswith("_reverse") for name in state)
    return ["embed.weight", *_gru("rnn", both_ways=both_ways, layers=1 + max(layers, default=0))]


def _words_to_the_right(_: State) -> Names:
    return ["embed.weight", *_gru("rnn", both_ways=False)]


def _words_both_ways(_: State) -> Names:
    return ["embed.weight", *_gru("rnn", both_ways=True)]


def _sgraf_words(_: State) -> Names:
    return ["embed.weight", *_gru("cap_rnn", both_ways=True)]


def _vsrn_regions(state: State) -> Names:
    blocks = [f"Rs_GCN_{number}" for number in range(1, 5)]
    return [
        *_linear("fc", *(f"{block}.{name}" for block in blocks for name in ("g", "W.0", "theta", "phi"))),
        *_gru("img_rnn", both_ways=False),
        *_norm(*(f"{block}.W.1" for block in blocks)),
        # Of the variant for Flickr30K.
        *(_norm("bn") if any(name.startswith("bn.") for name in state) else ()),
    ]


def _imram_memory(_: State) -> Names:
    return _linear(*(f"{name}_{way}" for name in ("linear", "gate") for way in ("t2i", "i2t")))


def _sgraf_similarity(state: State) -> Names:
    both = [f"{side}_global_w.embedding_{part}.0" for side in "vt" for part in ("local", "global", "common")]
    shared = [
        *_linear(*both, "sim_tranloc_w", "sim_tranglo_w", "sim_eval_w"),
        *_norm("v_global_w.embedding_local.1", "v_global_w.embedding_global.1"),
    ]
    if any(name.startswith("SAF_module.") for name in state):
        return [*shared, *_linear("SAF_module.attn_sim_w"), *_norm("SAF_module.bn")]
    steps = {int(found[1]) for name in state if (found := re.match(r"SGR_module\.(\d+)\.", name))}
    return [
        *shared,
        *_linear(
            *(
                f"SGR_module.{step}.{name}"
                for step in range(max(steps, default=0) + 1)
                for name in ("graph_query_w", "graph_key_w", "sim_graph_w")
            )
        ),
    ]


def _pooling(_: State) -> Names:
    return [*_gru("gpool.gru", both_ways=True), "gpool.linear.weight"]


def _vse_infty_regions(state: State) -> Names:
    return [*_linear("fc", "mlp.layers.0", "mlp.layers.1"), *_norm("mlp.bns.0", "mlp.bns.1"), *_pooling(state)]


def _vse_infty_words(state: State) -> Names:
    return [*_words_both_ways(state), *_pooling(state)]


LAYOUTS = {
    "scan": Layout("SCAN", (Part("image", _projection, filtered=True), Part("text", _words)), mark="cross_attn"),
    "vsrn": Layout("VSRN", (Part("image", _vsrn_regions, filtered=True), Part("text", _words_to_the_right))),
    "imram": Layout(
        "IMRAM",
        (
            Part("image", lambda _: _linear("fc_local")),
            Part("text", _words_both_ways),
            Part("similarity", _imram_memory),
        ),
        prefixes=("img_enc.", "txt_enc.", ""),
    ),
    "sgraf": Layout(
        "SGRAF",
        (
            Part("image", lambda _: _linear("fc"), filtered=True),
            Part("text", _sgraf_words),
            Part("similarity", _sgraf_similarity),
        ),
    ),
    "vsepp": Layout(
        "VSE++",
        (Part("image", lambda _: _linear("fc"), filtered=True), Part("text", _words_to_the_right)),
        mark="measure",
    ),
    "vse-infinity": Layout(
        "VSE-infinity (regions and bidirectional GRU)",
        (Part("image", _vse_infty_regions, filtered=True), Part("text", _vse_infty_words, filtered=True)),
    ),
}
