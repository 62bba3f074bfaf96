"""`<queue file>.owner`: where the owner of a queue file listens, and the token that opens it.

The operating system's lock says who owns the file; this one only says how to reach that program. So one
that a killed owner left behind harms nobody: nothing answers there, or nothing that knows the token.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

import msgspec
from typing_extensions import override

_LONGEST = 4_096


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The program that owns a queue file. `role` is what people know it as; `since` the epoch's seconds."""

    pid: int
    port: int
    token: str
    role: str = ""
    version: str = ""
    since: float = 0.0

    @override
    def __repr__(self) -> str:
        """Without the token."""
        return f"Owner(pid={self.pid}, port={self.port}, role={self.role!r})"


def owner_path(database: Path) -> Path:
    """The file beside the queue file."""
    return database.with_name(f"{database.name}.owner")


def read_owner(database: Path) -> Owner | None:
    """Who says that it owns the file; None if nobody does, or if it cannot be read."""
    try:
        with owner_path(database).open("rb") as file:
            return msgspec.json.decode(file.read(_LONGEST), type=Owner)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write_owner(database: Path, owner: Owner) -> None:
    """Puts the file in place at once, readable by this user only.

    Raises:
        OSError: it cannot be written.
    """
    path = owner_path(database)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(owner))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def remove_owner(database: Path, owner: Owner) -> None:
    """Removes the file if it is still this owner's."""
    if read_owner(database) == owner:
        with contextlib.suppress(OSError):
            owner_path(database).unlink(missing_ok=True)
