"""What is composed reaches the simulator over HTTP, once; what it refuses comes back to the right field."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableWidget
from tests.gui.compose.conftest import Scene, Stage
from tests.gui.harness import until
from tests.gui.looks import child

from autotask_console.pages.compose.choice_editors import ChoiceEditor
from autotask_console.pages.compose.picker import ReferenceEditor
from autotask_console.widgets.button import Button
from autotask_queue import Request, RequestFilter, Status
from autotask_queue.simulator import Simulator

pytestmark = pytest.mark.integration
Simulated = Callable[[], AbstractAsyncContextManager[Simulator]]


async def sent(scene: Scene, status: Status = Status.COMPLETED) -> Request:
    """The one write, once it stands there."""
    found: list[Request] = []

    async def look() -> None:
        found[:] = [r for r in await scene.bench.queue.get_requests() if r.effect == "write"]

    for _ in range(400):
        await look()
        if found and found[0].status is status:
            return found[0]
        await scene.bench.services.clock.sleep(0.02)
    raise AssertionError(f"not {status}: {found}")


async def listed(scene: Scene) -> None:
    """Waits until the lists were fetched by themselves."""
    await until(lambda: scene.page.references.as_of("Tickets") is not None)
    await until(lambda: not scene.bench.services.lists.busy)


def test_lists_come_by_themselves_and_a_ticket_goes_out(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            tables = simulator.state()["entities"]
            assert len(scene.page.references.all("Companies")) == len(tables["Companies"])
            company = tables["Companies"][3]
            scene.type("companyID", company["companyName"])
            assert scene.document["companyID"] == company["id"]
            scene.type("title", "From the console")
            scene.choose("queueID", "Field Service")
            assert scene.page.view.bar.button.text() == "Add to queue"
            child(scene.page, Button, "compose.add").click()
            request = await sent(scene)
            made = [t for t in simulator.state()["entities"]["Tickets"] if t["title"] == "From the console"]
            assert [t["id"] for t in made] == [request.record_id]

            # The ticket that was just created can be chosen, though no list has it.
            await until(lambda: scene.page._around.own)
            scene.enter("add-note")
            picker = scene.editor("ticketID")
            assert isinstance(picker, ReferenceEditor)
            QTest.keyClicks(picker.inner, "from the con")
            assert picker.line.suggestions[0].more == "created on this laptop"
            picker.line.pick(picker.line.suggestions[0])
            assert scene.document["ticketID"] == request.record_id

    run(scenario())


def test_the_tenants_own_picklists_decide(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            status = scene.editor("status")
            assert isinstance(status, ChoiceEditor)
            assert "On Hold (old)" not in status.labels
            scene.fill_ticket()
            scene.page.bench.edit("status", 16)
            assert "no longer used" in scene.error("status")
            scene.page.bench.edit("status", 99)
            assert "Status has no value 99" in scene.error("status")
            scene.page.adding.add()
            await until(lambda: not scene.page.adding.busy)
            writes = [r for r in await scene.bench.queue.get_requests() if r.effect == "write"]
            assert writes == []

    run(scenario())


def test_what_autotask_refused_stands_at_its_field_and_is_mended(
    run: Any, stage: Stage, simulated: Simulated
) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            tables = simulator.state()["entities"]
            ticket, held = tables["Tickets"][0], tables["ResourceRoles"][0]
            receipt = await scene.bench.queue.submit(
                "/TimeEntries",
                "POST",
                "zone1",
                data={
                    "ticketID": ticket["id"], "resourceID": held["resourceID"], "roleID": 999_999,
                    "startDateTime": "2026-11-20T09:00:00Z", "endDateTime": "2026-11-20T10:00:00Z",
                },
            )  # fmt: skip
            failed = await sent(scene, Status.FAILED)
            scene.enter(failed)
            assert "roleID" in scene.error("roleID")
            assert scene.bench.host.focusWidget() is scene.editor("roleID").inner
            assert "Autotask refused this" in scene.page.view.notice.text
            assert scene.page.view.bar.button.text() == "Save changes"
            line: Any = scene.editor("roleID").inner
            line.clear()
            scene.type("roleID", str(held["roleID"]))
            assert scene.error("roleID") == ""
            child(scene.page, Button, "compose.add").click()
            request = await sent(scene)
            assert request.id == receipt.id
            assert request.data["roleID"] == held["roleID"]
            entries = simulator.state()["entities"]["TimeEntries"]
            assert len(entries) == len(tables["TimeEntries"]) + 1
            assert "Changes saved." in scene.toasts[-1]

    run(scenario())


def test_use_again_starts_a_new_one(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            scene.type("companyID", str(simulator.state()["entities"]["Companies"][2]["id"]))
            scene.type("title", "Weekly check")
            scene.choose("queueID", "Field Service")
            scene.page.adding.add()
            first = await sent(scene)
            history = scene.page.view.shelf.history
            words = "✓ Create ticket: Weekly check"
            await until(lambda: history.count() == 1 and history.item(0).text() == words)
            history.setCurrentRow(0)
            child(scene.page, Button, "compose.history.again").click()
            await until(lambda: scene.document.get("title") == "Weekly check")
            assert "externalID" not in scene.document  # the first one's own key stays with it
            assert scene.page.bench.draft.id != first.id
            scene.page.adding.add()

            def made() -> int:
                tickets = simulator.state()["entities"]["Tickets"]
                return len([t for t in tickets if t["title"] == "Weekly check"])

            await until(lambda: made() == 2)

    run(scenario())


def test_look_up_and_go_on_with_what_was_found(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            tickets = simulator.state()["entities"]["Tickets"]
            scene.enter("look-up")
            view = scene.page.view.look_up
            QTest.keyClicks(view._line, tickets[5]["ticketNumber"])
            child(view, Button, "compose.look_up.go").click()
            await until(lambda: view.status == "1 found in Autotask.")
            assert view.records[0]["id"] == tickets[5]["id"]
            child(view, Button, "compose.look_up.use.log-time").click()
            assert scene.page.bench.draft.kind == "log-time"
            assert scene.document["ticketID"] == tickets[5]["id"]
            line: Any = scene.editor("ticketID").inner
            assert line.text().startswith(tickets[5]["ticketNumber"])

            scene.enter("look-up")
            child(view, Button, "compose.look_up.entity.Companies").click()
            view._line.setText("no such company")
            view._ask()
            await until(lambda: view.status == "Autotask has nothing like “no such company”.")
            assert child(view, QTableWidget, "compose.look_up.table").rowCount() == 0

    run(scenario())


def test_look_up_offline_searches_this_laptop_and_says_so(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.enter("look-up")
            view = scene.page.view.look_up
            button = child(view, Button, "compose.look_up.go")
            assert button.text() == "Search this laptop’s list"
            QTest.keyClicks(view._line, "printer")
            button.click()
            assert [r["id"] for r in view.records] == [7865]
            assert view.status.startswith("1 on this laptop’s list, as of ")
            assert view.status.endswith("Look-ups need a connection, and you are offline.")
            assert await scene.bench.queue.get_requests() == []

    run(scenario())


def test_a_refused_look_up_is_said_in_words(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            simulator.add_fault("unauthorized", route="POST /Companies")
            scene.enter("look-up")
            view = scene.page.view.look_up
            child(view, Button, "compose.look_up.entity.Companies").click()
            view._line.setText("bakery")
            view._ask()
            assert view.status == "Asking Autotask…"
            # The sign-in is refused: nobody is left waiting for an answer that cannot come.
            await until(lambda: "held at the moment" in view.status)
            assert child(view, Button, "compose.look_up.go").isEnabled()
            await until(lambda: not scene.page.searching._searching)
            reads = await scene.bench.queue.get_requests(RequestFilter(text="bakery"))
            assert [r.status for r in reads] == [Status.CANCELLED]

    run(scenario())


def test_a_field_looks_up_what_the_laptop_does_not_know(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator) as scene:
            company = simulator.state()["entities"]["Companies"][4]
            scene.look()
            await until(lambda: scene.page._around.online)
            picker = scene.editor("companyID")
            assert isinstance(picker, ReferenceEditor)
            picker.inner.setFocus()
            QTest.keyClicks(picker.inner, company["companyName"])
            offer = picker.line.suggestions[-1]
            assert offer.label == f"Look up “{company['companyName']}” in Autotask"
            picker.line.pick(offer)
            await until(lambda: scene.page.references.get("Companies", company["id"]) is not None)
            await until(lambda: picker.line.suggestions[0].label == company["companyName"])
            picker.line.pick(picker.line.suggestions[0])
            assert scene.document["companyID"] == company["id"]

    run(scenario())


def test_a_lost_reply_is_no_second_ticket(run: Any, stage: Stage, simulated: Simulated) -> None:
    async def scenario() -> None:
        async with simulated() as simulator, stage(simulator=simulator, known=False) as scene:
            await listed(scene)
            simulator.add_fault("drop_after_apply", route="POST /Tickets$", count=1)
            scene.type("companyID", str(simulator.state()["entities"]["Companies"][2]["id"]))
            scene.type("title", "Reply gets lost")
            scene.choose("queueID", "Field Service")
            scene.page.adding.add()
            await scene.added()

            def made() -> int:
                tickets = simulator.state()["entities"]["Tickets"]
                return len([t for t in tickets if t["title"] == "Reply gets lost"])

            await until(lambda: made() == 1)
            await until(lambda: scene.bench.store.state.by_status[Status.PROCESSING] == 0)
            assert made() == 1

    run(scenario())
