"""The command line: one file a command, thin; everything else is a function of the package."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a user's mistake ends in one clear message, never in a traceback."""
    from ficoitr.cli.application import application
    from ficoitr.cli.console import complain
    from ficoitr.errors import FicoitrError, OptionError

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
