"""The authors' checkpoints: small files with the names and the proportions of the published ones."""

from __future__ import annotations

import argparse
import json
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ficoitr.errors import FileFormatError, OptionError
from ficoitr.models.fine.checkpoints import PublishedWeights, published_states, read_published
from ficoitr.models.fine.layouts import LAYOUTS
from ficoitr.models.fine.published import read_network

# A folder of golden numbers, a list of names in it, and whose checkpoints these are.
LISTS = {
    "scan": ("SCAN", "", "scan"),
    "vsrn-flickr30k": ("VSRN", "_f30k", "vsrn"),
    "vsrn-coco": ("VSRN", "_coco", "vsrn"),
    "imram": ("IMRAM", "", "imram"),
    "sgraf-sgr": ("SGRAF", "_SGR", "sgraf"),
    "sgraf-saf": ("SGRAF", "_SAF", "sgraf"),
    "vsepp": ("VSEPP", "", "vsepp"),
    "vse-infinity": ("VSEINFTY", "_bigru", "vse-infinity"),
}
# Sizes that stand for the published ones, in the same proportions: d, 2d, 3d, 6d, d/2, similarities, words.
SIZES = {1024: 8, 2048: 16, 3072: 24, 6144: 48, 512: 4, 256: 6, 300: 5, 8481: 30, 8482: 31, 10006: 40}

State = dict[str, Tensor]


def full_size(golden: Path, case: str) -> list[dict[str, list[Any]]]:
    """Names, shapes and dtypes of the published file, part by part."""
    folder, suffix, _ = LISTS[case]
    parts = json.loads((golden / folder / f"checkpoint_keys_fullsize{suffix}.json").read_text())["parts"]
    return [names for part, names in parts.items() if "NOT SAVED" not in part]


def small_weights(golden: Path, case: str) -> list[State]:
    generator = torch.Generator().manual_seed(0)
    states = []
    for names in full_size(golden, case):
        state: State = OrderedDict()
        for name, (shape, dtype) in names.items():
            values = torch.rand([SIZES.get(size, size) for size in shape], generator=generator)
            state[name] = values.to(getattr(torch, dtype))
        states.append(state)
    return states


def write(path: Path, weights: list[State], **others: Any) -> Path:
    """Write a file as the authors' codes do: IMRAM one flat dict of parallel training, the others lists."""
    model: Any = weights
    if len(weights) == 1:
        model = OrderedDict((f"module.{name}", one) for name, one in weights[0].items())
    options = argparse.Namespace(margin=0.2, embed_size=8, logger_name="runs", no_imgnorm=False, resume="")
    content = {"epoch": 12, "model": model, "best_rsum": np.float64(430.5), "opt": options, "Eiters": 99, **others}
    # The published files were written before torch wrote archives.
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


@pytest.fixture(params=LISTS)
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_published_files_are_read_as_they_are(golden: Path, tmp_path: Path, case: str) -> None:
    weights = small_weights(golden, case)
    found = read_published(write(tmp_path / "model_best.pth.tar", weights), LISTS[case][2])
    assert isinstance(found, PublishedWeights)
    assert (found.model, found.epoch, found.best) == (LISTS[case][2], 12, 430.5)
    assert (found.options["margin"], found.options["resume"]) == (0.2, "")
    given = weights
    if case == "imram":
        own = {"img_enc.": {}, "txt_enc.": {}, "": {}}
        for name, one in weights[0].items():
            prefix = next(prefix for prefix in own if name.startswith(prefix))
            own[prefix][name.removeprefix(prefix)] = one
        given = list(own.values())
    assert [set(one) for one in found.states] == [set(one) for one in given]
    for state, expected in zip(found.states, given, strict=True):
        assert all(torch.equal(one, expected[name]) for name, one in state.items())


def test_published_files_become_networks_of_the_same_proportions(golden: Path, tmp_path: Path, case: str) -> None:
    found = read_network(write(tmp_path / "model_best.pth.tar", small_weights(golden, case)), LISTS[case][2])
    assert (found.epoch, found.options["margin"], found.network.training) == (12, 0.2, False)
    names = ("image", "text", "similarity")
    parts = {
        name: {key: list(one.shape) for key, one in getattr(found.network, name).state_dict().items()}
        for name in names
        if name != "similarity" or LISTS[case][2] in ("imram", "sgraf")
    }
    if case == "imram":
        prefixes = {"image": "img_enc.", "text": "txt_enc.", "similarity": ""}
        flat = {f"{prefixes[name]}{key}": shape for name, own in parts.items() for key, shape in own.items()}
        parts = {"whole": flat}
    for own, published in zip(parts.values(), full_size(golden, case), strict=True):
        shapes = {name: [SIZES.get(size, size) for size in shape] for name, (shape, _) in published.items()}
        assert own == shapes


