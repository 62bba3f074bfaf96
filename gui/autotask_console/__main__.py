"""`python -m autotask_console`, and the entry point of the installed program and the bundle."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the console; the exit code.

    0 after a normal end or when a running console came to the front, 2 for wrong arguments, 3 if it
    could not start.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--simulator"]:
        # In a bundle there is no `python -m`: the demo starts this program again as the simulator.
        from autotask_console.app.demo import run_simulator

        return run_simulator(arguments[1:])
    from autotask_console.app.start import start

    return start(arguments)


if __name__ == "__main__":
    sys.exit(main())
