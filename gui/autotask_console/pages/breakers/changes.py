"""The latest changes, from the audit trail: who or what stopped, held, tested and resumed zones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QFrame, QListWidget, QListWidgetItem, QVBoxLayout

from autotask_console.pages.breakers.view import scope_title
from autotask_console.text import clock_time, date_time, tr
from autotask_console.widgets.label import heading, small
from autotask_console.widgets.panel import Panel
from autotask_queue import EVERY_ZONE, AuditEntry

KINDS = (
    "circuit.forced_open",
    "circuit.forced_closed",
    "circuit.extended",
    "circuit.override_ended",
    "circuit.tested",
    "circuit.reset",
    "circuit.open",
    "circuit.half_open",
    "circuit.closed",
)
READ, SHOWN = 60, 10
"""How many entries are read, and how many lines they may become."""
_ROW = 22
_BY_ITSELF = frozenset({"", "queue"})
_ROUTINE = "the pause is over"
"""Why a stopped zone is tested by itself."""


def change_sentence(entry: AuditEntry, *, now: float) -> str:
    """One audit entry in words, without its time."""
    entity, until, start = (entry.detail.get(key) for key in ("entity", "expires_at", "starts_at"))
    return tr(
        _template(entry, until=until, start=start),
        who=entry.actor,
        why=entry.why,
        scope=scope_title(entry.zone, entity),
        Zone=tr("Everything") if entry.zone == EVERY_ZONE else tr("Zone {name}", name=entry.zone),
        until=clock_time(until, now=now) if until else "",
        start=clock_time(start, now=now) if start else "",
    )


def _template(entry: AuditEntry, *, until: float | None, start: float | None) -> str:
    if entry.kind == "circuit.forced_open":
        if start is not None and start > entry.at:
            return "{who} planned a hold of {scope} from {start} – “{why}”"
        if until is None:
            return "{who} held {scope} – “{why}”"
    return (_OF_ITSELF if entry.actor in _BY_ITSELF else _BY_A_PERSON).get(entry.kind, "{Zone}: {why}")


_BY_A_PERSON = {
    "circuit.forced_open": "{who} held {scope} until {until} – “{why}”",
    "circuit.forced_closed": "{who} resumed {scope} in spite of failures until {until} – “{why}”",
    "circuit.extended": "{who} extended the hold of {scope} until {until}",
    "circuit.override_ended": "{who} ended the hold of {scope}",
    "circuit.reset": "{who} reset {scope}",
    "circuit.tested": "{who} tested {scope}",
}
_OF_ITSELF = {
    "circuit.override_ended": "The hold of {scope} ended: {why}",
    "circuit.open": "{Zone} stopped by itself: {why}",
    "circuit.half_open": "{Zone} is being tested: {why}",
    "circuit.closed": "{Zone} sends again: {why}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeLine:
    """One line: the newest of `times` equal changes in a row."""

    entry: AuditEntry
    sentence: str
    times: int = 1


def condense(entries: Sequence[AuditEntry], *, now: float) -> list[ChangeLine]:
    """Lines for entries, newest first: a long outage is one line, not a stop and a test each minute."""
    lines: list[ChangeLine] = []
    for entry in entries:
        if entry.kind == "circuit.half_open" and entry.why == _ROUTINE:
            continue
        sentence = change_sentence(entry, now=now)
        if lines and lines[-1].sentence == sentence and entry.actor in _BY_ITSELF:
            lines[-1] = replace(lines[-1], times=lines[-1].times + 1)
        else:
            lines.append(ChangeLine(entry=entry, sentence=sentence))
    return lines[:SHOWN]


class ChangesPanel(Panel):
    """The list; a real item view, so that a screen reader can walk it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("breakers.changes.panel")
        self._list = QListWidget()
        self._list.setObjectName("breakers.changes")
        self._list.setAccessibleName(tr("Recent changes"))
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setUniformItemSizes(True)
        self._empty = small(tr("Nothing changed yet. Holds, stops and tests appear here."))
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 9, 14, 9)
        column.setSpacing(5)
        column.addWidget(heading(tr("Recent changes"), factor=1.0))
        column.addWidget(self._empty)
        column.addWidget(self._list)
        self._fit()

    @property
    def view(self) -> QListWidget:
        return self._list

    @property
    def texts(self) -> list[str]:
        return [self._list.item(i).text() for i in range(self._list.count())]

    def show_entries(self, entries: Sequence[AuditEntry], *, now: float) -> None:
        """Newest first. Items are changed in place: selection and scroll position stay."""
        lines = condense(entries, now=now)
        while self._list.count() > len(lines):
            self._list.takeItem(self._list.count() - 1)
        for place, line in enumerate(lines):
            if place >= self._list.count():
                item = QListWidgetItem()
                item.setSizeHint(QSize(0, _ROW))
                self._list.addItem(item)
            item = self._list.item(place)
            times = tr(" ({n} times)", n=line.times) if line.times > 1 else ""
            text = f"{clock_time(line.entry.at, now=now)}   {line.sentence}{times}"
            if item.text() != text:
                item.setText(text)
                item.setToolTip(f"{date_time(line.entry.at)}\n{line.sentence}{times}\n{line.entry.kind}")
        self._fit()

    def _fit(self) -> None:
        count = self._list.count()
        self._empty.setVisible(count == 0)
        self._list.setVisible(count > 0)
        self._list.setFixedHeight(count * _ROW + 4)