def test_the_authors_options_say_what_no_tensor_tells(golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "model_best.pth.tar"
    told: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
        (
            "scan",
            {"cross_attn": "i2t", "agg_func": "Mean", "lambda_softmax": 4, "no_txtnorm": True, "margin": 0.2},
            {"direction": "i2t", "aggregation": "Mean", "lambda_softmax": 4.0, "text_norm": False, "lambda_lse": 6.0},
        ),
        (
            "imram",
            {"model_mode": "image_IMRAM", "iteration_step": 2, "lambda_softmax": 4.0, "no_IMRAM_norm": False},
            {"mode": "image", "steps": 2, "lambda_softmax": 4.0, "normalise": True},
        ),
        (
            "vsepp",
            {"measure": "order", "no_imgnorm": True, "use_abs": True},
            {"similarity": "order", "image_norm": False, "absolute": True},
        ),
    )
    for model, options, expected in told:
        write(path, small_weights(golden, model), opt=argparse.Namespace(**options))
        network: Any = read_network(path, model).network
        assert {name: network.sizes[name] for name in expected} == expected
    write(path, small_weights(golden, "scan"), opt=argparse.Namespace(lambda_softmax=4))
    network = read_network(path, "scan", lambda_softmax=11.0).network
    assert network.sizes["lambda_softmax"] == 11
    with pytest.raises(OptionError, match="cosine similarity"):
        read_network(path, "scan", aggregation="cosine similarity")
    for model in ("vsrn-coco", "imram", "sgraf-saf", "vse-infinity"):
        write(path, small_weights(golden, model), opt=argparse.Namespace(no_imgnorm=True))
        with pytest.raises(FileFormatError, match="trained with no_imgnorm"):
            read_network(path, LISTS[model][2])


def test_variants_of_the_same_model(golden: Path, tmp_path: Path) -> None:
    path, (image, text) = tmp_path / "model_best.pth.tar", small_weights(golden, "scan")
    normalised = {"fc.weight_g": torch.tensor(2.0), "fc.weight_v": image["fc.weight"], "fc.bias": image["fc.bias"]}
    network: Any = read_network(write(path, [normalised, text]), "scan").network
    assert network.sizes["weight_norm"] is True
    # The second layer reads both directions of the first.
    deeper = {name.replace("_l0", "_l1"): one for name, one in text.items() if name.startswith("rnn.")}
    deeper |= {name: torch.zeros(24, 16) for name in deeper if "weight_ih" in name}
    network = read_network(write(path, [image, {**text, **deeper}]), "scan").network
    assert network.sizes["layers"] == 2
    one_way = {name: one for name, one in text.items() if not name.endswith("_reverse")}
    network = read_network(write(path, [image, one_way]), "scan").network
    assert network.sizes["bidirectional"] is False
    for case, module in (("sgraf-sgr", "SGR"), ("sgraf-saf", "SAF")):
        network = read_network(write(path, small_weights(golden, case)), "sgraf").network
        assert module in network.sizes.values()
    for case, variant in (("vsrn-coco", "coco"), ("vsrn-flickr30k", "flickr30k")):
        network = read_network(write(path, small_weights(golden, case)), "vsrn").network
        assert network.sizes["variant"] == variant


def test_weights_of_parallel_training(golden: Path, tmp_path: Path) -> None:
    weights = small_weights(golden, "vse-infinity")
    wrapped = [{f"module.{name}": one for name, one in state.items()} for state in weights]
    found = read_published(write(tmp_path / "model_best.pth.tar", wrapped), "vse-infinity")
    assert [set(one) for one in found.states] == [set(one) for one in weights]


def test_another_model(golden: Path, tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "checkpoint_3.pth.tar", small_weights(golden, case))
    own = LISTS[case][2]
    for model in LAYOUTS.keys() - {own}:
        if (own, model) == ("vsepp", "scan"):
            # A SCAN without its second direction has the same tensors.
            assert len(read_published(path, model).states) == 2
            continue
        with pytest.raises(FileFormatError) as caught:
            read_published(path, model)
        both = "SCAN or VSE++" if own == "vsepp" else LAYOUTS[own].title
        assert caught.value.what == f"this seems to be a checkpoint of {both}"
        assert caught.value.where == str(path)
        assert caught.value.expected == f"one of {LAYOUTS[model].title}'s published code"


def test_options_tell_models_with_the_same_tensors_apart(golden: Path, tmp_path: Path) -> None:
    weights = small_weights(golden, "vsepp")
    path = write(tmp_path / "scan.pth.tar", weights, opt=argparse.Namespace(cross_attn="t2i", bi_gru=False))
    assert read_published(path, "scan").options["cross_attn"] == "t2i"
    with pytest.raises(FileFormatError, match="seems to be a checkpoint of SCAN"):
        read_published(path, "vsepp")
    path = write(tmp_path / "vsepp.pth.tar", weights, opt=argparse.Namespace(measure="order", use_abs=True))
    assert read_published(path, "vsepp").options["measure"] == "order"
    with pytest.raises(FileFormatError, match=r"a checkpoint of VSE\+\+"):
        read_published(path, "scan")


