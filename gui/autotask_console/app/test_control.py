"""Drives the window from outside, for end-to-end tests: one JSON object a line, one answer a line.

It exists only if `AUTOTASK_CONSOLE_TEST_SOCKET` names a socket *and* `--data-dir` was given; then a
`QLocalServer` of the same user listens there. Every answer has `ok`, and `error` if it is false.

    {"do": "state"}                                   what is shown: page, banner, strip, texts, tables, …
    {"do": "click", "name": N}                        a widget, an action, or with "row": 3 a row of a table
    {"do": "type", "name": N, "text": T}              keys into a widget, or into what has the focus
    {"do": "set", "name": N, "value": V}              a text, a number, a check mark, a choice by its words
    {"do": "press", "keys": "Ctrl+N"}                 a shortcut or a key, to what has the focus
    {"do": "navigate", "page": P}                     as a click in the rail
    {"do": "screenshot", "path": P}                   PNG of the active window (a dialog is drawn into it)
    {"do": "resize", "width": W, "height": H}         the main window
    {"do": "quit"}                                    as File > Quit

`name` is an object name (stable, dotted) or an accessible name; only visible, enabled widgets of the
active window are found, as for a person.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QAbstractListModel, QItemSelectionModel, QObject, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDateTimeEdit,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QSpinBox,
    QTextEdit,
    QWidget,
)

if TYPE_CHECKING:
    from autotask_console.window import Window

logger = logging.getLogger(__name__)

VARIABLE = "AUTOTASK_CONSOLE_TEST_SOCKET"
_LIMIT = 1_000_000
_ROWS = 60

Command = dict[str, Any]


class CannotDo(LookupError):
    """The command does not fit what is shown; the message says why."""


def listen_if_asked(app: QApplication, window: Window, *, own_folder: bool) -> TestControl | None:
    """The control, if the environment asks for it and this run has a folder of its own."""
    path = os.environ.get(VARIABLE)
    if not path or not own_folder:
        return None
    return TestControl(app, window, path)


class TestControl(QObject):
    """Answers commands on a local socket."""

    __test__ = False  # pytest: not a test class

    def __init__(self, app: QApplication, window: Window, path: str) -> None:
        super().__init__(window)
        self._app, self._window = app, window
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        if not self._server.listen(path):
            logger.error("the test socket %s: %s", path, self._server.errorString())
        self._commands: dict[str, Callable[[Command], dict[str, Any]]] = {
            "state": self._state,
            "click": self._click,
            "type": self._type,
            "set": self._set,
            "press": self._press,
            "navigate": self._navigate,
            "screenshot": self._screenshot,
            "resize": self._resize,
            "quit": self._quit,
        }

    # -- the socket

    def _accept(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda peer=socket: self._read(peer))
            socket.disconnected.connect(socket.deleteLater)
            self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        while socket.canReadLine():
            line = bytes(socket.readLine(_LIMIT).data())
            socket.write(json.dumps(self.answer(line)).encode() + b"\n")
            socket.flush()

    def answer(self, line: bytes) -> dict[str, Any]:
        """Does one command."""
        self._take_keyboard()
        try:
            command = json.loads(line)
            do = self._commands[command["do"]]
            return {"ok": True, **do(command)}
        except (CannotDo, KeyError, TypeError, ValueError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    # -- finding

    def _top(self) -> QWidget:
        """The window a person would act on: an open menu, the newest dialog, or the main window."""
        popup = self._app.activePopupWidget()
        modal = self._app.activeModalWidget()
        return popup or modal or self._window

    def _take_keyboard(self) -> None:
        """A screen without a window manager gives the keyboard to nobody: no focus, no shortcuts."""
        top = self._top()
        if top.isVisible() and not isinstance(top, QMenu) and not top.isActiveWindow():
            top.activateWindow()

    def _find(self, name: str) -> QWidget:
        candidates = [w for w in [self._top(), *self._top().findChildren(QWidget)] if w.isVisible()]
        for by in (QWidget.objectName, QWidget.accessibleName, _words):
            named = [w for w in candidates if by(w) == name]
            if named:
                return named[0]
        raise CannotDo(f"nothing visible is called {name!r}")

    def _find_usable(self, name: str) -> QWidget:
        widget = self._find(name)
        if not widget.isEnabled():
            raise CannotDo(f"{name!r} is disabled: {widget.toolTip()}")
        return widget

    def _action(self, name: str) -> QAction | None:
        top = self._top()
        owners = top.actions() if isinstance(top, QMenu) else self._window.findChildren(QAction)
        found = (a for a in owners if name in (a.objectName(), _plain(a.text())))
        return next(found, None)

    # -- commands

    def _click(self, command: Command) -> dict[str, Any]:
        name = str(command["name"])
        action = self._action(name)
        if action is not None:
            if not action.isEnabled():
                raise CannotDo(f"{name!r} is not possible now: {action.toolTip()}")
            popup = self._app.activePopupWidget()
            if popup is not None:
                popup.close()
            action.trigger()
            return {}
        widget = self._find_usable(name)
        if isinstance(widget, QAbstractItemView) and "row" in command:
            self._click_row(widget, command)
            return {}
        target = widget.viewport() if isinstance(widget, QAbstractItemView) else widget
        _mouse(target, target.rect().center())
        return {}

    def _click_row(self, view: QAbstractItemView, command: Command) -> None:
        model = view.model()
        index = model.index(int(command["row"]), int(command.get("column", 0)), view.rootIndex())
        if not index.isValid():
            raise CannotDo(f"there is no row {command['row']}")
        view.scrollTo(index)
        modifier = _modifiers(str(command.get("modifiers", "")))
        _mouse(view.viewport(), view.visualRect(index).center(), modifier, twice=bool(command.get("twice")))

    def _type(self, command: Command) -> dict[str, Any]:
        from PySide6.QtTest import QTest

        widget = self._find_usable(str(command["name"])) if "name" in command else self._focus()
        proxy = widget.focusProxy()
        target = proxy or widget
        target.setFocus()
        QTest.keyClicks(target, str(command["text"]))
        return {}

    def _set(self, command: Command) -> dict[str, Any]:
        widget = self._find_usable(str(command["name"]))
        widget = widget.focusProxy() or widget
        value = command["value"]
        match widget:
            case QComboBox():
                place = widget.findText(str(value))
                if place < 0:
                    choices = [widget.itemText(i) for i in range(widget.count())]
                    raise CannotDo(f"{value!r} is not among {choices}")
                widget.setCurrentIndex(place)
                widget.activated.emit(place)
            case QLineEdit():
                widget.setText(str(value))
                widget.textEdited.emit(str(value))
            case QPlainTextEdit() | QTextEdit():
                widget.setPlainText(str(value))
            case QDateTimeEdit():
                widget.setDateTime(widget.dateTimeFromText(str(value)))
            case QSpinBox():
                widget.setValue(int(value))
            case QAbstractSpinBox():
                line = widget.findChild(QLineEdit)
                if line is not None:
                    line.setText(str(value))
                    line.editingFinished.emit()
            case QAbstractButton() if widget.isCheckable():
                if widget.isChecked() != bool(value):
                    widget.click()
            case _:
                raise CannotDo(f"a {type(widget).__name__} takes no value")
        return {}

    def _press(self, command: Command) -> dict[str, Any]:
        from PySide6.QtTest import QTest

        sequence = QKeySequence(str(command["keys"]))
        if sequence.isEmpty():
            raise CannotDo(f"{command['keys']!r} is no key")
        # To the window's handle, so that shortcuts are looked at first, as with a real keyboard.
        QTest.keySequence(self._focus(), sequence)
        return {}

    def _navigate(self, command: Command) -> dict[str, Any]:
        self._window.navigate(str(command["page"]))
        return {}

    def _screenshot(self, command: Command) -> dict[str, Any]:
        from PySide6.QtGui import QPainter

        picture = self._window.grab()
        top = self._top()
        if top is not self._window:
            painter = QPainter(picture)
            corner = self._window.mapFromGlobal(top.mapToGlobal(QPoint(0, 0)))
            painter.drawPixmap(corner, top.grab())
            painter.end()
        if not picture.save(str(command["path"]), "PNG"):
            raise CannotDo(f"{command['path']} could not be written")
        return {"path": command["path"]}

    def _resize(self, command: Command) -> dict[str, Any]:
        self._window.resize(int(command["width"]), int(command["height"]))
        return {}

    def _quit(self, _: Command) -> dict[str, Any]:
        self._window.close()
        return {}

    def _focus(self) -> QWidget:
        top = self._top()
        popup = top is self._app.activePopupWidget()  # it gets the keys before what has the focus
        focus: QWidget | None = None if popup else self._app.focusWidget()
        places: tuple[QWidget | None, ...] = (focus, top.focusWidget())
        return next((w for w in places if w is not None), top)

    # -- what is shown

    def _state(self, _: Command) -> dict[str, Any]:
        window, top = self._window, self._top()
        page = window.host.current
        return {
            "open": window.host.current is not None,
            "page": page.page_id if page is not None else None,
            "message": window.host.message.text if page is None else "",
            "banner": window.banner.plain,
            "toasts": window.toasts.texts,
            "undo": window.undo_text(),
            "strip": {cell: _cell(window, cell) for cell in window.strip.ids},
            "badges": {entry: window.rail[entry].badge for entry in window.rail.ids},
            "status": window.status.texts,
            "dark": window.palette().window().color().lightness() < 128,
            "size": [window.width(), window.height()],
            "active": self._app.activePopupWidget() is not None or top.isActiveWindow(),
            "focus": self._focus().objectName(),
            "dialog": _describe(top) if top is not window else None,
            **_describe(page if page is not None else window),
        }


def _cell(window: Window, cell_id: str) -> dict[str, str]:
    shown = window.strip[cell_id].shown
    return {"value": shown.value, "note": shown.note}


def _describe(root: QWidget) -> dict[str, Any]:
    """Texts by object name, tables with their rows, buttons with whether they can be pressed."""
    visible = [w for w in root.findChildren(QWidget) if w.isVisible()]
    named = [w for w in visible if w.objectName() and not w.objectName().startswith("qt_")]
    labels = [w.text() for w in visible if isinstance(w, QLabel) and w.text()]
    menu = [_plain(a.text()) for a in root.actions() if a.text()] if isinstance(root, QMenu) else []
    return {
        "name": root.objectName(),
        "title": root.windowTitle(),
        "texts": {w.objectName(): _words(w) for w in named if _words(w)},
        "labels": labels,
        "menu": menu,
        "buttons": {
            w.objectName() or _plain(w.text()): {"text": _plain(w.text()), "enabled": w.isEnabled()}
            for w in visible
            if isinstance(w, QAbstractButton) and (w.objectName() or w.text())
        },
        "tables": {w.objectName(): _rows(w) for w in visible if isinstance(w, QAbstractItemView)},
    }


def _rows(view: QAbstractItemView) -> dict[str, Any]:
    model: QAbstractItemModel | None = view.model()
    if model is None:
        return {"count": 0, "rows": []}
    role = int(Qt.ItemDataRole.DisplayRole)
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()  # a list's is private
    rows = [
        [str(model.index(row, column).data(role) or "") for column in range(columns)]
        for row in range(min(_ROWS, model.rowCount()))
    ]
    selection: QItemSelectionModel | None = view.selectionModel()
    selected = sorted({i.row() for i in selection.selectedIndexes()}) if selection is not None else []
    return {"count": model.rowCount(), "rows": rows, "selected": selected[:_ROWS]}


def _words(widget: QWidget) -> str:
    match widget:
        case QLabel() | QLineEdit() | QAbstractButton():
            return _plain(widget.text())
        case QComboBox():
            return widget.currentText()
        case QPlainTextEdit() | QTextEdit():
            return widget.toPlainText()
        case QAbstractSpinBox():
            return widget.text()
        case _:
            return ""


def _plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _modifiers(text: str) -> Qt.KeyboardModifier:
    out = Qt.KeyboardModifier.NoModifier
    for word in text.lower().split("+"):
        if word == "ctrl":
            out |= Qt.KeyboardModifier.ControlModifier
        elif word == "shift":
            out |= Qt.KeyboardModifier.ShiftModifier
    return out


def _mouse(
    target: QWidget,
    place: QPoint,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
    *,
    twice: bool = False,
) -> None:
    from PySide6.QtTest import QTest

    button = Qt.MouseButton.LeftButton
    if twice:
        QTest.mouseDClick(target, button, modifier, place)
    else:
        QTest.mouseClick(target, button, modifier, place)
