"""The status bar: the connection as a button at its left, facts at its right."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from autotask_console.state import AppState
from autotask_console.text import Tone, age, countdown, data_size, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, small
from autotask_queue import Connectivity, GateKind


def connection_text(state: AppState, *, now: float) -> tuple[str, str, Tone]:
    """(glyph, words, tone) of the connection indicator."""
    if not state.open:
        return ("◔", tr("Not open"), Tone.WARN) if state.stuck else ("◌", tr("Starting"), Tone.QUIET)
    if state.online:
        return _online_text(state, now)
    connection = state.connectivity
    words = tr("Offline")
    if connection.state is Connectivity.WORK_OFFLINE:
        words = tr("Offline · by your choice")
    elif connection.state is Connectivity.PROBING:
        words = tr("Offline · trying now")
    elif connection.next_try_at is not None:
        words = tr("Offline · next try {left}", left=countdown(connection.next_try_at, now=now))
    return "◌", words, Tone.HELD


def _online_text(state: AppState, now: float) -> tuple[str, str, Tone]:
    connection = state.connectivity
    if not state.zones:
        return "◔", tr("Not signed in"), Tone.HELD
    if state.gate(GateKind.SIGN_IN) is not None:
        return "◔", tr("Limited: sign-in refused"), Tone.WARN
    zones = ", ".join(state.zones[:2]) + ("…" if len(state.zones) > 2 else "")
    if connection.last_ok_at is None:
        return "●", tr("Online · {zones}", zones=zones), Tone.GOOD
    if now - connection.last_ok_at < 1:
        return "●", tr("Online · {zones} · last reply just now", zones=zones), Tone.GOOD
    ago = age(connection.last_ok_at, now=now)
    return "●", tr("Online · {zones} · last reply {ago} ago", zones=zones, ago=ago), Tone.GOOD


class StatusBar(QWidget):
    """`menu_wanted(menu)` lets the shell fill the connection's menu before it opens."""

    menu_wanted = Signal(QMenu)

    def __init__(self, *, version: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 10, 1)
        row.setSpacing(14)
        self._mark = ToneLabel()
        self.connection = Button("", kind=ButtonKind.QUIET, name="status.connection")
        self.connection.clicked.connect(self._open_menu)
        self._menu = QMenu(self.connection)
        self._demo = ToneLabel(tone=Tone.HELD)
        self._saved = small()
        self._user = small()
        self._zone = small(_utc_offset())
        row.addWidget(self._mark)
        row.setSpacing(2)
        row.addWidget(self.connection)
        row.addStretch(1)
        for label in (self._demo, self._saved, self._user, self._zone, small(f"v{version}")):
            row.addWidget(label)
            row.addSpacing(10)
        self._mark.setContentsMargins(4, 0, 0, 0)

    def show_state(self, state: AppState, *, now: float) -> None:
        glyph, words, tone = connection_text(state, now=now)
        self._mark.setText(glyph)
        self._mark.set_tone(tone)
        if words != self.connection.text():
            self.connection.setText(words)
            self.connection.setAccessibleName(tr("Connection: {words}", words=words))
            self.connection.updateGeometry()
        self.connection.setToolTip(state.connectivity.detail or tr("Work offline, go online, try now"))
        self._demo.setText(tr("Demo data") if state.demo else "")
        self._saved.setText(_saved_text(state))
        self._saved.setToolTip(_place_text(state))
        self._user.setText(state.user)

    @property
    def texts(self) -> list[str]:
        """What stands in it, left to right."""
        labels = (self._demo, self._saved, self._user, self._zone)
        return [f"{self._mark.text()} {self.connection.text()}", *(x.text() for x in labels if x.text())]

    def _open_menu(self) -> None:
        self._menu.clear()
        self.menu_wanted.emit(self._menu)
        self._menu.popup(self.connection.mapToGlobal(self.connection.rect().topLeft()))


def _saved_text(state: AppState) -> str:
    if not state.open:
        return ""
    if not state.durable:
        return tr("Not saved: this queue lives in memory only")
    size = data_size(state.size_bytes)
    match state.encrypted:
        case True:
            return tr("Saved, encrypted · {size}", size=size)
        case False:
            return tr("Saved, not encrypted · {size}", size=size)
        case None:
            return tr("Saved · {size}", size=size)


def _place_text(state: AppState) -> str:
    if state.encrypted is not False:
        return state.location
    return tr(
        "{place}\nWhoever has this disk can read it. At the next start you can encrypt it.",
        place=state.location,
    )


def _utc_offset() -> str:
    offset = datetime.now().astimezone().utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else 0
    sign, minutes = ("+" if minutes >= 0 else "−"), abs(minutes)
    hours, rest = divmod(minutes, 60)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
