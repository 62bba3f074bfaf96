"""Group commit: what shares a transaction, and what an error in it does to whom."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.core.store.making import (
    NOW,
    add,
    add_one,
    change,
    claim,
    claim_ids,
    claim_one,
    complete,
    fail,
    load,
    request,
    try_change,
)
from typing_extensions import override

from autotask_queue.model.errors import IllegalTransition, InvalidRequest, StoreError, StoreUnwritable
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import Request
from autotask_queue.model.status import Status
from autotask_queue.ports import Change
from autotask_queue.store import SqliteStore
from autotask_queue.store.sqlite import shelf
from autotask_queue.store.sqlite.driver import Driver
from autotask_queue.store.sqlite.session import MAX_BATCH_BYTES, Session
from autotask_queue.store.sqlite.writer import MAX_BATCH

pytestmark = pytest.mark.integration


def commits(store: SqliteStore) -> int:
    assert store._session is not None
    return store._session.commits


async def test_a_hundred_callers_share_a_few_commits(store: SqliteStore) -> None:
    before = commits(store)
    await asyncio.gather(*(add_one(store) for _ in range(100)))
    assert commits(store) - before <= 3
    assert store.counters().count() == 100


async def test_what_waits_goes_together_while_one_commit_is_on_its_way(store: SqliteStore) -> None:
    before = commits(store)

    async def caller() -> None:
        for _ in range(20):
            await add_one(store)

    await asyncio.gather(*(caller() for _ in range(50)))
    assert 20 <= commits(store) - before <= 60


async def test_a_lone_caller_is_not_kept_waiting(store: SqliteStore) -> None:
    before = commits(store)
    for _ in range(5):
        await add_one(store)
    assert commits(store) - before == 5


async def test_a_transaction_has_an_end(store: SqliteStore) -> None:
    before = commits(store)
    await add(store, *(request() for _ in range(2 * MAX_BATCH + 1)))
    assert commits(store) - before == 3
    before = commits(store)
    large = "x" * (MAX_BATCH_BYTES // 2)
    stored = await add(store, *(request(data=[n, large]) for n in range(5)))
    assert commits(store) - before == 3
    assert [(r.data[0], r.seq) for r in stored] == [(n, 2 * MAX_BATCH + 2 + n) for n in range(5)]
    assert [r.seq for r in await store.find(RequestFilter())] == list(range(1, 2 * MAX_BATCH + 7))


async def test_answers_come_in_the_order_of_questions(store: SqliteStore) -> None:
    stored = await asyncio.gather(*(add_one(store, data={"n": n}) for n in range(300)))
    assert [r.data["n"] for r in stored] == list(range(300))
    assert [r.seq for r in stored] == list(range(1, 301))


POISON = [{"record_id": 1 << 70}, {"summary": "\ud800"}, {"attempts": "many"}, {"created_at": None}]


@pytest.mark.parametrize("poison", POISON)
async def test_one_bad_row_refuses_nobody_else(store: SqliteStore, poison: dict[str, Any]) -> None:
    await add_one(store)
    bad = request(**poison)
    good = [request(lane="l"), request(), *(request() for _ in range(20))]
    answers = await store.enqueue([*good[:10], bad, *good[10:]], actor="tester")
    assert isinstance(answers.pop(10), InvalidRequest)
    assert [a.id for a in answers if isinstance(a, Request)] == [r.id for r in good]
    assert [a.seq for a in answers if isinstance(a, Request)] == list(range(2, 24))
    assert await store.get(bad.id) is None
    assert store.counters().count() == 23
    assert [e.seq for e in (await store.audit(limit=100))[::-1]] == list(range(1, 24))
    assert len(await claim_ids(store, limit=100)) == 23


async def test_a_bad_row_does_not_hide_a_zone_that_is_new_in_its_transaction(store: SqliteStore) -> None:
    good, bad = request(zone="new", entity="Notes", priority=7), request(summary="\ud800")
    answers = await store.enqueue([good, bad], actor="tester")
    assert [type(a) for a in answers] == [Request, InvalidRequest]
    assert await claim_ids(store) == [good.id]


async def test_one_bad_change_refuses_nobody_else(store: SqliteStore) -> None:
    first, second = await add(store, request(), request())
    good = change(store, second.id, kind="cancelled", to=Status.CANCELLED)
    bad = try_change(store, first.id, edit={"summary": "\ud800"})
    answers = await asyncio.gather(good, bad)
    assert [type(a) for a in answers] == [Request, InvalidRequest]
    assert await load(store, first.id) == first
    await complete(store, await claim_one(store))


async def test_a_refusal_after_half_the_work_leaves_nothing_of_it(store: SqliteStore) -> None:
    one = await add_one(store)
    two = await add_one(store)

    def half_way(session: Session) -> None:
        session.shelf.replace(one, one, None)
        session.shelf.connection.execute("DELETE FROM payload WHERE seq = ?", (one.seq,))
        raise IllegalTransition("no", status=Status.PENDING)

    assert store._writer is not None
    refused, other = await asyncio.gather(
        store._writer.run([half_way]), change(store, two.id, kind="edited", priority=9)
    )
    assert isinstance(refused[0], IllegalTransition)
    assert other.priority == 9
    assert await load(store, one.id) == one
    assert await claim_ids(store) == [one.id, two.id]


async def test_what_was_rolled_back_has_no_consequences(store: SqliteStore) -> None:
    parent = await add_one(store)
    child = await add_one(store, depends_on=(parent.id,))

    def half_way(session: Session) -> None:
        session.ledger.apply(Change(id=parent.id, kind="cancelled", at=NOW, to=Status.CANCELLED))
        raise IllegalTransition("no", status=Status.PENDING)

    assert store._writer is not None
    await store._writer.run([half_way])
    assert store.consequences() == ()
    assert await load(store, child.id) == child


async def test_ids_are_known_again_however_many_came_since(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "_REMEMBERED_IDS", 3)
    stored = await add(store, *(request() for _ in range(11)))
    again = await add(store, *(request(id=one.id, summary="again") for one in stored))
    assert again == stored
    assert store.counters().count() == 11


async def test_a_defect_of_ours_reaches_its_callers_and_the_writer_goes_on(store: SqliteStore) -> None:
    def broken(session: Session) -> None:
        session.shelf.next_seq()
        raise KeyError("a defect")

    assert store._writer is not None
    answers = await asyncio.gather(
        store._writer.run([broken]), store.enqueue([request()], actor=""), return_exceptions=True
    )
    assert [type(a) for a in answers] == [KeyError, KeyError]
    assert (await add_one(store)).seq == 1


async def test_a_cancelled_caller_does_not_stop_the_others(store: SqliteStore) -> None:
    calls = [asyncio.ensure_future(add_one(store)) for _ in range(10)]
    await asyncio.sleep(0)
    calls[3].cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(d, Request) for d in done) == 9
    assert isinstance(done[3], asyncio.CancelledError)
    await add_one(store)
    assert store.counters().count() == 11, "a cancelled call may still take effect, and here it does"


async def test_closing_waits_for_what_was_taken(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    calls = [asyncio.ensure_future(store.enqueue([request() for _ in range(500)], actor=""))]
    await asyncio.sleep(0)
    await store.close()
    assert len(await calls[0]) == 500
    await store.open(now=NOW)
    assert store.counters().count() == 500
    await store.close()


async def test_different_ends_in_one_transaction_lose_nothing(store: SqliteStore) -> None:
    """A row that ends is copied before it is deleted, whatever statements others bring along."""
    await add(store, *(request() for _ in range(6)))
    claimed = (await claim(store)).requests
    before = commits(store)
    ends = [complete if number % 2 else fail for number in range(6)]
    settled = await asyncio.gather(*(end(store, one) for end, one in zip(ends, claimed, strict=True)))
    assert commits(store) - before == 1
    assert [r.status for r in settled] == [Status.FAILED, Status.COMPLETED] * 3
    assert await store.find(RequestFilter()) == settled


async def test_what_is_sent_is_what_was_stored_whatever_became_of_the_document(store: SqliteStore) -> None:
    document = {"title": "Printer"}
    (stored,) = await add(store, request(data=document, metadata={"tags": ["a"]}))
    document["title"] = "Something else"
    stored.metadata["tags"].append("b")
    one = await claim_one(store)
    assert one.data == {"title": "Printer"}
    assert one.metadata == {"tags": ["a"]}


# ---------------------------------------------------------------------------------------------
# A disk that refuses


class Moody(sqlite3.Connection):
    """A connection whose next commit fails: before it does anything, or after it did everything."""

    mood = ""

    @override
    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and Moody.mood:
            mood, Moody.mood = Moody.mood, ""
            if mood == "after":
                super().execute(sql)
            if mood == "rolled back":
                super().execute("ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = 10
            raise error
        return super().execute(sql, *parameters)


class MoodyModule:
    """sqlite3 with such connections."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sqlite3, name)

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, **options, factory=Moody)


