"""The Lua scripts: put together once from their parts, behind constants made from the Python rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

from autotask_queue.model.status import LANE_BLOCKING, TERMINAL, UNDECIDED
from autotask_queue.store import carrying, flights, rules
from autotask_queue.store.ledger import INTERRUPTED
from autotask_queue.store.limits import PRUNABLE
from autotask_queue.store.redis.rows import COLUMNS

UNHEARD: Final = "The server's answer was lost before it was sent."
"""Why a request is pending again whose claim was not answered."""

_WRITE: Final = ("rows", "order", "changes", "schedule", "operations", "answer")
_READ: Final = ("read",)
_SETS: Final = {
    "ANSWERED": carrying.ANSWERED,
    "BEFORE_PARENTS": rules.BEFORE_PARENTS,
    "BUSY": rules.BUSY,
    "EXPIRING": rules.EXPIRING,
    "LANE_BLOCKING": LANE_BLOCKING,
    "LEADING": flights.LEADING,
    "PRUNABLE": PRUNABLE,
    "REPLACEABLE": rules.REPLACEABLE,
    "SHARED": carrying.SHARED,
    "TERMINAL": TERMINAL,
    "UNDECIDED": UNDECIDED,
    "WAITING": rules.WAITING,
}


class Script(msgspec.Struct, frozen=True):
    """A script and the name under which a server that has seen it knows it."""

    text: str
    sha: str


@cache
def write_script() -> Script:
    """Changes what is stored."""
    return _script(_WRITE)


@cache
def read_script() -> Script:
    """Answers questions."""
    return _script(_READ)


def _script(names: Iterable[str]) -> Script:
    folder = files(__package__) / "lua"
    parts = [_constants(), *((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)]
    text = "\n".join(parts)
    # The name is Redis's way of calling a script, no protection of anything.
    return Script(text=text, sha=hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _constants() -> str:
    lines = [f"local COLUMNS = {{ {', '.join(map(_quoted, COLUMNS))} }}"]
    lines.append(f"local MOST_FOLLOWERS = {flights.MOST_FOLLOWERS}")
    lines.append(f"local INTERRUPTED = {_quoted(INTERRUPTED)}")
    lines.append(f"local UNHEARD = {_quoted(UNHEARD)}")
    lines += [
        f"local {name} = {{ {', '.join(f'[{_quoted(status)}] = true' for status in sorted(members))} }}"
        for name, members in _SETS.items()
    ]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
