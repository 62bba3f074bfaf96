"""Where table, details and sidebar are: beside each other where there is room, else below and in a menu."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from autotask_console.settings import Settings, declared

BESIDE_FROM = 1090
"""Width of the page from which the details stand at its right: a window of 1 250 px."""
SIDEBAR_FROM = 1240
"""And from which the facets stand open: a window of 1 400 px."""
DETAILS_WIDTH = 392
_LEAST_TABLE = 480


class Panes(QObject):
    """Arranges by the page's width. `arranged()` after something was shown or hidden."""

    arranged = Signal()

    def __init__(
        self,
        page: QWidget,
        settings: Settings,
        *,
        bar: QWidget,
        main: QWidget,
        details: QWidget,
        sidebar: QWidget,
    ) -> None:
        super().__init__(page)
        self._settings = settings
        self._details = details
        self._sidebar = sidebar
        self._beside = True
        self._below_open = False
        self._width = 0
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("queue.splitter")
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(8)
        self.splitter.addWidget(main)
        self.splitter.addWidget(details)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 0)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(bar)
        right.addWidget(self.splitter, 1)
        across = QHBoxLayout(page)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(10)
        across.addWidget(sidebar)
        across.addLayout(right, 1)
        self._save = QTimer(self)
        self._save.setSingleShot(True)
        self._save.setInterval(500)
        self._save.timeout.connect(self._remember)
        self.splitter.splitterMoved.connect(lambda *_: self._save.start())

    @property
    def details_shown(self) -> bool:
        return not self._details.isHidden()

    @property
    def sidebar_shown(self) -> bool:
        return not self._sidebar.isHidden()

    def arrange(self, width: int) -> None:
        """The page is `width` pixels wide."""
        beside = width >= BESIDE_FROM
        turned = beside != self._beside or not self._width
        self._width, self._beside = width, beside
        if turned:
            self.splitter.setOrientation(Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical)
        self._show()
        if turned:
            self._restore()

    def toggle_details(self) -> None:
        """By hand: remembered where they stand beside, for now where they would cover the table."""
        if self._beside:
            shown = self._settings.get(declared.DETAILS)
            self._settings.set(declared.DETAILS, "hidden" if shown == "shown" else "shown")
        else:
            self._below_open = not self._below_open
        self._show()

    def open_details(self) -> None:
        if not self.details_shown:
            self.toggle_details()

    def close_details(self) -> None:
        """Esc: what was opened below the table goes again; beside it they stay."""
        if not self._beside and self._below_open:
            self.toggle_details()

    def toggle_sidebar(self) -> None:
        self._settings.set(declared.FACETS, "hidden" if self.sidebar_shown else "shown")
        self._show()

    def _show(self) -> None:
        was_shown = self.details_shown
        self._details.setVisible(
            self._settings.get(declared.DETAILS) == "shown" if self._beside else self._below_open
        )
        if self.details_shown and not was_shown:
            self._restore()
        facets = self._settings.get(declared.FACETS)
        self._sidebar.setVisible(facets == "shown" or (facets == "auto" and self._width >= SIDEBAR_FROM))
        self.arranged.emit()

    @property
    def _key(self) -> str:
        return "queue.beside" if self._beside else "queue.below"

    def _restore(self) -> None:
        sizes = self._settings.get(declared.SPLITTERS).get(self._key)
        if sizes is None:
            whole = self._width if self._beside else max(self.splitter.height(), 300)
            second = DETAILS_WIDTH if self._beside else whole // 2
            sizes = [max(_LEAST_TABLE if self._beside else 120, whole - second), second]
        self.splitter.setSizes(sizes)

    def _remember(self) -> None:
        if self.details_shown:
            all_sizes = dict(self._settings.get(declared.SPLITTERS))
            all_sizes[self._key] = self.splitter.sizes()
            self._settings.set(declared.SPLITTERS, all_sizes)
