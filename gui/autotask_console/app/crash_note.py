"""Notices at the next start that the program did not end by itself the last time."""

from __future__ import annotations

import os
from pathlib import Path


class CrashNote:
    """A file that exists while the program runs."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "running"

    def begin(self) -> bool:
        """Marks the run; True if the last one left its mark. Only the owner of the profile calls it."""
        crashed = self._file.exists()
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.write_text(str(os.getpid()), encoding="ascii")
        except OSError:
            return False
        return crashed

    def end(self) -> None:
        """The run ended as it should."""
        self._file.unlink(missing_ok=True)
