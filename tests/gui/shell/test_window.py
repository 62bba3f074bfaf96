"""The shell around pages: navigation, refreshes, menus, keyboard, sizes, closing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QAction, QScreen, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QMenu, QPushButton, QVBoxLayout, QWidget
from tests.gui.harness import until
from tests.gui.looks import child, clipped, nameless
from typing_extensions import override

from autotask_console.actions import Action
from autotask_console.pages.base import Page, Services
from autotask_console.platform.theme import Theme
from autotask_console.runtime.tasks import Tasks
from autotask_console.settings import Settings, declared
from autotask_console.state import AppState, AppStore, ChangeFlags, Changes, Snapshot
from autotask_console.text import BREAKER_LOOKS, UI_STATES, UiState
from autotask_console.widgets.button import Button
from autotask_console.widgets.toast import Undo
from autotask_console.window import PageSpec, Window
from autotask_console.window.regions import first_focus
from autotask_queue import (
    Connectivity,
    ConnectivityState,
    Gate,
    GateKind,
    RequestFilter,
    Status,
)

NOW = 1_700_000_000.0


class Sheet(Page):
    """A page that writes down what happens to it."""

    page_id: ClassVar[str] = "queue"
    flags: ClassVar[ChangeFlags] = ChangeFlags.COUNTERS | ChangeFlags.TIME

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.story: list[object] = []
        self.first = QLineEdit()
        self.first.setAccessibleName("Filter")
        self.second = QPushButton("Second")
        column = QVBoxLayout(self)
        column.addWidget(self.first)
        column.addWidget(self.second)
        column.addStretch(1)

    @override
    def enter(self, argument: object) -> None:
        self.story.append(("enter", argument))

    @override
    def leave(self) -> None:
        self.story.append("leave")

    @override
    def refresh(self, state: AppState, changed: Changes) -> None:
        self.story.append(("refresh", changed.flags))

    @override
    def page_actions(self) -> Sequence[Action]:
        def act() -> None:
            self.story.append("acted")

        return (Action(id=f"{self.page_id}.act", title="&Act here", shortcut="Ctrl+E", menu="Edit", run=act),)

    @override
    def focus_regions(self) -> Sequence[QWidget]:
        return (self.first, self.second)


class Compose(Sheet):
    page_id: ClassVar[str] = "compose"


class SignIn(Sheet):
    page_id: ClassVar[str] = "sign-in"


SPECS = (
    PageSpec(page_id="queue", title="Queue", group="Do", icon="queue", shortcut="Ctrl+1", create=Sheet),
    PageSpec(
        page_id="compose", title="Compose", group="Do", icon="compose", shortcut="Ctrl+2", create=Compose
    ),
    PageSpec(page_id="breakers", title="Breakers", group="Watch", icon="breakers", create=Sheet),
    PageSpec(page_id="sign-in", title="Sign in", create=SignIn),
)


class Commands:
    """Remembers what the shell asked for."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    async def pause(self, seconds: float | None) -> None:
        self.asked.append(("pause", seconds))

    async def resume(self) -> None:
        self.asked.append("resume")

    async def send_now(self) -> None:
        self.asked.append("send")

    async def work_offline(self) -> None:
        self.asked.append("offline")

    async def work_online(self) -> None:
        self.asked.append("online")

    async def try_now(self) -> None:
        self.asked.append("try")


class Stage:
    """A window on facts that the test sets."""

    def __init__(self, theme: Theme, settings_file: Path) -> None:
        self.facts = Snapshot(at=NOW, zones=("zone1",))
        self.settings = Settings(settings_file)
        self.store = AppStore(AppState(user="anna"), look=lambda: self.facts)
        self.tasks = Tasks(lambda error, what: None)
        self.commands = Commands()
        self.window = Window(
            store=self.store,
            tasks=self.tasks,
            settings=self.settings,
            theme=theme,
            specs=SPECS,
            version="1.2.3",
            now=lambda: NOW,
        )
        self.services = cast("Services", _Services(self.store))

    def open(self, page: str = "queue") -> Sheet:
        self.window.connect_queue(self.commands)
        self.window.attach(self.services)
        self.store.note(ChangeFlags.LIFE, open=True)
        self.store.look_again()
        self.window.show()
        self.window.navigate(page)
        return self.page()

    def page(self) -> Sheet:
        page = self.window.host.current
        assert isinstance(page, Sheet)
        return page

    def set(self, **facts: Any) -> None:
        self.facts = replace(self.facts, **facts)
        self.store.look_again()

    def action(self, action_id: str) -> QAction:
        return child_action(self.window, action_id)


