"""Reading the text files of datasets, with errors that name file and line."""

from __future__ import annotations

import csv
import gzip
import io
import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ficoitr.errors import FileFormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

T = TypeVar("T")

_MSGSPEC_PLACE = re.compile(r" - at `(?:key in )?\$\.?(?P<place>.*)`$")


def read_bytes(path: Path) -> bytes:
    """Read a file; one whose name ends in ``.gz`` is unpacked.

    Raises
    ------
    FileFormatError
        If the file is missing, unreadable or no gzip file.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError as problem:
        raise FileFormatError("the file does not exist", where=str(path)) from problem
    except (gzip.BadGzipFile, EOFError) as problem:
        raise FileFormatError(f"the file cannot be unpacked ({problem})", where=str(path)) from problem
    except OSError as problem:
        raise FileFormatError(f"the file cannot be read ({problem.strerror})", where=str(path)) from problem


def read_text(path: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark, unpacked if its name ends in ``.gz``.

    Raises
    ------
    FileFormatError
        If the file is missing, unreadable or not UTF-8; the message names the line.
    """
    return _decode(path, read_bytes(path))


def _decode(path: Path, content: bytes) -> str:
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


def read_json(path: Path, kind: type[T], *, expected: str | None = None) -> T:
    """Read a JSON file, unpacked if its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
    kind : type
        What the file must hold, such as a ``msgspec.Struct``; keys that it does not name are passed over without
        being built, which a file of 450 MB needs.
    expected : str, optional
        The same in words, for the error.

    Raises
    ------
    FileFormatError
        If the file cannot be read, is no JSON (the message names the line) or holds something else (the message
        names the entry).
    """
    content = read_bytes(path).removeprefix(b"\xef\xbb\xbf")
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as problem:
        place = _MSGSPEC_PLACE.search(str(problem))
        entry = place["place"] if place else ""
        reason = _MSGSPEC_PLACE.sub("", str(problem)).replace("`", "'")
        raise FileFormatError(
            f"{reason[0].lower()}{reason[1:]}",
            where=f"{path}, {entry}" if entry else str(path),
            expected=expected,
        ) from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        _decode(path, content)  # what is no UTF-8 has an error of its own
        position = re.search(r"byte (\d+)", str(problem))
        line = content.count(b"\n", 0, int(position[1]) if position else len(content)) + 1
        reason = str(problem).partition(" (byte")[0]
        raise FileFormatError(f"the file is not JSON ({reason})", where=f"{path}, line {line}") from problem


def read_lines(path: Path) -> list[str]:
    """Read the lines of a UTF-8 file, unpacked if its name ends in ``.gz``, without their ends.

    Only line feeds (with or without a carriage return) end a line: captions may hold other separators.
    """
    text = read_text(path).replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n") if text else []


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
