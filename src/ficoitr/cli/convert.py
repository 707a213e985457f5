"""`ficoitr data convert`: from any form of a dataset to another."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ficoitr.cli.console import messages, output, progress_bar
from ficoitr.cli.datasets import Name, Options, Root, Split, load_named
from ficoitr.errors import OptionError


class Form(StrEnum):
    """What a dataset can be converted to."""

    PARQUET = "parquet"
    HUGGINGFACE = "huggingface"
    WEBDATASET = "webdataset"
    FOLDER = "folder"


class Pixels(StrEnum):
    """Where the images go."""

    BYTES = "bytes"
    FILES = "files"
    NONE = "none"


def convert_command(
    dataset: Name,
    folder: Annotated[Path, typer.Option("--output", help="A folder that does not exist.", show_default=False)],
    root: Root = None,
    split: Split = None,
    options: Options = None,
    form: Annotated[
        Form, typer.Option("--to", help="Only parquet keeps features; folder is images/ and captions.csv.")
    ] = Form.PARQUET,
    images: Annotated[
        Pixels | None,
        typer.Option(help="In parquet: images within it, as files beside it, or left out.", show_default="bytes"),
    ] = None,
    images_per_shard: Annotated[int | None, typer.Option(help="In webdataset.", show_default="1000")] = None,
) -> None:
    """Write a dataset in another form: parquet, Hugging Face datasets, WebDataset shards, or a plain folder.

    Image files are kept byte for byte. The folder is written whole or not at all.

    [bold]Examples[/bold]

      ficoitr data convert coco338 --root coco338 --output coco338-parquet

      ficoitr data convert scenes --split test --to webdataset --output shards
    """
    if images is not None and form != Form.PARQUET:
        raise OptionError("--images is for --to parquet", where="--images")
    if images_per_shard is not None and form != Form.WEBDATASET:
        raise OptionError("--images-per-shard is for --to webdataset", where="--images-per-shard")
    # A status line is drawn on a terminal only.
    with messages.status("Reading"):
        chosen = load_named(dataset, root, split, options)
    with progress_bar() as progress:
        if form == Form.PARQUET:
            from ficoitr.data.parquet import save_dataset

            save_dataset(chosen, folder, images=(images or Pixels.BYTES).value, progress=progress)
        elif form == Form.HUGGINGFACE:
            from ficoitr.data.huggingface import write_huggingface

            write_huggingface(chosen, folder, progress=progress)
        elif form == Form.WEBDATASET:
            from ficoitr.data.webdataset import write_webdataset

            write_webdataset(
                chosen,
                folder,
                images_per_shard=1000 if images_per_shard is None else images_per_shard,
                progress=progress,
            )
        else:
            from ficoitr.data.folder_writing import write_folder

            write_folder(chosen, folder, progress=progress)
    output.print(
        f"Wrote {len(chosen.image_ids):,} images and {len(chosen.text_ids):,} texts to {folder}", soft_wrap=True
    )
