"""A write that may have arrived is sent once more only when a person says so, whatever else is asked."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.core.engine.conftest import World, failure

from autotask_queue.model.errors import IllegalTransition
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.filters import RequestFilter, Selection
from autotask_queue.model.request import AttemptKind, Request
from autotask_queue.model.status import Effect, Reason, Status
from autotask_queue.ports import Change, Facts

LOST = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.YES)
NEVER_FOUND = failure(FailureClass.TIMEOUT_UNKNOWN, applied=Applied.UNKNOWN)


async def given_up(world: World) -> Request:
    """A write that was applied, whose reply was lost, and which a person gave up."""
    world.server.script = [LOST]
    request = await world.submit("/Tickets", "PATCH")  # cannot be looked up
    await world.clock.settle()
    await world.engine.commands.do_not_send(request.id, why="I will see to it", actor="anna")
    failed = await world.get(request)
    assert failed.status is Status.FAILED
    return failed


async def undecided(world: World) -> Request:
    """A write that was applied, whose reply was lost, and about which a person must decide."""
    world.server.script = [LOST]
    request = await world.submit("/Tickets", "PATCH")
    await world.clock.settle()
    held = await world.get(request)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM)
    return held


Ask = Callable[[World, Request], Awaitable[Any]]


async def retry(world: World, request: Request) -> Any:
    return await world.engine.commands.retry(request.id, why="", actor="anna")


async def retry_all(world: World, request: Request) -> Any:
    everything = Selection(filter=RequestFilter(), max_seq=world.store.max_seq())
    return await world.engine.commands.retry(everything, why="", actor="anna")


async def edit(world: World, request: Request) -> Any:
    fields = {"data": {"title": "other"}}
    return await world.engine.commands.edit(request.id, why="", actor="anna", fields=fields)


async def cancel_and_restore(world: World, request: Request) -> Any:
    await world.engine.commands.cancel(request.id, why="", actor="anna")
    return await world.engine.commands.restore(request.id, why="", actor="anna")


async def reschedule(world: World, request: Request) -> Any:
    return await world.engine.commands.reschedule(request.id, None, why="", actor="anna")


@pytest.mark.parametrize("make", [given_up, undecided])
@pytest.mark.parametrize("ask", [retry, retry_all, edit, cancel_and_restore, reschedule])
async def test_no_common_command_sends_it_again(
    world: World, make: Callable[[World], Awaitable[Request]], ask: Ask
) -> None:
    request = await make(world)
    with contextlib.suppress(IllegalTransition):
        await ask(world, request)
    await world.clock.advance(3_600)
    assert len(world.server.calls) == 1
    assert (await world.get(request)).status in (Status.HELD, Status.FAILED)


async def test_clearing_the_queue_does_not_deny_that_it_may_have_arrived(world: World) -> None:
    request = await undecided(world)
    other = await world.submit("/Tickets", "PATCH")  # waits behind it
    everything = Selection(
        filter=RequestFilter(status=(Status.HELD, Status.PENDING)), max_seq=world.store.max_seq()
    )
    result = await world.engine.commands.cancel(everything, why="", actor="anna")
    assert result.changed == 1
    assert (await world.get(other)).status is Status.CANCELLED
    assert (await world.get(request)).status is Status.HELD
    with pytest.raises(IllegalTransition, match="may have arrived"):
        await world.engine.commands.cancel_one(request.id, why="", actor="anna")


async def test_a_person_may_still_change_their_mind_about_what_they_gave_up(world: World) -> None:
    request = await given_up(world)
    with pytest.raises(IllegalTransition, match="given up"):
        await edit(world, request)
    await world.engine.commands.send_again(request.id, why="it is not there, I looked", actor="anna")
    await world.clock.settle()
    done = await world.get(request)
    assert done.status is Status.COMPLETED
    assert len(world.server.calls) == 2, "the person said so"


async def test_what_was_given_up_because_its_record_is_gone_can_be_retried(world: World) -> None:
    world.server.script = [failure(FailureClass.NOT_FOUND, status=404)]
    request = await world.submit("/Tickets", "PATCH")
    await world.clock.settle()
    assert (await world.get(request)).reason is Reason.GONE
    await world.engine.commands.do_not_send(request.id, why="gone", actor="anna")
    result = await retry(world, request)
    await world.clock.settle()
    assert result.changed == 1
    assert (await world.get(request)).status is Status.COMPLETED


async def test_the_store_itself_refuses_to_queue_an_unknown_outcome_again(world: World) -> None:
    request = await undecided(world)
    for to in (Status.PENDING, Status.DEFERRED, Status.CANCELLED, Status.EXPIRED):
        change = Change(id=request.id, kind="changed", at=world.clock.now(), to=to)
        (answer,) = await world.store.apply([change])
        assert isinstance(answer, IllegalTransition), to


async def test_an_uncertain_one_is_no_less_protected(world: World) -> None:
    world.server.script = [NEVER_FOUND]
    request = await world.submit()
    await world.clock.settle()
    assert (await world.get(request)).status is Status.UNCERTAIN
    change = Change(id=request.id, kind="changed", at=world.clock.now(), to=Status.PENDING)
    assert isinstance((await world.store.apply([change]))[0], IllegalTransition)
    await world.engine.commands.send_again(request.id, why="not there", actor="anna")
    await world.clock.settle()
    assert (await world.get(request)).status is Status.COMPLETED


@pytest.mark.parametrize("ask", [retry, edit])
async def test_a_request_that_became_undecided_meanwhile_is_not_sent_by_an_older_command(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a command's look at a request and its change, the request is tried and its reply lost."""
    world.server.script = [failure(FailureClass.VALIDATION, status=500)]
    request = await world.submit("/Tickets", "PATCH")
    await world.clock.settle()
    assert (await world.get(request)).status is Status.FAILED
    apply, first = world.store.apply, True

    async def late(changes: Any) -> Any:
        nonlocal first
        if first:
            first = False
            world.server.script = [LOST]
            await retry(world, request)
            await world.clock.settle()
            assert (await world.get(request)).reason is Reason.CONFIRM
        return await apply(changes)

    monkeypatch.setattr(world.store, "apply", late)
    with contextlib.suppress(IllegalTransition):
        await ask(world, request)
    await world.clock.advance(60)
    assert len(world.server.calls) == 2
    assert (await world.get(request)).reason is Reason.CONFIRM


