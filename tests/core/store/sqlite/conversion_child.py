"""Kills itself at every step of a change of encryption, each time in a folder of its own.

    python conversion_child.py FOLDER HEX-OF-OLD-KEY HEX-OF-NEW-KEY

FOLDER/queue.db is copied to FOLDER/<number>-<step>/queue.db for each step, before and after it; an empty
key stands for a plain file.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autotask_queue.store.sqlite import conversion

STEPS = ("_copy", "_compare", "_write_down", "force_to_disk", "_take_place", "replace")


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(step: str, *, after: bool) -> None:
    """From now on this process does not survive the step."""
    # The renaming itself, too: nothing may be done to the old file before it.
    owner: Any = Path if step == "replace" else conversion
    original: Callable[..., Any] = getattr(owner, step)

    def instead(*arguments: Any) -> None:
        if after:
            original(*arguments)
        die()

    setattr(owner, step, instead)


def main(folder: Path, key: bytes | None, new_key: bytes | None) -> None:
    for number, step in enumerate(STEPS):
        for after in (False, True):
            place = folder / f"{number}-{step}-{'after' if after else 'before'}"
            place.mkdir()
            shutil.copy(folder / "queue.db", place / "queue.db")
            child = os.fork()
            if child == 0:
                killed_at(step, after=after)
                asyncio.run(
                    conversion.change_encryption(
                        place / "queue.db", key=key, new_key=new_key, now=1_800_000_000.0
                    )
                )
                os._exit(0)  # not reached
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), (place, status)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(bytes.fromhex(key) or None for key in sys.argv[2:4]))
