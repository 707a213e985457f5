"""`ficoitr encode`: from a trained model to what it makes of a dataset."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.cli.console import messages, output, progress_bar
from ficoitr.cli.datasets import Options, load_named
from ficoitr.cli.train import ABOUT_FILE, MODEL_FILE, DatasetOption, RootOption
from ficoitr.errors import FileFormatError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress

# Where scores are kept until all are there, so that a second start goes on.
_UNFINISHED = ".scores"


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
    scores: Annotated[
        bool, typer.Option("--scores", help="Write the scores of all pairs, for an ensemble; attention always does.")
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

      ficoitr encode model_best.pth.tar --model scan --set vocabulary=f30k_precomp_vocab.json --dataset f30k_precomp/
    """
    from ficoitr.models.features import shared_features
    from ficoitr.outputs.embeddings import write_ids

    loaded = _load(run, model, settings or ())
    if continuous and loaded.measure != "hamming":
        raise OptionError(f"the model {loaded.name!r} makes no codes", where="--continuous", fix="Leave it away")
    if scores and loaded.granularity != "fine":
        raise OptionError(f"the model {loaded.name!r} makes codes", where="--scores", fix="Leave it away")
    with messages.status("Reading"):
        data = load_named(dataset, root, split, options)
    place = folder or (run if run.is_dir() else run.parent) / split
    with shared_features(cache), progress_bar() as progress:
        outputs = _outputs(loaded, data, place, progress, continuous=continuous, scores=scores)
    place.mkdir(parents=True, exist_ok=True)
    for name, one in outputs.items():
        one.save(place / f"{name}.npy")
    if "scores" in outputs:
        write_ids(place / "images.npy", data.image_ids)
        write_ids(place / "texts.npy", data.text_ids)
    shutil.rmtree(place / _UNFINISHED, ignore_errors=True)
    truth = _write_truth(place, data)
    output.print(
        f"Wrote {'scores of ' if 'scores' in outputs else ''}{len(data.image_ids):,} images and "
        f"{len(data.text_ids):,} texts of {data.name}, {split}, to {place}",
        markup=False,
        soft_wrap=True,
    )
    again = shlex.join(["ficoitr", "evaluate", *_flags(loaded.measure, outputs, place), *truth])
    output.print(f"Next: {again}", markup=False, soft_wrap=True)


def _outputs(
    model: Any, data: Dataset, place: Path, progress: Progress, *, continuous: bool, scores: bool
) -> dict[str, Any]:
    """Encode what the model hands on; or score all pairs, where nothing else can compare what it makes of them."""
    if scores or model.measure == "pairs":
        return {"scores": model.scores(data, folder=place / _UNFINISHED, progress=progress)}
    if continuous:
        return {
            "images": model.image_values(data, progress=progress),
            "texts": model.text_values(data, progress=progress),
        }
    return {
        "images": model.encode_images(data, progress=progress),
        "texts": model.encode_texts(data, progress=progress),
    }


def _flags(measure: str, outputs: Mapping[str, Any], place: Path) -> list[str]:
    """What `ficoitr evaluate` takes these outputs by."""
    from ficoitr.outputs import HashCodes

    if "scores" in outputs:
        ids = ("--image-ids", str(place / "images.ids.txt"), "--text-ids", str(place / "texts.ids.txt"))
        return ["--scores", str(place / "scores.npy"), *ids]
    images, texts = str(place / "images.npy"), str(place / "texts.npy")
    if isinstance(outputs["images"], HashCodes):
        return ["--packed", "--bits", str(outputs["images"].bits), "--image-codes", images, "--text-codes", texts]
    named = [] if measure in ("cosine", "hamming") else ["--measure", measure]
    return ["--images", images, "--texts", texts, *named]


def _write_truth(place: Path, data: Dataset) -> list[str]:
    """Write what is relevant, and return the flags that `ficoitr evaluate` takes it by."""
    import numpy as np

    from ficoitr.outputs.files import atomic_path

    truth = {"text_to_image": data.text_to_image}
    if data.categories is not None:
        truth["categories"] = data.categories.astype(np.uint8)
    for name, values in truth.items():
        with atomic_path(place / f"{name}.npy") as temporary, temporary.open("wb") as file:
            np.save(file, values, allow_pickle=False)
    _mark_categories(place, data)
    return [part for name in truth for part in (f"--{name.replace('_', '-')}", str(place / f"{name}.npy"))]


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


def _load(run: Path, model: str | None, settings: Sequence[str]) -> Any:
    """Load what ficoitr train has written, or a file."""
    from ficoitr.outputs.files import read_json

    if run.is_file():
        if model is None:
            raise OptionError("which model this file is of is not said", where="--model", expected="such as ucch")
        return _read(model, run, settings)
    if not (run / ABOUT_FILE).is_file():
        raise FileFormatError(
            "there is no trained model here", where=str(run), expected=f"a folder of ficoitr train, with {MODEL_FILE}"
        )
    found = str(read_json(run / ABOUT_FILE)["model"])
    if model not in (None, found):
        raise OptionError(f"this is a model {found!r}", where=str(run), expected=repr(model))
    return _read(found, run / MODEL_FILE, settings)


def _read(model: str, path: Path, settings: Sequence[str]) -> Any:
    from ficoitr.models import load_model
    from ficoitr.models.registry import trainable

    # Says which extra is missing, if one is.
    trainable(model)

    from ficoitr.models.training.config import read_settings

    return load_model(model, checkpoint=path, config=read_settings(settings))
