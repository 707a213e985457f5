"""On what machine and with which versions a figure was measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("ficoitr", "numpy", "scipy", "scikit-learn", "numba", "pillow", "torch", "faiss-cpu")


def environment() -> dict[str, str | int | dict[str, str]]:
    """Describe the machine and the installed versions, in some milliseconds and without importing them.

    Returns
    -------
    dict
        ``processor`` (model name), ``architecture``, ``cores`` (that this process may use), ``memory_bytes``
        (of the machine; left out where the system does not tell), ``platform``, ``python``, and ``packages``
        (name to version, of those installed).

    Examples
    --------
    >>> described = environment()
    >>> described["cores"] >= 1, "numpy" in described["packages"]
    (True, True)
    """
    described: dict[str, str | int | dict[str, str]] = {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": usable_cores(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "packages": _versions(),
    }
    memory = _memory_bytes()
    if memory is not None:
        described["memory_bytes"] = memory
    return described


def usable_cores() -> int:
    """Count the logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        # Windows has no sysconf, some systems not these names.
        return None


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
