"""The command line: the queue without a window. `autotask-queue --help` tells what it can do."""

from autotask_queue.cli.program import main

__all__ = ["main"]
