"""A queue, a faulty server, a careless person and a bad day, all drawn from one seed.

python -m tests.core.engine.simulation --seed 17 [--store sqlite] [--steps 120] [-v]
python -m tests.core.engine.simulation --seeds 1000

Time is virtual. The oracle knows what the server did: nothing is applied twice unless a person said that
it should be sent again; what is called complete was applied; what is called failed, cancelled or expired
was not; and in the end, on a calm day, everything acknowledged has ended or visibly waits for somebody.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.core.clock import FakeClock
from typing_extensions import override

from autotask_queue.engine.ordering import NAMES
from autotask_queue.manager import QueueManager
from autotask_queue.model.errors import (
    InvalidRequest,
    ProcessorError,
    QueueError,
    StoreError,
)
from autotask_queue.model.events import Event, RequestEvent
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.presets import create_test_configuration
from autotask_queue.model.request import AttemptKind, AttemptResult, Reply, Request, RequestId
from autotask_queue.model.status import TRANSITIONS, Effect, Reason, Status
from autotask_queue.ports import Facts, LookupResult, Store
from autotask_queue.store import MemoryStore, SqliteStore

ZONES = ("z1", "z2")
LATEST = 290.0
"""Seconds after a lost reply within which the server still carries the write out (decisions.md: 300 s)."""
QUIET_ROUNDS = 60


class Violated(AssertionError):
    """A promise was broken."""


# ---------------------------------------------------------------------------------------------
# The world outside


@dataclass
class Outside:
    """The server and the network: what is wrong with them now, and what was carried out."""

    rng: random.Random
    clock: FakeClock
    trouble: dict[str, str] = field(default_factory=dict)
    """By zone: "", "offline", "busy", "lossy", "slow", "throttled", "denied", "broken"."""
    copies: Counter[str] = field(default_factory=Counter)
    allowed: Counter[str] = field(default_factory=Counter)
    wire: Counter[str] = field(default_factory=Counter)
    lanes: Counter[str] = field(default_factory=Counter)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def apply(self, request: Request) -> int:
        """Carries a write out."""
        tag = tag_of(request)
        self.copies[tag] += 1
        if self.copies[tag] > self.allowed[tag] + 1:
            self.problems.append(f"{tag} was applied {self.copies[tag]} times")
        return 1_000 + int(tag[1:])

    def apply_late(self, request: Request, seconds: float) -> None:
        """Carries a write out although nobody waits for the answer any more."""

        async def later() -> None:
            await self.clock.sleep(seconds)
            self.apply(request)

        task = asyncio.get_running_loop().create_task(later())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def tag_of(request: Request) -> str:
    return str(request.metadata["tag"])


def failing(kind: FailureClass, applied: Applied = Applied.NO, status: int | None = None) -> ProcessorError:
    said = Failure(
        kind=kind, code=kind.value, title="No", message=f"No: {kind.value}.", remedy="Wait.", applied=applied,
        http_status=status, retry_after=5.0,
    )  # fmt: skip
    return ProcessorError(said.message, failure=said)


class Client:
    """The processor of one run of the program: tickets can be looked up, notes and changes cannot."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.rng = outside.rng
        self.in_lane: Counter[str] = Counter()

    def can_process(self, request: Request) -> bool:
        return request.zone in ZONES

    def describe(self, request: Request) -> Facts:
        if request.data.get("forbidden"):
            raise InvalidRequest("It is forbidden.")
        create = request.method == "POST" and request.endpoint == "/Tickets"
        return Facts(
            entity=request.endpoint.split("/")[1],
            lane=None
            if request.effect is Effect.READ
            else request.lane or f"{request.zone}{request.endpoint}",
            marker=f"m-{tag_of(request)}" if create else None,
            data=request.data,
        )

    async def process_request(self, request: Request) -> Reply:
        lane = request.lane if request.effect is Effect.WRITE else None
        if lane is not None:
            self.in_lane[lane] += 1
            if self.in_lane[lane] > 1:
                self.outside.problems.append(f"two at a time in lane {lane}")
        try:
            return await self._send(request)
        finally:
            if lane is not None:
                self.in_lane[lane] -= 1

    async def _send(self, request: Request) -> Reply:
        trouble = self.outside.trouble.get(request.zone, "")
        write = request.effect is Effect.WRITE
        if trouble == "offline":
            raise failing(self.rng.choice([FailureClass.LOCAL_OFFLINE, FailureClass.CONNECT_FAIL]))
        if trouble == "denied":
            raise failing(FailureClass.AUTH, status=401)
        if trouble == "throttled":
            raise failing(FailureClass.THREAD_LIMIT, status=429)
        self.outside.wire[tag_of(request)] += 1
        if request.data.get("invalid"):
            raise failing(FailureClass.VALIDATION, status=500)
        if trouble == "busy" and self.rng.random() < 0.7:
            raise failing(FailureClass.SERVER_TRANSIENT, status=503)
        if trouble == "broken" and self.rng.random() < 0.5:
            if write and self.rng.random() < 0.5:
                self.outside.apply(request)
            raise self.rng.choice([ValueError("x"), asyncio.CancelledError(), OSError("gone")])
        if trouble == "slow":
            return await self._slowly(request)
        if trouble == "lossy" and self.rng.random() < 0.6:
            self._lose(request)
        return Reply(record_id=self.outside.apply(request) if write else None)

    async def _slowly(self, request: Request) -> Reply:
        """The server works for a while, and to the end although the client may be gone by then."""
        write, seconds = request.effect is Effect.WRITE, self.rng.uniform(1, 90)
        done = self.outside.clock.now() + seconds
        try:
            await self.outside.clock.sleep(seconds)
        except asyncio.CancelledError:
            if write and self.rng.random() < 0.7:
                self.outside.apply_late(request, max(0.0, min(LATEST, done - self.outside.clock.now())))
            raise
        return Reply(record_id=self.outside.apply(request) if write else None)

    def _lose(self, request: Request) -> None:
        """The reply is lost: before the write was carried out, after it, or long before it is."""
        if request.effect is Effect.WRITE:
            fate = self.rng.random()
            if fate < 0.4:
                self.outside.apply(request)
            elif fate < 0.6:
                self.outside.apply_late(request, self.rng.uniform(1, LATEST))
        kind = self.rng.choice([FailureClass.TIMEOUT_UNKNOWN, FailureClass.SERVER_TRANSIENT])
        status = 502 if kind is FailureClass.SERVER_TRANSIENT else None
        raise failing(kind, Applied.UNKNOWN, status)

    def can_reconcile(self, request: Request) -> bool:
        return request.marker is not None

    async def reconcile(self, request: Request) -> LookupResult:
        trouble = self.outside.trouble.get(request.zone, "")
        if trouble in ("offline", "denied") or (trouble and self.rng.random() < 0.3):
            raise self.rng.choice([failing(FailureClass.CONNECT_FAIL), ValueError("x")])
        copies = self.outside.copies[tag_of(request)]
        if not copies:
            return LookupResult(found=False, absent=True)
        reply = Reply(record_id=1_000 + int(tag_of(request)[1:]), adopted=True)
        return LookupResult(found=copies == 1, matches=copies, reply=reply)

    def can_probe(self, zone: str) -> bool:
        return zone in ZONES

    async def probe(self, zone: str) -> None:
        trouble = self.outside.trouble.get(zone, "")
        if trouble == "offline":
            raise failing(FailureClass.LOCAL_OFFLINE)
        if trouble == "busy" and self.rng.random() < 0.5:
            raise failing(FailureClass.SERVER_TRANSIENT, status=503)
        if trouble == "broken" and self.rng.random() < 0.3:
            raise OSError("no route")