class _Services:
    """What the pages of these tests use."""

    def __init__(self, store: AppStore) -> None:
        self.store = store


def child_action(window: Window, action_id: str) -> QAction:
    found = window.findChild(QAction, action_id)
    assert found is not None, action_id
    return found


@pytest.fixture
def stage(theme: Theme, settings_file: Path, qtbot: Any) -> Iterator[Stage]:
    made = Stage(theme, settings_file)
    yield made
    made.window.stop()
    made.window.allow_close()
    made.window.close()
    made.window.deleteLater()


class TestPages:
    def test_a_page_is_built_once_entered_and_left(self, stage: Stage) -> None:
        queue = stage.open()
        assert queue.story == [("enter", None), ("refresh", ChangeFlags.ALL)]
        stage.window.navigate("compose", {"title": "x"})
        assert queue.story[-1] == "leave"
        compose = stage.page()
        assert compose.story == [("enter", {"title": "x"}), ("refresh", ChangeFlags.ALL)]
        stage.window.navigate("queue")
        assert stage.page() is queue
        assert stage.window.host.built == (queue, compose)

    def test_entering_again_with_another_argument_does_not_leave(self, stage: Stage) -> None:
        queue = stage.open()
        stage.window.navigate("queue", "view")
        assert "leave" not in queue.story
        assert queue.story[-2] == ("enter", "view")

    def test_early_and_unknown_pages_are_ignored(self, stage: Stage) -> None:
        stage.window.navigate("queue")
        assert stage.window.host.current is None
        stage.open()
        stage.window.navigate("nowhere")
        assert stage.page().page_id == "queue"

    def test_only_the_visible_page_is_refreshed_and_only_for_what_it_shows(
        self, stage: Stage, qtbot: Any
    ) -> None:
        queue = stage.open()
        stage.window.navigate("compose")
        compose = stage.page()
        queue.story.clear()
        compose.story.clear()
        stage.set(gates=(Gate(kind=GateKind.THROTTLED, zone="zone1"),))
        assert not stage.window.host._timer.isActive()
        stage.store.note(ChangeFlags.COUNTERS, size_bytes=1)
        stage.store.note(ChangeFlags.COUNTERS | ChangeFlags.METRICS, size_bytes=2)
        assert compose.story == []
        qtbot.waitUntil(lambda: bool(compose.story))
        assert compose.story == [("refresh", ChangeFlags.COUNTERS | ChangeFlags.METRICS)]
        assert queue.story == []

    def test_a_second_is_told_to_pages_that_ask_for_it(self, stage: Stage, qtbot: Any) -> None:
        queue = stage.open()
        queue.story.clear()
        stage.window._tick()
        qtbot.waitUntil(lambda: bool(queue.story))
        assert queue.story == [("refresh", ChangeFlags.TIME)]

    def test_f5_reads_again(self, stage: Stage) -> None:
        queue = stage.open()
        queue.story.clear()
        stage.action("view.refresh").trigger()
        assert queue.story == [("refresh", ChangeFlags.ALL)]

    def test_the_last_page_of_the_rail_is_remembered(self, stage: Stage) -> None:
        stage.open()
        stage.window.navigate("compose")
        stage.window.navigate("sign-in")
        assert stage.settings.get(declared.LAST_PAGE) == "compose"
        assert [i for i in stage.window.rail.ids if stage.window.rail[i].isChecked()] == []

    def test_a_message_stands_in_for_pages(self, stage: Stage) -> None:
        stage.window.show()
        stage.window.say_instead_of_page("Opening your queue…", "One moment.")
        assert stage.window.host.message.text == "Opening your queue… One moment."


