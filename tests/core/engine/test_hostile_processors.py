"""Whatever a processor does, its request ends or waits visibly, nothing is sent twice, the engine goes on."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from tests.core.engine.conftest import MakeWorld, Server, World, failure
from typing_extensions import override

from autotask_queue.model.breaker import BreakerState
from autotask_queue.model.errors import InvalidRequest, ProcessorError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.model.gates import GateKind
from autotask_queue.model.request import Reply, Request
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import Facts, LookupResult

BUSY = failure(FailureClass.SERVER_TRANSIENT, status=503)
LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)


class Weird(BaseException):
    """What pytest, trio and others raise to get past `except Exception`."""


def raising(error: BaseException) -> Callable[..., Any]:
    def raise_it(*_: object) -> Any:
        raise error

    return raise_it


def raising_later(error: BaseException) -> Callable[..., Any]:
    async def raise_it(*_: object) -> Any:
        raise error

    return raise_it


async def goes_on(world: World) -> None:
    """Another request still goes through."""
    other = await world.submit("/Others", "GET", "z2")
    await world.clock.advance(5)
    assert (await world.get(other)).status is Status.COMPLETED
    assert world.engine.ctx.tasks.failed == {}


@pytest.mark.parametrize(
    "error", [ValueError("x"), Weird("x"), asyncio.CancelledError(), RecursionError("deep")]
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
async def test_whatever_it_raises_the_request_is_settled(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: Any, error: BaseException, method: str
) -> None:
    expected_logs(f"raised {type(error).__name__}")
    with monkeypatch.context() as patched:
        patched.setattr(world.server, "process_request", raising_later(error))
        request = await world.submit("/Tickets", method)
        await world.clock.settle()
        found = await world.get(request)
    expected = {"GET": Status.RETRYING, "POST": Status.UNCERTAIN, "PATCH": Status.HELD}
    assert found.status is expected[method]
    assert type(error).__name__ in (found.failure.detail if found.failure else "")
    await goes_on(world)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {"at": object()},
        {1, 2},
        b"bytes",
        float("nan"),
        {"x": "\ud800"},
        dt.datetime(2030, 1, 1, tzinfo=dt.UTC),
        Reply(record_id="many"),  # type: ignore[arg-type]
        Reply(status_code=None),  # type: ignore[arg-type]
        Reply(body=object(), record_id=7),
        Reply(body="\ud800", record_id=7),
        None,
    ],
    ids=lambda v: type(v).__name__,
)
async def test_a_reply_that_cannot_be_stored_is_a_reply_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    async def answer(request: Request) -> Any:
        return value

    with monkeypatch.context() as patched:
        patched.setattr(world.server, "process_request", answer)
        request = await world.submit()
        await world.clock.settle()
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert done.reply is not None
    if isinstance(value, Reply) and value.record_id == 7:
        assert done.reply.record_id == 7
    assert (await world.engine.settler.wait(request.id)).ok
    await goes_on(world)


@pytest.mark.parametrize("text", ["\ud800", "x" * 5_000_000], ids=["half a character", "5 MB"])
async def test_a_failure_whose_words_cannot_be_stored_is_a_failure_all_the_same(
    world: World, text: str
) -> None:
    world.server.script = [
        Failure(kind=FailureClass.VALIDATION, code="c", title=text, message=text, remedy=text, detail=text)
    ]
    request = await world.submit()
    await world.clock.settle()
    found = await world.get(request)
    assert found.status is Status.FAILED
    assert found.failure is not None
    assert found.failure.kind is FailureClass.VALIDATION
    await goes_on(world)


async def test_a_plain_function_will_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Request] = []

    def work(request: Request) -> dict[str, int]:
        calls.append(request)
        return {"n": 1}

    monkeypatch.setattr(world.server, "process_request", work)
    request = await world.submit()
    await world.clock.settle()
    done = await world.get(request)
    assert (done.status, len(calls)) == (Status.COMPLETED, 1)
    assert done.reply == Reply(body={"n": 1})


async def test_it_may_fail_to_say_whether_it_takes_a_request(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: Any
) -> None:
    expected_logs("raised KeyError")
    await world.engine.gates.pause(None, why="", actor="t")
    stored = await world.submit("/Tickets", "PATCH")
    with monkeypatch.context() as patched:
        patched.setattr(world.server, "can_process", raising(KeyError("zone")))
        await world.engine.gates.resume(why="", actor="t")
        await world.clock.settle()
        held = await world.get(stored)
        assert (held.status, held.reason) == (Status.HELD, Reason.NO_PROCESSOR)
        new = await world.submit()
        assert new.reason is Reason.NO_PROCESSOR
    await world.engine.commands.release_unprocessed()
    await world.clock.settle()
    assert {(await world.get(r)).status for r in (stored, new)} == {Status.COMPLETED}


async def test_it_may_fail_to_say_whether_it_can_look_up(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: Any
) -> None:
    expected_logs("raised KeyError")
    world.server.script = [LOST]
    with monkeypatch.context() as patched:
        patched.setattr(world.server, "can_reconcile", raising(KeyError("marker")))
        request = await world.submit()
        await world.clock.settle()
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)
    await goes_on(world)


@pytest.mark.parametrize("error", [KeyError("items"), Weird("x"), asyncio.CancelledError()])
async def test_a_failing_lookup_leaves_the_others_their_turn(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: Any, error: BaseException
) -> None:
    expected_logs("raised")
    world.server.script = [LOST, LOST]
    poisoned = await world.submit(zone="z1")
    other = await world.submit(zone="z2")
    look_up = world.server.reconcile

    async def reconcile(request: Request) -> LookupResult:
        if request.id == poisoned.id:
            raise error
        return await look_up(request)

    monkeypatch.setattr(world.server, "reconcile", reconcile)
    await world.clock.advance(3_600)
    assert (await world.get(other)).status is Status.COMPLETED
    assert (await world.get(poisoned)).status is Status.UNCERTAIN
    assert world.engine.ctx.tasks.failed == {}
    monkeypatch.setattr(world.server, "reconcile", look_up)
    await world.clock.advance(3_600)
    assert (await world.get(poisoned)).status is Status.COMPLETED


async def test_a_lookup_that_answers_nonsense_is_no_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: Any
) -> None:
    expected_logs("reconcile")

    async def nonsense(request: Request) -> Any:
        return True

    world.server.script = [LOST]
    monkeypatch.setattr(world.server, "reconcile", nonsense)
    request = await world.submit()
    await world.clock.advance(600)
    assert (await world.get(request)).status is Status.UNCERTAIN


async def test_a_hanging_lookup_does_not_keep_the_others_waiting_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotask_queue.engine.reconciler.LOOKUP_TIMEOUT", 0.05)
    world.server.script = [LOST, LOST]
    hung = await world.submit(zone="z1")
    other = await world.submit(zone="z2")
    look_up = world.server.reconcile

    async def reconcile(request: Request) -> LookupResult:
        if request.id == hung.id:
            await asyncio.Event().wait()
        return await look_up(request)

    monkeypatch.setattr(world.server, "reconcile", reconcile)
    await world.clock.advance(6)
    await asyncio.sleep(0.2)  # the limit of a lookup is real time
    await world.clock.advance(1)
    assert (await world.get(other)).status is Status.COMPLETED
    assert (await world.get(hung)).status is Status.UNCERTAIN


@pytest.mark.parametrize("error", [OSError("no route"), Weird("x"), asyncio.CancelledError()])
async def test_a_probe_that_fails_in_its_own_way_is_a_failed_probe(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch, expected_logs: Any, error: BaseException
) -> None:
    expected_logs("raised")
    world = await make_world(max_concurrency=1, default_retries=50)
    await world.clock.advance(10)
    world.server.always = BUSY
    probes = 0

    async def probe(zone: str) -> None:
        nonlocal probes
        probes += 1
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(world.server, "probe", probe)
        request = await world.submit("/Tickets/1", "GET")
        await world.clock.advance(120)
        assert world.engine.board.get_metrics("z1").state is BreakerState.OPEN
        assert 2 <= probes <= 20, "a probe that fails at once must not be repeated at once"
    world.server.always = None
    await world.clock.advance(240)
    assert (await world.get(request)).status is Status.COMPLETED


async def test_a_connection_check_that_raises_does_not_end_checking(
    world: World, monkeypatch: pytest.MonkeyPatch, expected_logs: Any
) -> None:
    expected_logs("raised")
    world.server.script = [failure(FailureClass.LOCAL_OFFLINE)]
    with monkeypatch.context() as patched:
        patched.setattr(world.server, "probe", raising_later(OSError("no route")))
        request = await world.submit()
        await world.clock.advance(30)
        assert world.engine.gates.for_people()[0].kind is GateKind.OFFLINE
    await world.clock.advance(90)
    assert world.engine.gates.for_people() == ()
    assert (await world.get(request)).status is Status.COMPLETED


class Refusing(Server):
    """Takes what was held, and refuses one of it when it is to describe it."""

    @override
    def can_process(self, request: Request) -> bool:
        return True

    @override
    def describe(self, request: Request) -> Facts:
        if request.data == {"bad": 1}:
            raise InvalidRequest("bad is not allowed.")
        if request.data == {"bad": 2}:
            raise KeyError("title")
        return super().describe(request)


async def test_a_processor_that_comes_later_refuses_one_and_takes_the_others(world: World) -> None:
    bad = await world.submit(zone="nowhere", data={"bad": 1})
    worse = await world.submit(zone="nowhere", data={"bad": 2})
    good = await world.submit(zone="nowhere", data={"good": 1}, summary="My words", lane="mine")
    world.engine.ctx.processors["late"] = late = Refusing()
    await world.clock.settle()
    done = await world.get(good)
    assert (done.status, done.summary, done.lane) == (Status.COMPLETED, "My words", "mine")
    held = await world.get(bad)
    assert (held.status, held.reason) == (Status.HELD, Reason.NO_PROCESSOR)
    assert "bad is not allowed" in held.reason_text, "a person must see why"
    assert "KeyError" in (await world.get(worse)).reason_text
    result = await world.engine.commands.retry(bad.id, why="", actor="anna")
    assert result.changed == 0
    assert "bad is not allowed" in result.skipped_why
    await world.clock.advance(60)
    assert [c.id for c in late.calls] == [good.id], "what was never described must not be sent"


async def test_facts_of_the_wrong_kind_are_refused_before_they_are_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.server, "describe", lambda request: Facts(marker=5))  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match="marker"):
        await world.submit()
    monkeypatch.setattr(world.server, "describe", lambda request: {"entity": "x"})
    with pytest.raises(InvalidRequest, match="describe"):
        await world.submit()
    monkeypatch.setattr(world.server, "describe", lambda request: Facts(effect="write", lane="l"))  # type: ignore[arg-type]
    stored = await world.submit("/Tickets/query", "POST")
    assert (stored.effect, stored.lane) == (Effect.WRITE, "l")


@pytest.mark.parametrize(
    "kind",
    [FailureClass.TIMEOUT_UNKNOWN, FailureClass.SERVER_TRANSIENT, FailureClass.PROCESSOR_ERROR,
     FailureClass.CANCELLED],
)  # fmt: skip
async def test_an_error_that_names_no_more_than_its_kind_is_not_taken_for_unsent(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: FailureClass
) -> None:
    """`raise ProcessorError("no answer", kind=TIMEOUT_UNKNOWN)` says that it may have arrived."""
    monkeypatch.setattr(world.server, "process_request", raising_later(ProcessorError("what now", kind=kind)))
    request = await world.submit("/Tickets", "PATCH")
    await world.clock.advance(60)
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)


async def test_a_probe_that_never_answers_is_a_failed_probe(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autotask_queue.engine.prober.PROBE_TIMEOUT", 0.02)
    monkeypatch.setattr("autotask_queue.engine.connectivity.PROBE_TIMEOUT", 0.02)
    world = await make_world()
    world.server.script = [failure(FailureClass.LOCAL_OFFLINE)]

    async def hang(zone: str) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(world.server, "probe", hang)
        request = await world.submit()
        await world.clock.settle()
        await asyncio.sleep(0.1)  # a probe's limit is real time
        await world.clock.advance(1)
        assert world.engine.gates.for_people()[0].kind is GateKind.OFFLINE
    await world.clock.advance(60)
    assert (await world.get(request)).status is Status.COMPLETED
