"""One process owns a queue file: a lock of the operating system on a file beside it.

The lock goes with its process, however that ends. Own code, because the process that is turned away
must be able to read who holds it: filelock empties the file it locks, and on Windows a locked byte
cannot be read, so that the byte locked here lies far behind the text.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Final

from autotask_queue.model.errors import StoreInUse

if sys.platform == "win32":
    import msvcrt

    _FAR_BEHIND: Final = 1 << 30

    def _take(handle: int) -> None:
        os.lseek(handle, _FAR_BEHIND, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        # flock and not lockf: it belongs to the open file, so that a second store in this very process is
        # turned away too, and closing some other handle of the file does not drop it.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class OwnerLock:
    """Held from `take` to `release`. The file stays: removing it would race with the next owner."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.path = database.with_name(database.name + ".lock")
        self._handle: int | None = None

    def take(self) -> None:
        """Becomes the owner.

        Raises:
            StoreInUse: another process is; the message names it.
            OSError: the file cannot be made.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(handle)
        except OSError as error:
            os.close(handle)
            raise StoreInUse(f"{self._owner()} has {self._database} open.") from error
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._handle = handle

    def release(self) -> None:
        """Lets the next one in. Does nothing if it is not held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _owner(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return f"Process {int(self.path.read_text(encoding='ascii'))}"
        return "Another process"
