"""`ficoitr train`: from a dataset to a trained model."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from ficoitr.cli.console import messages, output, print_json, progress_bar
from ficoitr.cli.datasets import Options, load_named
from ficoitr.errors import OptionError

MODEL_FILE = "model.safetensors"
ABOUT_FILE = "model.json"

DatasetOption = Annotated[str, typer.Option("--dataset", help="The name of a dataset, or a folder.")]
RootOption = Annotated[Path | None, typer.Option("--root", help="The folder of a named dataset.", show_default=False)]


def train_command(
    model: Annotated[
        str, typer.Argument(help="A trainable model, such as ucch, adv, scan or vsepp.", show_default=False)
    ],
    dataset: DatasetOption = "scenes",
    root: RootOption = None,
    options: Options = None,
    bits: Annotated[
        int | None, typer.Option(help="Of hashing models: length of a code (default: 64).", show_default=False)
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Published settings by dataset, or small for two cores.", show_default=False)
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings in a YAML file.", show_default=False)] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="One setting: NAME=VALUE.", show_default=False)
    ] = None,
    features: Annotated[str | None, typer.Option(help="Image features, by name.", show_default=False)] = None,
    text_features: Annotated[str | None, typer.Option(help="Text features, by name.", show_default=False)] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Keep extracted features in this folder.", show_default=False)
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--output", help="Default: runs/DATASET/MODEL, and of hashing models -BITS.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Train a model on a dataset's split train, and keep the epoch that does best on its split validation.

    A training that was interrupted, or killed, goes on where it was and comes to the same model.

    [bold]Examples[/bold]

      ficoitr train ucch --dataset scenes --bits 64 --preset small

      ficoitr train dadh --dataset wiki --root wiki --features sift --text-features lda --set training.epochs=50

      ficoitr train scan --dataset scenes --preset small --set direction=i2t
    """
    from ficoitr.models.features import shared_features
    from ficoitr.models.registry import trainable

    # torch reads it when it is imported: memory in larger pages makes a step on the CPU a tenth shorter.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # First of all, since it says which extra is missing, if one is.
    found = trainable(model)

    from ficoitr.models.training.config import preset_for, preset_names, read_config
    from ficoitr.models.training.loop import choose_device

    chosen = read_config(found.config_class, model, preset=preset, file=config, settings=settings or ())
    with messages.status("Reading"):
        data = load_named(dataset, root, None, options)
    if preset is not None:
        preset = preset_for(model, preset, data.name)
        chosen = read_config(found.config_class, model, preset=preset, file=config, settings=settings or ())
    if "train" not in data.split_names:
        raise OptionError(
            f"{data.name!r} has {'the splits ' + ', '.join(data.split_names) if data.split_names else 'no splits'}",
            where="dataset",
            expected="a split train, to train on (and validation, if there is one)",
        )
    given = {"bits": bits, "features": features, "text_features": text_features}
    made = found(**(chosen.model_dump() | {name: value for name, value in given.items() if value is not None}))
    sized = preset is None and config is None and "small" in preset_names(model)
    if sized and choose_device(made.config.training.device).type == "cpu":
        messages.print(
            "Published sizes on a CPU, which take long. For two cores there is --preset small.",
            style="dim",
            markup=False,
            soft_wrap=True,
        )
    length = getattr(made.config, "bits", None)
    place = folder or Path("runs") / data.name / (model if length is None else f"{model}-{length}")
    with shared_features(cache), progress_bar() as progress:
        made.fit(
            data.split("train"),
            data.split("validation") if "validation" in data.split_names else None,
            seed=seed,
            progress=progress,
            folder=place,
        )
    made.save(place / MODEL_FILE)
    about = {
        "model": model,
        "inputs": made.inputs,
        "parameters": made.n_parameters,
        "preset": preset,
        "epochs": len(made.trained.history),
        "best_epoch": made.trained.best_epoch,
        "validation": made.trained.best,
        "loss": made.trained.history[-1]["loss"],
        "file": str(place / MODEL_FILE),
    }
    _write_about(place, model)
    if as_json:
        print_json(about)
        return
    best = (
        "kept the last epoch, since there is no split validation"
        if made.trained.best_epoch is None
        else f"best in epoch {made.trained.best_epoch}, validation {made.trained.best:.3f}"
    )
    output.print(
        f"Trained {model} on {data.name} ({made.inputs}{f'; preset {preset}' if preset else ''}): "
        f"{about['epochs']} epochs, {best}",
        markup=False,
        soft_wrap=True,
    )
    again = shlex.join(
        [
            *("ficoitr", "encode", str(place), "--dataset", dataset),
            *(() if root is None else ("--root", str(root))),
            *(part for option in options or () for part in ("-o", option)),
        ]
    )
    output.print(f"Wrote {place / MODEL_FILE}. Next: {again}", markup=False, soft_wrap=True)


def _write_about(place: Path, model: str) -> None:
    import json

    from ficoitr.outputs.files import atomic_path

    with atomic_path(place / ABOUT_FILE) as temporary:
        temporary.write_text(json.dumps({"model": model}) + "\n", encoding="utf-8")
