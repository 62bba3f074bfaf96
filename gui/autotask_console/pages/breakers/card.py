"""The card of one zone, the line of a hold, and the line that healthy zones share."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.pages.breakers.view import CardView, HoldLine, Verb
from autotask_console.text import BREAKER_LOOKS, BreakerWord, Tone, plural, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, heading, small
from autotask_console.widgets.panel import Panel
from autotask_console.widgets.sparkline import Sparkline

_TITLES = {
    Verb.EXTEND: "+15 min",
    Verb.END: "End now",
    Verb.TEST: "Test now",
    Verb.MAINTENANCE: "Maintenance…",
    Verb.RESUME: "Resume now…",
}
_TIPS = {
    Verb.EXTEND: "Hold 15 minutes longer.",
    Verb.END: "End it now. The zone is tested with 1 request before it sends again.",
    Verb.TEST: "Send 1 request now, instead of waiting for the next test.",
    Verb.MAINTENANCE: "Hold sending for a while. New requests are still accepted.",
    Verb.RESUME: "Send although Autotask refuses. Asks for a reason; ends by itself after an hour.",
}
_DROP = "Drop the plan"
CARD_WIDTH = 380
"""Pixels that a card needs for its buttons and lines."""


class Verbs(QWidget):
    """A row of the buttons that apply; `pressed(verb)`. Buttons stay alive, so the focus does too."""

    pressed = Signal(object)

    def __init__(self, name: str, about: str, verbs: Iterable[Verb]) -> None:
        super().__init__()
        self._buttons: dict[Verb, Button] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for verb in verbs:
            button = Button(tr(_TITLES[verb]), name=f"{name}.{verb.value}")
            button.setAccessibleName(f"{about}: {button.text()}")
            button.setToolTip(tr(_TIPS[verb]))
            button.clicked.connect(lambda _=False, which=verb: self.pressed.emit(which))
            self._buttons[verb] = button
            row.addWidget(button)
        row.addStretch(1)

    def show_verbs(self, verbs: Iterable[Verb]) -> None:
        wanted = set(verbs)
        for verb, button in self._buttons.items():
            button.setVisible(verb in wanted)

    def set_title(self, verb: Verb, title: str, tip: str) -> None:
        self._buttons[verb].setText(title)
        self._buttons[verb].setToolTip(tip)


class HoldRow(QWidget):
    """One hold inside a card or on its own: what, until when, by whom and why, and its buttons."""

    asked = Signal(object, str, object)
    """(verb, zone, entity or None)"""

    def __init__(self, line: HoldLine) -> None:
        super().__init__()
        scope = f"{line.zone}.{line.entity}" if line.entity else line.zone
        kind = "plan" if line.planned else "hold"
        self._line = line
        self._head = ToneLabel(tone=line.look.tone)
        self._head.setWordWrap(True)
        self._who = small()
        self._who.setWordWrap(True)
        self._who.setTextFormat(Qt.TextFormat.PlainText)
        self._verbs = Verbs(f"breakers.{kind}.{scope}", line.what, (Verb.EXTEND, Verb.END))
        self._verbs.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._verbs.pressed.connect(lambda verb: self.asked.emit(verb, self._line.zone, self._line.entity))
        if line.planned:
            tip = tr("Nothing will be held. What is sent now goes on.")
            self._verbs.set_title(Verb.END, tr(_DROP), tip)
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._head)
        words.addWidget(self._who)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addWidget(self._verbs)
        self.show_line(line)

    def show_line(self, line: HoldLine) -> None:
        self._line = line
        self._head.setText(f"{line.look.glyph} {line.what} – {line.when[:1].lower()}{line.when[1:]}")
        self._head.setToolTip(line.look.term)
        self._who.setText(line.who)
        self._verbs.show_verbs(line.verbs)
        self.setAccessibleName(line.sentence)


def _key(line: HoldLine) -> tuple[str | None, bool]:
    return line.entity, line.planned


class ZoneCard(Panel):
    """A zone: state, why, until when, what waits, how it went, and what can be done."""

    asked = Signal(object, str, object)
    """(verb, zone, entity or None)"""
    list_asked = Signal(str)
    """The number of waiting requests was pressed: show them."""

    def __init__(self, zone: str) -> None:
        super().__init__()
        self.zone = zone
        self.setObjectName(f"breakers.card.{zone}")
        self._shown: CardView | None = None
        self._title = heading(zone, factor=1.05)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._state = ToneLabel()
        self._state.setObjectName(f"breakers.{zone}.state")
        self._state.setFont(self._title.font())
        self._when = QLabel()
        self._when.setObjectName(f"breakers.{zone}.when")
        self._who = ToneLabel()
        self._who.setObjectName(f"breakers.{zone}.reason")
        self._endpoints = small()
        self._endpoints.setObjectName(f"breakers.{zone}.endpoints")
        for label in (self._when, self._who, self._endpoints):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._waiting = Button("", kind=ButtonKind.LINK, name=f"breakers.{zone}.waiting")
        self._waiting.setToolTip(tr("Show these requests"))
        self._waiting.setFixedHeight(self._waiting.fontMetrics().height() + 6)
        self._when.setMinimumHeight(self._waiting.height())
        self._waiting.clicked.connect(lambda: self.list_asked.emit(zone))
        self._spark = Sparkline()
        self._spark.setMaximumWidth(220)
        self._span = small(tr("60 min"))
        self._numbers = ToneLabel()
        self._numbers.setObjectName(f"breakers.{zone}.numbers")
        self._numbers.setToolTip(tr("Failed calls of the last minute; 95 % of the last hour's were faster."))
        self._verbs = Verbs(f"breakers.{zone}", zone, Verb)
        self._verbs.pressed.connect(lambda verb: self.asked.emit(verb, zone, None))
        self._rows: dict[tuple[str | None, bool], HoldRow] = {}
        self._holds = QVBoxLayout()
        self._holds.setSpacing(6)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._state)
        first = QHBoxLayout()
        first.addWidget(self._when, 1)
        first.addWidget(self._waiting, 0, Qt.AlignmentFlag.AlignTop)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self._spark, 100)
        line.addWidget(self._span)
        line.addStretch(1)
        line.addWidget(self._numbers)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 9, 14, 11)
        column.setSpacing(5)
        column.addLayout(top)
        column.addLayout(first)
        column.addWidget(self._who)
        column.addLayout(line)
        column.addWidget(self._endpoints)
        column.addLayout(self._holds)
        column.addStretch(1)
        column.addWidget(self._verbs)

    @property
    def shown(self) -> CardView | None:
        return self._shown

    def show_view(self, view: CardView, *, top: float | None = None) -> None:
        """Shows `view`; `top` is the scale that the sparklines of all cards share."""
        before, self._shown = self._shown, view
        if before == view:
            return
        self._state.set_look(view.look)
        self._when.setText(view.when)
        self._who.setText(view.who)
        self._who.setVisible(bool(view.who))
        self._waiting.setText(view.waiting_text)
        self._waiting.setAccessibleName(tr("{what} in zone {zone}", what=view.waiting_text, zone=self.zone))
        self._waiting.setVisible(view.waiting > 0)
        self._numbers.setText(view.numbers)
        self._endpoints.setText(tr("Used for: {names}", names=view.endpoints))
        self._endpoints.setVisible(bool(view.endpoints))
        used = any(view.points)
        self._spark.setVisible(used)
        self._span.setText(tr("60 min") if used else tr("No calls in the last 60 min"))
        self._spark.set_points(view.points, top=top, tone=view.look.tone, text=view.points_text)
        self._verbs.show_verbs(view.verbs)
        self._show_holds(view.holds)
        quiet = view.word is BreakerWord.SENDING
        self.set_tone(None if quiet else view.look.tone)
        self.setAccessibleName(view.sentence)

    def _show_holds(self, holds: tuple[HoldLine, ...]) -> None:
        wanted = {_key(line): line for line in holds}
        for key in [k for k in self._rows if k not in wanted]:
            row = self._rows.pop(key)
            self._holds.removeWidget(row)
            row.hide()
            row.deleteLater()
        for key, line in wanted.items():
            if key in self._rows:
                self._rows[key].show_line(line)
                continue
            row = HoldRow(line)
            row.asked.connect(self.asked)
            self._rows[key] = row
            self._holds.addWidget(row)


class EverythingCard(Panel):
    """The hold on everything, above all cards."""

    asked = Signal(object, str, object)

    def __init__(self) -> None:
        super().__init__(tone=Tone.HELD)
        self.setObjectName("breakers.everything")
        self._row: HoldRow | None = None
        self._planned = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 8, 14, 8)
        self.hide()

    def show_line(self, line: HoldLine | None) -> None:
        """None hides the card."""
        if self._row is not None and (line is None or line.planned != self._planned):
            self._column.removeWidget(self._row)
            self._row.hide()
            self._row.deleteLater()
            self._row = None
        self.setVisible(line is not None)
        if line is None:
            return
        self._planned = line.planned
        if self._row is None:
            self._row = HoldRow(line)
            self._row.asked.connect(self.asked)
            self._column.addWidget(self._row)
        else:
            self._row.show_line(line)
        self.setAccessibleName(line.sentence)


class FoldedZones(Panel):
    """Healthy zones on one line; `toggled(shown)` when a person wants their cards, or the line again."""

    toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("breakers.folded")
        self._names = QLabel()
        self._names.setTextFormat(Qt.TextFormat.PlainText)
        self._names.setWordWrap(True)
        state = ToneLabel()
        state.set_look(BREAKER_LOOKS[BreakerWord.SENDING])
        self._button = Button("", name="breakers.folded.toggle")
        self._button.setCheckable(True)
        self._button.toggled.connect(self._switch)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 14, 8)
        row.addWidget(self._names, 1)
        row.addWidget(state)
        row.addWidget(self._button)
        self._title(shown=False)
        self.hide()

    @property
    def unfolded(self) -> bool:
        return self._button.isChecked()

    def unfold(self) -> None:
        self._button.setChecked(True)

    @property
    def text(self) -> str:
        return self._names.text()

    def show_zones(self, zones: tuple[str, ...]) -> None:
        """An empty tuple hides the line."""
        self.setVisible(bool(zones))
        text = plural(
            len(zones),
            "{n} zone works normally: {names}",
            "{n} zones work normally: {names}",
            names=", ".join(zones),
        )
        self._names.setText(text)
        self.setAccessibleName(text)

    def _switch(self, shown: bool) -> None:
        self._title(shown=shown)
        self.toggled.emit(shown)

    def _title(self, *, shown: bool) -> None:
        self._button.setText(tr("Fold") if shown else tr("Show"))
        self._button.setAccessibleName(tr("Fold healthy zones") if shown else tr("Show healthy zones"))

    @override
    def minimumHeight(self) -> int:
        return 40
