"""The Queue page with a real queue: what it shows, and what a person does there."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget
from tests.gui.harness import until
from tests.gui.looks import child
from tests.gui.queue.conftest import Stage

from autotask_queue import RequestFilter, Status

CONTROL = Qt.KeyboardModifier.ControlModifier


def test_it_starts_with_what_needs_a_person(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(sending=True) as scene:
            await scene.add("refused 1", "fine 1")
            await until(lambda: scene.bench.queue.counters().count(Status.FAILED) == 1)
            await scene.open()
            assert scene.page.narrowing.view == "needs-you"
            await scene.shows("Failed refused 1 – Billing code is inactive")

    run(scenario())


def test_it_starts_with_what_waits_if_nothing_needs_a_person(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one", "two")
            await scene.open()
            assert scene.page.narrowing.view == "waiting"
            await scene.shows("Waiting two", "Waiting one")

    run(scenario())


def test_coming_back_shows_what_waits_now_unless_a_person_chose_a_view(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            page = await scene.open()
            assert page.narrowing.view == "sent-today"
            page.leave()
            await scene.add("one")
            await scene.open()
            await scene.shows("Waiting one")
            page.show_view("sent-today")
            page.leave()
            await scene.open()
            assert page.narrowing.shown_view == "sent-today"

    run(scenario())


def test_when_all_is_sent_it_says_so(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(sending=True) as scene:
            await scene.open()
            assert "Nothing queued yet" in scene.page.frame.empty.text
            await scene.add("one")
            await scene.shows("Sent one")
            scene.page.show_view("waiting")
            await until(lambda: scene.page.frame.empty.text.startswith("All sent. Last one"))

    run(scenario())


def test_rows_change_where_they_stand(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one", "two")
            page = await scene.open()
            page.show_view("all")
            await scene.shows("Waiting two", "Waiting one")
            await scene.bench.queue.work_online()
            await scene.shows("Sent two", "Sent one")

    run(scenario())


def test_a_hold_makes_what_waits_held_and_says_why(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(sending=True) as scene:
            queue = scene.bench.queue
            await queue.circuit_breaker.force_open("zone1", "firewall swap", expires_in=900, actor="Anna")
            await scene.add("one")
            page = await scene.open()
            await until(lambda: scene.texts() and scene.texts()[0].startswith("Held one – maintenance until"))
            page.filter.set_text("state:waiting")
            await scene.shows()
            page.filter.set_text("state:held")
            await until(lambda: len(scene.texts()) == 1)
            await scene.select(0)
            sentence = child(page, QLabel, "details.sentence")
            assert "Reason by Anna: firewall swap" in sentence.text()
            await queue.circuit_breaker.release("zone1")
            page.filter.set_text("")
            page.show_view("all")
            await scene.shows("Sent one")

    run(scenario())


def test_cancel_can_be_taken_back(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two", "three")
            await scene.open()
            await scene.select(0, 1)
            await scene.press("queue.bulk.cancel")
            await scene.said("Cancelled 2 requests.")
            assert await scene.statuses(ids) == ["pending", "cancelled", "cancelled"]
            toasts = scene.bench.services.toasts
            assert toasts.undo_text == "cancel of 2 requests"
            toasts.undo_last()
            await scene.said("Restored 2 requests.")
            assert await scene.statuses(ids) == ["pending", "pending", "pending"]

    run(scenario())


def test_del_cancels_and_r_retries_from_the_keyboard(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one")
            page = await scene.open()
            page.table.setFocus()
            scene.key(Qt.Key.Key_Down)
            scene.key(Qt.Key.Key_Delete)
            await scene.said("Cancelled 1 request.")
            assert await scene.statuses(ids) == ["cancelled"]

    run(scenario())


def test_verbs_say_to_how_many_they_apply_and_why_not(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two", "three")
            await scene.bench.queue.cancel(ids[0])
            page = await scene.open()
            page.show_view("all")
            await scene.shows("Waiting three", "Waiting two", "Cancelled one")
            await scene.select(0, 1, 2)
            assert scene.button("queue.bulk.cancel").text() == "Cancel 2 of 3"
            assert "It was cancelled" in scene.button("queue.bulk.cancel").toolTip()
            assert not scene.button("queue.bulk.retry").isEnabled()
            await scene.press("queue.bulk.cancel")
            await scene.said("2 cancelled, 1 skipped: already sending or finished.")

    run(scenario())


def test_all_matching_is_frozen_when_it_is_chosen(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            before = await scene.add(*(f"n{i}" for i in range(5)))
            page = await scene.open()
            await scene.press("queue.select-all")
            await scene.selected("All 5 matching are selected")
            later = await scene.add("later")
            await scene.press("queue.bulk.cancel")
            do = await scene.dialog("sheet.do")
            assert do.text() == "Cancel 5 requests"
            message = child(page.window(), QLabel, "sheet.message").text()
            assert message == "They match: view Waiting."
            do.click()
            await scene.said("Cancelled 5 requests.")
            assert set(await scene.statuses(before)) == {"cancelled"}
            assert await scene.statuses(later) == ["pending"]
            scene.bench.services.toasts.undo_last()
            await scene.said("Restored 5 requests.")
            assert set(await scene.statuses(before)) == {"pending"}

    run(scenario())


def test_asking_first_can_be_answered_with_no(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two")
            page = await scene.open()
            page.select_everything()
            await scene.press("queue.bulk.cancel")
            keep = await scene.dialog("sheet.keep")
            assert keep.hasFocus() or keep.isDefault()
            keep.click()
            await until(lambda: "cancel" not in scene.bench.services.tasks.running)
            assert await scene.statuses(ids) == ["pending", "pending"]

    run(scenario())


def test_priority_of_the_selection(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one")
            page = await scene.open()
            await scene.select(0)
            page.bulk.priority_asked.emit(8)
            await scene.said("Changed the priority of 1 request.")
            assert (await scene.bench.queue.get_request(ids[0])).priority == 8

    run(scenario())


def test_retry_of_what_failed(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(sending=True) as scene:
            ids = await scene.add("refused 1", "refused 2")
            await until(lambda: scene.bench.queue.counters().count(Status.FAILED) == 2)
            await scene.bench.queue.work_offline()
            page = await scene.open()
            page.table.setFocus()
            await scene.select(0)
            scene.key(Qt.Key.Key_R)
            await scene.said("Queued 1 request again.")
            assert await scene.statuses(ids) == ["failed", "pending"]
            action = next(a for a in page.page_actions() if a.id == "requests.retry-all-failed")
            doing = action.run()
            assert doing is not None
            scene.bench.services.tasks.start(doing, what="retry")
            (await scene.dialog("sheet.do")).click()
            await until(lambda: scene.bench.queue.counters().count(Status.FAILED) == 0)

    run(scenario())


def test_edit_and_use_again_go_to_compose_with_the_whole_request(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one")
            await scene.open()
            await scene.select(0)
            scene.key(Qt.Key.Key_E)
            await until(lambda: scene.bench.visited)
            page, request = scene.bench.visited[0]
            assert page == "compose"
            assert request == await scene.bench.queue.get_request(ids[0])
            scene.key(Qt.Key.Key_D)
            await until(lambda: len(scene.bench.visited) == 2)
            assert scene.bench.visited[1] == ("compose", ("again", request))

    run(scenario())


def test_what_became_of_an_unknown_outcome_is_decided_with_a_reason(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(sending=True) as scene:
            ids = await scene.add("lost 1")
            await until(lambda: scene.bench.queue.counters().count(Status.HELD) == 1)
            page = await scene.open()
            await scene.shows("Held lost 1 – may have arrived, you decide")
            await scene.select(0)
            assert not scene.button("queue.bulk.retry").isEnabled()
            await scene.press("details.decide.sent")
            do = await scene.dialog("sheet.do")
            assert not do.isEnabled()
            window = page.window()
            child(window, QLineEdit, "reason.edit").setText("I saw it there")
            child(window, QLineEdit, "decision.record").setText("4x")
            assert not do.isEnabled()
            child(window, QLineEdit, "decision.record").setText("4711")
            do.click()
            await scene.said("Marked as sent.")
            request = await scene.bench.queue.get_request(ids[0])
            assert request.status is Status.COMPLETED
            assert request.record_id == 4711
            audit = await scene.bench.queue.audit(request_id=ids[0])
            assert (audit[0].why, audit[0].actor) == ("I saw it there", "anna")

    run(scenario())


def test_a_wrong_filter_is_explained_and_changes_nothing(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one", "two")
            page = await scene.open()
            page.filter.line.setText("one")
            await scene.shows("Waiting one")
            page.filter.line.setText("one state:waitin")
            await until(lambda: "“waitin” is none of" in page.filter.problem)
            assert scene.texts() == ["Waiting one"]
            page.filter.line.setText("one state:waiting")
            await until(lambda: not page.filter.problem)
            await scene.shows("Waiting one")

    run(scenario())


def test_a_text_that_names_states_looks_at_all_requests(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two")
            await scene.bench.queue.cancel(ids[0])
            page = await scene.open()
            await scene.shows("Waiting two")
            page.filter.set_text("state:cancelled")
            await scene.shows("Cancelled one")
            assert page.narrowing.shown_view == "all"
            assert child(page, QLabel, "queue.count").text() == "1 of 2"

    run(scenario())


def test_facets_click_only_this_and_ctrl_click_this_too(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(size=(1300, 600)) as scene:
            ids = await scene.add("one", "two")
            await scene.add("far", zone="zone2")
            await scene.bench.queue.cancel(ids[0])
            page = await scene.open()
            await until(lambda: page.sidebar.findChild(QWidget, "queue.facet.state.cancelled") is not None)

            def click(name: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
                QTest.mouseClick(child(page, QWidget, name), Qt.MouseButton.LeftButton, modifier)

            click("queue.facet.state.cancelled")
            await scene.shows("Cancelled one")
            click("queue.facet.state.waiting", CONTROL)
            await scene.shows("Waiting far", "Waiting two", "Cancelled one")
            assert page.filter.text == "state:cancelled,waiting"
            click("queue.facet.zone.zone2")
            await scene.shows("Waiting far")
            click("queue.facet.zone.zone2")
            click("queue.view.waiting")
            await scene.shows("Waiting far", "Waiting two")
            assert page.filter.text == ""

    run(scenario())


def test_one_zone_is_no_choice(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(size=(1300, 600)) as scene:
            await scene.add("one")
            page = await scene.open()
            assert page.sidebar.findChild(QWidget, "queue.facet.zone.zone1") is None

    run(scenario())


def test_other_pages_lead_to_a_list(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two")
            await scene.bench.queue.cancel(ids[0])
            page = await scene.open(RequestFilter(status=(Status.CANCELLED,), zone=("zone1",)))
            await scene.shows("Cancelled one")
            assert page.filter.text == "state:cancelled zone:zone1"
            scene.host.show("queue", RequestFilter(status=(Status.FAILED, Status.HELD)))
            assert (scene.page.narrowing.view, scene.page.filter.text) == ("needs-you", "")
            scene.host.show("queue", ids[1])
            await until(lambda: page.details.row is not None and page.details.row.id == ids[1])

    run(scenario())


def test_coming_back_finds_the_list_as_it_was(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one", "two")
            page = await scene.open()
            page.filter.set_text("one")
            await scene.shows("Waiting one")
            await scene.select(0)
            page.leave()
            await scene.open()
            assert page.filter.text == "one"
            assert page.table.count_selected() == 1

    run(scenario())


def test_enter_opens_the_details_and_esc_comes_back(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(size=(948, 430)) as scene:
            await scene.add("one")
            page = await scene.open()
            before = page.panes.details_shown
            await scene.select(0)
            page.table.setFocus()
            scene.key(Qt.Key.Key_Return)
            assert (before, page.panes.details_shown) == (False, True)
            focused = page.window().focusWidget()
            assert focused is not None
            assert page.details.isAncestorOf(focused)
            QTest.keyClick(focused, Qt.Key.Key_Escape)
            assert not page.panes.details_shown
            assert page.window().focusWidget() is page.table

    run(scenario())


def test_details_buttons_are_about_that_request_only(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            ids = await scene.add("one", "two", "three")
            page = await scene.open()
            await scene.select(0, 1, 2)
            await until(lambda: page.details.row is not None and page.details.row.id == ids[0])
            await scene.press("details.cancel")
            await scene.said("Cancelled 1 request.")
            assert await scene.statuses(ids) == ["cancelled", "pending", "pending"]

    run(scenario())


def test_columns_are_chosen_and_remembered(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("one")
            page = await scene.open()
            page.presentation.toggle_column("priority")
            page.presentation.toggle_column("tries")
            header = page.table.horizontalHeader()
            model = page.model
            titles = [
                model.headerData(i, Qt.Orientation.Horizontal)
                for i in range(model.columnCount())
                if not header.isSectionHidden(i)
            ]
            assert titles == ["State", "Request", "Zone", "Age", "Priority"]

    run(scenario())


def test_sorting_happens_in_the_store(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage() as scene:
            await scene.add("b", "c", "a")
            page = await scene.open()
            await scene.shows("Waiting a", "Waiting c", "Waiting b")
            header = page.table.horizontalHeader()
            header.sectionClicked.emit(1)
            await scene.shows("Waiting a", "Waiting b", "Waiting c")
            header.sectionClicked.emit(1)
            await scene.shows("Waiting c", "Waiting b", "Waiting a")

    run(scenario())


def test_what_was_given_up_can_still_be_decided_otherwise(run: Any, stage: Stage) -> None:
    async def scenario() -> None:
        async with stage(sending=True) as scene:
            ids = await scene.add("lost 1")
            await until(lambda: scene.bench.queue.counters().count(Status.HELD) == 1)
            page = await scene.open()
            await scene.shows("Held lost 1 – may have arrived, you decide")
            await scene.bench.queue.do_not_send(ids[0], why="customer called")
            await scene.shows("Failed lost 1 – you decided not to send it")
            await scene.select(0)
            assert not scene.button("queue.bulk.retry").isEnabled()
            await until(lambda: scene.button("details.decide.again").isVisibleTo(page))
            assert not scene.button("details.decide.never").isVisibleTo(page)
            assert not scene.button("details.edit").isVisibleTo(page)

    run(scenario())
