"""The directive ``command``: the arguments and flags of a command, as its ``--help`` has them."""

from itertools import groupby
from typing import Any

import typer
from docutils import nodes
from markdown_tables import markdown_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

from ficoitr.cli.application import application


class Command(SphinxDirective):
    """Tables of the flags of one command, a panel each; its argument names the command."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the tables."""
        command: Any = get_command(application)
        command = command.commands[self.arguments[0]]
        context = typer.Context(command)
        panels = groupby(command.params, key=lambda one: getattr(one, "rich_help_panel", None))
        tables = [_table(panel, [one.get_help_record(context) for one in those]) for panel, those in panels]
        return self.parse_text_to_nodes("\n\n".join(tables))


def _table(panel: str | None, records: list[tuple[str, str]]) -> str:
    rows = [(f"`{spelling}`", text.replace("[", r"\[")) for spelling, text in records]
    return markdown_table((panel or "Arguments and flags", "What"), rows)


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the directive to Sphinx."""
    app.add_directive("command", Command)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
