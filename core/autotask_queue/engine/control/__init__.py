"""How other programs reach a queue file that one program owns (decisions.md, Console ↔ command line).

The owner starts a `ControlServer`; everybody else asks through a `ControlClient`. What can be asked is
the table of `commands`, nothing else.
"""

from autotask_queue.engine.control.client import ControlClient
from autotask_queue.engine.control.command import Command
from autotask_queue.engine.control.errors import CommandRefused, OwnerUnreachable
from autotask_queue.engine.control.owner_file import Owner, read_owner
from autotask_queue.engine.control.queue import ControlledQueue
from autotask_queue.engine.control.server import ControlServer

__all__ = [
    "Command",
    "CommandRefused",
    "ControlClient",
    "ControlServer",
    "ControlledQueue",
    "Owner",
    "OwnerUnreachable",
    "read_owner",
]