class TestMenus:
    def test_the_pages_actions_come_and_go(self, stage: Stage) -> None:
        queue = stage.open()
        edit = stage.window.findChild(QMenu, "menu.edit")
        assert edit is not None
        assert [a.objectName() for a in edit.actions() if not a.isSeparator()] == ["queue.act", "edit.undo"]
        stage.action("queue.act").trigger()
        assert queue.story[-1] == "acted"
        stage.window.navigate("sign-in")
        names = [a.objectName() for a in edit.actions() if not a.isSeparator()]
        assert names == ["sign-in.act", "edit.undo"]

    def test_menus_without_actions_are_not_shown(self, stage: Stage) -> None:
        stage.open()
        assert stage.window._menus.titles() == ["File", "Edit", "View", "Queue", "Breakers", "Help"]

    def test_nothing_can_be_done_before_the_queue_is_open(self, stage: Stage) -> None:
        stage.window.show()
        assert "still being opened" in stage.action("file.new").toolTip()
        assert not stage.action("file.new").isEnabled()
        assert stage.action("file.quit").isEnabled()
        assert not stage.window.toolbar.new.isEnabled()

    def test_theme_and_strip(self, stage: Stage, theme: Theme) -> None:
        stage.open()
        stage.action("view.theme.dark").trigger()
        assert theme.dark
        assert stage.settings.get(declared.THEME) == "dark"
        assert stage.action("view.theme.dark").isChecked()
        assert not stage.action("view.theme.light").isChecked()
        tall = stage.window.strip.sizeHint().height()
        stage.action("view.compact").trigger()
        assert stage.window.strip.sizeHint().height() < tall
        assert stage.settings.get(declared.COMPACT_STRIP)

    def test_full_screen_and_back(self, stage: Stage) -> None:
        stage.open()
        stage.action("view.full-screen").trigger()
        assert stage.window.isFullScreen()
        stage.action("view.full-screen").trigger()
        assert not stage.window.isFullScreen()

    @pytest.mark.parametrize("what", ["shortcuts", "symbols", "about"])
    def test_help(self, stage: Stage, what: str, qtbot: Any) -> None:
        stage.open()
        stage.action(f"help.{what}").trigger()
        dialog = stage.window.findChild(QWidget, f"help.{what}")
        assert dialog is not None
        assert nameless(dialog) == []
        qtbot.waitUntil(lambda: not clipped(dialog))
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()

    def test_the_sheet_names_every_key_that_works(self, stage: Stage) -> None:
        sheet = stage.open()
        type(sheet).more_keys = (("R", "In the list: retry now"),)
        stage.action("help.shortcuts").trigger()
        dialog = child(stage.window, QWidget, "help.shortcuts")
        words = {label.text() for label in dialog.findChildren(QLabel)}
        keys = [k for owner in stage.window.findChildren(QShortcut) for k in QShortcut.keys(owner)]
        keys += [k for action in stage.window.actions() for k in action.shortcuts()]
        assert len(keys) > 10
        named = ", ".join(words)
        assert [k.toString() for k in keys if k.toString() not in named] == []
        assert {"R", "In the list: retry now", "On this page"} <= words
        type(sheet).more_keys = ()

    def test_the_legend_has_every_symbol_that_is_shown_and_no_other(self, stage: Stage) -> None:
        stage.open()
        stage.action("help.symbols").trigger()
        dialog = child(stage.window, QWidget, "help.symbols")
        words = [label.text() for label in dialog.findChildren(QLabel)]
        shown = [
            UI_STATES[s] for s in UiState if s is not UiState.BOTH_CHANGED
        ]  # nothing finds conflicts yet
        for look in (*shown, *BREAKER_LOOKS.values()):
            assert words.count(f"{look.glyph} {look.word}") == 1
        assert not [text for text in words if "Both changed" in text]
        assert {"● Online", "◌ Offline", "◔ Limited"} <= set(words)

    def test_undo_is_named_and_done(self, stage: Stage) -> None:
        stage.open()
        undo = stage.action("edit.undo")
        assert not undo.isEnabled()
        done: list[int] = []
        stage.window.toasts.say(
            "Cancelled.", undo=Undo(what="cancel of 3 requests", run=lambda: done.append(1))
        )
        assert (undo.isEnabled(), undo.text()) == (True, "&Undo cancel of 3 requests")
        undo.trigger()
        assert done == [1]
        assert not undo.isEnabled()
        stage.window.toasts.clear()


