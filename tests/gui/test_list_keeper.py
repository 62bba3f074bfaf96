"""The lists come by themselves whenever Autotask may be asked, without any page, and trouble nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.gui.harness import Bench, bench, until
from typing_extensions import override

from autotask_console.models import look_ups
from autotask_console.models.list_keeper import AGE, FIRST_PAUSE, PARTS
from autotask_console.models.references import KEPT
from autotask_console.platform.theme import Theme
from autotask_queue import (
    FailureClass,
    ProcessorError,
    Reply,
    Request,
    RequestFilter,
    SessionSecrets,
    Status,
    SystemClock,
    ZoneConfig,
)
from autotask_queue.simulator import Simulator, run_simulator

ZONE = ZoneConfig(url="http://127.0.0.1:9/", user="anna")


class LateClock(SystemClock):
    """The real time, and as much more as a test wants."""

    later = 0.0

    @override
    def now(self) -> float:
        return super().now() + self.later


class Lists:
    """Answers every list with one record; refuses those it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refuse: dict[str, FailureClass] = {}
        self.hang = asyncio.Event()
        self.hang.set()

    def can_process(self, request: Request) -> bool:
        return True

    async def process_request(self, request: Request) -> Reply:
        entity, _, rest = request.endpoint.strip("/").partition("/")
        self.asked.append(request.endpoint)
        await self.hang.wait()
        if kind := self.refuse.get(entity):
            raise ProcessorError("No right to read it.", kind=kind)
        if rest == "query":
            return Reply(
                body={"items": [{"id": 1, **dict.fromkeys(KEPT[entity][1:], "x"), "isActive": True}]}
            )
        return Reply(body={"fields": []})


@asynccontextmanager
async def kept(theme: Theme, settings_file: Path, lists: Lists, clock: LateClock) -> AsyncIterator[Bench]:
    async with bench(
        theme, settings_file, processors={"lists": lists}, zones={"zone1": ZONE}, clock=clock
    ) as b:
        yield b
        assert b.errors == []


async def rest(b: Bench) -> None:
    """Waits until the keeper has nothing to do."""
    keeper = b.services.lists
    await until(lambda: not keeper.busy and keeper._timer.remainingTime() > 100)


def test_after_a_start_without_any_page_everything_is_there(
    run: Any, theme: Theme, settings_file: Path
) -> None:
    async def scenario() -> None:
        async with run_simulator(seed=7) as simulator, signed_in(theme, settings_file, simulator) as b:
            b.services.lists.start()
            await rest(b)
            tables = simulator.state()["entities"]
            for entity in ("Companies", "Contacts", "Resources", "Roles", "BillingCodes"):
                active = [one for one in tables[entity] if one.get("isActive", True)]
                assert len(b.services.references.all(entity)) == len(active), entity
            assert b.services.references.all("Tickets")
            assert b.services.references.picklists("Tickets")["status"]
            assert b.services.toasts.texts == []
            reads = await b.queue.get_requests()
            assert {r.actor for r in reads} == {"console"}

    run(scenario())


@asynccontextmanager
async def signed_in(theme: Theme, settings_file: Path, simulator: Simulator) -> AsyncIterator[Bench]:
    own = simulator.credentials
    secrets = SessionSecrets({"zone1/secret": own.secret, "zone1/integration_code": own.integration_code})
    zone = ZoneConfig(url=simulator.base_url, user=own.user, secret="keyring:zone1/secret")
    async with bench(theme, settings_file, zones={"zone1": zone}, secrets=secrets) as b:
        yield b


def test_offline_nothing_is_asked_and_online_it_comes(run: Any, theme: Theme, settings_file: Path) -> None:
    async def scenario() -> None:
        lists = Lists()
        async with kept(theme, settings_file, lists, LateClock()) as b:
            await b.queue.work_offline()
            b.deliver()
            b.services.lists.start()
            await until(lambda: not b.services.lists.busy)
            assert await b.queue.count() == 0
            await b.queue.work_online()
            await until(lambda: len(lists.asked) == len(PARTS))
            await rest(b)

    run(scenario())


