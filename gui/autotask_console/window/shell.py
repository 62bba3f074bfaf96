"""The main window. It knows what is shown where; what things do is in actions and pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.actions import Action, Binder, BoundAction
from autotask_console.pages.base import Page, Services
from autotask_console.platform.theme import Theme
from autotask_console.runtime.tasks import Tasks
from autotask_console.settings import Settings, declared
from autotask_console.state import AppStore, Changes
from autotask_console.text import tr
from autotask_console.widgets.banner import Banner
from autotask_console.widgets.cells import Strip
from autotask_console.widgets.rail import Rail, RailEntry
from autotask_console.widgets.toast import Toasts
from autotask_console.window import glance
from autotask_console.window import help as help_windows
from autotask_console.window.actions import Commands, queue_actions, window_actions
from autotask_console.window.banner_text import banner_text
from autotask_console.window.geometry import Geometry
from autotask_console.window.host import PageHost, PageSpec
from autotask_console.window.menus import Menus
from autotask_console.window.regions import first_focus, in_reading_order, next_focus
from autotask_console.window.status_bar import StatusBar
from autotask_console.window.toolbar import Toolbar
from autotask_queue import GateKind, RequestFilter, Status

NARROW_BELOW = 1150
_WAITING = RequestFilter(status=(Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.UNCERTAIN))
_NEEDS_YOU = RequestFilter(status=(Status.FAILED, Status.HELD))


class Window(QMainWindow):
    """The shell. `close_wanted()` when the person closes it: the window stays until `allow_close`."""

    close_wanted = Signal()

    def __init__(
        self,
        *,
        store: AppStore,
        tasks: Tasks,
        settings: Settings,
        theme: Theme,
        specs: Sequence[PageSpec],
        version: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._store, self._tasks, self._settings, self._theme = store, tasks, settings, theme
        self._version, self._now = version, now
        self._closing_allowed = False
        self.setObjectName("window")
        self.setWindowTitle(tr("Autotask Queue Console"))
        self._build(specs)
        self._binder = Binder(self, tasks)
        self._menus = Menus(self.menuBar())
        self._shell_actions: list[BoundAction] = self._bind(window_actions(self, settings, specs))
        self._page_actions: dict[str, list[BoundAction]] = {}
        self._second = QTimer(self)
        self._second.setInterval(1000)
        self._second.timeout.connect(self._tick)
        self._wire()
        self._geometry = Geometry(self, settings)
        self._geometry.restore()
        self._tint()
        self.show_menus()
        self.show_state()

    # -- construction

    def _build(self, specs: Sequence[PageSpec]) -> None:
        entries = [
            RailEntry(page_id=s.page_id, title=tr(s.title), group=tr(s.group), icon=s.icon, keys=s.shortcut)
            for s in specs
            if s.group
        ]
        self.rail = Rail(entries)
        self.content = QWidget()
        self.content.setObjectName("content")
        self.host = PageHost(specs, self._store, parent=self.content)
        self.banner = Banner()
        self.strip = Strip([(cell_id, tr(caption)) for cell_id, caption in glance.CELLS])
        self.strip.set_compact(self._settings.get(declared.COMPACT_STRIP))
        self.status = StatusBar(version=self._version)
        self.toolbar = Toolbar()
        column = QVBoxLayout(self.content)
        column.setContentsMargins(12, 8, 12, 6)
        column.setSpacing(9)
        for widget in (self.toolbar, self.banner, self.strip):
            column.addWidget(widget)
        column.addWidget(self.host.stack, 1)
        body = QWidget()
        across = QHBoxLayout(body)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.rail)
        across.addWidget(self.content, 1)
        central = QWidget()
        down = QVBoxLayout(central)
        down.setContentsMargins(0, 0, 0, 0)
        down.setSpacing(0)
        down.addWidget(body, 1)
        down.addWidget(self.status)
        self.setCentralWidget(central)
        self.toasts = Toasts(self.content)

    def _wire(self) -> None:
        self._store.changed.connect(self._changed)
        self._theme.changed.connect(self._tint)
        self.rail.chosen.connect(self.navigate)
        self.strip.pressed.connect(self._cell_pressed)
        self.banner.pressed.connect(self._banner_pressed)
        self.host.page_shown.connect(self._page_shown)
        self.host.page_built.connect(self._page_built)
        self.toasts.undo_changed.connect(self.update_actions)
        self.status.menu_wanted.connect(self._fill_connection_menu)
        self.toolbar.pressed.connect(self._trigger)
        for keys, step in (("F6", 1), ("Shift+F6", -1)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.activated.connect(lambda by=step: self._next_region(by))
        toggle = QShortcut(QKeySequence("Ctrl+P"), self)
        toggle.activated.connect(self._toggle_pause)

    def _bind(self, actions: Sequence[Action]) -> list[BoundAction]:
        bound = self._binder.bind_all(actions)
        # An action works from the keyboard only where some visible widget holds it.
        self.addActions(bound)
        return bound

    def connect_queue(self, commands: Commands) -> None:
        """Gives the shell its queue commands; before the first page."""
        bound = self._bind(queue_actions(commands))
        self._shell_actions += bound
        self.toolbar.set_pauses([b for b in bound if b.objectName().startswith("queue.pause.")])
        self.show_menus()
        self.update_actions()

    def attach(self, services: Services) -> None:
        """The queue is open: pages may be built."""
        self.host.attach(services)

    # -- ShellDoing

    def navigate(self, page_id: str, argument: object = None) -> None:
        self.host.show(page_id, argument)

    def refresh(self) -> None:
        self._store.look_again()
        self.host.refresh_now()

    def undo(self) -> None:
        self.toasts.undo_last()

    def undo_text(self) -> str:
        return self.toasts.undo_text

    def quit(self) -> None:
        self.close()

    def choose_theme(self, choice: str) -> None:
        self._settings.set(declared.THEME, choice)
        self._theme.choose(choice)
        self.update_actions()

    def toggle_compact(self) -> None:
        compact = not self._settings.get(declared.COMPACT_STRIP)
        self._settings.set(declared.COMPACT_STRIP, compact)
        self.strip.set_compact(compact)
        self.update_actions()

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def show_help(self, what: str) -> None:
        match what:
            case "shortcuts":
                page = self.host.current
                more = page.more_keys if page is not None else ()
                dialog = help_windows.shortcuts(self, self._visible_actions(), more)
            case "symbols":
                dialog = help_windows.symbols(self)
            case _:
                facts = [
                    (tr("Queue"), self._store.state.location),
                    (tr("Settings"), str(self._settings.path)),
                ]
                dialog = help_windows.about(self, version=self._version, facts=facts)
        dialog.open()

    # -- what is shown

    def show_state(self) -> None:
        """Banner, strip, badges, status bar, toolbar: all from the state and the time."""
        state, now = self._store.state, self._now()
        self.banner.show_text(banner_text(state, now=now))
        self.strip.show_values(glance.cells(state, now=now))
        self.status.show_state(state, now=now)
        if "queue" in self.rail:
            self.rail["queue"].set_badge(*glance.queue_badge(state))
        if "breakers" in self.rail:
            self.rail["breakers"].set_badge(*glance.breakers_badge(state, now=now))
        self.toolbar.show_state(state)

    def update_actions(self) -> None:
        self._binder.update(self._store.state)

    def show_menus(self) -> None:
        """The page's actions first, then the shell's."""
        self._menus.show_actions(self._visible_actions())
        self.update_actions()

    def _visible_actions(self) -> list[BoundAction]:
        page = self.host.current
        of_page = self._page_actions.get(page.page_id, []) if page is not None else []
        return [*of_page, *self._shell_actions]

    def _changed(self, _: Changes) -> None:
        self.show_state()
        self.update_actions()

    def _tick(self) -> None:
        if self.isMinimized():
            return
        self._store.look_again()
        self.show_state()
        self.host.tick()

    def _tint(self) -> None:
        self.toolbar.tint(self._theme.tokens)

    # -- pages

    def _page_built(self, page: Page) -> None:
        bound = self._binder.bind_all(page.page_actions())
        # On the page, not on the window: shortcuts of a hidden page must not work.
        page.addActions(bound)
        self._page_actions[page.page_id] = bound
        page.actions_changed.connect(self.update_actions)

    def _page_shown(self, page_id: str) -> None:
        self.rail.show_page(page_id)
        self._focus_page()
        self.show_menus()
        if self.host.specs[page_id].group:
            self._settings.set(declared.LAST_PAGE, page_id)

    def _focus_page(self) -> None:
        """The keyboard goes to the page, unless it is there already or walks along the rail."""
        page = self.host.current
        focus: QWidget | None = self.focusWidget()
        by_keyboard = self.testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
        if page is None:
            return
        if focus is not None and (
            page.isAncestorOf(focus) or (by_keyboard and self.rail.isAncestorOf(focus))
        ):
            return
        target = first_focus(page.focus_regions()[0])
        if target is not None:
            target.setFocus(Qt.FocusReason.OtherFocusReason)
            self.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange, by_keyboard)

    # -- presses

    def _trigger(self, action_id: str) -> None:
        if action_id in self._binder:
            self._binder[action_id].trigger()

    def _cell_pressed(self, cell_id: str) -> None:
        match cell_id:
            case "waiting":
                self.navigate("queue", _WAITING)
            case "sending":
                self.navigate("queue", RequestFilter(status=(Status.PROCESSING,)))
            case "needs-you":
                self.navigate("queue", _NEEDS_YOU)
            case "breakers":
                self.navigate("breakers")
            case _:
                self.navigate("metrics")

    def _banner_pressed(self, button_id: str) -> None:
        match button_id:
            case "go-online":
                self._trigger("queue.work-online")
            case "try-now":
                self._trigger("queue.try-now")
            case "resume":
                self._trigger("queue.resume")
            case "sign-in":
                gate = self._store.state.gate(GateKind.SIGN_IN)
                self.navigate("sign-in", gate.zone if gate is not None else None)
            case _:
                self.navigate("breakers")

    def _toggle_pause(self) -> None:
        self._trigger("queue.resume" if self._store.state.paused else "queue.pause.until-resumed")

    def _fill_connection_menu(self, menu: QMenu) -> None:
        for action_id in ("queue.work-offline", "queue.work-online", "queue.try-now", "file.sign-in"):
            if action_id in self._binder and self._binder[action_id].isEnabled():
                menu.addAction(self._binder[action_id])

    # -- keyboard regions

    def regions(self) -> list[QWidget]:
        """Where F6 stops, in reading order."""
        page = self.host.current
        inner = list(page.focus_regions()) if page is not None else [self.host.message]
        all_regions = [self.rail, self.toolbar, self.banner, self.strip, *inner, self.status]
        return [r for r in all_regions if r.isVisible()]

    def _next_region(self, step: int) -> None:
        target = next_focus(self.regions(), self.focusWidget(), step)
        if target is not None:
            target.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        stops = in_reading_order(self, self.regions())
        focus = self.focusWidget()
        if focus not in stops:
            return super().focusNextPrevChild(forward)
        target = stops[(stops.index(focus) + (1 if forward else -1)) % len(stops)]
        target.setFocus(Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason)
        self.setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
        return True

    # -- life

    def say_instead_of_page(
        self, head: str, more: str = "", buttons: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Shows a message where pages are shown: while opening, and when it cannot be opened."""
        self.host.message.say(head, more, buttons)
        self.host.show_message()

    def ask_instead_of_page(self, form: QWidget) -> None:
        """Shows a form where pages are shown, until something else takes its place."""
        self.host.show_form(form)

    def come_to_front(self) -> None:
        """A second console was started: this is the one."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def allow_close(self) -> None:
        """From now on closing closes."""
        self._closing_allowed = True

    def stop(self) -> None:
        """Refreshes nothing any more; part of the shutdown."""
        self._second.stop()
        self.host.stop()
        self._store.changed.disconnect(self._changed)
        self._geometry.stop()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        if self._closing_allowed:
            event.accept()
            return
        event.ignore()
        self.close_wanted.emit()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        self._second.start()
        super().showEvent(event)

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.WindowStateChange and not self.isMinimized() and self.isVisible():
            self.refresh()
        super().changeEvent(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.rail.set_narrow(event.size().width() < NARROW_BELOW)
        super().resizeEvent(event)
