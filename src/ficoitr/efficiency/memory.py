"""Memory that this process has used."""

from __future__ import annotations

import sys


def peak_memory_bytes() -> int | None:
    """Return the largest resident set of this process so far, in bytes; None where the system does not tell.

    It never falls: to measure one piece of work, run it in a process of its own.
    """
    try:
        import resource
    except ImportError:
        # Windows has no such module.
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return peak if sys.platform == "darwin" else peak * 1024