def test_going_offline_in_the_middle_leaves_no_question_behind(
    run: Any, theme: Theme, settings_file: Path
) -> None:
    async def scenario() -> None:
        lists = Lists()
        async with kept(theme, settings_file, lists, LateClock()) as b:
            lists.hang.clear()
            b.services.lists.start()
            await until(lambda: lists.asked)
            await b.queue.work_offline()
            await until(lambda: not b.services.lists.busy)
            lists.hang.set()
            await until(lambda: b.store.state.sending == 0)
            assert await b.queue.count(RequestFilter(status=(Status.PENDING, Status.RETRYING))) == 0
            await b.queue.work_online()
            await until(lambda: b.services.references.whole_as_of("Tickets"))
            await rest(b)

    run(scenario())


def test_once_a_day_and_what_is_gone_is_no_choice_any_more(
    run: Any, theme: Theme, settings_file: Path
) -> None:
    async def scenario() -> None:
        lists, clock = Lists(), LateClock()
        async with kept(theme, settings_file, lists, clock) as b:
            references = b.services.references
            await references.learn("zone1", "Resources", [{"id": 9, "firstName": "Old", "isActive": True}])
            await references.learn("zone1", "Tickets", [{"id": 9, "title": "Closed meanwhile"}])
            b.services.lists.start()
            await rest(b)
            known = {one.id: one.active for one in references.all("Resources")}
            assert known == {9: False, 1: True}
            assert [one.id for one in references.all("Tickets")] == [1]
            lists.asked.clear()
            b.store.gap()  # everything may have changed: not a reason to ask again
            await rest(b)
            assert lists.asked == []
            clock.later = AGE
            b.store.gap()
            await until(lambda: len(lists.asked) == len(PARTS))
            await rest(b)

    run(scenario())


def test_a_list_one_may_not_read_stops_no_other_and_is_asked_for_ever_less(
    run: Any, theme: Theme, settings_file: Path
) -> None:
    async def scenario() -> None:
        lists, clock = Lists(), LateClock()
        lists.refuse = {"BillingCodes": FailureClass.PERMISSION}
        async with kept(theme, settings_file, lists, clock) as b:
            keeper = b.services.lists
            keeper.start()
            await rest(b)
            assert b.services.references.whole_as_of("Tickets")
            assert b.services.references.whole_as_of("BillingCodes") is None
            assert keeper.trouble == "Not fetched: work types. No right to read it."
            assert b.services.toasts.texts == []
            lists.asked.clear()
            clock.later = FIRST_PAUSE
            b.store.gap()
            await until(lambda: len(lists.asked) == 1)
            await rest(b)
            clock.later += FIRST_PAUSE
            b.store.gap()
            await rest(b)
            assert lists.asked == ["/BillingCodes/query"]
            lists.refuse.clear()
            keeper.refresh()
            await until(lambda: len(lists.asked) == 1 + len(PARTS))
            await rest(b)
            assert keeper.trouble == ""

    run(scenario())


@pytest.mark.parametrize("kind", [FailureClass.SERVER_TRANSIENT, FailureClass.CONNECT_FAIL])
def test_a_server_that_is_in_trouble_is_left_alone(
    kind: FailureClass, run: Any, theme: Theme, settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_ups, "PATIENCE", 0.4)

    async def scenario() -> None:
        lists = Lists()
        lists.refuse = dict.fromkeys(("Tickets", "TicketNotes", "TimeEntries", *KEPT), kind)
        async with kept(theme, settings_file, lists, LateClock()) as b:
            b.services.lists.start()
            await rest(b)
            assert set(lists.asked) <= {"/Tickets/entityInformation/fields"}
            assert b.services.lists.trouble.startswith("Not fetched: tickets.")

    run(scenario())
