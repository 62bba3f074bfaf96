"""The bottom line: is my typing safe, and what will the button do?"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from autotask_console.pages.compose.draft import Draft
from autotask_console.state import AppState
from autotask_console.text import Tone, age, clock_time, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, small
from autotask_queue import GateKind, gate_for


def add_words(draft: Draft, state: AppState) -> str:
    """What the button says: what will happen to the request when it is pressed."""
    if draft.editing:
        return tr("Save changes")
    add = tr("Add to queue")
    if draft.send_after is not None and draft.send_after > state.at:
        return tr("{add} – sends {when}", add=add, when=clock_time(draft.send_after, now=state.at))
    when = _when(draft, state)
    return tr("{add} – {when}", add=add, when=when) if when else add


def _when(draft: Draft, state: AppState) -> str:
    if draft.zone not in state.zones:
        return tr("sends after you sign in")
    gate = gate_for(state.gates, draft.zone, _segment(draft))
    if not state.online:
        return tr("sends when online")
    match gate.kind if gate else None:
        case GateKind.SIGN_IN | GateKind.NO_PROCESSOR:
            return tr("sends after you sign in")
        case GateKind.PAUSED:
            return tr("sends when you resume")
        case GateKind.MAINTENANCE:
            return tr("sends after the hold")
        case GateKind.BREAKER | GateKind.THROTTLED:
            return tr("sends when Autotask answers again")
        case _:
            return ""


def _segment(draft: Draft) -> str:
    """The endpoint that limits and holds go by: the first part of the path."""
    return draft.spec.endpoint.strip("/").partition("/")[0]


def saved_words(state: AppState) -> str:
    """The first sentence after adding: where it is kept now."""
    if state.durable:
        return tr("Saved on this laptop.")
    return tr("Kept until this program ends.")


def then_words(draft: Draft, state: AppState) -> str:
    """The second one: what happens next."""
    if draft.send_after is not None and draft.send_after > state.at:
        return tr("Sends {when}.", when=clock_time(draft.send_after, now=state.at))
    if draft.zone not in state.zones:
        return tr("Not signed in yet: it sends after you sign in.")
    if not state.online:
        return tr("Sends when you are online.")
    when = _when(draft, state)
    return f"{when[0].upper()}{when[1:]}." if when else tr("Sending it now.")


class Bar(QWidget):
    """`add()`, `add_and_new()`, `stop()` (leave a request that is being changed)."""

    add = Signal()
    add_and_new = Signal()
    stop = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("compose.bar")
        self._saved = small()
        self._saved.setObjectName("compose.saved")
        self._problem = ToneLabel(tone=Tone.BAD)
        self._problem.setObjectName("compose.problem")
        self._problem.setWordWrap(True)
        self._stop = Button(tr("Discard changes"), name="compose.stop")
        self._stop.clicked.connect(self.stop)
        self._new = Button(tr("Add and new"), name="compose.add_and_new")
        self._new.setToolTip(
            tr("Adds it and begins the next one for the same customer or ticket (Ctrl+Shift+Enter)")
        )
        self._new.clicked.connect(self.add_and_new)
        self.button = Button(tr("Add to queue"), kind=ButtonKind.PRIMARY, name="compose.add")
        self.button.setToolTip(tr("Ctrl+Enter"))
        self.button.clicked.connect(self.add)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._saved)
        row.addWidget(self._problem, 1)
        row.addWidget(self._stop)
        row.addWidget(self._new)
        row.addWidget(self.button)

    @property
    def problem(self) -> str:
        return self._problem.text()

    def show_draft(self, draft: Draft, state: AppState, *, busy: bool) -> None:
        """Names the button by what it will do."""
        self.button.setText(add_words(draft, state))
        self.button.updateGeometry()
        self._new.setVisible(not draft.editing)
        self._stop.setVisible(bool(draft.editing))
        for button in (self.button, self._new):
            button.setEnabled(not busy)

    def say_saved(self, draft: Draft, *, touched: bool, saved: bool, now: float) -> None:
        """How safe the typing is."""
        if not touched:
            text = ""
        elif not saved:
            text = tr("Saving the draft…")
        else:
            passed = age(draft.saved_at, now=now)
            text = (
                tr("Draft saved just now") if passed == tr("now") else tr("Draft saved {age} ago", age=passed)
            )
        self._saved.setText(text)

    def say_problem(self, text: str) -> None:
        """Why it was not added; empty when there is no reason any more."""
        self._problem.setText(f"✕ {text}" if text else "")
