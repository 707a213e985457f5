"""`ficoitr data show` and `ficoitr data fetch`: where a dataset comes from, and getting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ficoitr.cli.console import messages, output, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.tree import Tree

    from ficoitr.data.sources import FileState, Source


def show_command(
    dataset: Annotated[str, typer.Argument(help="The name of a dataset.", show_default=False)],
    root: Annotated[
        Path | None, typer.Option(help="A folder: check whether it holds the dataset.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say what a dataset is read from, where to get it, and under which licence; check a folder.

    In the folder (that of --root, or where a fetched dataset was put) every file is looked for, and compared by size
    and hash where these are known. The exit code is 1 if something is missing or differs.

    [bold]Examples[/bold]

      ficoitr data show flickr30k

      ficoitr data show coco --root path/of/coco
    """
    from ficoitr.data.fetch import dataset_folder
    from ficoitr.data.sources import check_files, source_of

    source = source_of(dataset)
    if root is None and source.obtained == "fetched" and dataset_folder(dataset).exists():
        root = dataset_folder(dataset)
    states: tuple[FileState, ...] = ()
    if root is not None:
        # A status line is drawn on a terminal only.
        with messages.status("Checking"):
            states = check_files(source, root)
    bad = [state for state in states if not state.is_good]
    next_step = _next_step(dataset, source, root, bad)
    if as_json:
        checked = None if root is None else [_as_json(state) for state in states]
        print_json(
            {
                "name": dataset,
                **source.model_dump(mode="json", exclude_none=True),
                "checked": checked,
                "next": next_step,
            }
        )
    else:
        _print(dataset, source, root, states)
        output.print(f"Next: {next_step}", markup=False, soft_wrap=True)
    if bad:
        raise typer.Exit(1)


def fetch_command(
    dataset: Annotated[str, typer.Argument(help="The name of a dataset.", show_default=False)],
    root: Annotated[
        Path | None,
        typer.Option(help="Where to put it, by default $FICOITR_DATA or the user's cache.", show_default=False),
    ] = None,
) -> None:
    """Fetch a dataset whose licence lets everybody have it, or check that an earlier call has.

    It is compared with known hashes and put in place whole or not at all.

    [bold]Example[/bold]

      ficoitr data fetch emoji
    """
    from ficoitr.data.fetch import fetch
    from ficoitr.data.sources import source_of
    from ficoitr.report.tables import print_bytes

    size = sum(package.size for package in source_of(dataset).packages)
    with messages.status(f"Fetching {print_bytes(size)}"):
        folder = fetch(dataset, root)
    output.print(str(folder), markup=False, soft_wrap=True)


def _print(name: str, source: Source, root: Path | None, states: Sequence[FileState]) -> None:
    from ficoitr.report.tables import print_bytes

    output.print(f"[bold]{name}[/bold]: ", end="")
    output.print(source.title, markup=False, soft_wrap=True)
    for what, text in (
        ("Licence", source.licence),
        ("Cite", source.citation),
        ("Homepage", source.homepage),
        ("Note", source.note),
    ):
        if text:
            output.print(f"{what}: {text}", markup=False, soft_wrap=True)
    if source.files:
        output.print()
        output.print(_tree(source, root, {state.path: state for state in states}))
    if source.archives:
        output.print("\nArchives")
        for archive in source.archives:
            size = f" ({print_bytes(archive.size)})" if archive.size else ""
            output.print(f"  {archive.url}{size}", markup=False, soft_wrap=True)
            for kind, digest in (("SHA-256", archive.sha256), ("MD5", archive.md5)):
                if digest:
                    output.print(f"    {kind} {digest}", style="dim", soft_wrap=True)
    for state in states[len(source.files) :]:
        output.print(f"{state.path}: {_in_words(state)}", markup=False, soft_wrap=True)
    if source.packages:
        output.print("\nFetched by npm")
        for package in source.packages:
            size = print_bytes(package.size)
            output.print(f"  {package.name} {package.version} ({size})", markup=False, soft_wrap=True)
    output.print()


def _tree(source: Source, root: Path | None, states: Mapping[str, FileState]) -> Tree:
    """Draw the layout: folders, and for each file its state, what it holds, and where it comes from."""
    from rich.text import Text
    from rich.tree import Tree

    top = Tree(Text(f"{root or 'FOLDER'}/"))
    branches = {"": top}
    for file in source.files:
        # What follows the first pattern is no folder but a part of the pattern.
        folders = file.path.partition("*")[0]
        above, _, start = folders.rpartition("/")
        leaf = start + file.path[len(folders) :]
        place = ""
        for part in above.split("/") if above else ():
            parent, place = place, f"{place}/{part}"
            if place not in branches:
                branches[place] = branches[parent].add(Text(f"{part}/"))
        line = Text(leaf, style="bold")
        if file.optional:
            line.append(" (optional)", "not bold dim")
        if file.path in states:
            state = states[file.path]
            colour = "green" if state.state == "there" else "dim" if state.is_good else "red"
            line.append(f" {_in_words(state)}", f"not bold {colour}")
        line.append(f"\n{file.what}\nSource: {file.origin}", "not bold dim")
        branches[place].add(line)
    return top


def _in_words(state: FileState) -> str:
    if state.state == "there":
        return f"✓ there, {state.checked} as known" if state.checked else "✓ there"
    if state.state == "missing":
        return "✗ missing" if state.required else "– not there"
    return f"✗ {state.state}: {state.found}, expected {state.expected}"


def _next_step(name: str, source: Source, root: Path | None, bad: Sequence[FileState]) -> str:
    """What to do to have the dataset."""
    folder = f" --root {root}" if root is not None else ""
    if source.obtained == "generated":
        return f"nothing; load it: ficoitr data card {name}"
    if root is not None and not bad:
        return f"nothing, all is there: ficoitr data card {name}{folder}"
    if source.obtained == "fetched":
        return f"ficoitr data fetch {name}{folder}"
    if bad:
        return f"put {', '.join(state.path for state in bad)} in {root}, then check again"
    got = f"get the files yourself, since {source.obstacle}; put" if source.obstacle else "put your files"
    layout = "them in a folder so" if source.obstacle else "in a folder so"
    return f"{got} {layout}, then ficoitr data show {name} --root FOLDER"


def _as_json(state: FileState) -> dict[str, str | bool]:
    found = {"found": state.found, "expected": state.expected} if state.found else {}
    return {
        "path": state.path,
        "state": state.state,
        "required": state.required,
        "checked": state.checked,
        "good": state.is_good,
        **found,
    }
