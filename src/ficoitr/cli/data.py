"""`ficoitr data`: where datasets come from, and what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ficoitr.cli.console import messages, output, print_json, progress_bar
from ficoitr.cli.convert import convert_command
from ficoitr.cli.datasets import Name, Options, Root, Split, load_named
from ficoitr.cli.features import features_command
from ficoitr.cli.fetch import fetch_command, show_command
from ficoitr.cli.label import label_command

application = typer.Typer(help="Get and look at datasets.", no_args_is_help=True, rich_markup_mode="rich")
application.command("show")(show_command)
application.command("fetch")(fetch_command)
application.command("convert")(convert_command)
application.command("features")(features_command)
application.command("label")(label_command)


@application.command("card")
def card_command(
    dataset: Name,
    root: Root = None,
    split: Split = None,
    options: Options = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--output", help="Write the card to this .md file, and its pictures beside it.", show_default=False
        ),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels/--no-pixels", help="Open every image, to find repeated and unreadable ones.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Count what a dataset holds: images, texts, repeated ones, categories, relevant pairs; show a few.

    [bold]Examples[/bold]

      ficoitr data card scenes --split test

      ficoitr data card flickr8k --root flickr8k --option captions=all --option pixels=none --output card.md
    """
    from ficoitr.data import data_card
    from ficoitr.data.card_pixels import contact_sheet
    from ficoitr.outputs.files import atomic_path, require_target

    if page is not None:
        require_target(page)
    # A status line is drawn on a terminal only.
    with messages.status("Reading"):
        chosen = load_named(dataset, root, split, options)
    with progress_bar() as progress:
        card = data_card(chosen, open_images=pixels, progress=progress)
    if page is not None:
        pictures = page.with_suffix(".png") if chosen.has_pixels else None
        if pictures is not None:
            readable = [one.row for one in card.samples if not (card.pixels and one.image_id in card.pixels.unreadable)]
            with atomic_path(pictures) as temporary:
                contact_sheet(chosen, readable).save(temporary, format="PNG")
        with atomic_path(page) as temporary:
            temporary.write_text(card.to_markdown(pictures.name if pictures else None), encoding="utf-8")
        messages.print(f"Wrote {page}" + (f" and {pictures}" if pictures else ""))
    if as_json:
        print_json(card.to_json())
    elif page is None:
        output.print(card.to_markdown(), markup=False, soft_wrap=True, end="")
