"""Reading the text files of datasets, with errors that name file and line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises
    ------
    FileFormatError
        If the file is missing, unreadable or not UTF-8; the message names the line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as problem:
        raise FileFormatError("the file does not exist", where=str(path)) from problem
    except OSError as problem:
        raise FileFormatError(f"the file cannot be read ({problem.strerror})", where=str(path)) from problem
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise FileFormatError(
            f"the byte {content[problem.start]:#04x} is not UTF-8",
            where=f"{path}, line {line}",
            expected="a text file in UTF-8",
            fix="Save the file again as UTF-8",
        ) from problem


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    FileFormatError
        If the file cannot be read or is no JSON; the message names the line.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as problem:
        raise FileFormatError(
            f"the file is not JSON ({problem.msg})", where=f"{path}, line {problem.lineno}"
        ) from problem


def read_csv(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Read a CSV file with a header.

    Parameters
    ----------
    path : Path
        The file: commas, and double quotes around fields that hold commas, quotes or line breaks.
    required, optional : sequence of str
        The columns that must and that may be there, in any order.

    Yields
    ------
    tuple of str and dict
        Where the row begins (file and line), and its fields by column.

    Raises
    ------
    FileFormatError
        If a column is missing, unknown or repeated, or a row has another number of fields.
    """
    # newline="": a quoted line break stays what it is.
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for row in reader:
            where, line = f"{path}, line {line}", reader.line_num + 1
            if not row:
                continue
            if header is None:
                header = [name.strip() for name in row]
                _check_header(header, required, optional, where)
                continue
            if len(row) != len(header):
                raise FileFormatError(
                    f"the row has {len(row)} fields",
                    where=where,
                    expected=f"{len(header)}: {', '.join(header)}",
                    fix='Put captions that contain commas in double quotes ("…")',
                )
            yield where, dict(zip(header, row, strict=True))
    except csv.Error as problem:
        raise FileFormatError(f"the file is not CSV ({problem})", where=f"{path}, line {line}") from problem
    if header is None:
        raise FileFormatError("the file is empty", where=str(path), expected=f"a header: {','.join(required)}")


def _check_header(header: list[str], required: Sequence[str], optional: Sequence[str], where: str) -> None:
    missing = [name for name in required if name not in header]
    unknown = [name for name in header if name not in (*required, *optional)]
    repeated = [name for name in header if header.count(name) > 1]
    if missing or unknown or repeated:
        columns = ",".join(required) + "".join(f"[,{name}]" for name in optional)
        raise FileFormatError(f"the header is {','.join(header)!r}", where=where, expected=f"the columns {columns}")
