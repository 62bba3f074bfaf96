"""Shows stories and audit entries: one document, selectable, read by screen readers as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QUrl, Signal
from PySide6.QtWidgets import QFrame, QTextBrowser, QWidget
from typing_extensions import override

from autotask_console.pages.queue.timeline import Entry
from autotask_console.platform.theme import Tokens, tokens
from autotask_console.text import clock_time, date_time, look, tr
from autotask_queue import AuditEntry, Status


class StoryView(QTextBrowser):
    """`raw_wanted()` when somebody asks for the server's own words."""

    raw_wanted = Signal()

    def __init__(self, *, name: str, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setOpenLinks(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.document().setDocumentMargin(4)
        self.anchorClicked.connect(self._clicked)
        self._entries: Sequence[Entry] | Sequence[AuditEntry] = ()
        self._now = 0.0

    def show_story(self, entries: Sequence[Entry], *, now: float) -> None:
        """Shows the entries of `timeline.story`; nothing moves if they are the same."""
        self._show(entries, now)

    def show_audit(self, entries: Sequence[AuditEntry], *, now: float) -> None:
        """Shows audit entries, newest first."""
        self._show(entries, now)

    def clear_story(self) -> None:
        self._entries = ()
        self.clear()

    def _show(self, entries: Sequence[Entry] | Sequence[AuditEntry], now: float) -> None:
        if entries == self._entries and self.toPlainText():
            return
        same_request = bool(self._entries) and bool(entries) and self._entries[0] == entries[0]
        if same_request and self.textCursor().hasSelection():
            return  # somebody is about to copy from it
        self._entries, self._now = entries, now
        self._render()

    def _render(self) -> None:
        colours = tokens(self.palette())
        rows = "".join(
            _story_row(e, colours) if isinstance(e, Entry) else _audit_row(e, colours, self._now)
            for e in self._entries
        )
        place = self.verticalScrollBar().value()
        self.setHtml(f'<table width="100%" cellspacing="0" cellpadding="3">{rows}</table>')
        self.verticalScrollBar().setValue(place)

    def _clicked(self, link: QUrl) -> None:
        if link.toString() == "raw":
            self.raw_wanted.emit()

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.PaletteChange and self.toPlainText():
            self._render()
        super().changeEvent(event)


def _story_row(entry: Entry, colours: Tokens) -> str:
    muted = colours.muted.name()
    quiet = entry.side and not entry.lines and entry.glyph in {"⋮", "◌"}
    title = escape(entry.title)
    words = f'<span style="color:{muted}">{title}</span>' if quiet else title
    lines = "".join(f'<br><span style="color:{muted}">{escape(line)}</span>' for line in entry.lines if line)
    if entry.raw:
        lines += f'<br><a href="raw" style="color:{colours.link.name()}">{escape(tr("Show the reply"))}</a>'
    return (
        f'<tr><td width="18" align="center" style="color:{colours.tones[entry.tone].name()}">'
        f"{escape(entry.glyph)}</td><td>{words}{lines}</td>"
        f'<td align="right" style="color:{muted};white-space:nowrap">{escape(entry.side)}</td></tr>'
    )


_KINDS = {
    "enqueued": "Saved on this laptop",
    "claimed": "Sending began",
    "completed": "Sent",
    "failed": "Failed",
    "retrying": "Waits for the next try",
    "uncertain": "Outcome unknown",
    "held": "Held",
    "released": "Freed to go",
    "returned": "Put back unsent",
    "recovered": "Found after the program ended",
    "interrupted": "The program ended while sending",
    "restored_from_copy": "Restored from a backup",
    "cancelled": "Cancelled",
    "replaced": "Replaced by a newer one",
    "promoted": "Asks for those that wait for the same",
    "taken_apart": "Refused together with others; sent by itself",
    "restored": "Restored",
    "retried": "Queued again",
    "edited": "Edited",
    "reprioritised": "Priority changed",
    "rescheduled": "Rescheduled",
    "sent_now": "Told to try now",
    "sent_again": "Sent again by decision",
    "marked_sent": "Marked as sent",
    "given_up": "Given up",
    "adopted": "Found in Autotask",
    "looked_up": "Looked up, not found yet",
    "not_arrived": "Did not arrive; sent again",
    "expired": "Its time ran out",
}


def _audit_row(entry: AuditEntry, colours: Tokens, now: float) -> str:
    muted = colours.muted.name()
    what = tr(_KINDS.get(entry.kind, entry.kind.replace("_", " ").capitalize()))
    who = entry.actor or tr("queue")
    lines = []
    if entry.origin and entry.target and entry.origin != entry.target:
        lines.append(f"{_word(entry.origin)} → {_word(entry.target)}")
    if entry.why:
        lines.append(entry.why)
    more = "".join(f'<br><span style="color:{muted}">{escape(line)}</span>' for line in lines)
    when = clock_time(entry.at, now=now, seconds=True)
    return (
        f'<tr><td style="color:{muted};white-space:nowrap" title="{escape(date_time(entry.at))}">'
        f"{escape(when)}</td><td>{escape(what)}{more}</td>"
        f'<td align="right" style="color:{muted}">{escape(who)}</td></tr>'
    )


def _word(status: str) -> str:
    return look(Status(status)).word if status in set(Status) else status
