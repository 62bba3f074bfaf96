"""The write-ahead log: when it is written back, and room made for it in advance.

SQLite does not tell how much is in the log, and the file's size says little: it is kept, for writing over
it is faster than letting it grow. Each commit that makes a file longer costs the file system a flush of
its own books beside the data's; so the file is made longer beforehand, by zeros, which SQLite takes for
the end of the log.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

LARGE: Final = 4_000
"""Pages in the log, by estimate, from which it is written back without an idle moment."""

PAGE: Final = 4_096
_FRAME: Final = PAGE + 24
_PAGES_A_COMMIT: Final = 10
"""Ends of tables and indexes that even the smallest commit writes."""
_ROWS_A_PAGE: Final = 5
_STEP: Final = 4 << 20
"""Bytes by which the file is made longer."""


class Log:
    """Keeps count of one database's log. Runs in the writer's thread."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-wal")
        self._pages = 0
        self._room = 0

    @property
    def is_large(self) -> bool:
        """Whether it is time to write the log back even though there is work to do."""
        return self._pages >= LARGE

    @property
    def is_tight(self) -> bool:
        """Whether the next commits would make the file longer."""
        return self._pages * _FRAME > self._room - _STEP // 8

    def note_commit(self, *, rows: int, document_bytes: int) -> None:
        """A transaction was committed; errs on the side of more."""
        self._pages += _PAGES_A_COMMIT + rows // _ROWS_A_PAGE + document_bytes // PAGE

    def note_pages(self, pages: int) -> None:
        """So many pages were written by something else than operations."""
        self._pages += pages

    def note_checkpoint(self) -> None:
        """The log begins anew, unless a reader is in the way; then it will be asked again."""
        self._pages = 0

    def make_room(self) -> None:
        """Makes the file longer. Nobody else may write to the database meanwhile.

        A disk without room is no error here: the next commit says so if it needs any.
        """
        wanted = self._pages * _FRAME + _STEP
        self._room = wanted
        with contextlib.suppress(OSError), self._path.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                while file.tell() < wanted:
                    file.write(bytes(1 << 20))
            except OSError:
                file.truncate(end)
                raise