class PatientClock(FakeClock):
    """Waits for the store's threads before it says that everything has settled."""

    busy: Any = None

    @override
    async def settle(self) -> None:
        quiet = 0
        while quiet < QUIET_ROUNDS:
            if self.busy is not None and self.busy():
                quiet = 0
                await asyncio.sleep(0.0002)
            else:
                quiet += 1
                await asyncio.sleep(0)


class Handle:
    """One process's way to the store: it dies with the process, and fails when the disk is full."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dead = False
        self.full = False
        self.in_flight = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.store, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.dead:
                raise StoreError("This process is gone.")
            if self.full and name in _WRITES:
                raise StoreError("There is no space left.")
            self.in_flight += 1
            try:
                return await found(*args, **kwargs)
            finally:
                self.in_flight -= 1

        return call


_UNDECIDED = frozenset(
    {Reason.CONFIRM, Reason.BY_PERSON, Reason.REPLY_LOST, Reason.INTERRUPTED, Reason.NOT_FOUND_YET}
)
_WRITES = frozenset(
    {"enqueue", "claim", "apply", "apply_matching", "record", "save_breaker", "put_document",
     "delete_document", "save_minutes", "prune", "checkpoint"}
)  # fmt: skip


# ---------------------------------------------------------------------------------------------
# The bad day


class Day:
    """One seed: the program, its restarts, and a person who does whatever comes to mind."""

    def __init__(self, seed: int, *, store: str = "memory", steps: int = 150, verbose: bool = False) -> None:
        self.rng = random.Random(seed)
        self.steps = steps
        self.verbose = verbose
        self.clock = PatientClock()
        self.outside = Outside(self.rng, self.clock)
        self.folder = tempfile.TemporaryDirectory(prefix="autotask-simulation-")
        self.sqlite = store == "sqlite"
        self.store: Store = self._new_store()
        self.acknowledged: dict[RequestId, str] = {}
        self.decided: set[RequestId] = set()
        self.bulk: set[RequestId] = set()
        self.seen: dict[RequestId, Status] = {}
        self.waiters: dict[RequestId, asyncio.Task[Any]] = {}
        self.handle = Handle(self.store)
        self.queue = self._new_queue()

    def _new_store(self) -> Store:
        return SqliteStore(Path(self.folder.name) / "queue.db") if self.sqlite else MemoryStore()

    def _new_queue(self) -> QueueManager:
        self.handle = Handle(self.store)
        self.clock.busy = lambda: self.handle.in_flight > 0
        retry = {"base_delay": 2, "max_delay": 60}
        queue = QueueManager(
            create_test_configuration(
                default_timeout=310, default_retries=4, strategies={"retry": retry}, max_concurrency=5
            ),
            processors={"client": Client(self.outside)},
            clock=self.clock,
            store=self.handle,
            rng=random.Random(self.rng.random()),
        )
        queue.on("*", self._on_event)
        return queue

    def _on_event(self, event: Event) -> None:
        if isinstance(event, RequestEvent):
            self.seen[event.request.id] = event.request.status

    def say(self, *words: object) -> None:
        if self.verbose:
            print(f"{self.clock.monotonic():9.1f}", *words)  # noqa: T201

    # -- the course of the day

    async def run(self) -> None:
        await self.queue.initialize()
        steps: list[tuple[int, Any]] = [
            (40, self.submit), (8, self.cancel), (6, self.restore), (12, self.retry), (10, self.edit),
            (5, self.reschedule), (3, self.reprioritise), (14, self.decide), (1, self.clear),
            (3, self.bulk_retry), (1, self.pause), (5, self.resume), (1, self.hold), (5, self.release),
            (1, self.go_offline), (5, self.go_online), (5, self.send_now), (4, self.restart), (4, self.crash),
            (14, self.weather), (6, self.calm), (2, self.jump), (1, self.suspend), (3, self.fill_disk),
            (6, self.wait_for), (20, self.pass_time), (3, self.switch),
        ]  # fmt: skip
        weights = [weight for weight, _ in steps]
        for _ in range(self.steps):
            (_, step), *_ = self.rng.choices(steps, weights)
            self.say(step.__name__)
            # A person's command may come to nothing, or be refused: both are fine. Promises are not.
            with contextlib.suppress(QueueError):
                await step()
            await self._advance(self.rng.choice([0.0, 0.0, 0.1, 1.0, 5.0]))
        await self.evening()

    async def _advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        if self.outside.problems:
            raise Violated("; ".join(self.outside.problems))

    def _some_id(self) -> RequestId:
        return self.rng.choice(list(self.acknowledged) or [RequestId("none")])

    async def submit(self) -> None:
        """A few at a time, side by side, some of them in the middle of the next step."""
        adding = [self._submit_one() for _ in range(self.rng.choice([1, 2, 5]))]
        for result in await asyncio.gather(*adding, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, QueueError):
                raise result

    async def _submit_one(self) -> None:
        rng, now = self.rng, self.clock.now()
        number = len(self.outside.allowed) + 1
        tag = f"t{number}"
        self.outside.allowed[tag] = 0
        own = RequestId(f"{number:08d}-{rng.getrandbits(32):08x}")
        endpoint, method = rng.choice(
            [("/Tickets", "POST")] * 4 + [("/Notes", "POST"), ("/Tickets", "PATCH"), ("/Tickets/5", "GET")]
        )
        parents = [self._some_id() for _ in range(rng.choice([0, 0, 0, 0, 1, 2]))]
        receipt = await self.queue.submit(
            endpoint,
            method,
            rng.choice([*ZONES, *ZONES, *ZONES, "nowhere"]),
            priority=rng.randint(1, 10),
            data={"invalid": True} if rng.random() < 0.1 else {"n": number},
            metadata={"tag": tag},
            lane=rng.choice([None, None, "a", "b"]) if method != "GET" else None,
            scheduled_at=now + rng.uniform(1, 300) if rng.random() < 0.15 else None,
            expires_at=now + rng.uniform(301, 900) if rng.random() < 0.1 else None,
            depends_on=[p for p in parents if p in self.acknowledged],
            dedup_key=rng.choice([None, None, None, "k"]),
            retryable=rng.random() < 0.9,
            request_id=own,
        )
        self.acknowledged[receipt.id] = tag

    async def cancel(self) -> None:
        await self.queue.cancel_request(self._some_id(), why="whim")

    async def restore(self) -> None:
        await self.queue.restore(self._some_id())

    async def retry(self) -> None:
        await self.queue.retry(self._some_id())

    async def bulk_retry(self) -> None:
        self.bulk.update(self.acknowledged)
        await self.queue.retry(self.queue.selection(RequestFilter()))

    async def edit(self) -> None:
        choices: list[dict[str, Any]] = [
            {"data": {"n": 0}},
            {"data": {"forbidden": True}},
            {"priority": 10},
            {"summary": "other"},
            {"scheduled_at": self.clock.now() + 60},
            {"expires_at": self.clock.now() + 600},
        ]
        await self.queue.edit(self._some_id(), **self.rng.choice(choices))

    async def reschedule(self) -> None:
        when = self.rng.choice([None, self.clock.now() + self.rng.uniform(1, 600)])
        await self.queue.reschedule(self._some_id(), when)

    async def reprioritise(self) -> None:
        await self.queue.reprioritise(self._some_id(), self.rng.randint(1, 10))

    async def switch(self) -> None:
        await self.queue.set_priority_strategy(self.rng.choice([None, "adaptive", *NAMES]))

    async def decide(self) -> None:
        query = RequestFilter(status=(Status.UNCERTAIN, Status.HELD, Status.FAILED))
        found = [r for r in await self.queue.get_requests(query) if r.reason in _UNDECIDED]
        if not found:
            return
        request = self.rng.choice(found)
        verb = self.rng.choice(["send_again", "mark_sent", "do_not_send", "do_not_send"])
        self.say(verb, tag_of(request), request.status)
        more = 1 if verb == "send_again" else 0
        self.outside.allowed[tag_of(request)] += more
        try:
            await getattr(self.queue, verb)(request.id, why="so it is")
        except QueueError:
            self.outside.allowed[tag_of(request)] -= more
        else:
            self.decided.add(request.id)

    async def clear(self) -> None:
        self.bulk.update(self.acknowledged)
        await self.queue.clear(self.rng.choice([None, *ZONES]))

    async def pause(self) -> None:
        await self.queue.pause(self.rng.choice([None, 60.0]))

    async def resume(self) -> None:
        await self.queue.resume()

    async def hold(self) -> None:
        zone, entity = self.rng.choice([("z1", None), ("*", None), ("z2", "Tickets"), ("*", "Notes")])
        ends = self.rng.choice([None, 100.0])
        await self.queue.circuit_breaker.force_open(zone, "maintenance", entity=entity, expires_in=ends)

    async def release(self) -> None:
        for zone, entity in (("z1", None), ("*", None), ("z2", "Tickets"), ("*", "Notes")):
            await self.queue.circuit_breaker.release(zone, "done", entity=entity)

    async def go_offline(self) -> None:
        await self.queue.work_offline()

    async def go_online(self) -> None:
        await self.queue.work_online()

    async def send_now(self) -> None:
        await self.queue.send_now()

    async def restart(self) -> None:
        """In order, in the middle of whatever is going on; a second call, or an impatient one, may come."""
        queue = self.queue
        stopping = asyncio.ensure_future(queue.shutdown(grace=0.0))
        if self.rng.random() < 0.3:
            await asyncio.sleep(0)
            stopping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await stopping
        await queue.shutdown()
        await self._start()

    async def crash(self) -> None:
        """Killed: nothing of it runs on, nothing is put in order."""
        self.handle.dead = True
        tasks = self.queue._engine.ctx.tasks
        for task in {*tasks._services, *tasks._jobs, *tasks._commands}:
            task.cancel()
        await asyncio.gather(*tasks._services, *tasks._jobs, *tasks._commands, return_exceptions=True)
        if self.sqlite:
            await self._drop_file()
        else:
            await self.store.close()
        await self._start()

    async def _drop_file(self) -> None:
        """What the system does with a dead process's file: the lock is free, nothing more is written."""
        store = self.store
        assert isinstance(store, SqliteStore)
        await store._close_connections()
        store._lock.release()
        self.store = self._new_store()

    async def _start(self) -> None:
        for task in self.waiters.values():
            task.cancel()
        await asyncio.gather(*self.waiters.values(), return_exceptions=True)
        self.waiters.clear()
        self.queue = self._new_queue()
        await self.queue.initialize()

    async def weather(self) -> None:
        kinds = ["lossy"] * 6 + ["slow"] * 4 + ["offline", "busy", "broken", "broken", "throttled", "denied"]
        zone = self.rng.choice(ZONES)
        self.outside.trouble[zone] = self.rng.choice(kinds)
        self.say(zone, self.outside.trouble[zone])

    async def calm(self) -> None:
        self.outside.trouble.clear()
        for zone in ZONES:
            self.queue.retry_sign_in(zone)

    async def jump(self) -> None:
        self.clock.jump(self.rng.choice([7_200.0, -7_200.0, 3.0, -3.0]))

    async def suspend(self) -> None:
        self.clock.jump(self.rng.uniform(60, 36_000))

    async def fill_disk(self) -> None:
        self.handle.full = True
        await self._advance(self.rng.uniform(0, 120))
        self.handle.full = False

    async def wait_for(self) -> None:
        own = self._some_id()
        if own in self.acknowledged and own not in self.waiters:
            self.waiters[own] = asyncio.ensure_future(self.queue.result(own))

    async def pass_time(self) -> None:
        await self._advance(self.rng.choice([1.0, 10.0, 60.0, 400.0]))

    # -- what must hold in the evening

    async def evening(self) -> None:
        """A calm end: everything is open, the server works, and there is time enough."""
        await self.calm()
        await self.resume()
        await self.release()
        await self.go_online()
        self.outside.trouble.clear()
        await self._advance(3_600)
        await self.calm()
        await self.queue.send_now()
        await self._advance(3_600)
        found = {r.id: r for r in await self.queue.get_requests()}
        problems = [f"{i} was acknowledged and is gone" for i in self.acknowledged if i not in found]
        for request in found.values():
            problems += await self._problems_of(request, found)
        cells = Counter((r.zone, r.entity, r.status) for r in found.values())
        counted = {(c.zone, c.entity, c.status): c.count for c in self.queue.counters().cells if c.count}
        if counted != cells:
            problems.append(f"counted {counted}, there are {dict(cells)}")
        problems += [
            f"{i} ended, and who waited for it was not told"
            for i, task in self.waiters.items()
            if i in found and found[i].status.is_terminal and not task.done()
        ]
        failed = self.queue._engine.ctx.tasks.failed
        problems += [f"{name} was given up: {why}" for name, why in failed.items()]
        if problems:
            raise Violated("\n".join(problems))

    async def _problems_of(self, request: Request, found: dict[RequestId, Request]) -> list[str]:
        tag, status = tag_of(request), request.status
        name = f"{tag} ({request.method} {request.endpoint}, {status}, {request.reason})"
        problems = []
        copies = self.outside.copies[tag]
        if request.effect is Effect.WRITE and request.id not in self.decided:
            if status is Status.COMPLETED and copies != 1:
                problems.append(f"{name} is complete and was applied {copies} times")
            if status in (Status.FAILED, Status.CANCELLED, Status.EXPIRED, Status.PENDING) and copies:
                problems.append(f"{name} was applied")
        if status in (Status.PROCESSING, Status.UNCERTAIN):
            problems.append(f"{name} is still on its way after a calm hour")
        if status in (Status.PENDING, Status.RETRYING) and not self._waits_visibly(request, found):
            problems.append(f"{name} waits for nothing that anybody could see")
        if status is Status.HELD and request.reason is None:
            problems.append(f"{name} is held without a reason")
        if status is Status.DEFERRED and (request.scheduled_at or 0) <= self.clock.now():
            problems.append(f"{name} is late")
        if request.id not in self.bulk and self.seen.get(request.id, status) is not status:
            problems.append(f"{name} was announced as {self.seen[request.id]}")
        attempts = await self.queue.attempts(request.id)
        sent = sum(a.kind is AttemptKind.SEND and a.result is not AttemptResult.NOT_SENT for a in attempts)
        if self.outside.wire[tag] > sent:
            problems.append(f"{name} was on the wire {self.outside.wire[tag]} times, by the record {sent}")
        if any(a.result is AttemptResult.RUNNING for a in attempts) and status is not Status.PROCESSING:
            problems.append(f"{name} has an attempt that never ended")
        problems += [
            f"{name} went from {entry.origin} to {entry.target} ({entry.kind})"
            for entry in await self.queue.audit(request_id=request.id, limit=1_000)
            if entry.origin
            and entry.origin != entry.target
            and Status(entry.target) not in TRANSITIONS[Status(entry.origin)]
        ]
        return problems

    def _waits_visibly(self, request: Request, found: dict[RequestId, Request]) -> bool:
        before = [
            r for r in found.values() if r.lane == request.lane and r.lane is not None and r.seq < request.seq
        ]
        blocked = any(r.status in (Status.HELD, Status.PENDING) for r in before)
        parents = [found[p] for p in request.depends_on if p in found]
        return blocked or any(not p.status.is_terminal for p in parents)

    async def end(self) -> list[str]:
        """Puts everything away; the names of tasks that the library left running."""
        await self.queue.shutdown(grace=0.0)
        theirs = [*self.outside.tasks, *self.waiters.values()]
        for task in theirs:
            task.cancel()
        await asyncio.gather(*theirs, return_exceptions=True)
        self.folder.cleanup()
        return [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("autotask-queue")]


async def live(seed: int, **options: Any) -> None:
    """One day. Raises `Violated`, with the command that repeats it."""
    day = Day(seed, **options)
    try:
        await day.run()
    except Violated as violated:
        problem = str(violated)
    else:
        problem = ""
    left = await day.end()
    if left:
        problem += f"\nleft running: {left}"
    if problem:
        again = " ".join(f"--{name} {value}" for name, value in options.items() if name != "verbose")
        command = f"python -m tests.core.engine.simulation --seed {seed} {again}".strip()
        raise Violated(f"seed {seed}: {problem}\nrepeat it with: {command}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Lives bad days with a queue.")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--store", choices=["memory", "sqlite"], default="memory")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    bad = 0
    for seed in seeds:
        try:
            asyncio.run(live(seed, store=given.store, steps=given.steps, verbose=given.verbose))
        except Violated as violated:
            bad += 1
            print(violated)  # noqa: T201
    print(f"{len(seeds)} days, {bad} of them broke a promise")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
