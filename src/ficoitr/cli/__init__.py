"""The command line: one file a command, thin; everything else is a function of the package."""

from __future__ import annotations

import sys
import warnings
from typing import Any


def main() -> None:
    """Run the command line; a user's mistake ends in one clear message, never in a traceback."""
    from ficoitr.cli.application import application
    from ficoitr.cli.console import complain, warn
    from ficoitr.errors import FicoitrError, FicoitrWarning, OptionError

    default = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        if issubclass(category, FicoitrWarning):
            warn(str(message))
        else:
            default(message, category, filename, lineno, *rest)

    warnings.showwarning = show  # type: ignore[assignment]
    try:
        application()
    except FicoitrError as error:
        complain(str(error))
        sys.exit(2 if isinstance(error, OptionError) else 1)
    except KeyboardInterrupt:
        complain("interrupted; nothing was half-written")
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does.
        sys.stderr.close()
        sys.exit(1)
