"""`ficoitr data features`: features of a dataset, as one file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ficoitr.cli.console import messages, output, print_json, progress_bar
from ficoitr.cli.datasets import Name, Options, Root, Split, load_named


class Side(StrEnum):
    """What features are of."""

    IMAGE = "image"
    TEXT = "text"


def features_command(
    dataset: Name,
    features: Annotated[str, typer.Option(help="Their name, such as efficientnet-lite0.", show_default=False)],
    target: Annotated[
        Path, typer.Option("--output", help="The file to write, .npy; ids go beside it.", show_default=False)
    ],
    root: Root = None,
    split: Split = None,
    options: Options = None,
    of: Annotated[
        Side | None, typer.Option(help="Of which side, if the dataset brings both under this name.", show_default=False)
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File of the network's weights, if it needs one.", show_default=False)
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder to extract in; by default a hidden one beside the file.", show_default=False),
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read, and their texts.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Extract features of the images or texts of a dataset, a row each.

    An extraction that was interrupted goes on where it was. Features that are learnt from texts are learnt from the
    split train.

    [bold]Examples[/bold]

      ficoitr data features my_photos/ --features efficientnet-lite0 --output images.npy

      ficoitr data features scenes --features minilm --split test --output texts.npy
    """
    from ficoitr.models.features import readable, save_features
    from ficoitr.outputs.files import require_target

    require_target(target, suffix=".npy")
    with progress_bar() as progress:
        whole = load_named(dataset, root, None, options)
        chosen = whole if split is None else whole.split(split)
        left_out = {}
        if skip_unreadable:
            found = readable(chosen, progress=progress)
            chosen, left_out = found.dataset, dict(found.unreadable)
        shape = save_features(
            chosen,
            features,
            target,
            modality=None if of is None else of.value,
            learn_from=whole,
            weights=weights,
            cache=cache,
            progress=progress,
        )
    if as_json:
        print_json({"output": str(target), "shape": list(shape), "unreadable": left_out})
        return
    for identifier, problem in left_out.items():
        messages.print(f"Left out {identifier}: {problem}", markup=False, soft_wrap=True)
    of_those = f", {len(left_out):,} images left out" if left_out else ""
    output.print(f"Wrote {target}: {' × '.join(map(str, shape))}{of_those}", markup=False, soft_wrap=True)
