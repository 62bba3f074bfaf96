"""Private files that are on the disk when the call returns."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path


def is_private(found: os.stat_result) -> bool:
    """Whether only its owner may read or write a file; on Windows, the user's profile sees to it."""
    return sys.platform == "win32" or not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def write_private(path: Path, content: bytes) -> None:
    """Puts a file in place, readable by its owner only: at once or not at all.

    Raises:
        OSError: it cannot be written; what was there before is untouched.
    """
    path = path.resolve()  # a link stays one
    part = path.with_name(f"{path.name}.new")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        force_to_disk(part)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    force_folder_to_disk(path.parent)


def force_to_disk(path: Path) -> None:
    """Waits until the disk has what was written to a file.

    Raises:
        OSError: the disk reports an error.
    """
    with path.open("r+b") as file:
        os.fsync(file.fileno())
        if sys.platform == "darwin":  # there, fsync stops at the disk's own memory
            import fcntl

            fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)


def force_folder_to_disk(folder: Path) -> None:
    """Waits until the disk knows which files are in a folder; Windows sees to that by itself.

    Raises:
        OSError: the disk reports an error.
    """
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
