"""How long `import ficoitr` and `ficoitr --help` take, and what the import loads."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import machine

REPEATS = 9


def seconds(command: list[str]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    program = Path(sys.executable).with_name("ficoitr")
    bare = seconds([sys.executable, "-c", "pass"])
    imported = seconds([sys.executable, "-c", "import ficoitr"])
    print(f"{machine()}\n")
    print("| | seconds |\n|---|---:|")
    print(f"| python -c pass | {bare:.3f} |\n| python -c 'import ficoitr' | {imported:.3f} |")
    print(f"| ficoitr --help | {seconds([str(program), '--help']):.3f} |")


if __name__ == "__main__":
    main()
