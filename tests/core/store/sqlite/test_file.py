"""The file itself: its set-up, its schema, its owner, its folder."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest
from tests.core.store.making import NOW, add_one, claim_one, load
from tests.core.store.sqlite.conftest import Look

from autotask_queue.model.errors import (
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreInUse,
    StoreTooNew,
    StoreUnsuitable,
    StoreUnwritable,
)
from autotask_queue.model.request import Durability
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import opening
from autotask_queue.store.sqlite.channel import Channel
from autotask_queue.store.sqlite.driver import MAC_PRAGMAS, PRAGMAS, Connection, Driver
from autotask_queue.store.sqlite.migrations import MIGRATIONS, NEWEST, Migration
from autotask_queue.store.sqlite.session import Session

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).with_name("schema.sql")


def test_the_call_that_batches_need_still_exists() -> None:
    assert callable(getattr(aiosqlite.Connection, "_execute", None)), (
        "aiosqlite has lost Connection._execute, by which Channel.run hands a whole transaction to the "
        "connection's thread. Find the new way, or give the writer a thread of its own."
    )


async def test_a_function_runs_in_the_connections_thread(path: Path) -> None:
    channel = Channel(lambda: sqlite3.connect(path))
    async with channel:
        assert await channel.run(lambda: 42) == 42
        with pytest.raises(ZeroDivisionError):
            await channel.run(lambda: 1 // 0)


async def test_pragmas_are_as_wanted(store: SqliteStore) -> None:
    def read() -> dict[str, object]:
        assert store._session is not None
        ask = store._session.connection.execute
        return {name: ask(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}

    assert store._channel is not None
    assert await store._channel.run(read) == PRAGMAS
    assert PRAGMAS["synchronous"] == 2
    assert set(MAC_PRAGMAS) == {"fullfsync", "checkpoint_fullfsync"}


async def test_what_a_reader_opens_cannot_write(store: SqliteStore, path: Path) -> None:
    await add_one(store)
    with closing(Driver().reader(path)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM request")


def test_a_pragma_that_does_not_take_is_an_error(path: Path) -> None:
    class Stubborn:
        """The standard module, but for a connection that keeps its journal."""

        def __getattr__(self, name: str) -> object:
            return getattr(sqlite3, name)

        def connect(self, name: str, **options: object) -> Connection:
            return sqlite3.connect(":memory:", isolation_level=None)

    with pytest.raises(StoreUnsuitable, match="journal_mode"):
        Driver(Stubborn()).writer(path)


async def test_says_how_durable_it_is_and_where(store: SqliteStore, path: Path) -> None:
    assert store.durability is Durability.SQLITE_FSYNC
    assert store.location == str(path)
    assert await store.size_bytes() > 0


# ---------------------------------------------------------------------------------------------
# Schema


def schema_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name")
        statements = [re.sub(r"\s+", " ", sql).strip() for (sql,) in found]
    return "\n".join(statements) + "\n"


async def test_all_migrations_lead_to_the_schema_on_record(store: SqliteStore, path: Path) -> None:
    # A change of the schema is a new migration, and shows here as a change of schema.sql. To write it
    # afresh, delete the file and run this test twice.
    found = schema_of(path)
    if not GOLDEN.exists():
        GOLDEN.write_text(found)
        pytest.fail(f"wrote {GOLDEN}")
    assert found == GOLDEN.read_text()
    assert [m.version for m in MIGRATIONS] == list(range(1, NEWEST + 1))


@pytest.fixture
def session(path: Path) -> Iterator[Session]:
    path.touch()
    made = Session(Driver(), path)
    made.connect()
    yield made
    made.connection.close()


NEXT = Migration(
    version=NEWEST + 1, name="colours", statements=["ALTER TABLE document ADD COLUMN colour TEXT"]
)


async def test_a_migration_keeps_the_data_and_makes_a_copy_first(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    one = await add_one(store, data={"a": 1})
    await store.close()
    session = Session(Driver(), path)
    with closing(session.connect()):
        opened = opening.open_file(session, path, now=NOW, migrations=(*MIGRATIONS, NEXT))
        assert session.ledger._shelf.get(one.id) == one
        assert session.connection.execute("SELECT count(colour) FROM document").fetchone() == (0,)
        assert session.connection.execute("PRAGMA user_version").fetchone() == (NEXT.version,)
    (note,) = opened.recovery.notes
    assert "colours" in note
    backup = path.with_name(f"queue.db.version-{NEWEST}")
    assert str(backup) in note
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    old = SqliteStore(backup)
    await old.open(now=NOW)
    assert await load(old, one.id) == one
    await old.close()


async def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    path.touch()
    with closing(Driver().writer(path)) as connection:
        opening._migrate(connection, path, MIGRATIONS[:1])
        connection.execute(
            "INSERT INTO request (seq, id, status, zone, endpoint, method, effect, entity, priority, summary,"
            " created_at, updated_at, max_retries, actor, haystack, waits)"
            " VALUES (1, 'old', 'pending', 'z', '/T', 'POST', 'write', 'T', 5, 's', ?, ?, 3, 'a', '', 0)",
            (NOW, NOW),
        )
        connection.execute("INSERT INTO payload (seq, value) VALUES (1, x'7b7d')")
        connection.execute("INSERT INTO counter VALUES ('z', 'T', 'pending', 5, 1)")
    store = SqliteStore(path)
    recovery = await store.open(now=NOW)
    one = await claim_one(store)
    assert (one.id, one.batch, one.merged_into) == ("old", None, None)
    await store.close()
    assert len(recovery.notes) == 1, "one copy, however many steps"
    assert path.with_name("queue.db.version-1").exists()


def test_a_migration_that_fails_changes_nothing(session: Session, path: Path) -> None:
    opening.open_file(session, path, now=NOW)
    before = schema_of(path)
    broken = Migration(
        version=NEWEST + 1, name="broken", statements=[*NEXT.statements, "CREATE TABLE document (a)"]
    )
    with pytest.raises(StoreError):
        opening.open_file(session, path, now=NOW, migrations=(*MIGRATIONS, broken))
    assert schema_of(path) == before
    assert session.connection.execute("PRAGMA user_version").fetchone() == (NEWEST,)


async def test_a_newer_file_is_refused_and_not_changed(path: Path, look: Look) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add_one(store)
    await store.close()
    look(f"PRAGMA user_version = {NEWEST + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreTooNew) as caught:
        await SqliteStore(path).open(now=NOW)
    assert str(NEWEST + 1) in caught.value.message
    assert caught.value.remedy
    assert path.read_bytes() == before


async def test_a_database_of_another_program_is_refused_and_not_changed(path: Path, look: Look) -> None:
    look("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program"):
        await SqliteStore(path).open(now=NOW)
    assert path.read_bytes() == before
    look("PRAGMA application_id = 7")
    before = path.read_bytes()
    with pytest.raises(StoreForeign, match="another program"):
        await SqliteStore(path).open(now=NOW)
    assert path.read_bytes() == before


# ---------------------------------------------------------------------------------------------
# Owner


async def test_a_file_whose_first_owner_was_killed_at_once_is_ours(store: SqliteStore, path: Path) -> None:
    """Until the first checkpoint the file itself holds one empty page; whose it is stands in the log."""
    killed = path.with_name("killed.db")
    for ending in ("", "-wal"):
        shutil.copy(f"{path}{ending}", f"{killed}{ending}")
    assert killed.read_bytes()[68:72] == bytes(4)
    again = SqliteStore(killed)
    await again.open(now=NOW)
    await again.close()


async def test_a_second_store_is_turned_away_and_told_by_whom(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreInUse, match=f"Process {os.getpid()} ") as caught:
        await SqliteStore(path).open(now=NOW)
    assert caught.value.remedy
    await add_one(store)


async def test_a_second_process_is_turned_away(store: SqliteStore, path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from autotask_queue.model.errors import StoreInUse\n"
        "from autotask_queue.store import SqliteStore\n"
        "try:\n    asyncio.run(SqliteStore(sys.argv[1]).open(now=1.0))\n"
        "except StoreInUse as error:\n    print(error.code, error.message)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    ran = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.startswith(f"store_in_use Process {os.getpid()} has ")


async def test_a_program_that_forgets_to_close_ends_all_the_same(path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from autotask_queue.store import SqliteStore\n"
        "store = SqliteStore(sys.argv[1])\n"
        "asyncio.run(store.open(now=1.0))\n"
        "print('open')\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    ran = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True, timeout=30
    )
    assert ran.stdout == "open\n"
    store = SqliteStore(path)
    await store.open(now=NOW)
    await store.close()


async def test_the_next_owner_gets_in_when_the_first_has_closed(path: Path) -> None:
    for _ in range(3):
        store = SqliteStore(path)
        await store.open(now=NOW)
        await store.close()


async def test_a_store_that_could_not_open_lets_go_of_the_file(path: Path, look: Look) -> None:
    look(f"PRAGMA application_id = {opening.APPLICATION_ID}")
    look(f"PRAGMA user_version = {NEWEST + 1}")
    for _ in range(2):
        with pytest.raises(StoreTooNew):
            await SqliteStore(path).open(now=NOW)


# ---------------------------------------------------------------------------------------------
# Folder


async def test_what_is_made_is_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "queue.db"
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add_one(store)
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for ending in ("", "-wal", "-shm", ".lock"):
        file = path.with_name(path.name + ending)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    await store.close()


async def test_the_mode_of_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    store = SqliteStore(folder / "queue.db")
    await store.open(now=NOW)
    await store.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that nobody may write to; pytest's own ones only let their owner in."""
    folder = Path(tempfile.mkdtemp(prefix="autotask-tests-"))
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


