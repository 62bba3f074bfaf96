"""`python -m autotask_console`, and the entry point of the installed program and the bundle."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the console; the exit code.

    0 after a normal end or when a running console came to the front, 2 for wrong arguments, 3 if it
    could not start.
    """
    from autotask_console.app.start import start

    return start(list(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(main())
