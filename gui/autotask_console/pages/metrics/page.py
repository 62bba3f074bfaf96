"""Metrics: what went out, what waits, how fast Autotask answers; live, or stopped to look closely."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from PySide6.QtCore import QStandardPaths, Qt, QTimer
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.actions import Action
from autotask_console.pages.base import Page, Services
from autotask_console.pages.metrics.buckets import (
    Bucket,
    Figures,
    aggregate,
    figures,
    floor_to,
    joined,
)
from autotask_console.pages.metrics.export import as_csv, file_name
from autotask_console.pages.metrics.figures import FiguresColumn
from autotask_console.pages.metrics.table import MinutesModel, minutes_table
from autotask_console.pages.metrics.view import MINUTE, USUAL, live_view, range_titles
from autotask_console.runtime.ask import ask
from autotask_console.state import AppState, ChangeFlags, Changes
from autotask_console.text import plural, tr
from autotask_console.widgets.button import Button
from autotask_console.widgets.form import Chips
from autotask_console.widgets.label import small
from autotask_queue import MinuteStat

if TYPE_CHECKING:
    from autotask_console.pages.metrics.plots import Plots

UPDATE_MS = 1_000
"""The charts are drawn anew once a second at most, and not at all while nobody sees them."""
_SETTLE_MS = 250
"""After a pan or zoom, before values are read for where it went."""


def create(services: Services) -> Page:
    """The page, not yet visited."""
    return MetricsPage(services)


class MetricsPage(Page):
    """Follows the present until a person pans or zooms; F5, a range or the Live button follow again."""

    page_id: ClassVar[str] = "metrics"
    flags: ClassVar[ChangeFlags] = (
        ChangeFlags.METRICS
        | ChangeFlags.COUNTERS
        | ChangeFlags.CONNECTIVITY
        | ChangeFlags.GATES
        | ChangeFlags.PAUSED
        | ChangeFlags.TIME
    )

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._range = USUAL
        self._view = live_view(USUAL, services.clock.now())
        self._minutes: list[MinuteStat] = []
        self._read_from = float("inf")
        self._buckets: list[Bucket] = []
        self._figures = Figures()
        self._dirty = True
        self._reading = False
        self._drawn_minute = 0.0
        self._plots: Plots | None = None
        self._loading = small(tr("Preparing the charts…"))
        self._loading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._model = MinutesModel()
        self._table = minutes_table(self._model)
        self._stack = QStackedWidget()
        self._column = FiguresColumn()
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(UPDATE_MS)
        self._rest.timeout.connect(self._rested)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        self._lay_out()

    def _lay_out(self) -> None:
        self._ranges = Chips(range_titles(), name="metrics.range")
        self._ranges.setAccessibleName(tr("Range"))
        self._ranges.choose(USUAL)
        self._ranges.chosen.connect(self._range_chosen)
        self._live = Button("", name="metrics.live")
        self._live.clicked.connect(self.go_live)
        self._as_table = Button(tr("View as table"), name="metrics.as-table")
        self._as_table.setCheckable(True)
        self._as_table.toggled.connect(self._switch)
        csv = Button(tr("Export CSV…"), name="metrics.export.csv")
        csv.clicked.connect(lambda: self._start_export("csv"))
        self._picture = Button(tr("Export picture…"), name="metrics.export.png")
        self._picture.clicked.connect(lambda: self._start_export("png"))
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._ranges)
        top.addWidget(self._live)
        top.addStretch(1)
        for button in (self._as_table, csv, self._picture):
            top.addWidget(button)
        self._stack.addWidget(self._loading)
        self._stack.addWidget(self._table)
        middle = QHBoxLayout()
        middle.setSpacing(10)
        middle.addWidget(self._stack, 1)
        middle.addWidget(self._column)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addLayout(top)
        outer.addLayout(middle, 1)
        self._show_live()

    # -- life

    @override
    def enter(self, argument: object) -> None:
        if self._plots is None:
            self.services.tasks.start(self._make_plots(), what=tr("prepare the charts"))

    @override
    def leave(self) -> None:
        self._rest.stop()
        self._settle.stop()

    @override
    def refresh(self, state: AppState, changed: Changes) -> None:
        """Everything at once means the page was entered, or F5: follow the present again."""
        if changed.flags == ChangeFlags.ALL:
            self.go_live()
            return
        now = self.services.clock.now()
        if changed.flags & ~ChangeFlags.TIME:
            self._dirty = True
        passing = floor_to(now, MINUTE) != self._drawn_minute or bool(self._figures.now)
        if self._view.live and (self._dirty or passing) and not self._rest.isActive():
            self._update()

    async def _make_plots(self) -> None:
        """Imports pyqtgraph in a thread: it takes up to half a second, and the window stays alive."""
        if self._plots is not None:
            return
        module = await asyncio.to_thread(importlib.import_module, "autotask_console.pages.metrics.plots")
        if self._plots is None:
            self._plots = module.Plots()
            self._plots.moved.connect(self._moved)
            self._stack.addWidget(self._plots)
            self._switch()
            self._draw()

    # -- reading and drawing

    def _update(self) -> None:
        """Reads what is new and draws; rests a second before the next."""
        if self._reading or not self.isVisible():
            return
        self._reading = True
        self._dirty = False
        self._rest.start()
        self.services.tasks.start(self._read(), what=tr("read the metrics"), on_done=self._read_done)

    def _rested(self) -> None:
        if self._dirty and self._view.live:
            self._update()

    def _read_done(self) -> None:
        self._reading = False

    async def _read(self) -> None:
        now = self.services.clock.now()
        view = self._view.following(now)
        queue = self.services.queue
        if view.start < self._read_from or not self._minutes:
            since = floor_to(view.start, view.size)
            self._minutes = await queue.minutes(since=since)
            self._read_from = since
        else:
            fresh = await queue.minutes(since=self._minutes[-1].at)
            self._minutes = joined(self._minutes, fresh)
        sent = (await queue.get_metrics()).sent_last_minute
        view = self._view = self._view.following(now)  # a person may have moved it meanwhile
        self._buckets = aggregate(self._minutes, start=view.start, end=view.end, size=view.size, now=now)
        self._figures = figures(self._buckets, now=sent)
        self._drawn_minute = floor_to(now, MINUTE)
        self._draw()

    def _draw(self) -> None:
        now = self.services.clock.now()
        self._column.show_figures(self._figures)
        if self._stack.currentWidget() is self._table:
            self._model.show_buckets(self._buckets, now=now)
        elif self._plots is not None:
            self._plots.show_buckets(self._buckets, self._figures, now=now)
            if self._view.live or not self._settle.isActive():
                self._plots.show_view(self._view, now=now)

    # -- following and looking

    def go_live(self) -> None:
        """Follows the present with the chosen range."""
        self._view = live_view(self._range, self.services.clock.now())
        self._show_live()
        self._settle.stop()
        self._update()

    def _range_chosen(self, range_id: str) -> None:
        self._range = range_id
        self.go_live()

    def _moved(self, start: float, end: float) -> None:
        self._view = self._view.stopped_at(start, end)
        self._show_live()
        self._settle.start()

    def _settled(self) -> None:
        """A pan or zoom came to rest: show that stretch in its own detail."""
        if self._reading:
            self._settle.start()
        else:
            self._update()

    def _show_live(self) -> None:
        live = self._view.live
        self._live.setText(tr("● Live") if live else tr("‖ Paused – back to live"))
        self._live.setToolTip(
            tr("Follows the present. Drag or turn the wheel over a chart to stop and look.")
            if live
            else tr("Follow the present again (F5).")
        )
        self._live.setAccessibleName(self._live.text()[2:])
        self.actions_changed.emit()

    def _switch(self) -> None:
        wanted = self._table if self._as_table.isChecked() else self._plots or self._loading
        self._stack.setCurrentWidget(wanted)
        self._picture.setEnabled(wanted is self._plots)
        self._picture.setToolTip("" if wanted is self._plots else tr("Show the charts first."))
        self._draw()
        self.actions_changed.emit()

    # -- export

    def _start_export(self, kind: Literal["csv", "png"]) -> None:
        self.services.tasks.start(self.export(kind), what=tr("save the metrics"))

    async def export(self, kind: Literal["csv", "png"]) -> None:
        """Asks where, then saves what is shown now.

        Raises:
            OSError: it could not be written.
        """
        buckets = list(self._buckets)
        picture = self._stack.grab().toImage() if kind == "png" else None
        path = await self._ask_path(file_name(buckets, kind), kind)
        if path is None:
            return
        if picture is None:
            await asyncio.to_thread(path.write_text, as_csv(buckets), encoding="utf-8", newline="")
            rows = plural(len(buckets), "{n} row", "{n} rows")
            self.services.toasts.say(tr("Saved {rows} as {name}.", rows=rows, name=path.name))
        elif await asyncio.to_thread(lambda: picture.save(str(path))):
            self.services.toasts.say(tr("Saved the picture as {name}.", name=path.name))
        else:
            raise OSError(0, tr("{path} could not be written", path=path))

    async def _ask_path(self, name: str, kind: Literal["csv", "png"]) -> Path | None:
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        title = tr("Save the values") if kind == "csv" else tr("Save the picture")
        pattern = tr("Table (*.csv)") if kind == "csv" else tr("Picture (*.png)")
        dialog = QFileDialog(self, title, folder, pattern)
        dialog.setObjectName("metrics.export.dialog")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(kind)
        dialog.selectFile(name)
        if await ask(dialog) != QDialog.DialogCode.Accepted:
            return None
        return Path(dialog.selectedFiles()[0])

    # -- actions

    @override
    def page_actions(self) -> Sequence[Action]:
        return (
            Action(
                id="metrics.go-live",
                title=tr("Back to &live"),
                run=self.go_live,
                when=lambda _: tr("The charts follow the present already.") if self._view.live else "",
                menu="View",
                group="metrics",
            ),
            Action(
                id="metrics.view-as-table",
                title=tr("Metrics as a &table"),
                run=self._as_table.toggle,
                checked=lambda _: self._as_table.isChecked(),
                shortcut="Ctrl+T",
                menu="View",
                group="metrics",
            ),
            Action(
                id="metrics.save-csv",
                title=tr("Export metrics as &CSV…"),
                run=lambda: self.export("csv"),
                menu="File",
                group="export",
            ),
            Action(
                id="metrics.save-png",
                title=tr("Export metrics as a &picture…"),
                run=lambda: self.export("png"),
                when=lambda _: "" if self._picture.isEnabled() else tr("Show the charts first."),
                menu="File",
                group="export",
            ),
        )

    @override
    def focus_regions(self) -> Sequence[QWidget]:
        return (self._ranges, self._stack)
