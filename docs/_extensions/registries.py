"""The directive ``registry``: tables of what the package itself lists, so that they cannot fall behind it."""

from collections.abc import Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from markdown_tables import markdown_table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ficoitr.data import dataset_names
from ficoitr.evaluation.protocol import Protocol, protocols
from ficoitr.metrics.metric import FAMILIES, Family
from ficoitr.models import model_names
from ficoitr.search import index_names

Table = tuple[Sequence[str], list[Sequence[str]]]


def _protocol_table() -> Table:
    header = ("Name", "What", "Choices that differ from the defaults", "Source")
    named = protocols().items()
    return header, [(f"`{name}`", one.description, _choices(one), one.source) for name, one in named]


def _choices(protocol: Protocol) -> str:
    chosen = protocol.model_dump(exclude={"name", "description", "source"}, exclude_defaults=True)
    return ", ".join(f"{field} = {_value(value)}" for field, value in chosen.items()) or "none"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(f"`{one}`" for one in value) or "none"
    return f"`{value}`"


def _metric_table() -> Table:
    header = ("Metric", "What", "Options, the default first", "Better", "Source")
    return header, [
        (f"`{_form(one)}`", one.description, _options(one), one.better, one.source) for one in FAMILIES.values()
    ]


def _form(family: Family) -> str:
    return family.name + {"none": "", "number": "@K", "radius": "@r"}[family.cutoffs]


def _options(family: Family) -> str:
    return "; ".join(f"{name}: {', '.join(values)}" for name, values in family.options.items())


def _model_table() -> Table:
    return ("Name", "Granularity", "What"), [
        (f"`{one.name}`", one.granularity, one.description) for one in model_names()
    ]


def _dataset_table() -> Table:
    return ("Name", "What", "From"), [
        (f"`{one.name}`", one.description, "a folder" if one.origin == "folder" else one.origin)
        for one in dataset_names()
    ]


def _index_table() -> Table:
    return ("Name", "Of", "What"), [(f"`{one.name}`", one.kind, one.description) for one in index_names()]


_TABLES = {
    "protocols": _protocol_table,
    "metrics": _metric_table,
    "models": _model_table,
    "datasets": _dataset_table,
    "indexes": _index_table,
}


class Registry(SphinxDirective):
    """A table of one registry; its argument names the registry."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table."""
        header, rows = _TABLES[directives.choice(self.arguments[0], tuple(_TABLES))]()
        return self.parse_text_to_nodes(markdown_table(header, rows))


def setup(app: Sphinx) -> dict[str, Any]:
    """Offer the directive to Sphinx."""
    app.add_directive("registry", Registry)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
