"""The same random operations leave the same trace in every store (Q7), and break no rule on the way."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.core.store.making import FAILURE, NOW, STRICT, ended, request
from tests.support.redis_server import RedisServer, find_program
from typing_extensions import override

from autotask_queue.model.errors import QueueError
from autotask_queue.model.filters import Range, RequestFilter, Selection, Sort, SortField
from autotask_queue.model.request import (
    AttemptKind,
    AttemptResult,
    AuditEntry,
    OnDuplicate,
    Reply,
    Request,
    RequestId,
)
from autotask_queue.model.status import LANE_BLOCKING, Effect, Reason, Status
from autotask_queue.model.work import Rule
from autotask_queue.policy.schedule import ORDERS, order
from autotask_queue.ports import AttemptRecord, Change, Claim, Companions, Store, ZoneGate
from autotask_queue.store import MemoryStore, RedisStore, SqliteStore

_T = TypeVar("_T")

ZONES = ("a", "b")
ENTITIES = ("Tickets", "Notes")
LANES = (None, "l1", "l2")
PRIORITIES = (1, 2, 3, 5, 9, 10)
MORE_ORDERS = (
    STRICT,
    order(Rule.PRIORITY, newest_reads=True, background_after=10.0),
    order(Rule.WEIGHTED, newest_reads=True),
)

seconds = st.none() | st.integers(0, 40).map(float)
gates = st.builds(
    ZoneGate,
    slots=st.integers(0, 4),
    entity_slots=st.dictionaries(st.sampled_from(ENTITIES), st.integers(0, 2)),
    default_entity_slots=st.integers(0, 5),
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        "status": st.lists(st.sampled_from(Status), max_size=3).map(tuple),
        "not_status": st.lists(st.sampled_from(Status), max_size=2).map(tuple),
        "zone": st.lists(st.sampled_from(ZONES), max_size=1).map(tuple),
        "entity": st.lists(st.sampled_from(ENTITIES), max_size=1).map(tuple),
        "reason": st.lists(st.sampled_from(Reason), max_size=2).map(tuple),
        "priority": st.builds(Range, min=st.none() | st.integers(1, 9), max=st.none() | st.integers(1, 9)),
        "finished": st.builds(Range, min=seconds.map(lambda s: None if s is None else NOW + s)),
        "attempts": st.builds(Range, max=st.none() | st.integers(0, 2)),
        "text": st.sampled_from(["", "ticket", "note seven", "BUSY"]),
        "lane": st.sampled_from(LANES),
        "limit": st.none() | st.integers(0, 5),
        "sort": st.builds(Sort, field=st.sampled_from(SortField), direction=st.sampled_from(["asc", "desc"])),
    },
)
EDITS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"lane": "l2", "summary": "Note seven"},
    {"lane": None, "data": {"x": [1]}},
    {"effect": Effect.READ},
    {"effect": Effect.WRITE, "lane": "l1"},
    {"entity": "Notes", "expires_at": None},
    {"batch": None},
    {"flight": "f2"},
    {"seq": 1},
)
OUTCOMES: dict[str, dict[str, Any]] = {
    "": {},
    "reply": {"reply": Reply(record_id=3, body={"a": [1]})},
    "failure": {"failure": FAILURE},
    "reset": {"reset_attempts": True, "reply": None, "failure": None},
}
RESULTS = ("completed", "failed", "uncertain", "retrying")
BULK_TARGETS = (Status.CANCELLED, Status.PENDING, None)


class AllStores(RuleBasedStateMachine):
    """Runs every operation on all and compares what they say and what they then hold."""

    server: ClassVar[RedisServer | None] = None

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._runner = asyncio.Runner()
        self.memory: MemoryStore | None = MemoryStore()
        self._stores: list[Store] = [self.memory, SqliteStore(Path(self._folder.name) / "queue.db")]
        if self.server is not None:
            assert self.server.command("FLUSHALL").startswith(b"+OK")
            self._stores.append(RedisStore(self.server.url))
            self._stores.append(RedisStore(self.server.url, namespace="sealed", encryption_key=bytes(32)))
        self._now = NOW
        self._count = 0
        self._ids: list[RequestId] = []
        self._all(lambda store: store.open(now=NOW))

    @override
    def teardown(self) -> None:
        self._all(lambda store: store.close())
        self._runner.close()
        self._folder.cleanup()

    def _all(self, ask: Callable[[Store], Coroutine[Any, Any, _T]]) -> _T:
        """The common answer."""
        return common([self._runner.run(ask(store)) for store in self._stores])

    def _some(self, place: int) -> RequestId:
        return self._ids[place % len(self._ids)] if self._ids else RequestId("none")

    # -- operations

    @rule(
        zone=st.sampled_from(ZONES),
        entity=st.sampled_from(ENTITIES),
        priority=st.sampled_from(PRIORITIES),
        lane=st.sampled_from(LANES),
        effect=st.sampled_from(Effect),
        status=st.sampled_from([Status.PENDING, Status.PENDING, Status.DEFERRED, Status.HELD]),
        dedup_key=st.sampled_from([None, None, "k1", "k2"]),
        on_duplicate=st.sampled_from(OnDuplicate),
        digest=st.sampled_from(["", "d1", "d2"]),
        parents=st.lists(st.integers(0, 30), max_size=2),
        scheduled=seconds,
        expires=seconds,
        batch=st.sampled_from([None, "b1", "b1", "b2"]),
        flight=st.sampled_from([None, "f1", "f1", "f2"]),
        again=st.integers(0, 9),
    )
    def enqueue(
        self, *, parents: list[int], scheduled: float | None, expires: float | None, again: int, **values: Any
    ) -> None:
        self._count += 1
        # Ids that do not rise, as those of several callers would not.
        new = RequestId(f"{random.Random(self._count).getrandbits(64):016x}")
        made = request(
            **values,
            id=self._some(self._count) if again == 0 and self._ids else new,
            depends_on=tuple(self._some(p) if p < 28 else RequestId(f"missing-{p}") for p in parents),
            scheduled_at=self._later(scheduled),
            expires_at=self._later(expires),
            created_at=self._now,
            updated_at=self._now,
            summary=f"Ticket {self._count}",
            data={"n": self._count},
        )
        self._all(lambda store: store.enqueue([made], actor="tester"))
        self._ids.append(made.id)

    @rule(
        zones=st.dictionaries(st.sampled_from(ZONES), gates),
        default_gate=st.none() | gates,
        limit=st.integers(0, 5),
        passed=st.integers(0, 20),
        order=st.sampled_from([*ORDERS.values(), *MORE_ORDERS]),
        background=st.integers(0, 3),
    )
    def claim(self, *, passed: int, **values: Any) -> None:
        self._now += passed
        wanted = Claim(now=self._now, **values)
        claimed = self._all(lambda store: store.claim(wanted))
        for one in claimed.requests:
            assert one.expires_at is None or one.expires_at > self._now

    @precondition(lambda self: self._ids)
    @rule(place=st.integers(0, 1_000), limit=st.integers(0, 3), merge=st.booleans())
    def join(self, *, place: int, limit: int, merge: bool) -> None:
        in_flight = self._all(lambda store: store.find(RequestFilter(status=(Status.PROCESSING,))))
        lead = in_flight[place % len(in_flight)] if in_flight else None
        if lead is not None:
            wanted = Companions(now=self._now, lead=lead, limit=limit, merge=merge)
            for one in self._all(lambda store: store.join(wanted)):
                assert (one.zone, one.batch) == (lead.zone, lead.batch)
                assert (one.merged_into == lead.id) is merge

    @precondition(lambda self: self._ids)
    @rule(
        place=st.integers(0, 1_000),
        to=st.none() | st.sampled_from(Status),
        restore=st.integers(0, 5),
        fence=st.none() | st.integers(0, 2),
        sources=st.frozensets(st.sampled_from(Status), max_size=4),
        attempt=st.none() | st.tuples(st.sampled_from(AttemptKind), st.sampled_from(AttemptResult)),
        not_before=st.just(msgspec.UNSET) | seconds,
        scheduled_at=st.just(msgspec.UNSET) | seconds,
        priority=st.just(msgspec.UNSET) | st.sampled_from(PRIORITIES),
        reason=st.just(msgspec.UNSET) | st.none() | st.sampled_from([Reason.CONFLICT, Reason.CONFIRM]),
        outcome=st.sampled_from(["", "reply", "failure", "reset"]),
        edit=st.sampled_from(EDITS),
        count_attempt=st.booleans(),
        apart=st.booleans(),
    )
    def apply(
        self,
        *,
        place: int,
        restore: int,
        attempt: tuple[AttemptKind, AttemptResult] | None,
        not_before: Any,
        scheduled_at: Any,
        outcome: str,
        **values: Any,
    ) -> None:
        wanted = Change(
            id=self._some(place),
            kind="changed",
            at=self._now,
            why="trace",
            restore=restore == 0,
            attempt=self._record(attempt),
            not_before=self._later(not_before),
            scheduled_at=self._later(scheduled_at),
            **values,
            **OUTCOMES[outcome],
        )
        self._all(lambda store: store.apply([wanted]))

    @precondition(lambda self: self._ids)
    @rule(
        place=st.integers(0, 1_000), result=st.sampled_from(["completed", "failed", "uncertain", "retrying"])
    )
    def settle(self, *, place: int, result: str) -> None:
        """What mostly happens to a claimed request, so that traces get somewhere."""
        wanted = Change(
            id=self._some(place),
            kind=result,
            at=self._now,
            to=Status(result),
            sources=frozenset({Status.PROCESSING}),
            reply=Reply(record_id=7) if result == "completed" else msgspec.UNSET,
            failure=FAILURE if result == "failed" else msgspec.UNSET,
            not_before=self._now + 5 if result == "retrying" else msgspec.UNSET,
            attempt=ended(AttemptResult.OK if result == "completed" else AttemptResult.FAILED),
        )
        self._all(lambda store: store.apply([wanted]))

    @rule(
        chosen=conditions, to=st.sampled_from([Status.CANCELLED, Status.PENDING, None]), restore=st.booleans()
    )
    def apply_matching(self, *, chosen: dict[str, Any], to: Status | None, restore: bool) -> None:
        selection = Selection(filter=RequestFilter(**chosen), max_seq=max(self._stores[0].max_seq() - 1, 0))
        wanted = Change(id=RequestId(""), kind="changed", at=self._now, to=to, restore=restore, priority=2)
        self._all(lambda store: store.apply_matching(selection, wanted))

    @rule(ago=st.integers(0, 20), limit=st.integers(1, 4), back=st.none() | st.integers(0, 3))
    def prune(self, *, ago: int, limit: int, back: int | None) -> None:
        newest = None if back is None else self._stores[0].max_seq() - back
        before = self._now - ago
        self._all(lambda store: store.prune(finished_before=before, max_seq=newest, limit=limit))

    @rule(place=st.integers(0, 1_000))
    def record(self, *, place: int) -> None:
        entry = AuditEntry(at=self._now, actor="anna", kind="noted", request_id=self._some(place))
        self._all(lambda store: store.record(entry))

    @rule()
    def open_again(self) -> None:
        self._all(lambda store: store.close())
        self._all(lambda store: store.open(now=self._now))

    @rule(chosen=conditions)
    def find(self, *, chosen: dict[str, Any]) -> None:
        query = RequestFilter(**chosen)
        self._all(lambda store: store.find(query))
        self._all(lambda store: store.count(query))
        found = self._all(lambda store: store.index(query))
        self._all(lambda store: store.rows(found))

    # -- what must hold after each

    @invariant()
    def hold_the_same(self) -> None:
        for ask in (Store.counters, Store.max_seq, Store.next_due, Store.consequences):
            common([getattr(store, ask.__name__)() for store in self._stores])
        self._all(lambda store: store.find(RequestFilter()))
        self._all(lambda store: store.oldest_waiting())
        self._all(lambda store: store.priorities())
        self._all(lambda store: store.audit(limit=10))
        for one in self._ids[-20:]:
            self._all(lambda store, one=one: store.attempts(one))  # type: ignore[misc]
            self._all(lambda store, one=one: store.audit(request_id=one))  # type: ignore[misc]

    @invariant()
    def keep_the_rules(self) -> None:
        store = self._stores[0 if self.memory is None else 1]
        requests = self._runner.run(store.find(RequestFilter()))
        cells = Counter((r.zone, r.entity, r.status) for r in requests)
        assert {(c.zone, c.entity, c.status): c.count for c in store.counters().cells} == cells
        on_the_wire = [r for r in requests if r.status is Status.PROCESSING and _is_ordered(r)]
        lanes = Counter(r.lane for r in on_the_wire if r.merged_into is None)
        assert not [lane for lane, count in lanes.items() if count > 1]
        for one in requests:
            assert (one.finished_at is not None) == one.status.is_terminal
            assert (one.restore_to is not None) == (one.status is Status.CANCELLED)
            if one.status is Status.PENDING and one.merged_into is not None:
                leader = next(r for r in requests if r.id == one.merged_into)
                assert (leader.flight, leader.effect, leader.merged_into) == (one.flight, Effect.READ, None)
                assert leader.status in {Status.PENDING, Status.RETRYING, Status.PROCESSING}
            running = self._runner.run(store.attempts(one.id))
            assert [a.result for a in running].count(AttemptResult.RUNNING) <= 1
            assert [a.number for a in running] == list(range(1, len(running) + 1))
        self._check_readiness(requests)
        self._check_ranks(requests)

    def _check_ranks(self, requests: Sequence[Request]) -> None:
        """S7: whoever a more urgent one waits for is as urgent, and nobody else is."""
        memory = self.memory
        if memory is None:
            return
        unfinished = [r for r in requests if not r.status.is_terminal]
        ranks = {r.id: memory._shelf.rank(r) for r in unfinished}
        least = _least_ranks(unfinished)
        found = {r.id: r.seq for r in unfinished}
        circles = any(found.get(p, 0) > r.seq for r in unfinished for p in r.depends_on)
        # Where requests wait for one another in a circle, a rank may outlive its reason.
        assert ranks == least or (circles and all(ranks[i] >= least[i] for i in ranks))

    def _check_readiness(self, requests: Sequence[Request]) -> None:
        """What a claim of everything would take, by the rules as `ports.Store` words them."""
        memory = self.memory
        if memory is None:
            return
        found = {r.id: r for r in requests}
        ready = sorted(seq for seqs in memory._shelf._ready.values() for seq in seqs)
        # A retry that came due is ready from the next claim on: those are looked at by `claim`.
        expected = [r.seq for r in requests if _is_ready(r, found, requests, self._now)]
        assert set(ready) <= set(expected)
        late = {r.seq for r in requests if r.status is Status.RETRYING}
        assert set(expected) - late <= set(ready)

    def _later(self, wait: Any) -> Any:
        return self._now + wait if isinstance(wait, float) else wait

    def _record(self, attempt: tuple[AttemptKind, AttemptResult] | None) -> AttemptRecord | None:
        if attempt is None or attempt[1] is AttemptResult.RUNNING:
            return None
        return ended(attempt[1], kind=attempt[0], http_status=503, failure=FAILURE, note="n")


def common(answers: Sequence[_T]) -> _T:
    """The answer that all gave."""
    first, *others = answers
    for other in others:
        assert _plain(other) == _plain(first)
    return first


def _is_ordered(one: Request) -> bool:
    return one.effect is Effect.WRITE and one.lane is not None


def _is_ready(one: Request, found: dict[RequestId, Request], requests: Sequence[Request], now: float) -> bool:
    due = one.status is Status.RETRYING and (one.not_before is None or one.not_before <= now)
    if one.status is not Status.PENDING and not due:
        return False
    for parent in one.depends_on:
        # A completed parent may have been pruned.
        if parent in found and found[parent].status is not Status.COMPLETED:
            return False
    if one.merged_into is not None:
        return False
    if not _is_ordered(one):
        return True
    lane = [r for r in requests if _is_ordered(r) and r.lane == one.lane and r.seq != one.seq]
    earlier = any(r.seq < one.seq and r.status in LANE_BLOCKING for r in lane)
    return not earlier and not any(r.status in {Status.PROCESSING, Status.UNCERTAIN} for r in lane)


def _least_ranks(unfinished: Sequence[Request]) -> dict[RequestId, int]:
    ranks = {r.id: r.priority for r in unfinished}
    ahead: dict[RequestId, list[RequestId]] = {r.id: [] for r in unfinished}
    for one in unfinished:
        if one.status is Status.PENDING and one.merged_into in ranks:
            ahead[one.id].append(one.merged_into)
        if one.status in {Status.PENDING, Status.RETRYING}:
            ahead[one.id] += [p for p in one.depends_on if p in ranks]
        if _is_ordered(one) and one.status in LANE_BLOCKING:
            ahead[one.id] += [
                r.id
                for r in unfinished
                if _is_ordered(r) and r.lane == one.lane and r.seq < one.seq and r.status in LANE_BLOCKING
            ]
    for _ in ranks:
        for one in unfinished:
            for other in ahead[one.id]:
                ranks[other] = max(ranks[other], ranks[one.id])
    return ranks


def _plain(value: Any) -> Any:
    """Comparable: errors by their type and words."""
    if isinstance(value, QueueError):
        return type(value), value.message
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


class LongTraces(AllStores):
    """The same, for longer."""


@pytest.fixture(scope="module", autouse=True)
def redis_of_all(request: pytest.FixtureRequest) -> Iterator[None]:
    """The third store, where there is a server: a state machine takes no fixtures itself."""
    if find_program() is not None:
        AllStores.server = request.getfixturevalue("shared_redis_server")
    yield
    AllStores.server = None


AllStores.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
LongTraces.TestCase.settings = settings(max_examples=150, stateful_step_count=60)

TestShort = pytest.mark.integration(AllStores.TestCase)
TestLong = pytest.mark.slow(pytest.mark.timeout(900)(pytest.mark.integration(LongTraces.TestCase)))
