"""`ficoitr data label`: labels for images that have none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ficoitr.cli.console import messages, output, percent, print_json, progress_bar
from ficoitr.cli.datasets import Name, Options, Root, Split, load_named
from ficoitr.errors import OptionError

if TYPE_CHECKING:
    from ficoitr.data import Dataset
    from ficoitr.models.base import Progress
    from ficoitr.models.labels import Labeller, LabelQuality

_LABELLER = "Where the labels are learnt"


def _option(flag: str, text: str) -> Any:
    return typer.Option(flag, help=text, rich_help_panel=_LABELLER, show_default=False)


def label_command(
    dataset: Name,
    folder: Annotated[Path, typer.Option("--output", help="Write the labels to this folder.", show_default=False)],
    root: Root = None,
    split: Split = None,
    options: Options = None,
    train: Annotated[str | None, _option("--train", "A labelled dataset: its name, or a folder.")] = None,
    train_root: Annotated[Path | None, _option("--train-root", "Its folder, if it has a name.")] = None,
    train_split: Annotated[str | None, _option("--train-split", "Its split (default: train, if there is one).")] = None,
    train_options: Annotated[
        list[str] | None, _option("--train-option", "An option of its loader: NAME=VALUE.")
    ] = None,
    labeller_file: Annotated[
        Path | None, _option("--labeller", "In place of training: a labeller.safetensors that this command wrote.")
    ] = None,
    features: Annotated[str | None, _option("--features", "Image features (default: efficientnet-lite0-grid).")] = None,
    epochs: Annotated[int | None, _option("--epochs", "Passes over the labelled images (default: 24).")] = None,
    thresholds: Annotated[
        str | None,
        _option("--thresholds", "common (default): one for all labels, better OF1; label: one each, better CF1."),
    ] = None,
    seed: Annotated[int, _option("--seed", "Seed of the training (default: 0).")] = 0,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Keep image features in this folder.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Label images by a network (Query2Label) that is trained on labelled ones, and say how good the labels are.

    The labels are marked as synthetic: results that rest on them say so. To use them:
    ficoitr evaluate … --categories FOLDER/labels.npy

    [bold]Examples[/bold]

      ficoitr data label flickr8k --root flickr8k --train coco338 --train-root coco338 --output labels

      ficoitr data label flickr8k --root flickr8k --labeller labels/labeller.safetensors --output again
    """
    from ficoitr.models.features import shared_features
    from ficoitr.models.labels.folder import require_labels_folder, write_labels

    if (train is None) == (labeller_file is None):
        raise OptionError(
            "it is not said what the labels are learnt from, or twice",
            where="command line",
            expected="--train or --labeller",
        )
    if labeller_file is not None and (features or epochs or thresholds):
        raise OptionError(
            "a labeller is trained already",
            where="--labeller",
            fix="Leave --features, --epochs and --thresholds away",
        )
    require_labels_folder(folder)
    target = load_named(dataset, root, split, options)
    with shared_features(cache), progress_bar() as progress:
        if labeller_file is not None:
            from ficoitr.models.labels import Labeller

            labeller = Labeller.load(labeller_file)
        else:
            source = _training_images(load_named(str(train), train_root, None, train_options), train_split)
            labeller = _fit(source, features, epochs, thresholds, seed, progress)
        scores = labeller.scores(target, progress=progress)
        quality = _quality_on(target, labeller, scores)
        about = write_labels(folder, target, labeller, scores, quality=quality, keep_labeller=labeller_file is None)
    if as_json:
        print_json(about)
        return
    rows = {"held out": labeller.quality}
    if quality is not None:
        # Its own labels, which people have set.
        rows[f"{target.name} {target.split_name or ''}".strip()] = quality
    _print(rows, about, labeller)
    messages.print(f"Wrote {folder}")


def _training_images(source: Dataset, split: str | None) -> Dataset:
    if split is None and "train" not in source.split_names:
        return source
    return source.split(split or "train")


def _fit(
    source: Dataset, features: str | None, epochs: int | None, thresholds: str | None, seed: int, progress: Progress
) -> Labeller:
    from ficoitr.models.labels import LabelTraining, fit_labeller
    from ficoitr.models.labels.fitting import DEFAULT_FEATURES

    rule: Any = thresholds or "common"
    return fit_labeller(
        source,
        features=features or DEFAULT_FEATURES,
        training=LabelTraining() if epochs is None else LabelTraining(epochs=epochs),
        thresholds=rule,
        seed=seed,
        progress=progress,
    )


def _quality_on(target: Dataset, labeller: Labeller, scores: Any) -> LabelQuality | None:
    """Measure on the labels that the target has of its own, unless they were learnt from or mean something else."""
    from ficoitr.models.labels import label_quality

    if target.categories is None or target.category_source or target.category_names != labeller.names:
        return None
    if labeller.may_have_seen(target) or not target.categories.any():
        return None
    return label_quality(scores, labeller.decide(scores), target.categories)


def _print(rows: dict[str, LabelQuality], about: dict[str, Any], labeller: Labeller) -> None:
    from rich.table import Table

    table = Table(title="Quality of the labels", title_justify="left", title_style="bold", box=None, pad_edge=False)
    columns = ("mAP", "guessing", "CP", "CR", "CF1", "OP", "OR", "OF1")
    table.add_column("")
    for column in ("images", "labels", *columns):
        table.add_column(column, justify="right")
    for name, one in rows.items():
        figures = (
            one.mean_average_precision,
            one.guessing,
            one.class_precision,
            one.class_recall,
            one.class_f1,
            one.overall_precision,
            one.overall_recall,
            one.overall_f1,
        )
        table.add_row(name, f"{one.n_images:,}", f"{one.n_labels:,}", *map(percent, figures))
    output.print(table)
    lines = [
        "guessing: mAP if every image gets each label's frequency as its score",
        f"held out: {labeller.judged_on}",
        f"{about['labels_an_image']:.1f} labels an image; they are synthetic: {about['category_source']}",
    ]
    never = [name for name, threshold in about["thresholds"].items() if threshold is None]
    if never:
        lines.append(f"no labelled image has, so that none is given: {', '.join(never)}")
    for line in lines:
        output.print(line, style="dim", markup=False, soft_wrap=True)
