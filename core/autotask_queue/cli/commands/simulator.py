"""`simulator`: a faithful Autotask API on this machine, to try everything against."""

from __future__ import annotations

import argparse

from autotask_queue.cli.arguments import Subparsers, help_with
from autotask_queue.cli.context import Context
from autotask_queue.simulator import command

_SIMULATOR = """
  autotask-queue simulator
  autotask-queue simulator --port 8765 --latency 0.3 --ready-file simulator.json
"""


def configure(commands: Subparsers) -> None:
    """Adds `simulator`."""
    parser = commands.add_parser(
        "simulator", **help_with("Runs a simulator of the Autotask REST API on this machine.", _SIMULATOR)
    )
    command.configure(parser)
    parser.set_defaults(command=_command)


def _command(args: argparse.Namespace, _: Context) -> int:
    return command.main(args)
