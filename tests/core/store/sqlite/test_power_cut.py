"""Nothing acknowledged is lost when the power goes, wherever that happens."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.store.making import NOW
from tests.core.store.sqlite.promises import Promises, work
from tests.support.fragile_disk import FragileDisk

from autotask_queue.model.errors import StoreError
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import driver
from autotask_queue.store.sqlite.driver import Driver

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="files in use cannot be replaced there"),
]

ROUNDS_A_FILE = 8


@pytest.fixture
def dice() -> random.Random:
    return random.Random(4711)


@pytest.fixture
def disk(dice: random.Random) -> Iterator[FragileDisk]:
    made = FragileDisk(dice)
    yield made
    made.unregister()


async def work_until_cut(disk: FragileDisk, path: Path, dice: random.Random, promises: Promises) -> None:
    """One life of a store, from its opening to the end of the power, somewhere in between."""
    store = SqliteStore(path, driver=Driver(disk.module))
    disk.cut_at = disk.calls + dice.randint(1, 1_500)
    with contextlib.suppress(StoreError):
        await store.open(now=NOW)
        with contextlib.suppress(StoreError):
            await work(store, dice, promises.note)
    disk.cut()
    with contextlib.suppress(StoreError):
        await store.close()
    disk.restore()


async def run_rounds(folder: Path, disk: FragileDisk, dice: random.Random, rounds: int) -> int:
    """How many requests were acknowledged; all of them are still there."""
    acknowledged = 0
    for number in range(rounds // ROUNDS_A_FILE):
        promises = Promises()
        path = folder / f"{number}.db"
        for _ in range(ROUNDS_A_FILE):
            before = len(promises.stored)
            await work_until_cut(disk, path, dice, promises)
            notes = (await promises.check(path)).notes
            assert not notes or not before, notes
        acknowledged += len(promises.stored)
    return acknowledged


async def test_the_power_goes_at_any_moment(tmp_path: Path, disk: FragileDisk, dice: random.Random) -> None:
    assert await run_rounds(tmp_path, disk, dice, 5 * ROUNDS_A_FILE) > 500


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_power_goes_again_and_again(tmp_path: Path, disk: FragileDisk, dice: random.Random) -> None:
    assert await run_rounds(tmp_path, disk, dice, 50 * ROUNDS_A_FILE) > 5_000


async def test_without_the_full_flush_the_same_test_sees_what_is_lost(
    tmp_path: Path, disk: FragileDisk, dice: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(driver.PRAGMAS, "synchronous", 1)
    with pytest.raises(AssertionError, match=r"lost|forgotten|twice"):
        await run_rounds(tmp_path, disk, dice, 5 * ROUNDS_A_FILE)
