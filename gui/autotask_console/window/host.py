"""The stack of pages: built when first visited, refreshed when seen, told four times a second at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from autotask_console.pages.base import Page, Services
from autotask_console.state import AppStore, ChangeFlags, Changes
from autotask_console.state.app_state import EVERYTHING
from autotask_console.widgets.empty import EmptyState

REFRESH_MS = 250


@dataclass(frozen=True, kw_only=True, slots=True)
class PageSpec:
    """A page as app.py lists it.

    Args:
        page_id: for `navigate` and object names.
        title: in rail and menu.
        group: heading in the rail; empty for a page that is only navigated to.
        icon: for the narrow rail.
        shortcut: portable text, such as "Ctrl+1".
        create: imports the page's module and makes the page.
    """

    page_id: str
    title: str
    create: Callable[[Services], Page]
    group: str = ""
    icon: str = ""
    shortcut: str = ""


class PageHost(QObject):
    """Owns the pages. `page_shown(page_id)` after each change; `page_built(Page)` for a new one."""

    page_shown = Signal(str)
    page_built = Signal(object)

    def __init__(self, specs: Sequence[PageSpec], store: AppStore, *, parent: QWidget) -> None:
        super().__init__(parent)
        self.specs = {spec.page_id: spec for spec in specs}
        self.stack = QStackedWidget(parent)
        self.message = EmptyState()
        self.message.setObjectName("page.message")
        self.stack.addWidget(self.message)
        self._store = store
        self._services: Services | None = None
        self._form: QWidget | None = None
        self._pages: dict[str, Page] = {}
        self._pending = Changes()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._flush)
        store.changed.connect(self.changed)

    @property
    def current(self) -> Page | None:
        """The visible page; None while the message is shown."""
        widget = self.stack.currentWidget()
        return widget if isinstance(widget, Page) else None

    @property
    def built(self) -> tuple[Page, ...]:
        return tuple(self._pages.values())

    def show_message(self) -> None:
        """Shows `message` in place of a page; a form may be shown again afterwards."""
        self.stack.setCurrentWidget(self.message)

    def show_form(self, form: QWidget) -> None:
        """Shows a form in place of a page; it is deleted when another form or a page is shown."""
        if form is not self._form:
            self._drop_form()
            self._form = form
            self.stack.addWidget(form)
        self.stack.setCurrentWidget(form)
        form.setFocus()

    def _drop_form(self) -> None:
        if self._form is not None:
            self.stack.removeWidget(self._form)
            self._form.deleteLater()
            self._form = None

    def attach(self, services: Services) -> None:
        """Pages may be built from now on."""
        self._services = services

    def show(self, page_id: str, argument: object = None) -> None:
        """Shows a page; `argument` goes to its `enter`. Unknown ids and early calls are ignored."""
        spec = self.specs.get(page_id)
        if spec is None or self._services is None:
            return
        self._store.look_again()
        before = self.current
        page = self._pages.get(page_id)
        if page is None:
            page = self._pages[page_id] = spec.create(self._services)
            self.stack.addWidget(page)
            self.page_built.emit(page)
        if before is not None and before is not page:
            before.leave()
        page.enter(argument)
        self.stack.setCurrentWidget(page)
        self._drop_form()
        self._pending = Changes()
        page.refresh(self._store.state, EVERYTHING)
        if before is not page:
            self.page_shown.emit(page_id)

    def changed(self, changes: Changes) -> None:
        """Collects changes for the visible page; called for each change of the state."""
        page = self.current
        if page is None or not changes.flags & page.flags:
            return
        self._pending |= changes
        if not self._timer.isActive():
            self._timer.start()

    def tick(self) -> None:
        """A second passed."""
        self.changed(Changes(flags=ChangeFlags.TIME))

    def refresh_now(self) -> None:
        """Reads all of the visible page again (F5)."""
        self._pending = EVERYTHING
        self._flush()

    def stop(self) -> None:
        """Refreshes nothing any more."""
        self._timer.stop()
        self._store.changed.disconnect(self.changed)

    def _flush(self) -> None:
        page = self.current
        if page is None or not page.isVisible() or page.window().isMinimized():
            return  # what is pending stays pending; showing it again reads everything
        pending, self._pending = self._pending, Changes()
        if pending:
            page.refresh(self._store.state, pending)
