"""`ficoitr train` and `ficoitr encode`: from a dataset to a trained model, and from that to its outputs."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.cli.console import messages, output, print_json, progress_bar
from ficoitr.cli.datasets import Options, load_named
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ficoitr.data import Dataset

_MODEL = "model.safetensors"
_ABOUT = "model.json"

DatasetOption = Annotated[str, typer.Option("--dataset", help="The name of a dataset, or a folder.")]
RootOption = Annotated[Path | None, typer.Option("--root", help="The folder of a named dataset.", show_default=False)]


def train_command(
    model: Annotated[str, typer.Argument(help="A trainable model, such as ucch, dadh or adv.", show_default=False)],
    dataset: DatasetOption = "scenes",
    root: RootOption = None,
    options: Options = None,
    bits: Annotated[int | None, typer.Option(help="Length of a code (default: 64).", show_default=False)] = None,
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
        Path | None, typer.Option("--output", help="Default: runs/DATASET/MODEL-BITS.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Train a model on a dataset's split train, and keep the epoch that does best on its split validation.

    A training that was interrupted, or killed, goes on where it was and comes to the same model.

    [bold]Examples[/bold]

      ficoitr train ucch --dataset scenes --bits 64 --preset small

      ficoitr train dadh --dataset wiki --root wiki --features sift --text-features lda --set training.epochs=50
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
    place = folder or Path("runs") / data.name / f"{model}-{made.config.bits}"
    with shared_features(cache), progress_bar() as progress:
        made.fit(
            data.split("train"),
            data.split("validation") if "validation" in data.split_names else None,
            seed=seed,
            progress=progress,
            folder=place,
        )
    made.save(place / _MODEL)
    about = {
        "model": model,
        "inputs": made.inputs,
        "parameters": made.n_parameters,
        "preset": preset,
        "epochs": len(made.trained.history),
        "best_epoch": made.trained.best_epoch,
        "validation": made.trained.best,
        "loss": made.trained.history[-1]["loss"],
        "file": str(place / _MODEL),
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
    output.print(f"Wrote {place / _MODEL}. Next: {again}", markup=False, soft_wrap=True)


def encode_command(
    run: Annotated[
        Path,
        typer.Argument(help="A folder of ficoitr train, or a file of the authors' code.", show_default=False),
    ],
    dataset: DatasetOption = "scenes",
    root: RootOption = None,
    split: Annotated[str, typer.Option(help="The split to encode.")] = "test",
    options: Options = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Keep extracted features in this folder.", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option(help="For a file: the model that it is of.", show_default=False)] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="For a file: what the model must be, and reads: NAME=VALUE.", show_default=False),
    ] = None,
    continuous: Annotated[
        bool, typer.Option("--continuous", help="Write the values whose signs are the codes, not the codes.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--output", help="Default: the split's name, in the run or beside the file.", show_default=False),
    ] = None,
) -> None:
    """Encode a split of a dataset by a trained model, and write what `ficoitr evaluate` takes.

    [bold]Examples[/bold]

      ficoitr encode runs/scenes/ucch-64 --dataset scenes

      ficoitr encode GEN_module.pth --model dadh --set image_mean=0.6 --set image_deviation=1.2 --dataset my_features/
    """
    import numpy as np

    from ficoitr.models.features import shared_features
    from ficoitr.outputs.files import atomic_path

    loaded = _load(run, model, settings or ())
    with messages.status("Reading"):
        data = load_named(dataset, root, split, options)
    place = folder or (run if run.is_dir() else run.parent) / split
    place.mkdir(parents=True, exist_ok=True)
    with shared_features(cache), progress_bar() as progress:
        if continuous:
            images, texts = loaded.image_values(data, progress=progress), loaded.text_values(data, progress=progress)
        else:
            images, texts = loaded.encode_images(data, progress=progress), loaded.encode_texts(data, progress=progress)
    images.save(place / "images.npy")
    texts.save(place / "texts.npy")
    truth = {"text_to_image": data.text_to_image}
    if data.categories is not None:
        truth["categories"] = data.categories.astype(np.uint8)
    for name, values in truth.items():
        with atomic_path(place / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)
    _mark_categories(place, data)
    output.print(
        f"Wrote {len(images):,} images and {len(texts):,} texts of {data.name}, {split}, to {place}",
        markup=False,
        soft_wrap=True,
    )
    flags = "--images" if continuous else f"--packed --bits {images.bits} --image-codes"
    other = "--texts" if continuous else "--text-codes"
    categories = f" --categories {place / 'categories.npy'}" if "categories" in truth else ""
    output.print(
        f"Next: ficoitr evaluate {flags} {place / 'images.npy'} {other} {place / 'texts.npy'} "
        f"--text-to-image {place / 'text_to_image.npy'}{categories}",
        markup=False,
        soft_wrap=True,
    )


def _mark_categories(place: Path, data: Dataset) -> None:
    """Say beside the labels where they come from, if no person has set them, as `ficoitr evaluate` reads it."""
    import json

    from ficoitr.outputs.files import atomic_path

    mark = place / "categories.json"
    if not data.category_source:
        mark.unlink(missing_ok=True)
        return
    with atomic_path(mark) as temporary:
        temporary.write_text(json.dumps({"category_source": data.category_source}) + "\n", encoding="utf-8")


def _write_about(place: Path, model: str) -> None:
    import json

    from ficoitr.outputs.files import atomic_path

    with atomic_path(place / _ABOUT) as temporary:
        temporary.write_text(json.dumps({"model": model}) + "\n", encoding="utf-8")


def _load(run: Path, model: str | None, settings: Sequence[str]) -> Any:
    """Load what ficoitr train has written, or a file."""
    from ficoitr.outputs.files import read_json

    if run.is_file():
        if model is None:
            raise OptionError("which model this file is of is not said", where="--model", expected="such as ucch")
        return _read(model, run, settings)
    if not (run / _ABOUT).is_file():
        raise FileFormatError(
            "there is no trained model here", where=str(run), expected=f"a folder of ficoitr train, with {_MODEL}"
        )
    found = str(read_json(run / _ABOUT)["model"])
    if model not in (None, found):
        raise OptionError(f"this is a model {found!r}", where=str(run), expected=repr(model))
    return _read(found, run / _MODEL, settings)


def _read(model: str, path: Path, settings: Sequence[str]) -> Any:
    from ficoitr.models import load_model
    from ficoitr.models.registry import trainable

    # Says which extra is missing, if one is.
    trainable(model)

    from ficoitr.models.training.config import read_settings

    return load_model(model, checkpoint=path, config=read_settings(settings))
