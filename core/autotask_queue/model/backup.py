"""What backing up and restoring a queue came to."""

from __future__ import annotations

import msgspec


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A whole copy of a queue file, checked and on the disk."""

    path: str
    """Where it is."""
    at: float
    """When it was made, seconds since the epoch."""
    size_bytes: int
    """How large it is."""
    requests: int
    """How many requests are in it."""
    unfinished: int
    """How many of them were not finished."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What `restore_backup` did."""

    path: str
    """The queue file."""
    copied_at: float
    """When the copy was made, seconds since the epoch."""
    set_aside: str = ""
    """Where the file is that stood there before; empty if there was none."""
    uncertain: int = 0
    """Writes that may have been sent since the copy was made: looked up first, or decided by a person."""
    notes: tuple[str, ...] = ()
    """What else there is to tell people."""
