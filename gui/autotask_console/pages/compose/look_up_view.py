"""Look up: ask Autotask for tickets, companies and contacts, and go on with what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from autotask_console.models.look_ups import SEARCHABLE
from autotask_console.models.references import References
from autotask_console.pages.compose.editors import Line
from autotask_console.pages.compose.kinds import Kind
from autotask_console.text import Tone, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.focus_order import tab_before
from autotask_console.widgets.form import Chips
from autotask_console.widgets.label import ToneLabel, small

_COLUMNS: dict[str, tuple[tuple[str, str], ...]] = {
    "Tickets": (
        ("ticketNumber", "Number"),
        ("title", "Title"),
        ("companyID", "Company"),
        ("status", "Status"),
    ),
    "Companies": (("id", "Number"), ("companyName", "Name"), ("city", "City"), ("phone", "Phone")),
    "Contacts": (
        ("id", "Number"),
        ("firstName", "First name"),
        ("lastName", "Last name"),
        ("companyID", "Company"),
        ("emailAddress", "Email"),
    ),
}
USES: dict[str, tuple[tuple[Kind, str], ...]] = {
    "Tickets": (
        (Kind.ADD_NOTE, "Add note"),
        (Kind.LOG_TIME, "Log time"),
        (Kind.UPDATE_TICKET, "Update it"),
    ),
    "Companies": ((Kind.CREATE_TICKET, "Create a ticket for it"),),
    "Contacts": ((Kind.CREATE_TICKET, "Create a ticket for them"),),
}
"""What can be begun with a record of each entity."""
FIELD: dict[tuple[str, Kind], str] = {
    ("Tickets", Kind.ADD_NOTE): "ticketID",
    ("Tickets", Kind.LOG_TIME): "ticketID",
    ("Tickets", Kind.UPDATE_TICKET): "id",
    ("Companies", Kind.CREATE_TICKET): "companyID",
    ("Contacts", Kind.CREATE_TICKET): "contactID",
}
"""Which field then gets the record's number."""
_WIDTHS = {"ticketNumber": 116, "companyID": 180, "status": 130, "emailAddress": 180, "id": 84}
_ROW = int(Qt.ItemDataRole.UserRole)