class TestCommands:
    def press(self, run: Any, stage: Stage, press: Callable[[], object]) -> list[object]:
        async def scenario() -> None:
            press()
            await until(lambda: stage.commands.asked)
            await stage.tasks.shutdown(grace=1)

        run(scenario())
        return stage.commands.asked

    @pytest.mark.parametrize(
        ("action", "asked"),
        [
            ("queue.pause.15min", ("pause", 900.0)),
            ("queue.pause.1h", ("pause", 3600.0)),
            ("queue.pause.until-resumed", ("pause", None)),
            ("queue.send-now", "send"),
            ("queue.work-offline", "offline"),
            ("queue.try-now", "try"),
        ],
    )
    def test_actions_reach_the_queue(self, run: Any, stage: Stage, action: str, asked: object) -> None:
        stage.open()
        assert self.press(run, stage, stage.action(action).trigger) == [asked]

    @pytest.mark.parametrize(
        ("facts", "button", "asked"),
        [
            ({"connectivity": ConnectivityState(state=Connectivity.WORK_OFFLINE)}, "go-online", "online"),
            ({"connectivity": ConnectivityState(state=Connectivity.OFFLINE)}, "try-now", "try"),
            ({"paused": True}, "resume", "resume"),
        ],
    )
    def test_the_banners_buttons(
        self, run: Any, stage: Stage, facts: dict[str, Any], button: str, asked: str
    ) -> None:
        stage.open()
        stage.set(**facts)
        made = child(stage.window.banner, Button, f"banner.{button}")
        click = lambda: QTest.mouseClick(made, Qt.MouseButton.LeftButton)  # noqa: E731
        assert self.press(run, stage, click) == [asked]

    def test_the_banner_leads_to_sign_in_and_breakers(self, stage: Stage) -> None:
        stage.open()
        stage.set(gates=(Gate(kind=GateKind.SIGN_IN, zone="zone1"),))
        QTest.mouseClick(child(stage.window.banner, Button, "banner.sign-in"), Qt.MouseButton.LeftButton)
        assert stage.page().story[0] == ("enter", "zone1")
        stage.set(gates=(Gate(kind=GateKind.MAINTENANCE, zone="zone1"),))
        QTest.mouseClick(child(stage.window.banner, Button, "banner.breakers"), Qt.MouseButton.LeftButton)
        assert stage.window.rail["breakers"].isChecked()

    def test_pausing_from_the_toolbar_and_the_keyboard(self, run: Any, stage: Stage) -> None:
        stage.open()
        QTest.mouseClick(stage.window.toolbar.pause, Qt.MouseButton.LeftButton)
        menu = stage.window.toolbar.pause_menu
        assert menu.isVisible()
        assert [a.text() for a in menu.actions()] == ["For 15 minutes", "For 1 hour", "Until I resume"]
        menu.close()
        stage.set(paused=True)
        assert stage.window.toolbar.pause.text() == "Resume sending"
        assert self.press(run, stage, stage.window._toggle_pause) == ["resume"]
        assert "paused already" in stage.action("queue.pause.1h").toolTip()

    def test_resume_from_the_toolbar(self, run: Any, stage: Stage) -> None:
        stage.open()
        stage.set(paused=True)
        click = lambda: QTest.mouseClick(stage.window.toolbar.pause, Qt.MouseButton.LeftButton)  # noqa: E731
        assert self.press(run, stage, click) == ["resume"]

    def test_send_now_from_the_toolbar(self, run: Any, stage: Stage) -> None:
        stage.open()
        click = lambda: QTest.mouseClick(stage.window.toolbar.send, Qt.MouseButton.LeftButton)  # noqa: E731
        assert self.press(run, stage, click) == ["send"]

    def test_the_connection_is_a_menu(self, stage: Stage) -> None:
        stage.open()
        menu = QMenu()
        stage.window._fill_connection_menu(menu)
        assert [a.objectName() for a in menu.actions()] == [
            "queue.work-offline",
            "queue.try-now",
            "file.sign-in",
        ]
        stage.set(connectivity=ConnectivityState(state=Connectivity.WORK_OFFLINE))
        menu.clear()
        stage.window._fill_connection_menu(menu)
        assert [a.objectName() for a in menu.actions()] == ["queue.work-online", "file.sign-in"]
        menu.deleteLater()
        QTest.mouseClick(stage.window.status.connection, Qt.MouseButton.LeftButton)
        stage.window.status._menu.close()

    @pytest.mark.parametrize(
        ("cell", "page", "argument"),
        [
            (
                "waiting",
                "queue",
                RequestFilter(status=(Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.UNCERTAIN)),
            ),
            ("sending", "queue", RequestFilter(status=(Status.PROCESSING,))),
            ("needs-you", "queue", RequestFilter(status=(Status.FAILED, Status.HELD))),
        ],
    )
    def test_every_number_is_a_link(self, stage: Stage, cell: str, page: str, argument: object) -> None:
        stage.open("compose")
        QTest.mouseClick(stage.window.strip[cell], Qt.MouseButton.LeftButton)
        assert stage.page().page_id == page
        assert stage.page().story[0] == ("enter", argument)