async def test_a_read_only_folder(open_folder: Path, not_root: None) -> None:
    for name in ("queue.db", "new/queue.db"):
        with pytest.raises(StoreUnwritable) as caught:
            await SqliteStore(open_folder / name).open(now=NOW)
        assert str(open_folder) in caught.value.message
        assert "folder" in caught.value.remedy


async def test_a_read_only_file(open_folder: Path, not_root: None) -> None:
    if os.name == "posix" and os.getuid() == 0:
        os.seteuid(0)
    (open_folder / "queue.db").touch(mode=0o444)
    if os.name == "posix" and os.getuid() == 0:
        os.seteuid(65_534)
    with pytest.raises(StoreUnwritable):
        await SqliteStore(open_folder / "queue.db").open(now=NOW)


async def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnwritable):
        await SqliteStore(tmp_path / "file" / "queue.db").open(now=NOW)
    with pytest.raises(StoreUnwritable, match="is a folder"):
        await SqliteStore(tmp_path).open(now=NOW)


def test_every_error_says_what_to_do() -> None:
    for code in (1, 3, 5, 8, 10, 11, 13, 14, 26):
        error = sqlite3.OperationalError("words of SQLite")
        error.sqlite_errorcode = code
        explained = Driver().explain(error, Path("/x/queue.db"))
        assert isinstance(explained, StoreError)
        assert "queue.db" in explained.message
        assert explained.remedy
    without_code = sqlite3.DatabaseError("file is not a database")
    assert isinstance(Driver().explain(without_code, Path("x")), StoreDamaged)