class LookUpView(QWidget):
    """`asked(entity, text)`, `used(entity, kind, record)`, `lists_asked()`."""

    asked = Signal(str, str)
    used = Signal(str, str, dict)
    lists_asked = Signal()

    def __init__(self, references: References) -> None:
        super().__init__()
        self.setObjectName("compose.look_up")
        self._references = references
        self._why_not = ""
        self._busy = False
        self._refreshing = False
        self._asking = ""
        self._chips = Chips([(entity, tr(entity)) for entity in SEARCHABLE], name="compose.look_up.entity")
        self._chips.setAccessibleName(tr("Look up"))
        self._chips.choose("Tickets")
        self._chips.chosen.connect(lambda _: self._entity_chosen())
        self._line = Line()
        self._line.setObjectName("compose.look_up.text")
        self._line.setAccessibleName(tr("What to look up"))
        self._line.returnPressed.connect(self._ask)
        self._line.textEdited.connect(lambda _: self._enable())
        self._button = Button(tr("Look up"), kind=ButtonKind.PRIMARY, name="compose.look_up.go")
        self._button.clicked.connect(self._ask)
        self._status = ToneLabel(tone=Tone.QUIET)
        self._status.setObjectName("compose.look_up.status")
        self._status.setWordWrap(True)
        self._table = _table()
        self._table.itemSelectionChanged.connect(self._enable)
        self._table.itemActivated.connect(lambda _: self._use(self._uses[0][0]) if self._uses else None)
        self._use_row = QHBoxLayout()
        self._use_row.setSpacing(6)
        self._uses: list[tuple[Kind, Button]] = []
        self._lists = small()
        self._lists.setWordWrap(True)
        self._lists.setObjectName("compose.look_up.lists")
        self._refresh = Button(tr("Refresh lists"), name="compose.look_up.refresh")
        self._refresh.clicked.connect(self.lists_asked)
        self._entity = "Tickets"
        self._lay_out()
        self.say("", Tone.QUIET)
        self._entity_chosen()

    def _lay_out(self) -> None:
        ask = QHBoxLayout()
        ask.addWidget(self._line, 1)
        ask.addWidget(self._button)
        below = QHBoxLayout()
        below.addWidget(self._lists, 1)
        below.addWidget(self._refresh)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(8)
        column.addWidget(self._chips)
        column.addLayout(ask)
        column.addWidget(self._status)
        column.addWidget(self._table, 1)
        column.addLayout(self._use_row)
        column.addLayout(below)

    # -- showing

    @property
    def entity(self) -> str:
        """What is looked up."""
        return self._chips.value or "Tickets"

    @property
    def text(self) -> str:
        return self._line.text().strip()

    @property
    def status(self) -> str:
        return self._status.text()

    @property
    def records(self) -> list[dict[str, Any]]:
        """What the table shows."""
        items = (self._table.item(row, 0) for row in range(self._table.rowCount()))
        return [item.data(_ROW) for item in items if item is not None]

    def set_reach(self, why_not: str) -> None:
        """Whether Autotask can be asked now, or why not."""
        if why_not == self._why_not:
            return
        self._why_not = why_not
        self._button.setText(tr("Search this laptop’s list") if why_not else tr("Look up"))
        self._button.setToolTip(why_not)
        self._refresh.setToolTip(why_not)
        if not self._busy:
            self.say(why_not, Tone.HELD if why_not else Tone.QUIET)
        self._enable()

    def set_busy(self, busy: bool, words: str = "") -> None:
        self._busy = busy
        if words:
            self._asking = words
            self.say(words, Tone.QUIET)
        self._enable()

    def set_refreshing(self, refreshing: bool) -> None:
        """Whether the lists are being fetched; look-ups go on meanwhile."""
        self._refreshing = refreshing
        self._enable()

    def settle(self) -> None:
        """A question has ended; one that was given up leaves no word of its own."""
        if self._why_not and self.status == self._asking:
            self.say(self._why_not, Tone.HELD)

    def say(self, text: str, tone: Tone) -> None:
        """One line above the table."""
        self._status.setText(text or tr("Type what you look for and press Enter."))
        self._status.set_tone(tone)
        if text:
            announce(self._status, text)

    def show_lists(self, text: str) -> None:
        """What this laptop knows, and since when."""
        self._lists.setText(text)

    def show_records(self, entity: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Fills the table and chooses the first row."""
        columns = _COLUMNS[entity]
        self._entity = entity
        self._table.setRowCount(0)
        self._table.setColumnCount(len(columns))
        self._table.setHorizontalHeaderLabels([tr(title) for _, title in columns])
        self._table.setRowCount(len(records))
        for row, record in enumerate(records):
            for column, (name, _) in enumerate(columns):
                item = QTableWidgetItem(self._cell(entity, name, record))
                item.setToolTip(item.text())
                if column == 0:
                    item.setData(_ROW, dict(record))
                self._table.setItem(row, column, item)
        header = self._table.horizontalHeader()
        for column in range(len(columns)):
            wide = column == 1
            mode = QHeaderView.ResizeMode.Stretch if wide else QHeaderView.ResizeMode.Interactive
            header.setSectionResizeMode(column, mode)
            if not wide:
                self._table.setColumnWidth(column, _WIDTHS.get(columns[column][0], 110))
        self._show_uses(entity)
        if records:
            self._table.selectRow(0)
        self._enable()

    def focus_first(self) -> None:
        self._line.setFocus()
        self._line.selectAll()

    # -- how

    def _cell(self, entity: str, name: str, record: Mapping[str, Any]) -> str:
        value = record.get(name)
        if value is None:
            return ""
        if name == "companyID":
            known = self._references.get("Companies", value)
            return known.label if known else str(value)
        if name == "status":
            choices = self._references.picklists(entity).get("status", ())
            return next((one.label for one in choices if str(one.id) == str(value)), str(value))
        return str(value)

    def _entity_chosen(self) -> None:
        words = {
            "Tickets": tr("Words of the title, a ticket number or an id"),
            "Companies": tr("Words of the name, a phone number or an id"),
            "Contacts": tr("A name, an email address or an id"),
        }
        self._line.setPlaceholderText(words[self.entity])
        self.show_records(self.entity, [])
        self._line.setFocus()

    def _show_uses(self, entity: str) -> None:
        if [kind for kind, _ in self._uses] == [kind for kind, _ in USES[entity]] and self._uses:
            return
        while (item := self._use_row.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._uses = []
        for kind, title in USES[entity]:
            button = Button(tr(title), name=f"compose.look_up.use.{kind.value}")
            button.clicked.connect(lambda _=False, which=kind: self._use(which))
            self._use_row.addWidget(button)
            self._uses.append((kind, button))
        self._use_row.addStretch(1)
        tab_before(self._refresh, *(button for _, button in self._uses))

    def _use(self, kind: Kind) -> None:
        row = self._table.currentRow()
        item = self._table.item(row, 0) if row >= 0 else None
        if item is not None:
            self.used.emit(self._entity, kind.value, item.data(_ROW))

    def _ask(self) -> None:
        if self.text and not self._busy:
            self.asked.emit(self.entity, self.text)
        elif not self.text:
            self.say(tr("Type what to look for first."), Tone.WARN)

    def _enable(self) -> None:
        self._button.setEnabled(not self._busy)
        self._refresh.setEnabled(not self._refreshing and not self._why_not)
        chosen = bool(self._table.selectedItems())
        for _, button in self._uses:
            button.setEnabled(chosen)
            button.setToolTip("" if chosen else tr("Choose a line of the table first."))


def _table() -> QTableWidget:
    table = QTableWidget(0, 0)
    table.setObjectName("compose.look_up.table")
    table.setAccessibleName(tr("What was found"))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setAlternatingRowColors(True)
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(26)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setFixedHeight(26)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return table