class TestKeyboard:
    def test_f6_goes_round_all_regions_and_back(self, stage: Stage, qtbot: Any) -> None:
        stage.open()
        with qtbot.waitActive(stage.window):
            stage.window.activateWindow()
        stage.set(paused=True)
        seen: list[str] = []
        for _ in range(7):
            QTest.keyClick(stage.window, Qt.Key.Key_F6)
            focus = stage.window.focusWidget()
            seen.append(focus.objectName() or focus.accessibleName() or type(focus).__name__)
        assert seen == [
            "QPushButton",  # the page's second region: its first has the focus already
            "status.connection",
            "rail.queue",
            "toolbar.new",
            "banner.resume",
            "strip.waiting",
            "Filter",
        ]
        QTest.keyClick(stage.window, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
        assert stage.window.focusWidget().objectName() == "strip.waiting"

    def test_a_new_page_takes_the_keyboard_unless_it_walks_the_rail(self, stage: Stage, qtbot: Any) -> None:
        queue = stage.open()
        with qtbot.waitActive(stage.window):
            stage.window.activateWindow()
        assert stage.window.focusWidget() is queue.first
        stage.window.rail["compose"].setFocus(Qt.FocusReason.TabFocusReason)
        stage.window.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # as Tab would
        QTest.keyClick(stage.window.rail["compose"], Qt.Key.Key_Space)
        assert stage.page().page_id == "compose"
        assert stage.window.focusWidget() is stage.window.rail["compose"]

    def test_shortcuts_change_pages(self, stage: Stage, qtbot: Any) -> None:
        stage.open()
        with qtbot.waitActive(stage.window):
            stage.window.activateWindow()
        QTest.keyClick(stage.window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
        assert stage.page().page_id == "compose"
        QTest.keyClick(stage.window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
        assert stage.page().page_id == "queue"
        QTest.keyClick(stage.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
        assert stage.page().page_id == "compose"
        assert stage.page().story[-2] == ("enter", None)

    def test_a_hidden_pages_shortcut_does_nothing(self, stage: Stage, qtbot: Any) -> None:
        queue = stage.open()
        stage.window.navigate("sign-in")
        with qtbot.waitActive(stage.window):
            stage.window.activateWindow()
        QTest.keyClick(stage.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
        assert "acted" not in queue.story
        assert stage.page().story[-1] == "acted"

    def test_ctrl_z_in_a_text_field_is_the_fields_own(self, stage: Stage, qtbot: Any) -> None:
        queue = stage.open()
        with qtbot.waitActive(stage.window):
            stage.window.activateWindow()
        done: list[int] = []
        stage.window.toasts.say("Cancelled.", undo=Undo(what="cancel", run=lambda: done.append(1)))
        queue.first.setFocus()
        QTest.keyClicks(queue.first, "abc")
        QTest.keyClick(queue.first, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert (queue.first.text(), done) == ("", [])
        queue.second.setFocus()
        QTest.keyClick(queue.second, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert done == [1]
        stage.window.toasts.clear()

    def test_everything_that_takes_the_focus_has_a_name(self, stage: Stage) -> None:
        stage.open()
        stage.set(paused=True)
        stage.window.toasts.say("Cancelled.", undo=Undo(what="cancel", run=lambda: None))
        assert nameless(stage.window) == []
        stage.window.toasts.clear()

    def test_a_region_without_anything_to_focus_is_skipped(self, stage: Stage) -> None:
        assert first_focus(QWidget()) is None


class TestSizes:
    @pytest.mark.parametrize(("width", "narrow"), [(1280, False), (1150, False), (1149, True), (1024, True)])
    def test_the_rail_collapses(self, stage: Stage, width: int, narrow: bool, qtbot: Any) -> None:
        stage.open()
        stage.window.resize(width, 700)
        qtbot.waitUntil(lambda: (stage.window.rail.width() < 100) is narrow)

    @pytest.mark.parametrize("size", [(1280, 720), (1024, 640)])
    @pytest.mark.parametrize("choice", ["light", "dark"])
    def test_nothing_is_cut_off(
        self, stage: Stage, theme: Theme, size: tuple[int, int], choice: str, qtbot: Any
    ) -> None:
        theme.choose(choice)
        stage.open()
        stage.set(connectivity=ConnectivityState(state=Connectivity.OFFLINE, since=NOW, next_try_at=NOW + 24))
        stage.window.resize(*size)
        qtbot.waitUntil(lambda: not clipped(stage.window))
        assert (stage.window.width(), stage.window.height()) == size

    def test_it_does_not_get_smaller_than_a_field_laptops_screen(self, stage: Stage) -> None:
        stage.open()
        stage.window.resize(300, 200)
        assert (stage.window.width(), stage.window.height()) == (1024, 640)

    def test_where_it_was_is_remembered(self, stage: Stage, theme: Theme) -> None:
        stage.open()
        stage.window.resize(1100, 680)
        stage.window._geometry.remember()
        stage.settings.flush()
        again = Stage(theme, stage.settings.path)
        assert (again.window.width(), again.window.height()) == (1100, 680)
        again.window.deleteLater()

    def test_a_window_that_fills_its_screen_keeps_its_size_over_restarts(
        self, stage: Stage, theme: Theme
    ) -> None:
        stage.open()
        room = stage.window.screen().availableGeometry()
        stage.window.setGeometry(room)
        for _ in range(3):
            stage.window._geometry.remember()
            stage.settings.flush()
            again = Stage(theme, stage.settings.path)
            assert again.window.size() == room.size()
            assert again.window.pos() == room.topLeft()
            again.window.show()
            again.window._geometry.remember()
            again.window.allow_close()
            again.window.close()
            again.window.deleteLater()

    @pytest.mark.parametrize("saved", ["", "1280x720 "])
    def test_a_small_screen_gets_a_small_window(
        self, saved: str, stage: Stage, theme: Theme, settings_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A 1366x768 screen at 125 % has 1093x614 logical pixels, and a task bar besides."""
        if saved:
            stage.window.resize(1280, 720)
            record = bytes(stage.window.saveGeometry().toBase64().data()).decode()
            settings_file.write_text(f'[console.window]\ngeometry = "{saved}{record}"\n', encoding="utf-8")
        room = QRect(40, 10, 1093, 574)
        monkeypatch.setattr(QScreen, "availableGeometry", lambda _: room)
        small = Stage(theme, settings_file)
        assert small.window.geometry() == room
        small.window.show()
        small.window.resize(100, 100)
        assert small.window.size() == QSize(1024, 574)
        small.window.allow_close()
        small.window.close()
        small.window.deleteLater()

    def test_a_window_beyond_the_screen_comes_back_onto_it(self, stage: Stage, theme: Theme) -> None:
        stage.open()
        stage.window.setGeometry(QRect(1430, 890, 1100, 680))  # of a second screen that is gone now
        stage.window._geometry.remember()
        stage.settings.flush()
        again = Stage(theme, stage.settings.path)
        assert again.window.screen().availableGeometry().contains(again.window.frameGeometry())
        again.window.deleteLater()

    def test_a_spoiled_position_is_forgotten(self, theme: Theme, settings_file: Path, qtbot: Any) -> None:
        settings_file.write_text('[console.window]\ngeometry = "not a position"\n', encoding="utf-8")
        stage = Stage(theme, settings_file)
        assert (stage.window.width(), stage.window.height()) == (1280, 720)
        stage.window.deleteLater()


class TestLife:
    def test_closing_asks_first_and_then_closes(self, stage: Stage) -> None:
        stage.open()
        wanted: list[int] = []
        stage.window.close_wanted.connect(lambda: wanted.append(1))
        stage.action("file.quit").trigger()
        assert (wanted, stage.window.isVisible()) == ([1], True)
        stage.window.allow_close()
        stage.window.close()
        assert not stage.window.isVisible()

    def test_while_closing_nothing_new_begins(self, stage: Stage) -> None:
        stage.open()
        stage.store.note(ChangeFlags.LIFE, closing=True)
        assert "closing" in stage.action("queue.send-now").toolTip()
        assert not stage.window.toolbar.new.isEnabled()
        assert stage.window.banner.plain.startswith("Closing.")

    def test_coming_to_the_front(self, stage: Stage) -> None:
        stage.open()
        stage.window.showMinimized()
        stage.window.come_to_front()
        assert not stage.window.isMinimized()

    def test_minimised_it_rests(self, stage: Stage) -> None:
        queue = stage.open()
        stage.window.showMinimized()
        queue.story.clear()
        stage.window._tick()
        stage.window.host._flush()
        assert queue.story == []


def test_nothing_of_the_shell_waits_for_the_loop(run: Any, stage: Stage) -> None:
    """The shell is made before there is a loop, as app.py does it."""

    async def scenario() -> None:
        stage.open()
        await asyncio.sleep(0)

    run(scenario())
