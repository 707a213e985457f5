"""`ficoitr data`: what a dataset holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ficoitr.cli.console import messages, output, print_json

application = typer.Typer(help="Look at datasets.", no_args_is_help=True, rich_markup_mode="rich")


@application.command("card")
def card_command(
    dataset: Annotated[str, typer.Argument(help="The name of a dataset, or a folder.", show_default=False)],
    root: Annotated[Path | None, typer.Option(help="The folder of a named dataset.", show_default=False)] = None,
    split: Annotated[str | None, typer.Option(help="Only this split.", show_default=False)] = None,
    page: Annotated[
        Path | None, typer.Option("--output", help="Write the card to this file, as Markdown.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Count what a dataset holds: images, texts, repeated texts, categories, relevant pairs.

    [bold]Example[/bold]

      ficoitr data card scenes --split test
    """
    from ficoitr.data import data_card, load_dataset
    from ficoitr.outputs.files import atomic_path, require_target

    if page is not None:
        require_target(page)
    # A status line is drawn on a terminal only.
    with messages.status("Counting"):
        loaded = load_dataset(dataset, root=root)
        card = data_card(loaded if split is None else loaded.split(split))
    if page is not None:
        with atomic_path(page) as temporary:
            temporary.write_text(card.to_markdown(), encoding="utf-8")
        messages.print(f"Wrote {page}")
    if as_json:
        print_json(card.to_json())
    elif page is None:
        output.print(card.to_markdown(), markup=False, soft_wrap=True, end="")