@pytest.fixture
async def moody(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, driver=Driver(MoodyModule()))
    await store.open(now=NOW)
    yield store
    Moody.mood = ""
    await store.close()


@pytest.mark.parametrize("mood", ["before", "rolled back"])
async def test_a_commit_that_failed_stored_nothing(moody: SqliteStore, mood: str) -> None:
    first = await add_one(moody)
    Moody.mood = mood
    with pytest.raises(StoreError, match="disk I/O error"):
        await moody.enqueue([request()], actor="")
    assert (moody.counters().count(), moody.max_seq()) == (1, 1)
    assert [r.id for r in await moody.find(RequestFilter())] == [first.id]
    second = await add_one(moody)
    assert (second.seq, len(await moody.audit())) == (2, 2)
    assert await claim_ids(moody) == [first.id, second.id]


async def test_what_is_kept_in_memory_is_read_again_as_soon_as_it_can_be(
    moody: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_one(moody)
    assert moody._session is not None

    def cannot_read() -> None:
        monkeypatch.undo()
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(moody._session.shelf, "load", cannot_read)
    Moody.mood = "rolled back"
    with pytest.raises(StoreError, match="disk I/O error"):
        await moody.enqueue([request()], actor="")
    assert (await add_one(moody)).seq == 2
    assert [entry.seq for entry in await moody.audit()] == [2, 1]


async def test_a_document_whose_commit_failed_is_not_called_saved(moody: SqliteStore) -> None:
    """No audit row tells of it."""
    Moody.mood = "rolled back"
    with pytest.raises(StoreError, match="disk I/O error"):
        await moody.put_document("draft", "one", "text", at=NOW)
    assert await moody.get_document("draft", "one") is None
    Moody.mood = "after"
    await moody.put_document("draft", "one", "text", at=NOW)
    assert await moody.get_document("draft", "one") == "text"


async def test_a_commit_that_arrived_though_it_reported_an_error_counts(moody: SqliteStore) -> None:
    Moody.mood = "after"
    one = await add_one(moody)
    assert await load(moody, one.id) == one
    assert moody.counters().count() == 1


async def test_a_full_disk(store: SqliteStore) -> None:
    await add_one(store)
    assert store._session is not None
    assert store._channel is not None
    limit = store._session.connection.execute
    (pages,) = await store._channel.run(lambda: limit("PRAGMA page_count").fetchone())
    await store._channel.run(lambda: limit(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    with pytest.raises(StoreUnwritable, match="no space") as caught:
        await store.enqueue([request(data="x" * 100_000)], actor="")
    assert "Free some space" in caught.value.remedy
    assert store.counters().count() == 1
    await store._channel.run(lambda: limit("PRAGMA max_page_count = 1000000").fetchone())
    await add_one(store, data="x" * 100_000)
    assert store.counters().count() == 2


# ---------------------------------------------------------------------------------------------
# The write-ahead log


async def test_the_log_is_written_back_when_it_has_grown(store: SqliteStore, path: Path) -> None:
    log = path.with_name("queue.db-wal")
    for _ in range(30):
        await add(store, *(request(data="x" * 10_000) for _ in range(100)))
    assert path.stat().st_size > 20 << 20, "most of it has arrived in the file"
    assert log.stat().st_size < 40 << 20


async def test_a_checkpoint_by_hand(store: SqliteStore, path: Path) -> None:
    before = path.stat().st_size
    await add(store, *(request(data="x" * 1_000) for _ in range(100)))
    assert path.stat().st_size == before, "everything is in the log so far"
    await store.checkpoint()
    assert path.stat().st_size > before + 100_000


async def test_the_log_is_gone_after_closing(path: Path) -> None:
    store = SqliteStore(path)
    await store.open(now=NOW)
    await add_one(store)
    await store.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["queue.db", "queue.db.lock"]
