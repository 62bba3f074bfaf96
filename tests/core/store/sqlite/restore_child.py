"""Kills itself at every step of a restore, or of a backup, each time in a folder of its own.

    python restore_child.py FOLDER HEX-OF-KEY

FOLDER/queue.db and FOLDER/copy.db are copied to FOLDER/<number>-<step>-<before or after>/ for each step; an
empty key stands for plain files.
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

from autotask_queue.store.sqlite import copying, restoring
from autotask_queue.store.sqlite.store import SqliteStore

STEPS: tuple[tuple[Any, str], ...] = (
    (restoring, "_examine"),
    (copying, "_copy"),
    (copying, "_check"),
    (copying, "force_to_disk"),
    (restoring, "_write_back"),
    (restoring, "_second_name"),
    (restoring, "_set_aside"),
    (Path, "replace"),
    (restoring, "force_folder_to_disk"),
    (SqliteStore, "open"),
)
BACKUP_STEPS = (*STEPS[1:4], STEPS[7], (copying, "force_folder_to_disk"))


def die(*_: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(owner: Any, step: str, *, after: bool) -> None:
    """From now on this process does not survive the step."""
    original: Callable[..., Any] = getattr(owner, step)

    def instead(*arguments: Any, **named: Any) -> Any:
        if not after:
            die()
        done = original(*arguments, **named)
        if asyncio.iscoroutine(done):
            return then_die(done)
        return die()

    async def then_die(work: Any) -> None:
        await work
        die()

    setattr(owner, step, instead)


async def restore(folder: Path, key: bytes | None) -> None:
    await restoring.restore_backup(
        folder / "copy.db", folder / "queue.db", key=key, actor="ada", now=1_800_000_100.0
    )


async def back_up(folder: Path, key: bytes | None) -> None:
    store = SqliteStore(folder / "queue.db", encryption_key=key)
    await store.open(now=1_800_000_000.0)
    await store.daily_backup(now=1_800_000_000.0)
    await store.close()


def main(folder: Path, key: bytes | None) -> None:
    for what, steps in ((restore, STEPS), (back_up, BACKUP_STEPS)):
        for number, (owner, step) in enumerate(steps):
            for after in (False, True):
                end = "after" if after else "before"
                own = folder / f"{what.__name__}-{number}-{step}-{end}"
                own.mkdir()
                for name in ("queue.db", "copy.db"):
                    shutil.copy(folder / name, own / name)
                child = os.fork()
                if child == 0:
                    killed_at(owner, step, after=after)
                    asyncio.run(what(own, key))
                    os._exit(0)  # not reached
                _, status = os.waitpid(child, 0)
                assert os.WIFSIGNALED(status), (own, status)


if __name__ == "__main__":
    main(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]) or None)
