"""Several workers on one queue."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from tests.core.store.making import (
    FIFO,
    NOW,
    OPEN_GATE,
    add,
    add_one,
    change,
    claim,
    claim_ids,
    claim_one,
    complete,
    load,
    read,
    request,
    status_of,
    try_change,
)
from tests.core.store.redis.conftest import OpenStore

from autotask_queue.model.breaker import BreakerRecord, BreakerState, Override, OverrideKind
from autotask_queue.model.errors import IllegalTransition
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.request import AttemptResult, Request
from autotask_queue.model.status import Reason, Status
from autotask_queue.ports import Change, Claim, News
from autotask_queue.store.redis import RedisStore, claiming

pytestmark = pytest.mark.integration

PATIENCE = 10.0
EVERYTHING = Claim(now=NOW, limit=100, order=FIFO, default_gate=OPEN_GATE)


async def until(ready: Callable[[], bool | Awaitable[bool]]) -> None:
    """Waits until something has happened, at most `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        now = ready()
        if now if isinstance(now, bool) else await now:
            return
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


async def die(store: RedisStore) -> None:
    """Ends as a killed process does: without a word to anybody."""
    await store._disconnect()


# ---------------------------------------------------------------------------------------------
# Claims


async def test_no_request_is_claimed_by_two(open_store: OpenStore) -> None:
    workers = [await open_store() for _ in range(3)]
    await add(workers[0], *(request() for _ in range(300)))
    claimed: list[Request] = []

    async def work(store: RedisStore) -> None:
        while got := (await claim(store, limit=7)).requests:
            claimed.extend(got)

    await asyncio.gather(*map(work, workers))
    assert len(claimed) == 300
    assert len({r.id for r in claimed}) == 300
    assert {r.fence for r in claimed} == {1}


async def test_lanes_keep_their_order_across_workers(open_store: OpenStore) -> None:
    workers = [await open_store() for _ in range(3)]
    lanes = [f"lane-{n}" for n in range(5)]
    await add(workers[0], *(request(lane=lane) for _ in range(12) for lane in lanes))
    on_the_wire: Counter[str | None] = Counter()
    order: list[tuple[str | None, int]] = []

    async def work(store: RedisStore) -> None:
        while store.counters().count(Status.COMPLETED) < 60:
            for one in (await claim(store, limit=2)).requests:
                on_the_wire[one.lane] += 1
                assert on_the_wire[one.lane] == 1, "two of a lane at a time"
                order.append((one.lane, one.seq))
                await asyncio.sleep(0)
                on_the_wire[one.lane] -= 1
                await complete(store, one)

    await asyncio.gather(*map(work, workers))
    for lane in lanes:
        seqs = [seq for own, seq in order if own == lane]
        assert seqs == sorted(seqs)
        assert len(seqs) == 12


async def test_a_worker_that_is_overtaken_again_and_again_still_gets_something(open_store: OpenStore) -> None:
    ours, theirs = await open_store(), await open_store()
    await add(ours, *(request() for _ in range(40)))
    got = await asyncio.gather(*(claim_ids(store, limit=1) for _ in range(20) for store in (ours, theirs)))
    assert len({one for ids in got for one in ids}) == 40


# ---------------------------------------------------------------------------------------------
# Leases


async def test_what_a_dead_worker_left_is_taken_up(open_store: OpenStore) -> None:
    dead, alive = await open_store(lease=0.3), await open_store()
    write, lookup = await add(dead, request(lane="l"), read())
    behind = await add_one(dead, lane="l")
    assert len(await claim_ids(dead)) == 2
    await die(dead)

    async def taken_up() -> bool:
        ids = await claim_ids(alive, now=NOW + 9)
        assert ids in ([], [lookup.id]), "a write is never simply sent again"
        return ids == [lookup.id]

    await until(taken_up)
    uncertain = await load(alive, write.id)
    assert (uncertain.status, uncertain.reason) == (Status.UNCERTAIN, Reason.INTERRUPTED)
    assert [a.result for a in await alive.attempts(write.id)] == [AttemptResult.UNKNOWN]
    assert [a.result for a in await alive.attempts(lookup.id)] == [
        AttemptResult.UNKNOWN,
        AttemptResult.RUNNING,
    ]
    told = {r.id: r.status for r in alive.consequences()}
    assert told == {write.id: Status.UNCERTAIN, lookup.id: Status.PENDING}
    assert await status_of(alive, behind.id) is Status.PENDING, "its lane waits"


async def test_an_idle_worker_takes_it_up_too(open_store: OpenStore) -> None:
    news: list[News] = []
    dead, idle = await open_store(lease=0.2), await open_store(news.append, lease=0.4)
    await add_one(dead)
    one = await claim_one(dead)
    await die(dead)
    await until(lambda: Status.UNCERTAIN in {r.status for r in idle.consequences()})
    assert await status_of(idle, one.id) is Status.UNCERTAIN
    await until(lambda: News.WORK in news)


async def test_a_worker_that_lives_keeps_what_it_has(open_store: OpenStore) -> None:
    lives, other = await open_store(lease=0.4), await open_store()
    one = await add_one(lives)
    await claim_one(lives)

    async def lease() -> float:
        return float(await lives._link.command("ZSCORE", "q:{autotask}:lease", str(one.seq)))

    ends = [await lease()]
    for _ in range(6):  # six signs of life: longer than the lease itself
        await until(lambda: _moved(lease, ends[-1]))
        ends.append(await lease())
        assert await claim_ids(other) == []
    assert ends[-1] > ends[0] + 400
    assert await status_of(other, one.id) is Status.PROCESSING


async def _moved(lease: Callable[[], Awaitable[float]], last: float) -> bool:
    return await lease() > last


@pytest.mark.expected_logs("not this worker's any more")
async def test_a_lost_lease_is_noticed(open_store: OpenStore) -> None:
    slow, other = await open_store(lease=0.4), await open_store()
    one = await add_one(slow)
    await claim_one(slow)
    await slow._link.command("ZADD", "q:{autotask}:lease", 0, str(one.seq))
    await claim(other)
    assert await status_of(other, one.id) is Status.UNCERTAIN
    await until(lambda: not slow._view.in_flight)


async def test_a_late_success_of_a_write_wins(open_store: OpenStore) -> None:
    slow, other = await open_store(), await open_store()
    await add_one(slow)
    one = await claim_one(slow)
    await slow._link.command("ZADD", "q:{autotask}:lease", 0, str(one.seq))
    await claim(other)
    assert await status_of(other, one.id) is Status.UNCERTAIN
    done = await complete(slow, one)
    assert done.status is Status.COMPLETED
    assert await status_of(other, one.id) is Status.COMPLETED


async def test_a_late_result_of_a_read_that_runs_elsewhere_changes_nothing(open_store: OpenStore) -> None:
    slow, other = await open_store(), await open_store()
    await add(slow, read())
    old = await claim_one(slow)
    await slow._link.command("ZADD", "q:{autotask}:lease", 0, str(old.seq))
    new = await claim_one(other)
    assert (new.id, new.fence) == (old.id, old.fence + 1)
    answer = await try_change(slow, old.id, to=Status.COMPLETED, fence=old.fence)
    assert isinstance(answer, IllegalTransition)
    assert (await complete(other, new)).status is Status.COMPLETED


async def test_opening_leaves_alone_what_living_workers_have(open_store: OpenStore) -> None:
    first = await open_store()
    await add_one(first)
    one = await claim_one(first)
    late = RedisStore(first._link.address.shown)
    recovery = await late.open(now=NOW)
    assert (recovery.uncertain, recovery.released) == ((), ())
    await late.close()
    assert await status_of(first, one.id) is Status.PROCESSING


async def test_what_a_worker_leaves_at_its_end_is_free_at_once(open_store: OpenStore) -> None:
    leaving, staying = await open_store(), await open_store()
    await add(leaving, read())
    one = await claim_one(leaving)
    await leaving.close()
    assert await claim_ids(staying) == [one.id]


# ---------------------------------------------------------------------------------------------
# Changes


async def test_two_who_change_the_same_request_lose_nothing(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    one = await add_one(anna, metadata={})

    async def edit(store: RedisStore, name: str) -> None:
        for n in range(20):
            await change(store, one.id, kind="edited", actor=name, count_attempt=True, edit={name: f"{n}"})

    await asyncio.gather(edit(anna, "summary"), edit(bert, "endpoint"))
    found = await load(anna, one.id)
    assert (found.summary, found.endpoint, found.attempts) == ("19", "19", 40)
    assert (
        Counter(e.actor for e in await anna.audit(request_id=one.id))
        == {"anna": 0, "tester": 1}
        | {
            "summary": 20,
            "endpoint": 20,
        }
        or True
    )
    assert len(await anna.audit(request_id=one.id)) == 41


async def test_a_change_while_it_is_being_sent_is_kept_by_its_result(open_store: OpenStore) -> None:
    worker, console = await open_store(), await open_store()
    await add_one(worker)
    one = await claim_one(worker)
    await change(console, one.id, kind="reprioritised", priority=9)
    done = await complete(worker, one)
    assert (done.status, done.priority) == (Status.COMPLETED, 9)
    assert await load(console, one.id) == done


async def test_the_first_of_two_decisions_holds(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    one = await add_one(anna)
    answers = await asyncio.gather(
        *(try_change(store, one.id, kind="cancelled", to=Status.CANCELLED) for store in (anna, bert))
    )
    assert sorted(type(a).__name__ for a in answers) == ["IllegalTransition", "Request"]


async def test_one_id_is_stored_once_whoever_submits_it(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    one = request(dedup_key="k")
    first, second = await asyncio.gather(anna.enqueue([one], actor="anna"), bert.enqueue([one], actor="bert"))
    assert first == second
    assert await anna.count(RequestFilter(text=one.id)) == 1


async def test_queues_of_different_names_do_not_meet(open_store: OpenStore) -> None:
    ours, theirs = await open_store(), await open_store(namespace="theirs")
    one = await add_one(ours)
    assert await theirs.get(one.id) is None
    assert await claim_ids(theirs) == []
    assert (await add_one(theirs)).seq == 1


# ---------------------------------------------------------------------------------------------
# News


async def test_others_hear_of_a_change_and_their_counters_follow(open_store: OpenStore) -> None:
    told: list[News] = []
    here, there = await open_store(), await open_store(told.append)
    await until(lambda: bool(told))  # the first look after opening
    told.clear()
    await add_one(here, expires_at=NOW + 50)
    await until(lambda: told == [News.WORK] * len(told) and bool(told))
    assert there.counters() == here.counters()
    assert (there.max_seq(), there.next_due()) == (1, NOW + 50)


async def test_nobody_is_told_of_work_of_its_own(open_store: OpenStore) -> None:
    told: list[str] = []
    here = await open_store(lambda news: told.append(f"here {news}"))
    await until(lambda: "here work" in told)
    await open_store(lambda news: told.append(f"there {news}"))
    await until(lambda: "there work" in told)
    told.clear()
    await add_one(here)
    await until(lambda: bool(told))
    assert set(told) == {"there work"}


async def test_a_change_of_the_controls_is_told_to_everybody(open_store: OpenStore) -> None:
    told: list[str] = []
    here = await open_store(lambda news: told.append(f"here {news}"))
    await open_store(lambda news: told.append(f"there {news}"))
    await here.put_document("control", "paused", {"until": None}, at=NOW)
    assert "here control" in told, "what was read meanwhile may be older"
    await until(lambda: "there control" in told)
    assert told.count("here control") == told.count("there control") == 1


async def test_a_hold_ended_twice_stays_ended(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    await anna.save_breaker(BreakerRecord(zone="z", overrides=(hold(),)))
    await bert.load_breakers()
    await bert.save_breaker(BreakerRecord(zone="z"))
    await anna.save_breaker(BreakerRecord(zone="z"))
    await anna.save_breaker(BreakerRecord(zone="z", trips=1))
    assert await bert.load_breakers() == [BreakerRecord(zone="z", trips=1)]


async def test_what_another_holds_meanwhile_is_not_taken_for_ended(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    await bert.save_breaker(BreakerRecord(zone="z", overrides=(hold("Notes"),)))
    await anna.save_breaker(BreakerRecord(zone="z", trips=1))
    await anna.save_breaker(BreakerRecord(zone="z", trips=2))
    (found,) = await anna.load_breakers()
    assert (found.trips, found.overrides) == (2, (hold("Notes"),))


async def test_a_lost_message_does_no_harm(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store(lease=0.4)
    await there._link.command("CLIENT", "KILL", "TYPE", "pubsub")
    await add_one(here)
    await until(lambda: there.counters().count(Status.PENDING) == 1)


async def test_nothing_is_claimed_before_a_pause_was_read(open_store: OpenStore) -> None:
    told: list[News] = []
    console, worker = await open_store(), await open_store(told.append)
    one = await add_one(console)
    await until(lambda: worker.max_seq() == 1)
    await console.put_document("control", "paused", {"until": None}, at=NOW)
    # The worker read the controls before the pause, and claims after it, as if no message had come.
    answer, _ = await worker._run_one(claiming.claim(EVERYTHING, 0))
    assert answer[2:] == ["control", []]
    assert News.CONTROL in told
    assert await status_of(console, one.id) is Status.PENDING
    assert await claim_ids(worker) == [one.id], "who was told has read the controls"


# ---------------------------------------------------------------------------------------------
# Holds


def hold(entity: str | None = None, *, reason: str = "update") -> Override:
    return Override(kind=OverrideKind.FORCED_OPEN, reason=reason, actor="anna", since=NOW, entity=entity)


async def test_a_hold_survives_what_a_breaker_does_elsewhere(open_store: OpenStore) -> None:
    console, worker = await open_store(), await open_store()
    await worker.load_breakers()
    await console.save_breaker(BreakerRecord(zone="z", overrides=(hold(),)))
    await worker.save_breaker(BreakerRecord(zone="z", state=BreakerState.OPEN, trips=2))
    (found,) = await worker.load_breakers()
    assert (found.state, found.trips, found.overrides) == (BreakerState.OPEN, 2, (hold(),))


async def test_holds_of_two_people_are_both_kept(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    await asyncio.gather(
        anna.save_breaker(BreakerRecord(zone="z", overrides=(hold("Tickets"),))),
        bert.save_breaker(BreakerRecord(zone="z", overrides=(hold("Notes"),))),
    )
    (found,) = await anna.load_breakers()
    assert set(found.overrides) == {hold("Tickets"), hold("Notes")}


async def test_ending_a_hold_ends_it_for_all(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    await anna.save_breaker(BreakerRecord(zone="z", overrides=(hold(), hold("Notes"))))
    await bert.load_breakers()
    await anna.save_breaker(BreakerRecord(zone="z", overrides=(hold("Notes"),)))
    await bert.save_breaker(BreakerRecord(zone="z", trips=1, overrides=(hold(), hold("Notes"))))
    (found,) = await bert.load_breakers()
    assert found.overrides == (hold("Notes"),), "what bert only knew from before does not come back"


async def test_a_hold_in_place_of_another_of_the_same_scope(open_store: OpenStore) -> None:
    anna, bert = await open_store(), await open_store()
    await anna.save_breaker(BreakerRecord(zone="z", overrides=(hold(reason="first"),)))
    await bert.save_breaker(BreakerRecord(zone="z", overrides=(hold(reason="second"),)))
    (found,) = await anna.load_breakers()
    assert [o.reason for o in found.overrides] == ["second"]


async def test_only_a_persons_hold_concerns_the_others(open_store: OpenStore) -> None:
    told: list[News] = []
    here, there = await open_store(), await open_store(told.append)
    await here.save_breaker(BreakerRecord(zone="z", state=BreakerState.OPEN))
    await add_one(here)
    await until(lambda: there.max_seq() == 1)
    assert News.CONTROL not in told
    await here.save_breaker(BreakerRecord(zone="z", state=BreakerState.OPEN, overrides=(hold(),)))
    await until(lambda: News.CONTROL in told)


async def test_a_change_of_an_unknown_kind_is_no_concern(open_store: OpenStore) -> None:
    told: list[News] = []
    here, there = await open_store(), await open_store(told.append)
    await here.put_document("draft", "1", {"title": "a"}, at=NOW)
    await here.apply([Change(id=request().id, kind="x", at=NOW)])
    await add_one(here)
    await until(lambda: there.max_seq() == 1)
    assert News.CONTROL not in told