def test_a_missing_tensor(golden: Path, case: str) -> None:
    model, weights = LISTS[case][2], small_weights(golden, case)
    for number, state in enumerate(weights):
        for name in state:
            broken = [dict(one) for one in weights]
            del broken[number][name]
            given = broken if model != "imram" else broken[0]
            if name.endswith("num_batches_tracked"):
                assert published_states(given, model)[number][name] == 0
                continue
            with pytest.raises(FileFormatError) as caught:
                published_states(given, model)
            short = name.removeprefix("img_enc.").removeprefix("txt_enc.")
            assert f"network lacks {short!r}" in caught.value.what


def test_unknown_tensors_are_left_out_where_the_authors_do(golden: Path, case: str) -> None:
    model, weights = LISTS[case][2], small_weights(golden, case)
    names = ("image", "text", "similarity")
    filtered = {
        "scan": {"image"},
        "vsrn": {"image"},
        "vsepp": {"image"},
        "sgraf": {"image"},
        "vse-infinity": {"image", "text"},
        "imram": set(),
    }[model]
    prefixes = (
        {"image": "img_enc.", "text": "txt_enc.", "similarity": ""} if model == "imram" else dict.fromkeys(names, "")
    )
    for number, part in enumerate(names[: len(LAYOUTS[model].parts)]):
        extended = [dict(one) for one in weights]
        extended[0 if model == "imram" else number][f"{prefixes[part]}cnn.0.weight"] = torch.zeros(3)
        given = extended if model != "imram" else extended[0]
        if part in filtered:
            states = published_states(given, model)
            assert set(states[number]) == set(weights[number])
        else:
            with pytest.raises(FileFormatError, match=rf"the {part} network holds 'cnn\.0\.weight', which is unknown"):
                published_states(given, model)


def test_other_shapes(golden: Path, tmp_path: Path, case: str) -> None:
    model, weights = LISTS[case][2], small_weights(golden, case)
    path = tmp_path / "model_best.pth.tar"
    for number, state in enumerate(weights):
        for name, one in state.items():
            broken = [dict(each) for each in weights]
            broken[number][name] = torch.zeros([size + 1 for size in one.shape] or [2])
            with pytest.raises(FileFormatError, match=r"model_best\.pth\.tar: .*has the shape"):
                read_network(write(path, broken), model)


def test_files_of_something_else(golden: Path, tmp_path: Path) -> None:
    path = tmp_path / "model_best.pth.tar"
    for content, what in (
        ({"state_dict": {}}, "there is no 'model'"),
        ([1, 2], "there is no 'model'"),
        ({"model": []}, "no networks' weights under 'model'"),
        ({"model": {"fc.weight": 3}}, "no networks' weights under 'model'"),
        ({"model": [{1: torch.zeros(2)}, {}]}, "no networks' weights under 'model'"),
        ({"model": [{"fc.weight": torch.zeros(2)}] * 4}, "they are not a list of 2 state dicts"),
        ({"model": {"fc.weight": torch.zeros(2)}}, "they are not a list of 2 state dicts"),
        ({"model": [{"fc.weight": torch.zeros(2)}] * 2}, "the image network lacks 'fc.bias'"),
    ):
        torch.save(content, path)
        with pytest.raises(FileFormatError) as caught:
            read_published(path, "scan")
        assert what in caught.value.what
        assert str(path) in str(caught.value)
    torch.save({"model": [{"fc.weight": torch.zeros(2)}] * 2}, path)
    with pytest.raises(FileFormatError, match="they are not one state dict"):
        read_published(path, "imram")
    whole = write(tmp_path / "whole.pth.tar", small_weights(golden, "scan")).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"nothing of the kind"):
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError, match="no checkpoint, or it is damaged"):
            read_published(path, "scan")
    with pytest.raises(FileFormatError):
        read_published(tmp_path / "missing.pth.tar", "scan")
    with pytest.raises(OptionError, match="Did you mean 'vsepp'"):
        read_published(path, "vsepp1")


class Harmful:
    """What a pickle can do when it is loaded without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    touched, path = tmp_path / "touched", tmp_path / "model_best.pth.tar"
    pickle.loads(pickle.dumps(Harmful(touched)))  # noqa: S301 (what the test is about)
    assert touched.exists()
    touched.unlink()
    torch.save({"model": [{}, {}], "opt": Harmful(touched)}, path)
    with pytest.raises(FileFormatError, match="no checkpoint"):
        read_published(path, "scan")
    assert not touched.exists()
