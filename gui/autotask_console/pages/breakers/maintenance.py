"""The dialog that holds sending for maintenance: what, how long, why, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QDateTime, QTimer
from PySide6.QtWidgets import QComboBox, QDateTimeEdit, QHBoxLayout, QLabel, QRadioButton, QWidget

from autotask_console.pages.breakers.view import (
    endpoints_of,
    entity_title,
    hold_in_force,
    scope_title,
    waiting,
)
from autotask_console.state import AppState
from autotask_console.text import clock_time, plural, tr
from autotask_console.widgets.form import Chips, FormRow, ReasonField, note
from autotask_console.widgets.sheets import Sheet
from autotask_queue import EVERY_ZONE, BreakerMetrics, BreakerState, Clock

MINUTE, HOUR = 60.0, 3_600.0
LONGEST = 24 * HOUR
NOTICE = 5 * MINUTE
"""How long before its end a hold is announced."""
LENGTHS = {"15m": 15 * MINUTE, "30m": 30 * MINUTE, "1h": HOUR, "2h": 2 * HOUR}
USUAL = "30m"
_UNTIL = "until"
_WIDTH = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """What the person wants. `starts_at` (seconds since the epoch) None is now; `seconds` its length."""

    zone: str
    entity: str | None
    starts_at: float | None
    seconds: float
    reason: str


class MaintenanceSheet(Sheet):
    """Fill it by hand, then read `hold`. The safe button has the focus.

    `zone` and `entity` are what is chosen at first; zone "*" chooses everything.
    """

    def __init__(
        self,
        parent: QWidget,
        *,
        state: AppState,
        clock: Clock,
        zones: Sequence[str],
        zone: str,
        entity: str | None = None,
        more_endpoints: Sequence[str] = (),
        recent_reasons: Sequence[str] = (),
    ) -> None:
        super().__init__(
            parent,
            name="maintenance",
            title=tr("Hold sending for maintenance"),
            keep=tr("Keep sending"),
            do=tr("Hold"),
        )
        self._state = state
        self._clock = clock
        self._endpoints: Mapping[str, tuple[str, ...]] = {
            z: tuple(dict.fromkeys((*endpoints_of(state, z), *more_endpoints))) for z in zones
        }
        first = zone if zone in self._endpoints else next(iter(self._endpoints), "")
        self._build_what(first, entity, everything=zone == EVERY_ZONE or not zones)
        self._build_when()
        self._reason = ReasonField(recent_reasons, placeholder=tr("For example: firewall swap"))
        self._reason.changed.connect(self._show)
        self.body.addWidget(FormRow(tr("Why"), self._reason, required=True, label_width=78))
        self._impact = QLabel()
        self._impact.setObjectName("maintenance.impact")
        self._after = note("")
        self._after.setObjectName("maintenance.after")
        self._impact.setWordWrap(True)
        self.body.addWidget(self._impact)
        self.body.addWidget(self._after)
        self._timer = QTimer(self)
        self._timer.setInterval(5_000)
        self._timer.timeout.connect(self._show)
        self._timer.start()
        self._show()

    # -- what was chosen

    @property
    def zone(self) -> str:
        return EVERY_ZONE if self._everything.isChecked() else self._zones.currentData() or EVERY_ZONE

    @property
    def entity(self) -> str | None:
        return self._entities.currentData() if self._one.isChecked() else None

    @property
    def starts_at(self) -> float | None:
        return _seconds(self._start) if self._starts.value == "later" else None

    @property
    def seconds(self) -> float:
        """How long, from the start; 0 or less if the end is before the start."""
        if self._lengths.value == _UNTIL:
            return _seconds(self._end) - self._from()
        return LENGTHS[self._lengths.value]

    @property
    def hold(self) -> Hold:
        return Hold(
            zone=self.zone,
            entity=self.entity,
            starts_at=self.starts_at,
            seconds=self.seconds,
            reason=self._reason.text,
        )

    def _from(self) -> float:
        return self.starts_at or self._clock.now()

    # -- building

    def _build_what(self, zone: str, entity: str | None, *, everything: bool) -> None:
        self._zones = QComboBox()
        self._zones.setObjectName("maintenance.zone")
        for name in self._endpoints:
            self._zones.addItem(name, name)
        self._zones.setCurrentIndex(max(0, self._zones.findData(zone)))
        if len(self._endpoints) > 1:
            self.body.addWidget(FormRow(tr("Zone"), self._zones, label_width=78))
        self._one = QRadioButton(tr("Only"))
        self._one.setAccessibleName(tr("Only one kind of record"))
        self._whole = QRadioButton()
        self._everything = QRadioButton(tr("Everything"))
        self._entities = QComboBox()
        self._entities.setObjectName("maintenance.entity")
        self._entities.setAccessibleName(tr("Kind of record"))
        for button, name in ((self._one, "one"), (self._whole, "whole"), (self._everything, "everything")):
            button.setObjectName(f"maintenance.what.{name}")
            button.toggled.connect(self._show_if_ready)
        what = QWidget()
        row = QHBoxLayout(what)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._one)
        row.addWidget(self._entities)
        row.addSpacing(10)
        row.addWidget(self._whole)
        row.addSpacing(10)
        row.addWidget(self._everything)
        row.addStretch(1)
        self._what = FormRow(tr("What"), what, label_width=78)
        self.body.addWidget(self._what)
        self._zone_chosen()
        self._entities.setCurrentIndex(max(0, self._entities.findData(entity)))
        chosen = self._everything if everything else self._one if entity else self._whole
        chosen.setChecked(True)
        self._zones.currentIndexChanged.connect(self._zone_chosen)
        self._entities.activated.connect(lambda: self._one.setChecked(True))
        self._entities.currentIndexChanged.connect(self._show_if_ready)

    def _build_when(self) -> None:
        now = QDateTime.fromSecsSinceEpoch(int(self._clock.now()))
        self._starts = Chips((("now", tr("Now")), ("later", tr("Later…"))), name="maintenance.start")
        self._starts.choose("now")
        self._start = _moment("maintenance.start.at", tr("Starts at"), now.addSecs(int(HOUR)))
        starts = FormRow(tr("Start"), _beside(self._starts, self._start), label_width=78)
        self._starts.setAccessibleName(tr("Start"))
        chips = (
            ("15m", tr("15 min")),
            ("30m", tr("30 min")),
            ("1h", tr("1 h")),
            ("2h", tr("2 h")),
            (_UNTIL, tr("Until…")),
        )
        self._lengths = Chips(chips, name="maintenance.length")
        self._lengths.choose(USUAL)
        self._end = _moment("maintenance.end.at", tr("Ends at"), now.addSecs(int(HOUR)))
        self._ends = QLabel()
        self._ends.setObjectName("maintenance.ends")
        self._length_row = FormRow(
            tr("How long"), _beside(self._lengths, self._end, self._ends), label_width=78
        )
        self._lengths.setAccessibleName(tr("How long"))
        self.body.addWidget(self._length_row)
        self.body.addWidget(starts)
        for chips_widget in (self._starts, self._lengths):
            chips_widget.chosen.connect(self._chip_chosen)
        for edit in (self._start, self._end):
            edit.dateTimeChanged.connect(self._show)

    # -- following

    def _zone_chosen(self) -> None:
        zone = self._zones.currentData()
        self._entities.clear()
        for entity in self._endpoints.get(zone, ()):
            self._entities.addItem(entity_title(entity), entity)
        possible = self._entities.count() > 0
        self._one.setEnabled(possible)
        self._entities.setEnabled(possible)
        self._one.setToolTip("" if possible else tr("This zone was not used yet."))
        self._whole.setText(tr("Zone {zone}", zone=zone))
        self._whole.setVisible(zone is not None)
        if self._one.isChecked() and not possible:
            self._whole.setChecked(True)
        self._show_if_ready()

    def _chip_chosen(self) -> None:
        """Offers an end that is possible; what a person typed stays, unless it no longer is."""
        if _seconds(self._end) <= self._from():
            self._end.setDateTime(QDateTime.fromSecsSinceEpoch(int(self._from() + HOUR)))
        self._show()

    def _show_if_ready(self) -> None:
        if hasattr(self, "_after"):
            self._show()

    def _show(self) -> None:
        now = self._clock.now()
        self._start.setVisible(self._starts.value == "later")
        self._end.setVisible(self._lengths.value == _UNTIL)
        start, length = self._from(), self.seconds
        problem = _problem(start, length, now=now)
        self._length_row.set_error(problem)
        end = start + length
        self._ends.setText("" if problem else tr("ends {when}", when=_named(end, now=now)))
        # The field for the end says it already.
        self._ends.setVisible(self._lengths.value != _UNTIL)
        scope = scope_title(self.zone, self.entity)
        later = self.starts_at is not None
        self.do_button.setText(
            tr("Plan hold of {scope}", scope=scope) if later else tr("Hold {scope}", scope=scope)
        )
        self._impact.setText(self._impact_sentence(later=later, now=now))
        self._after.setText(_afterwards(end, length, now=now, problem=problem))
        self._check(problem)
        self._fit()

    def _fit(self) -> None:
        """A window that has a minimum of its own does not grow with its content by itself."""
        layout = self.layout()
        if layout is not None:
            self.setMinimumWidth(max(_WIDTH, layout.minimumSize().width()))

    def _impact_sentence(self, *, later: bool, now: float) -> str:
        count = waiting(self._state.counters, self.zone, self.entity)
        if later:
            what = tr("Until then sending goes on. What waits at that time is held.")
        elif count == 0:
            what = tr("Nothing waits there now.")
        else:
            what = plural(count, "{n} waiting request will be held.", "{n} waiting requests will be held.")
        text = f"{what} {tr('New ones are still accepted.')}"
        breaker = next((b for b in self._state.breakers if b.zone == self.zone), None)
        standing = hold_in_force(
            breaker or BreakerMetrics(zone=self.zone, state=BreakerState.CLOSED), now, self.entity
        )
        if standing is not None:
            text += " " + tr("It replaces the hold “{reason}”.", reason=standing.reason)
        return text

    def _check(self, problem: str) -> None:
        why_not = problem or ("" if self._reason.text else tr("Say why first; it goes into the audit trail."))
        self.do_button.setEnabled(not why_not)
        self.do_button.setToolTip(why_not)


def _problem(start: float, length: float, *, now: float) -> str:
    if start < now - MINUTE:
        return tr("The start is in the past. Choose a later time.")
    if length <= 0:
        return tr("The end must be after the start.")
    if length > LONGEST:
        return tr("At most 24 hours. Extend it later if it takes longer.")
    return ""


def _afterwards(end: float, length: float, *, now: float, problem: str) -> str:
    if problem:
        return ""
    text = tr("Afterwards we test with 1 request before resuming.")
    if length > NOTICE:
        text += " " + tr("You get a notice at {time}.", time=clock_time(end - NOTICE, now=now))
    return text


def _named(at: float, *, now: float) -> str:
    """The time with its day, today included: "today 14:30"."""
    text, bare = clock_time(at, now=now), clock_time(at)
    return tr("today {time}", time=bare) if text == bare else text


def _seconds(edit: QDateTimeEdit) -> float:
    return float(edit.dateTime().toSecsSinceEpoch())


def _moment(name: str, title: str, at: QDateTime) -> QDateTimeEdit:
    edit = QDateTimeEdit(at)
    edit.setObjectName(name)
    edit.setAccessibleName(title)
    edit.setCalendarPopup(True)
    edit.setDisplayFormat("yyyy-MM-dd HH:mm")
    return edit


def _beside(*widgets: QWidget) -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return box
