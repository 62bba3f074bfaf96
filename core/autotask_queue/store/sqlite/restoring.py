"""A copy of a queue takes the queue's place.

The copy is brought over and checked beside the queue file, which is kept under another name; then the new
file takes the name in one step. Whenever this is killed, a whole queue stands under the name: the old or the
new. What was unfinished in the copy may have been sent since: the first who opens the file sees to that
(`opening`).
"""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from autotask_queue.model.backup import Restored
from autotask_queue.model.errors import StoreDamaged, StoreError, StoreUnsuitable, StoreUnwritable
from autotask_queue.model.status import Reason
from autotask_queue.store.disk import force_folder_to_disk, force_to_disk
from autotask_queue.store.sqlite import cipher, copying, opening, place
from autotask_queue.store.sqlite.cipher import FileKind
from autotask_queue.store.sqlite.driver import Driver, choose_driver
from autotask_queue.store.sqlite.lock import OwnerLock
from autotask_queue.store.sqlite.migrations import NEWEST
from autotask_queue.store.sqlite.store import SqliteStore

_LOG: Final = "-wal"
_UNTOUCHED: Final = "The queue was not touched. Name another copy, or the key that this one was made with."


async def restore_backup(
    copy: str | Path, path: str | Path, *, key: bytes | None = None, actor: str = "", now: float
) -> Restored:
    """Puts a copy of a queue in the queue's place; what stands there now is kept under another name.

    Nobody may have the queue open. It takes as much free space as the copy has. Writes that were unfinished
    in the copy become uncertain, for they may have been sent since it was made: what can be found in Autotask
    is looked up, the rest waits for a person. The copy itself is not changed.

    Args:
        copy: what `QueueManager.backup` made, or a daily copy, or any other copy of a queue file.
        path: the queue file.
        key: what opens the copy, and the queue from now on; None if the copy is plain.
        actor: who, for the audit trail.
        now: seconds since the epoch.

    Raises:
        StoreInUse: a program has the queue open; the message names it.
        StoreKeyMissing, StoreKeyWrong, StoreNotEncrypted: the copy does not go with `key`.
        StoreDamaged, StoreForeign, StoreTooNew, StoreUnsuitable: the copy cannot be used.
        StoreUnwritable: there is no such copy, or no room.
        EncryptionUnavailable: SQLCipher is not installed.
        StoreError: anything else; the queue is then as it was.
    """
    copy, path = Path(copy).expanduser().absolute(), Path(path).expanduser().absolute()
    driver = choose_driver(key)
    restored = await copying.in_thread(
        partial(_restore, driver, copy, path, actor=actor, now=now), threading.Event()
    )
    # As whoever opens it first: should this be killed before, the next one does.
    store = SqliteStore(path, encryption_key=key)
    recovery = await store.open(now=now)
    await store.close()
    uncertain = sum(request.reason is Reason.RESTORED for request in recovery.uncertain)
    return msgspec.structs.replace(restored, uncertain=uncertain, notes=recovery.notes)


def copied_at(copy: str | Path, *, key: bytes | None = None) -> float:
    """When a copy was made, in seconds since the epoch; if it does not say so, when it was written last.

    Raises:
        StoreError: the copy cannot be used, as in `restore_backup`.
    """
    return _examine(choose_driver(key), Path(copy).expanduser().absolute())


# ---------------------------------------------------------------------------------------------
# In a thread


def _examine(driver: Driver, copy: Path) -> float:
    try:
        kind = cipher.kind_of(copy)
        opening.check_key(driver.key, copy, kind)
        if kind in (FileKind.EMPTY, FileKind.OTHER):
            raise StoreUnsuitable(f"{copy} is not a copy of a queue.")
        opening.check_file(driver, copy, newest=NEWEST)
        with closing(driver.reader(copy)) as connection:
            made = opening.meta(connection, "backup_at")
    except StoreError as error:
        raise type(error)(error.message, remedy=_UNTOUCHED) from error
    except OSError as error:
        raise StoreUnwritable(
            f"{copy} cannot be read ({error.strerror or error}).", remedy=_UNTOUCHED
        ) from error
    except driver.error as error:
        explained = driver.explain(error, copy)
        raise type(explained)(explained.message, remedy=_UNTOUCHED) from error
    return copy.stat().st_mtime if made is None else float(str(made))


def _restore(
    driver: Driver, copy: Path, path: Path, stop: threading.Event, *, actor: str, now: float
) -> Restored:
    if path.exists() and copy.exists() and copy.samefile(path):
        raise StoreUnsuitable(f"{copy} is the queue itself.", remedy=_UNTOUCHED)
    at = _examine(driver, copy)
    place.prepare_folder(path)
    lock = OwnerLock(path)
    try:
        lock.take()
        place.sweep(path)
        made = place.unfinished(path)
        marks: copying.Marks = {"backup_at": at, "restored_by": actor, "restored_from": str(copy)}
        try:
            try:
                copying.make_copy(driver, copy, made, marks=marks, stop=stop)
            except StoreDamaged as error:
                raise StoreDamaged(error.message, remedy=_UNTOUCHED) from error
            aside = _set_aside(driver, path, now=now)
            made.replace(path)
            force_folder_to_disk(path.parent)
        finally:
            place.remove(made)
    except OSError as error:
        raise StoreUnwritable(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        lock.release()
    return Restored(path=str(path), copied_at=at, set_aside=str(aside) if aside is not None else "")


def _set_aside(driver: Driver, path: Path, *, now: float) -> Path | None:
    """Gives the present file a second name, with which it stays when the new one takes the first."""
    if not place.size(path) and not place.log_size(path):
        return None
    _write_back(driver, path)
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.before-restore-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.before-restore-{stamp}-{number}")
    for part in ("", _LOG):
        if path.with_name(path.name + part).exists():
            _second_name(path.with_name(path.name + part), aside.with_name(aside.name + part))
    force_folder_to_disk(path.parent)
    # A log that is still there would be taken for one of the new file.
    for part in (_LOG, "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
    return aside


def _write_back(driver: Driver, path: Path) -> None:
    """Leaves no log beside a sound file; one that cannot be opened is set aside with its log."""
    try:
        opening.check_file(driver, path, newest=NEWEST)
        with closing(driver.writer(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except (StoreError, driver.error):
        return


def _second_name(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without hard links, such as a stick's
        shutil.copy2(old, new)
        force_to_disk(new)
