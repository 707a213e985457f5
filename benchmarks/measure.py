"""What the benchmarks share: running one measurement in a process of its own, and describing the machine."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def in_own_process(script: str, name: str, *, threads: int | None = None) -> dict[str, Any]:
    """Run ``script --measure name`` alone and return the JSON it prints last."""
    environment = dict(os.environ)
    if threads is not None:
        environment |= {
            key: str(threads)
            for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FICOITR_THREADS")
        }
    done = subprocess.run(
        [sys.executable, script, "--measure", name], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def status_bytes(field: str) -> int:
    """A field of /proc/self/status in bytes (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall and CPU seconds of one call, and the memory it took at its peak above what was there before."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = status_bytes("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "megabytes": (status_bytes("VmHWM") - before) / 1e6,
    }


def interleaved(
    works: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each work in each round, in which they take turns: what slows the machine slows all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            started = clock()
            work()
            seconds[name].append(clock() - started)
    return seconds


def ratios(seconds: list[float], others: list[float]) -> dict[str, float]:
    """Divide one by the other round by round: the median of the ratios, the lowest and the highest."""
    each = [one / other for one, other in zip(seconds, others, strict=True)]
    return {"median": statistics.median(each), "lowest": min(each), "highest": max(each)}


def machine() -> str:
    """One line on the machine and the versions."""
    from ficoitr.efficiency import environment

    here = environment()
    packages = here["packages"]
    named = ", ".join(f"{name} {packages[name]}" for name in ("ficoitr", "numpy", "numba") if name in packages)
    return f"{here['processor']}, {here['cores']} cores; Python {here['python']}, {named}"
