"""The page over a real queue: hold, extend, end, test, resume; what it shows and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QListWidget, QRadioButton
from tests.gui.breakers.conftest import Scene, Stage
from tests.gui.harness import until
from tests.gui.looks import backward, child, clipped, nameless, unringed
from tests.gui.zones import REFUSED, Zones, break_zone, submit

from autotask_console.models.reasons import recent_reasons
from autotask_console.pages.breakers.card import EverythingCard, FoldedZones, HoldRow
from autotask_console.platform.theme import Theme
from autotask_console.text import clock_time
from autotask_console.widgets.button import Button
from autotask_queue import BreakerState, ProcessorError, RequestFilter, Status


async def fill(scene: Scene, *, reason: str = "firewall swap", press: tuple[str, ...] = ()) -> None:
    """Fills the open dialog and does what it offers."""
    await scene.dialog()
    sheet = next(d for d in scene.page.findChildren(QDialog) if d.isVisible())
    for name in press:
        child(sheet, Button, name).click()
    child(sheet, QLineEdit, "reason.edit").setText(reason)
    child(sheet, Button, "sheet.do").click()
    await until(lambda: not sheet.isVisible())


def test_hold_a_zone_and_end_the_hold(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5", "ww14") as scene:
            assert scene.says("ww5") == "Sending"
            await scene.press("breakers.ww5.maintenance")
            await fill(scene, press=("maintenance.length.15m",))
            end = clock_time(scene.clock.now() + 900)
            await scene.said(f"Zone ww5 is held until {end}.")
            scene.look()
            view = scene.card("ww5").shown
            assert view is not None
            assert view.look.word == "Maintenance"
            assert view.when == f"Until {end} · 15 min left"
            assert view.who == "by anna – “firewall swap”"
            assert scene.says("ww14") == "Sending"
            assert await recent_reasons(scene.bench.queue) == ["firewall swap"]

            await submit(scene.bench.queue, "ww5", 3)
            await scene.clock.advance(1)
            scene.look()
            assert child(scene.page, Button, "breakers.ww5.waiting").text() == "3 held"
            assert scene.zones.sent == []

            await scene.press("breakers.ww5.end")
            await scene.said("The hold has ended. Zone ww5 is tested with 1 request first.")
            await scene.clock.advance(5)
            assert len(scene.zones.sent) == 3
            scene.look()
            assert scene.says("ww5") == "Sending"
            entries = await scene.bench.queue.audit(kinds=("circuit.forced_open", "circuit.override_ended"))
            assert [(e.actor, e.why) for e in reversed(entries)] == [
                ("anna", "firewall swap"),
                ("anna", "ended by hand"),
            ]

    run(scenario())


def test_keeping_sending_changes_nothing(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await scene.press("breakers.start")
            await scene.dialog()
            child(scene.page, Button, "sheet.keep").click()
            await until(lambda: scene.page.findChild(QDialog) is None)
            assert scene.bench.queue.circuit_breaker.get_metrics("ww5").overrides == ()
            assert scene.bench.services.toasts.texts == []

    run(scenario())


def test_extend(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await scene.bench.queue.circuit_breaker.force_open("ww5", "swap", expires_in=600)
            scene.look()
            await scene.press("breakers.ww5.extend")
            await scene.said(f"Zone ww5 is held until {clock_time(scene.clock.now() + 1500)} now.")
            scene.look()
            view = scene.card("ww5").shown
            assert view is not None
            assert view.when.endswith("25 min left")

    run(scenario())


def test_one_endpoint(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await submit(scene.bench.queue, "ww5", endpoint="/TicketNotes")
            await scene.clock.advance(1)
            scene.look()
            await scene.press("breakers.ww5.maintenance")
            await scene.dialog()
            child(scene.page, QRadioButton, "maintenance.what.one").setChecked(True)
            await fill(scene)
            await scene.said("Ticket notes of ww5 is held until")
            scene.look()
            row = scene.card("ww5").findChild(HoldRow)
            assert row is not None
            assert "Ticket notes: Maintenance" in row.accessibleName()
            await submit(scene.bench.queue, "ww5", endpoint="/TicketNotes")
            await submit(scene.bench.queue, "ww5", endpoint="/Tickets")
            await scene.clock.advance(2)
            assert [r.endpoint for r in scene.zones.sent] == ["/TicketNotes", "/Tickets"]
            await scene.press("breakers.hold.ww5.TicketNotes.end")
            await scene.said("Ticket notes of ww5 may be sent again.")
            await scene.clock.advance(2)
            assert len(scene.zones.sent) == 3
            scene.look()
            assert not scene.card("ww5").shown.holds  # type: ignore[union-attr]

    run(scenario())


def test_everything(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5", "ww14") as scene:
            everything = child(scene.page, EverythingCard, "breakers.everything")
            assert not everything.isVisible()
            await scene.bench.queue.circuit_breaker.force_open("*", "no power", expires_in=600, actor="Bob")
            scene.look()
            assert everything.isVisible()
            assert "by Bob – “no power”" in everything.accessibleName()
            assert [scene.says(zone) for zone in ("ww5", "ww14")] == ["Maintenance", "Maintenance"]
            await scene.press("breakers.hold.*.end")
            await scene.said("The hold has ended. Everything is tested with 1 request first.")
            scene.look()
            assert not everything.isVisible()
            assert scene.says("ww5") == "Sending"

    run(scenario())


def test_a_plan_can_be_dropped(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            start = scene.clock.now() + 3_600
            await scene.bench.queue.circuit_breaker.force_open("ww5", "swap", starts_at=start, expires_in=600)
            scene.look()
            assert scene.says("ww5") == "Sending"
            assert child(scene.page, Button, "breakers.plan.ww5.end").text() == "Drop the plan"
            await scene.press("breakers.plan.ww5.end")
            await scene.said("Zone ww5 will not be held: the plan was dropped.")
            assert scene.bench.queue.circuit_breaker.get_metrics("ww5").overrides == ()

    run(scenario())


def test_a_plan_becomes_a_hold_when_its_time_comes(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            start = scene.clock.now() + 60
            await scene.bench.queue.circuit_breaker.force_open("ww5", "swap", starts_at=start, expires_in=600)
            await scene.clock.advance(61)
            scene.look()
            assert scene.says("ww5") == "Maintenance"
            await submit(scene.bench.queue, "ww5")
            await scene.clock.advance(2)
            assert scene.zones.sent == []

    run(scenario())


def test_a_stopped_zone_is_tested_at_once(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await break_zone(scene.bench.queue, scene.clock, scene.zones, "ww5")
            scene.look()
            assert scene.says("ww5") == "Stopped"
            view = scene.card("ww5").shown
            assert view is not None
            assert view.when.startswith("Next test in ")
            assert view.numbers.startswith("100")
            assert view.waiting_text == f"{view.waiting} held"
            assert scene.offers("breakers.ww5.test")
            assert scene.offers("breakers.ww5.resume")
            assert not scene.offers("breakers.ww5.end")

            await submit(scene.bench.queue, "ww5", 3)
            scene.zones.failing.clear()
            await scene.press("breakers.ww5.test")
            await scene.said("Testing zone ww5 with 1 request.")
            await scene.clock.advance(3)
            assert scene.bench.queue.circuit_breaker.get_metrics("ww5").state is BreakerState.CLOSED
            scene.look()
            assert scene.says("ww5") == "Sending"

    run(scenario())


def test_a_test_that_fails_says_so(run: Any, stage: Stage) -> None:
    class Probed(Zones):
        def can_probe(self, zone: str) -> bool:
            return True

        async def probe(self, zone: str) -> None:
            raise ProcessorError("503", failure=REFUSED)

    async def scenario() -> None:
        async with stage("ww5", zones=Probed()) as scene:
            await break_zone(scene.bench.queue, scene.clock, scene.zones, "ww5")
            scene.look()
            await scene.press("breakers.ww5.test")
            await scene.said("The test failed. Zone ww5 is tested again in ")

    run(scenario())


def test_testing_what_sends_already_says_so(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await scene.page._commands.test("ww5")
            await scene.said("Zone ww5 sends already. There was nothing to test.")

    run(scenario())


def test_resume_over_the_breaker_asks_why_and_ends_by_itself(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await break_zone(scene.bench.queue, scene.clock, scene.zones, "ww5")
            scene.look()
            await scene.press("breakers.ww5.resume")
            await scene.dialog()
            sheet = next(d for d in scene.page.findChildren(QDialog) if d.isVisible())
            assert sheet.focusWidget() is child(sheet, Button, "sheet.keep")
            assert not child(sheet, Button, "sheet.do").isEnabled()
            scene.zones.failing.clear()
            await fill(scene, reason="they fixed it")
            end = clock_time(scene.clock.now() + 3_600)
            await scene.said(f"Zone ww5 sends again, even if calls fail, until {end}.")
            await scene.clock.advance(2)
            scene.look()
            assert scene.says("ww5") == "Sending anyway"
            assert scene.zones.sent
            await scene.clock.advance(3_700)
            assert scene.bench.queue.circuit_breaker.get_metrics("ww5").overrides == ()

    run(scenario())


def test_the_number_leads_to_the_requests(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            await scene.bench.queue.circuit_breaker.force_open("ww5", "swap")
            await submit(scene.bench.queue, "ww5", 2)
            scene.look()
            await scene.press("breakers.ww5.waiting")
            assert scene.bench.visited == [
                ("queue", RequestFilter(zone=("ww5",), status=(Status.PENDING, Status.RETRYING)))
            ]

    run(scenario())


def order(scene: Scene) -> list[str]:
    return [card.objectName().removeprefix("breakers.card.") for card in scene.page._grid.cards]


def test_cards_move_only_on_entry_or_when_asked(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("a", "b", "c") as scene:
            assert order(scene) == ["a", "b", "c"]
            await break_zone(scene.bench.queue, scene.clock, scene.zones, "c")
            scene.look()
            assert scene.says("c") == "Stopped"
            assert order(scene) == ["a", "b", "c"]
            scene.enter()
            assert order(scene) == ["c", "a", "b"]

    run(scenario())


def test_a_new_zone_joins_at_the_end(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("b") as scene:
            await submit(scene.bench.queue, "a")
            await scene.clock.advance(1)
            scene.look()
            assert order(scene) == ["b", "a"]

    run(scenario())


def test_many_healthy_zones_share_a_line(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("a", "b", "c", "d", "e") as scene:
            await scene.bench.queue.circuit_breaker.force_open("c", "swap", expires_in=900)
            scene.enter()
            folded = child(scene.page, FoldedZones, "breakers.folded")
            assert folded.text == "4 zones work normally: a, b, d, e"
            assert order(scene) == ["c"]
            await scene.press("breakers.folded.toggle")
            assert order(scene) == ["c", "a", "b", "d", "e"]
            await scene.press("breakers.folded.toggle")
            assert order(scene) == ["c"]
            scene.enter("d")
            assert order(scene) == ["c", "a", "b", "d", "e"]

    run(scenario())


def test_without_zones_it_says_what_to_do(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.press("empty.sign-in")
            assert scene.bench.visited == [("sign-in", None)]

    run(scenario())


def test_changes_are_listed(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5") as scene:
            changes = child(scene.page, QListWidget, "breakers.changes")
            await scene.bench.queue.circuit_breaker.force_open("ww5", "swap", expires_in=900, actor="Anna")
            scene.look()
            await until(lambda: changes.count() == 1)
            assert "Anna held zone ww5 until" in changes.item(0).text()

    run(scenario())


def test_actions_say_why_not(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5", "ww14") as scene:
            actions = {action.id: action for action in scene.page.page_actions()}
            state = scene.bench.store.state
            assert actions["breakers.maintenance"].when(state) == ""
            assert actions["breakers.end"].when(state) == "Nothing is held now."
            assert actions["breakers.test"].when(state) == "No zone is stopped."
            await scene.bench.queue.circuit_breaker.force_open("ww14", "swap", expires_in=900)
            scene.look()
            assert actions["breakers.end"].when(state) == ""
            actions["breakers.end"].run()
            await scene.said("The hold has ended. Zone ww14")

    run(scenario())


def test_the_focused_card_is_what_an_action_is_about(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage("ww5", "ww14") as scene:
            for zone in ("ww5", "ww14"):
                await scene.bench.queue.circuit_breaker.force_open(zone, "swap", expires_in=900)
            scene.look()
            child(scene.page, Button, "breakers.ww5.extend").setFocus()
            actions = {action.id: action for action in scene.page.page_actions()}
            actions["breakers.end"].run()
            await scene.said("Zone ww5 is tested")

    run(scenario())


@pytest.mark.parametrize("size", [(1120, 560), (930, 470)])
@pytest.mark.parametrize("dark", [False, True])
def test_names_and_fit(
    qapp: QApplication, run: Any, stage: Stage, theme: Theme, *, size: tuple[int, int], dark: bool
) -> None:
    async def scenario() -> None:
        async with stage("ww5", "ww14", "ww3", "ww2", "ww1", size=size) as scene:
            theme.choose("dark" if dark else "light")
            board = scene.bench.queue.circuit_breaker
            await break_zone(scene.bench.queue, scene.clock, scene.zones, "ww14")
            await board.force_open("ww5", "firewall swap", expires_in=1_320, actor="Anna")
            await board.force_open("ww3", "import", entity="Tickets", expires_in=1_320, actor="Bob")
            await board.force_open("ww3", "later", starts_at=scene.clock.now() + 60, expires_in=60)
            await board.force_open("*", "no power", expires_in=7_200)
            await submit(scene.bench.queue, "ww5", 31)
            scene.enter()
            await scene.clock.settle()
            assert nameless(scene.page) == []
            assert backward(scene.page) == []
            scene.page.window().activateWindow()
            await until(scene.page.window().isActiveWindow)
            assert unringed(scene.page, qapp) == []
            assert clipped(scene.page) == []

    run(scenario())