async def test_sending_again_starts_with_all_tries_and_all_lookups(world: World) -> None:
    world.server.script = [NEVER_FOUND]
    request = await world.submit()
    await world.clock.advance(600)
    assert (await world.get(request)).reason is Reason.CONFIRM
    world.server.script = [NEVER_FOUND]
    await world.engine.commands.send_again(request.id, why="not there", actor="anna")
    await world.clock.settle()
    assert (await world.get(request)).attempts == 1
    await world.clock.advance(60)
    assert (await world.get(request)).status is Status.UNCERTAIN, "60 s are not enough to give up looking"
    await world.clock.advance(300)
    assert (await world.get(request)).reason is Reason.CONFIRM


async def test_a_record_that_another_request_made_is_not_taken_for_this_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tickets with the same key of a person's own: the first arrived, the second never did."""

    def described(request: Request) -> Facts:
        return Facts(entity="Tickets", effect=Effect.WRITE, marker="REF-1", data=request.data)

    monkeypatch.setattr(world.server, "describe", described)
    first = await world.submit()
    await world.clock.settle()
    world.server.script = [NEVER_FOUND]
    second = await world.submit()
    await world.clock.advance(600)
    assert (await world.get(first)).record_id == 1
    held = await world.get(second)
    assert (held.status, held.reason) == (Status.HELD, Reason.CONFIRM), "adopting it would lose the second"
    lookups = [a for a in await world.attempts(second) if a.kind is AttemptKind.LOOKUP]
    assert "1" in lookups[0].note
    assert first.id in lookups[0].note


async def test_of_two_lost_ones_with_one_key_only_one_adopts_the_one_record(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def described(request: Request) -> Facts:
        return Facts(entity="Tickets", effect=Effect.WRITE, marker="REF-1", data=request.data)

    monkeypatch.setattr(world.server, "describe", described)
    world.server.script = [LOST, NEVER_FOUND]
    both = [await world.submit(), await world.submit()]
    await world.clock.advance(600)
    ends = [(await world.get(r)).status for r in both]
    assert sorted(ends) == [Status.COMPLETED, Status.HELD]
