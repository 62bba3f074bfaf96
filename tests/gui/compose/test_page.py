"""Composing with the keyboard: the form, what is wrong with it, and what is stored."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox
from tests.gui.compose.conftest import Scene, Stage
from tests.gui.harness import until
from tests.gui.looks import backward, child, clipped, nameless, unringed

from autotask_console.pages.compose.choice_editors import ChoiceEditor
from autotask_console.pages.compose.picker import ReferenceEditor
from autotask_console.settings import declared
from autotask_console.widgets.button import Button
from autotask_queue import Request, RequestFilter, Status, ZoneConfig


async def writes(scene: Scene) -> list[Request]:
    return [r for r in await scene.bench.queue.get_requests() if r.effect == "write"]


def test_create_a_ticket_offline(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await until(lambda: scene.page.view.bar.button.text() == "Add to queue – sends when online")
            scene.type("companyID", "northgate cl", leave=False)
            QTest.keyClick(scene.editor("companyID").inner, Qt.Key.Key_Down)
            picker = scene.editor("companyID")
            assert isinstance(picker, ReferenceEditor)
            assert [s.label for s in picker.line.suggestions] == ["Northgate Clinic"]
            picker.line.pick(picker.line.suggestions[0])
            scene.type("title", "Printer down")
            scene.choose("priority", "Critical")
            scene.choose("queueID", "Field Service")
            scene.type("description", "On the second floor.")
            child(scene.page, Button, "compose.add").click()
            await scene.added()
            [request] = await writes(scene)
            assert (request.method, request.endpoint, request.status) == ("POST", "/Tickets", Status.PENDING)
            sent = {k: v for k, v in request.data.items() if k != "externalID"}
            assert sent == {
                "status": 1, "priority": 4, "companyID": 175, "title": "Printer down", "queueID": 29683354,
                "description": "On the second floor.",
            }  # fmt: skip
            assert request.actor == "anna"
            assert scene.toasts == ["Saved on this laptop. Sends when you are online."]
            # The next one is empty, and begins with what was chosen last.
            assert scene.document == {"status": 1, "priority": 4, "queueID": 29683354}
            assert await scene.stored_drafts() == {}
            child(scene.bench.host, Button, "toast.button").click()
            assert scene.bench.visited == [("queue", RequestFilter(ids=(request.id,)))]

    run(scenario())


def test_pressing_twice_adds_once(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            button = child(scene.page, Button, "compose.add")
            for _ in range(3):
                button.click()
                scene.page.adding.add()
            scene.page.adding.add(and_new=True)
            await scene.added()
            await until(lambda: "add it to the queue" not in scene.bench.services.tasks.running)
            assert scene.toasts == ["Saved on this laptop. Sends when you are online."]
            # Even a press that comes when the first is stored but the page does not know: the same id.
            draft = scene.page.bench.draft
            scene.fill_ticket("Another")
            kept = scene.page.bench.draft
            scene.page.adding.add()
            await until(lambda: scene.page.bench.draft.id != draft.id)
            scene.page.bench.open_draft(kept)
            scene.page.adding.add()
            await until(lambda: scene.toasts[-1] == "It is in the queue already. Nothing was added twice.")
            await scene.added(2)

    run(scenario())


def test_later_changes_of_what_was_added_are_not_lost(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            kept = scene.page.bench.draft
            scene.page.adding.add()
            await scene.added()
            scene.page.bench.open_draft(kept)
            scene.type("title", "Urgent: ")
            scene.page.adding.add()
            await until(lambda: "earlier version" in scene.toasts[-1])
            await scene.added(1)
            assert scene.page.bench.draft.id != kept.id
            assert scene.document["title"] == "Urgent: Printer down"

    run(scenario())


def test_what_is_typed_while_it_is_stored_is_not_lost(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            child(scene.page, Button, "compose.add").click()
            scene.type("description", "One thing more")  # before the first is on disk
            await scene.added()
            [request] = await writes(scene)
            assert "description" not in request.data
            assert scene.document["description"] == "One thing more"
            assert scene.page.bench.draft.id != request.id
            assert "These are your later changes" in scene.toasts[-1]

    run(scenario())


def test_what_is_missing_is_said_at_the_fields_once_one_tried(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            assert scene.error("companyID") == ""
            scene.page.adding.add()
            assert scene.error("companyID") == "Fill in Company."
            assert scene.error("title") == "Fill in Title."
            assert scene.error("queueID") == "Choose a queue, or a resource and a role."
            assert scene.page.view.bar.problem == "✕ Not added yet. Fill in Company. 2 more are marked above."
            assert scene.editor("companyID").has_keyboard
            scene.type("companyID", "175")
            assert scene.error("companyID") == ""
            assert scene.page.view.bar.problem == "✕ Not added yet. Fill in Title. 1 more is marked above."
            scene.type("title", "x")
            scene.choose("queueID", "Field Service")
            assert scene.page.view.bar.problem == ""
            assert await writes(scene) == []

    run(scenario())


def test_too_long_and_wrong_are_said_at_once(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.editor("title").inner.setFocus()
            scene.editor("title").show_value("x" * 256)
            scene.editor("title").edited.emit()
            assert "256 characters long; Autotask takes 255" in scene.error("title")
            scene.type("dueDateTime", "soonish")
            assert "“soonish” is no time. Write it like now, +1d" in scene.error("dueDateTime")
            scene.type("companyID", "nobody knows")
            assert "“nobody knows” is no company on this laptop’s list" in scene.error("companyID")
            scene.page.view.form.added.emit("estimatedHours")
            scene.type("estimatedHours", "two")
            assert "“two” is no number" in scene.error("estimatedHours")
            scene.page.adding.add()
            await until(lambda: not scene.page.adding.busy)
            assert await writes(scene) == []

    run(scenario())


def test_a_half_typed_value_is_not_complained_about(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("dueDateTime", "tomo", leave=False)
            assert scene.error("dueDateTime") == ""
            scene.leave("dueDateTime")
            assert "“tomo” is no time" in scene.error("dueDateTime")

    run(scenario())


def test_dates_show_what_was_understood(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("dueDateTime", "2099-09-24")
            assert scene.line("dueDateTime").startswith("= 24 Sep")
            assert "this laptop’s time, in" in scene.line("dueDateTime")
            assert scene.document["dueDateTime"].endswith("Z")
            line: Any = scene.editor("dueDateTime").inner
            assert line.text() == "2099-09-24 17:00"

    run(scenario())


def test_a_number_can_always_be_typed(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(known=False) as scene:
            scene.type("companyID", "175")
            assert scene.line("companyID") == "Company number 175 (not in this laptop’s list)"
            assert scene.document["companyID"] == 175

    run(scenario())


def test_names_of_records_come_with_what_tells_them_apart(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("companyID", "175")
            line: Any = scene.editor("companyID").inner
            assert line.text() == "Northgate Clinic"
            assert scene.line("companyID") == "Northgate · number 175"
            picker = scene.editor("contactID")
            assert isinstance(picker, ReferenceEditor)
            picker.inner.setFocus()
            picker.line.suggest()
            # Only the company's own contacts; Autotask refuses others.
            assert [s.label for s in picker.line.suggestions] == ["Anna Smit"]
            picker.line.close_list()
            scene.type("contactID", "32")
            assert "This contact belongs to Northgate Motors" in scene.line("contactID")

    run(scenario())


def test_a_contact_brings_their_company(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.type("contactID", "Bram Vogel")
            assert scene.document["companyID"] == 176

    run(scenario())


def test_inactive_and_unknown_only_warn(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            scene.type("companyID", "", leave=False)
            scene.page.bench.edit("companyID", 177)
            assert scene.line("companyID") == "⚠ Company “Harbour Foods” is inactive in Autotask."
            scene.page.bench.set_document({**scene.document, "fooBar": 1, "status": 77})
            status = scene.editor("status")
            assert isinstance(status, ChoiceEditor)
            assert status.labels[-1] == "77 (not on the list)"
            assert "Status has no value 77" in scene.line("status")
            scene.page.adding.add()
            await scene.added()
            [request] = await writes(scene)
            assert (request.data["fooBar"], request.data["status"]) == (1, 77)

    run(scenario())


def test_more_fields_are_a_word_away(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            form = scene.page.view.form
            scene.page.view.form.focus_add()
            offered = {s.label for s in form._add.suggestions}
            assert "Purchase order number" in offered
            assert not offered & {
                "Company",
                "Ticket number",
                "Created",
            }  # shown already, or not to be written
            QTest.keyClicks(form._add, "purchase")
            assert [s.key for s in form._add.suggestions] == ["purchaseOrderNumber"]
            form._add.pick(form._add.suggestions[0])
            assert scene.editor("purchaseOrderNumber").has_keyboard
            scene.type("purchaseOrderNumber", "PO-1")
            assert scene.document["purchaseOrderNumber"] == "PO-1"

    run(scenario())


def test_a_choice_under_another_follows_it(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            for name in ("issueType", "subIssueType"):
                scene.page.view.form.added.emit(name)
            scene.choose("issueType", "Printer")
            sub = scene.editor("subIssueType")
            assert isinstance(sub, ChoiceEditor)
            assert sub.labels == ["– none –", "Paper jam", "Not printing", "Toner"]
            scene.choose("subIssueType", "Toner")
            scene.choose("issueType", "Email")
            assert "subIssueType" not in scene.document

    run(scenario())


def test_add_a_note_to_a_ticket(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.enter("add-note")
            box: Any = scene.editor("publish").inner
            assert box.currentText() == "– choose –"  # who reads it is never guessed
            scene.type("ticketID", "T20261120.0001")
            line: Any = scene.editor("ticketID").inner
            assert line.text() == "T20261120.0001 – Printer down"
            scene.choose("publish", "Internal Project Team")
            scene.type("description", "Ordered a part.")
            assert scene.page.view.preview.address.endswith("/Tickets/7865/Notes")
            scene.page.adding.add()
            await scene.added()
            [request] = await writes(scene)
            assert request.endpoint == "/Tickets/7865/Notes"
            assert request.data == {
                "noteType": 3, "ticketID": 7865, "publish": 2, "description": "Ordered a part."
            }  # fmt: skip

    run(scenario())


def test_log_time_from_start_and_hours(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        zone = ZoneConfig(url="http://127.0.0.1:9/", user="anna", resource_id=502)
        async with stage(zone=zone) as scene:
            scene.enter("log-time")
            # From the zone's settings, and the only role that this resource holds.
            assert scene.document == {"resourceID": 502, "roleID": 8}
            scene.type("ticketID", "7865")
            scene.type("startDateTime", "2026-11-20 09:00")
            scene.type("hoursWorked", "1:30")
            end: Any = scene.editor("endDateTime").inner
            assert end.text() == "2026-11-20 10:30"
            assert scene.document["dateWorked"] == "2026-11-20T00:00:00Z"
            assert scene.document["hoursWorked"] == 1.5
            scene.type("billingCodeID", "On-site Support")
            picker = scene.editor("billingCodeID")
            assert isinstance(picker, ReferenceEditor)
            picker.line.suggest()
            assert [s.label for s in picker.line.suggestions] == ["On-site Support"]
            picker.line.close_list()
            scene.page.adding.add()
            await scene.added()
            [request] = await writes(scene)
            assert request.endpoint == "/TimeEntries"
            assert request.summary == "Log 1.5 h on ticket 7865"

    run(scenario())


def test_time_needs_a_ticket_a_role_and_a_start(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.enter("log-time")
            scene.page.adding.add()
            for name in ("ticketID", "resourceID", "roleID", "startDateTime", "endDateTime"):
                assert scene.error(name), name
            scene.type("resourceID", "Carla Weber")
            assert scene.document["roleID"] == 9  # Autotask's own default of her two roles
            assert scene.error("roleID") == ""

    run(scenario())


def test_update_sends_only_what_was_filled_in(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.enter("update-ticket")
            scene.type("id", "7866")
            scene.page.adding.add()
            assert scene.page.view.bar.problem == "✕ Nothing is changed yet. Fill in at least one field."
            scene.choose("status", "Complete")
            scene.page.adding.add()
            await scene.added()
            [request] = await writes(scene)
            assert (request.method, request.endpoint) == ("PATCH", "/Tickets")
            assert request.data == {"id": 7866, "status": 5}

    run(scenario())


def test_a_ticket_that_waits_cannot_be_chosen_and_says_why(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket("Brand-new printer")
            scene.page.adding.add()
            await scene.added()
            await until(lambda: scene.page._around.waiting)
            scene.enter("add-note")
            picker = scene.editor("ticketID")
            assert isinstance(picker, ReferenceEditor)
            QTest.keyClicks(picker.inner, "brand-new")
            [waiting, *_] = picker.line.suggestions
            assert waiting.label == "Brand-new printer"
            assert waiting.more == "not sent yet: choose it once it is sent and has a number"
            picker.line.pick(waiting)
            assert "ticketID" not in scene.document
            picker.line.close_list()

    run(scenario())


def test_add_and_new_keeps_the_customer(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.fill_ticket()
            child(scene.page, Button, "compose.add_and_new").click()
            await scene.added()
            assert scene.document["companyID"] == 175
            assert "title" not in scene.document
            assert not scene.page.bench.is_touched
            assert scene.bench.host.focusWidget() is scene.editor("title").inner

    run(scenario())


def test_options_say_when_and_how(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            options = scene.page.view.options
            assert options.sentence == "priority Normal · sends as soon as possible · never given up"
            options.open(True)
            scene.fill_ticket()
            priority = child(options, QComboBox, "compose.option.priority")
            priority.setCurrentIndex(priority.findText("High"))
            priority.activated.emit(priority.currentIndex())
            options._after.setFocus()
            QTest.keyClicks(options._after, "2099-09-24 17:00")
            assert scene.page.view.bar.button.text().startswith("Add to queue – sends 24 Sep")
            options._give_up.setFocus()
            QTest.keyClicks(options._give_up, "+1h")
            scene.page.adding.add()
            assert "given up before it can be sent" in options._problem.text()
            options._give_up.clear()
            QTest.keyClicks(options._give_up, "never say never")
            scene.page.adding.add()
            assert "is no time" in options._problem.text()
            assert await writes(scene) == []
            options._give_up.clear()
            QTest.keyClicks(options._give_up, " ")
            scene.page.adding.add()
            await scene.added()
            [request] = await writes(scene)
            assert (request.priority, request.status, request.expires_at) == (8, Status.DEFERRED, None)

    run(scenario())


def test_without_a_sign_in_requests_wait_for_it(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(signed_in=False, known=False) as scene:
            assert scene.page.view.bar.button.text() == "Add to queue – sends after you sign in"
            scene.fill_ticket()
            scene.page.adding.add()
            await scene.added()
            [request] = await writes(scene)
            assert (request.zone, request.status) == ("zone1", Status.HELD)
            assert request.summary == "Create ticket: Printer down"
            assert scene.toasts == ["Saved on this laptop. Not signed in yet: it sends after you sign in."]

    run(scenario())


def test_keys_do_what_the_menu_says(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            actions = {a.id: a for a in scene.page.page_actions()}
            assert {a.shortcut for a in actions.values()} >= {
                "Ctrl+Return; Ctrl+Enter", "Ctrl+Shift+Return; Ctrl+Shift+Enter", "Ctrl+J", "Ctrl+Space",
                "Alt+1", "Alt+2", "Alt+3", "Alt+4", "Alt+5",
            }  # fmt: skip
            actions["compose.kind.log-time"].run()
            assert scene.page.bench.draft.kind == "log-time"
            actions["compose.view"].run()
            assert scene.page.view.shows_json
            actions["compose.view"].run()
            assert scene.page.view.shows_form

    run(scenario())


def test_last_values_are_remembered_but_never_who_reads_a_note_by_default(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            scene.enter("add-note")
            scene.type("ticketID", "7865")
            scene.choose("publish", "Internal Project Team")
            scene.type("description", "x")
            scene.page.adding.add()
            await scene.added()
            last = scene.bench.services.settings.get(declared.COMPOSE_LAST)
            assert last == {"add-note": {"noteType": 3, "publish": 2}}
            assert scene.document == {"noteType": 3, "publish": 2}

    run(scenario())


@pytest.mark.parametrize("size", [(1120, 560), (948, 424)])
@pytest.mark.parametrize("kind", ["create-ticket", "add-note", "log-time", "update-ticket", "look-up"])
def test_nothing_is_clipped_and_everything_has_a_name(
    qapp: QApplication, run: Any, stage: Stage, kind: str, size: tuple[int, int]
) -> None:
    async def scenario() -> None:
        async with stage(size=size) as scene:
            scene.enter(kind)
            scene.page.adding.add()
            assert nameless(scene.page) == []
            assert backward(scene.page) == []
            scene.page.window().activateWindow()
            await until(scene.page.window().isActiveWindow)
            assert unringed(scene.page, qapp) == []
            await until(lambda: not clipped(scene.page))

    run(scenario())
