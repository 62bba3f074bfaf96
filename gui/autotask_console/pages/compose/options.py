"""When and how a request is sent: one line that says it, and the controls behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from autotask_console.pages.compose import moments
from autotask_console.pages.compose.checks import Finding
from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.editors import Line
from autotask_console.text import Tone, clock_time, priority_word, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import small

PRIORITIES = (10, 8, 5, 3, 1)


class Options(QWidget):
    """`changed(name, value)` after a person chose: priority, send_after, give_up_at or zone."""

    changed = Signal(str, object)

    def __init__(self, *, now: Callable[[], float]) -> None:
        super().__init__()
        self.setObjectName("compose.options")
        self._now = now
        self._draft: Draft | None = None
        self._wrong: dict[str, str] = {}
        self._toggle = Button("", kind=ButtonKind.LINK, name="compose.options.toggle")
        self._controls = QWidget()
        self._build()
        self._toggle.clicked.connect(lambda: self.open(not self._controls.isVisibleTo(self)))
        self._problem = small(tone=Tone.BAD)
        self._problem.setObjectName("compose.options.problem")
        self._problem.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._toggle, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._controls)
        column.addWidget(self._problem)
        self._controls.hide()
        self._problem.hide()

    def _build(self) -> None:
        self._priority = QComboBox()
        self._priority.setObjectName("compose.option.priority")
        for value in PRIORITIES:
            self._priority.addItem(priority_word(value), value)
        self._priority.activated.connect(
            lambda _: self.changed.emit("priority", self._priority.currentData())
        )
        self._after = self._moment("send_after", tr("as soon as possible"))
        self._give_up = self._moment("give_up_at", tr("never"))
        self._zone = QComboBox()
        self._zone.setObjectName("compose.option.zone")
        self._zone.activated.connect(lambda _: self.changed.emit("zone", self._zone.currentText()))
        self._zone_label = QLabel(tr("Zone"))
        grid = QGridLayout(self._controls)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        pairs = (
            (QLabel(tr("Priority")), self._priority),
            (QLabel(tr("Send after")), self._after),
            (QLabel(tr("Give up after")), self._give_up),
            (self._zone_label, self._zone),
        )
        for place, (label, control) in enumerate(pairs):
            label.setBuddy(control)
            control.setAccessibleName(label.text())
            grid.addWidget(label, place // 2, 2 * (place % 2))
            grid.addWidget(control, place // 2, 2 * (place % 2) + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 2)

    def _moment(self, name: str, placeholder: str) -> Line:
        line = Line()
        line.setObjectName(f"compose.option.{name}")
        line.setPlaceholderText(placeholder)
        line.setToolTip(tr("Such as +2h, tomorrow 9:00 or 2026-09-24 17:00"))
        line.textEdited.connect(lambda text: self._typed(name, text))
        line.left.connect(self._show)
        return line

    # -- showing

    def show_draft(self, draft: Draft, zones: Sequence[str]) -> None:
        """Shows the draft's options; the zone only where there is a choice."""
        if self._draft is None or draft.id != self._draft.id:
            self._wrong.clear()
        self._draft = draft
        several = len(zones) > 1
        if several and [self._zone.itemText(i) for i in range(self._zone.count())] != list(zones):
            self._zone.clear()
            self._zone.addItems(list(zones))
        self._zone.setCurrentIndex(self._zone.findText(draft.zone))
        self._zone.setVisible(several)
        self._zone.setEnabled(not draft.editing)
        self._zone_label.setVisible(several)
        self._show()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        """Says what is wrong with them, opening what must be mended."""
        said = [one.text for one in findings if one.field.startswith("option.")]
        words = [*self._wrong.values(), *said]
        self._problem.setText("\n".join(f"✕ {text}" for text in words))
        self._problem.setVisible(bool(words))
        if words:
            self.open(True)

    @property
    def wrong(self) -> bool:
        """Whether something here cannot be read."""
        return bool(self._wrong)

    def focus_problem(self) -> None:
        """To what must be mended."""
        self.open(True)
        (self._after if "send_after" in self._wrong else self._give_up).setFocus()

    def open(self, opened: bool) -> None:
        """Shows or hides the controls."""
        self._controls.setVisible(opened)
        self._show()

    def set_read_only(self, read_only: bool) -> None:
        self._controls.setEnabled(not read_only)

    def _show(self) -> None:
        draft = self._draft
        if draft is None:
            return
        place = self._priority.findData(draft.priority)
        if place < 0:
            self._priority.addItem(priority_word(draft.priority), draft.priority)
            place = self._priority.count() - 1
        self._priority.setCurrentIndex(place)
        for name, line, at in (
            ("send_after", self._after, draft.send_after),
            ("give_up_at", self._give_up, draft.give_up_at),
        ):
            if name not in self._wrong and not line.hasFocus():
                line.setText("" if at is None else moments.written(datetime.fromtimestamp(at).astimezone()))
        arrow = "▾" if self._controls.isVisibleTo(self) else "▸"
        self._toggle.setText(f"{tr('Options')} {arrow} {self.sentence}")
        self._toggle.setAccessibleName(tr("Options: {words}", words=self.sentence))

    @property
    def sentence(self) -> str:
        """All of them in one line."""
        draft = self._draft
        if draft is None:
            return ""
        now = self._now()
        after = tr("as soon as possible")
        if draft.send_after is not None:
            after = clock_time(draft.send_after, now=now)
        give_up = tr("never given up")
        if draft.give_up_at is not None:
            give_up = tr("given up {when}", when=clock_time(draft.give_up_at, now=now))
        return tr(
            "priority {priority} · sends {after} · {give_up}",
            priority=priority_word(draft.priority),
            after=after,
            give_up=give_up,
        )

    def _typed(self, name: str, text: str) -> None:
        text = text.strip()
        now = datetime.fromtimestamp(self._now()).astimezone()
        moment = moments.parse_moment(text, now=now) if text else None
        if text and moment is None:
            self._wrong[name] = tr("“{text}” is no time. Write it like +2h or tomorrow 9:00.", text=text)
        else:
            self._wrong.pop(name, None)
        self.changed.emit(name, None if moment is None else moment.timestamp())
