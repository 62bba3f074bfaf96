"""How the table looks to one person: columns, widths, sort and density, remembered across restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QMenu, QWidget

from autotask_console.models.cells import BY_ID, COLUMNS, DEFAULT_COLUMNS, DEFAULT_SORT
from autotask_console.settings import Settings, declared
from autotask_console.text import tr
from autotask_queue import Sort

if TYPE_CHECKING:
    from autotask_console.pages.queue.narrowing import Narrowing
    from autotask_console.pages.queue.table import RequestTable

T = TypeVar("T")

_TABLE = "queue"
_ALWAYS = frozenset({"state", "request"})


class Presentation(QObject):
    """Applies the settings to the table, and keeps what a person changes there.

    `sorted()` when the list is to be read in another order.
    """

    sorted = Signal()

    def __init__(self, settings: Settings, table: RequestTable, narrowing: Narrowing) -> None:
        super().__init__(table)
        self._settings = settings
        self._table = table
        self._narrowing = narrowing
        self._restore_sort()
        self._show_columns()
        table.set_density(settings.get(declared.DENSITY))
        table.resized_by_hand.connect(self._resized)
        table.horizontalHeader().sectionClicked.connect(self._clicked)
        settings.changed.connect(self._changed)

    @property
    def relative(self) -> bool:
        """Whether ages are told as "3 min"."""
        return self._settings.get(declared.TIMES) == "relative"

    @property
    def columns(self) -> list[str]:
        """Ids of the shown columns."""
        return self._settings.get(declared.COLUMNS).get(_TABLE, list(DEFAULT_COLUMNS))

    @property
    def is_dense(self) -> bool:
        return self._settings.get(declared.DENSITY) == "dense"

    # -- columns

    def menu(self, parent: QWidget) -> QMenu:
        """All columns to switch on and off, the densities, and the way back."""
        menu = QMenu(parent)
        menu.setObjectName("queue.columns.menu")
        menu.aboutToShow.connect(lambda: self._fill(menu))
        return menu

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        shown = self.columns
        for column in COLUMNS:
            action = menu.addAction(column.title)
            action.setObjectName(f"queue.column.{column.id}")
            action.setCheckable(True)
            action.setChecked(column.id in shown or column.id in _ALWAYS)
            action.setEnabled(column.id not in _ALWAYS)
            action.triggered.connect(lambda _=False, which=column.id: self.toggle_column(which))
        menu.addSeparator()
        dense = menu.addAction(tr("Dense rows"))
        dense.setObjectName("queue.dense")
        dense.setCheckable(True)
        dense.setChecked(self.is_dense)
        dense.triggered.connect(self.toggle_density)
        usual = menu.addAction(tr("Usual columns"))
        usual.setObjectName("queue.column.usual")
        usual.triggered.connect(self.reset)

    def toggle_column(self, column_id: str) -> None:
        shown = self.columns
        wanted = [c for c in shown if c != column_id] if column_id in shown else [*shown, column_id]
        self._put(declared.COLUMNS, [c.id for c in COLUMNS if c.id in wanted])
        self._show_columns()

    def toggle_density(self) -> None:
        self._settings.set(declared.DENSITY, "comfortable" if self.is_dense else "dense")

    def reset(self) -> None:
        """The usual columns with their usual widths."""
        self._put(declared.COLUMNS, list(DEFAULT_COLUMNS))
        self._put(declared.COLUMN_WIDTHS, {})
        self._show_columns()

    def _show_columns(self) -> None:
        self._table.show_columns(self.columns, self._settings.get(declared.COLUMN_WIDTHS).get(_TABLE, {}))

    def _resized(self, column_id: str, width: int) -> None:
        widths = {**self._settings.get(declared.COLUMN_WIDTHS).get(_TABLE, {}), column_id: width}
        self._put(declared.COLUMN_WIDTHS, widths)

    # -- sort

    def _clicked(self, section: int) -> None:
        column = COLUMNS[section]
        if column.sort is None:
            self._show_sort()
            return
        here = self._narrowing.sort.field is column.sort
        first = "desc" if column.descending_first else "asc"
        other = "asc" if first == "desc" else "desc"
        turned = here and self._narrowing.sort.direction == first
        # Age rises as the order of arrival falls.
        self._sort(column.id, other if turned else first)

    def _sort(self, column_id: str, direction: str) -> None:
        self._put(declared.SORTS, [column_id, direction])
        self._restore_sort()
        self.sorted.emit()

    def _restore_sort(self) -> None:
        column_id, direction = self._settings.get(declared.SORTS).get(_TABLE) or ("", "")
        column = BY_ID.get(column_id)
        if column is not None and column.sort is not None:
            self._narrowing.sort = Sort(field=column.sort, direction="desc" if direction == "desc" else "asc")
        else:
            self._narrowing.sort = DEFAULT_SORT
        self._show_sort()

    def _show_sort(self) -> None:
        sort = self._narrowing.sort
        section = next((i for i, c in enumerate(COLUMNS) if c.sort is sort.field), -1)
        descending = sort.direction == "desc"
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self._table.horizontalHeader().setSortIndicator(section, order)

    def _put(self, setting: declared.Setting[dict[str, T]], value: T) -> None:
        self._settings.set(setting, {**self._settings.get(setting), _TABLE: value})

    def _changed(self, key: str) -> None:
        if key == declared.DENSITY.key:
            self._table.set_density(self._settings.get(declared.DENSITY))
