"""Tables as Markdown text, for directives that list what the package has."""

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; bars in cells are escaped."""
    return "\n".join(_line(row) for row in (header, ["---"] * len(header), *rows))


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
