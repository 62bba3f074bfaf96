"""Kills itself at every step of a change of keys, each time in a folder of its own.

    python custody_child.py encrypt|decrypt|rekey QUEUE-FILE KEY-FILE

Both are copied to <number>-<step>/queue.db and keys beside QUEUE-FILE for each step, before and after it.
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

from autotask_queue.store import custody, disk
from autotask_queue.store.key_homes import KeyFile
from autotask_queue.store.sqlite import conversion

STEPS: dict[str, tuple[tuple[Any, str, int], ...]] = {
    # The owner of a step's function, its name, and which call of it.
    "encrypt": ((KeyFile, "_write", 1), (custody, "change_encryption", 1), (conversion, "_take_place", 1)),
    "decrypt": ((custody, "change_encryption", 1), (conversion, "_take_place", 1), (KeyFile, "_write", 1)),
    "rekey": (
        (disk, "force_folder_to_disk", 1), (KeyFile, "_write", 1), (conversion, "_take_place", 1),
        (KeyFile, "_write", 2),
    ),
}  # fmt: skip


def killed_at(owner: Any, name: str, call: int, *, after: bool) -> None:
    """From now on this process does not survive that call."""
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def die_at(moment: bool) -> None:
        if calls == call and moment is after:
            os.kill(os.getpid(), signal.SIGKILL)

    def instead(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        die_at(moment=False)
        result = original(*arguments, **named)
        if asyncio.iscoroutine(result):
            return finish(result)
        die_at(moment=True)
        return result

    async def finish(work: Any) -> Any:
        result = await work
        die_at(moment=True)
        return result

    setattr(owner, name, instead)


async def change(way: str, path: Path, keys: KeyFile) -> None:
    found = None if way == "encrypt" else await custody.find_key(path, [keys])
    home = None if way == "decrypt" else keys
    await custody.change_key(path, found=found, home=home, now=1_800_000_000.0, forget=True)


def main(way: str, path: Path, keys: Path) -> None:
    for number, (owner, name, call) in enumerate(STEPS[way]):
        for after in (False, True):
            place = path.parent / f"{number}-{name}-{'after' if after else 'before'}"
            place.mkdir()
            shutil.copy(path, place / "queue.db")
            if keys.exists():
                shutil.copy(keys, place / "keys")
            child = os.fork()
            if child == 0:
                killed_at(owner, name, call, after=after)
                asyncio.run(change(way, place / "queue.db", KeyFile(place / "keys")))
                os._exit(0)  # not reached
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), (place, status)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
