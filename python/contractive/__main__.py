"""The command ``cae``: ``python -m contractive`` and the script of that name."""

from __future__ import annotations

import signal
import sys

from ._core import run


def main() -> int:
    """Run ``cae`` with the words of the command line, and give its exit code."""
    # The command catches Ctrl-C itself, and saves what it has.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run(["cae", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
