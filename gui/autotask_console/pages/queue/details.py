"""The details pane: what one request is, what happened to it, what was sent and what came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QTabWidget, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.models.cells import Sight, operation_word, tries_text
from autotask_console.pages.queue.commands import Chosen, QueueCommands
from autotask_console.pages.queue.decisions import DecisionPanel
from autotask_console.pages.queue.document_view import DocumentView
from autotask_console.pages.queue.story_view import StoryView
from autotask_console.pages.queue.timeline import Record, story
from autotask_console.pages.queue.verbs import Verb, title, undecided, why_not
from autotask_console.platform.fonts import scaled
from autotask_console.text import age, priority_word, state_sentence, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.focus_order import tab_after, tab_before
from autotask_console.widgets.label import ToneLabel, heading, small
from autotask_console.widgets.panel import Panel
from autotask_queue import RequestId, RequestRow

if TYPE_CHECKING:
    from autotask_console.pages.base import Services

_OFFERED = (Verb.RETRY, Verb.EDIT, Verb.CANCEL, Verb.RESTORE, Verb.DUPLICATE, Verb.CURL)
_MOST_BUTTONS = 4
_WIDE_FROM = 700
_LEAST_TABS = 96
_NORMAL = 5
_MONTH = 31 * 86_400.0


class DetailsPane(Panel):
    """Shows one row at once and reads the rest of it. Its buttons are about that request only.

    `left()` when Esc is pressed.
    """

    left = Signal()

    def __init__(self, services: Services, commands: QueueCommands, *, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._commands = commands
        self.setObjectName("queue.details")
        self.setAccessibleName(tr("Details"))
        self._services = services
        self._row: RequestRow | None = None
        self._record: Record | None = None
        self._sight = Sight()
        self._wide = False
        self._build()
        self.show_row(None, self._sight)

    def _build(self) -> None:
        self._title = heading("", factor=1.08)
        self._title.setObjectName("details.title")
        self._title.setWordWrap(True)
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._chip = ToneLabel()
        self._chip.setObjectName("details.state")
        self._chip.setFont(scaled(self._chip.font(), 1.0, bold=True))
        self._facts = small()
        self._facts.setObjectName("details.facts")
        self._facts.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._sentence = QLabel()
        self._sentence.setObjectName("details.sentence")
        self._sentence.setWordWrap(True)
        self.decision = DecisionPanel()
        self.decision.decided.connect(self._decide)
        self._build_tabs()
        self._hint = small(tr("Select a request to see what happened to it."))
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        self._build_actions()
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self._chip)
        line.addWidget(self._facts, 1)
        head = QVBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._title)
        head.addLayout(line)
        self._top = QHBoxLayout()
        self._top.addLayout(head, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 9, 12, 9)
        self._column.setSpacing(6)
        self._column.addLayout(self._top)
        self._column.addWidget(self._sentence)
        self._column.addWidget(self.decision)
        self._column.addWidget(self._tabs, 1)
        self._column.addWidget(self._hint, 1)
        self._column.addWidget(self._actions)

    def _build_actions(self) -> None:
        self._actions = QWidget()
        row = QHBoxLayout(self._actions)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self._buttons: dict[Verb, Button] = {}
        for verb in _OFFERED:
            button = Button(title(verb), name=f"details.{verb.value}")
            button.clicked.connect(lambda _=False, which=verb: self._do(which))
            self._buttons[verb] = button
            row.addWidget(button)
        row.addStretch(1)

    def _build_tabs(self) -> None:
        self._tabs = QTabWidget()
        self._tabs.setObjectName("details.tabs")
        self._tabs.setAccessibleName(tr("Parts of the details"))
        self._tabs.setDocumentMode(True)
        self._tabs.setMinimumHeight(_LEAST_TABS)
        self.timeline = StoryView(name="details.timeline", title=tr("Timeline"))
        self.sent = DocumentView(name="details.sent", title=tr("What is sent"))
        self.reply = DocumentView(name="details.reply", title=tr("Reply"))
        self.audit = StoryView(name="details.audit", title=tr("Audit"))
        for widget, words in (
            (self.timeline, tr("Timeline")),
            (self.sent, tr("What is sent")),
            (self.reply, tr("Reply")),
            (self.audit, tr("Audit")),
        ):
            self._tabs.addTab(widget, words)
        self.timeline.raw_wanted.connect(lambda: self._tabs.setCurrentWidget(self.reply))
        self.sent.curl_wanted.connect(lambda: self._do(Verb.CURL))

    # -- what is shown

    @property
    def row(self) -> RequestRow | None:
        """The request that is shown."""
        return self._row

    def show_row(self, row: RequestRow | None, sight: Sight) -> None:
        """Shows `row`; reads the rest if it is another one or a newer version."""
        before, self._row, self._sight = self._row, row, sight
        for widget in (self._title, self._chip, self._facts, self._sentence, self._tabs):
            widget.setVisible(row is not None)
        self._hint.setVisible(row is None)
        if row is None:
            self.decision.hide()
            for button in self._buttons.values():
                button.hide()
            return
        if before is None or before.id != row.id:
            self._record = None
            for view in (self.timeline, self.audit):
                view.clear_story()
            self.sent.clear_document()
            self.reply.clear_document()
        self._show_head(row)
        if before is None or (before.id, before.updated_at) != (row.id, row.updated_at):
            self.read_again()

    def see(self, sight: Sight) -> None:
        """Time went on, or gates moved: sentences and countdowns follow."""
        self._sight = sight
        if self._row is not None:
            self._show_head(self._row)
            self._show_story()

    def read_again(self) -> None:
        """Reads attempts and audit of the request that is shown."""
        if self._row is not None:
            self._services.tasks.start(self._read(self._row.id), what=tr("read the details"))

    async def _read(self, request_id: RequestId) -> None:
        queue, now = self._services.queue, self._services.clock.now()
        request = await queue.get_request(request_id)
        record = Record(
            request=request,
            attempts=tuple(await queue.attempts(request_id)),
            audit=tuple(await queue.audit(request_id=request_id, limit=200)),
            minutes=tuple(
                await queue.minutes(
                    since=max(request.created_at - 60, now - _MONTH), until=request.finished_at
                )
            ),
        )
        if self._row is None or self._row.id != request_id:
            return  # another one was selected meanwhile
        self._record = record
        self._show_story()
        self.audit.show_audit(record.audit, now=now)
        self.sent.show_request(request)
        self.reply.show_reply(request)

    def _show_head(self, row: RequestRow) -> None:
        sight = self._sight
        self._set(self._title, row.summary)
        self._chip.set_look(sight.look(row))
        self._set(self._facts, "  ·  ".join(self._facts_of(row)))
        self._set(self._sentence, state_sentence(row, now=sight.now, gate=sight.gate(row)))
        self.decision.setVisible(undecided(row))
        self.decision.show_row(row)
        fitting = [verb for verb in _OFFERED if not why_not(verb, row)][:_MOST_BUTTONS]
        for verb, button in self._buttons.items():
            button.setVisible(verb in fitting)
        if fitting:
            for verb, button in self._buttons.items():
                first = verb is fitting[0] and verb is Verb.RETRY
                button.set_kind(ButtonKind.PRIMARY if first else ButtonKind.PLAIN)

    def _facts_of(self, row: RequestRow) -> Sequence[str]:
        facts = [row.zone, operation_word(row), _added(row.created_at, self._sight.now)]
        if row.attempts:
            facts.append(tr("try {n}", n=tries_text(row)))
        if row.priority != _NORMAL:
            facts.append(tr("priority {word}", word=priority_word(row.priority)))
        return facts

    def _show_story(self) -> None:
        if self._record is not None:
            now, gate = self._sight.now, self._sight.gate(self._record.request)
            self.timeline.show_story(story(self._record, now=now, gate=gate), now=now)

    @staticmethod
    def _set(label: QLabel, text: str) -> None:
        if label.text() != text:
            label.setText(text)

    # -- doing

    def _do(self, verb: Verb) -> None:
        if self._row is not None:
            chosen = Chosen(seqs=(self._row.seq,), rows=(self._row,), count=1)
            self._services.tasks.start(self._commands.run(verb, chosen), what=title(verb))

    def _decide(self, which: str) -> None:
        if self._row is not None:
            what = tr("decide about a request")
            self._services.tasks.start(self._commands.decide(which, self._row), what=what)

    # -- where it stands

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() >= _WIDE_FROM
        if wide != self._wide:
            self._wide = wide
            self.decision.set_wide(wide)
            if wide:  # below the table height is scarce, beside it width
                self._column.removeWidget(self._actions)
                self._top.addWidget(self._actions, 0, Qt.AlignmentFlag.AlignTop)
                tab_before(self.decision, self._actions)
            else:
                self._top.removeWidget(self._actions)
                self._column.addWidget(self._actions)
                tab_after(self._tabs, self._actions)

    # -- keyboard

    def take_focus(self) -> None:
        """Enter was pressed in the table: the keyboard goes on here."""
        current = self._tabs.currentWidget()
        current.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_tab(self, number: int) -> None:
        self._tabs.setCurrentIndex(number)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)


def _added(at: float, now: float) -> str:
    return tr("just added") if now - at < 1 else tr("{age} old", age=age(at, now=now))
