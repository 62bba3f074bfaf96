"""The table of everything that can be asked of a queue from outside its process.

A tagged union of the commands is the whole table: an unknown name, an unknown field or a wrong type is
refused before anything is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from autotask_queue.engine.control.command import Command
from autotask_queue.engine.control.orders import (
    BackUp,
    Cancel,
    CancelOne,
    Clear,
    Edit,
    ForceClose,
    ForceOpen,
    Pause,
    Release,
    Reprioritise,
    ResetBreaker,
    Resolve,
    Restore,
    Resume,
    Retry,
    SetStrategy,
    Submit,
)
from autotask_queue.engine.control.questions import (
    AskHealth,
    AskStrategy,
    Audit,
    Find,
    Gates,
    ListBreakers,
    ListZones,
    Metrics,
    Result,
    Rows,
    Show,
    Whole,
)

AnyCommand = (
    ListZones | Find | Rows | Show | Whole | Result | Gates | Metrics | AskHealth | Audit | Submit | Edit
    | CancelOne | Cancel | Restore | Retry | Reprioritise | Clear | Resolve | Pause | Resume | ListBreakers
    | ForceOpen | ForceClose | Release | ResetBreaker | AskStrategy | SetStrategy | BackUp
)  # fmt: skip

TABLE: Mapping[str, type[Command[Any]]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(AnyCommand)
}
"""Every command by its name on the wire."""
