"""A JSON document as text: shown, or edited and checked while one types."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.platform.fonts import monospace
from autotask_console.platform.theme import Tokens, tokens
from autotask_console.text import Tone, tr
from autotask_console.widgets.label import small

_IDLE_MS = 250
_HIGHLIGHT_LIMIT = 256 * 1024
"""The first highlight of 1.5 MB takes 565 ms (measured); above this it stays plain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonProblem:
    """Why a text is no JSON; `line` and `column` count from 1, `place` is the offset."""

    message: str
    line: int
    column: int
    place: int

    @property
    def sentence(self) -> str:
        return tr(
            "Line {line}, column {column}: {message}",
            line=self.line,
            column=self.column,
            message=self.message,
        )


_WORDS = {
    "Expecting value": "a value is missing here",
    "Expecting property name enclosed in double quotes": "a name in double quotes is expected here",
    "Expecting ',' delimiter": "a comma is missing before this",
    "Expecting ':' delimiter": "a colon is missing after the name",
    "Extra data": "there is something after the end of the document",
    "Unterminated string starting at": "this text has no closing quote",
    "Invalid control character at": "a line break or tab inside a text must be written as \\n or \\t",
    "Illegal trailing comma before end of object": "the comma before the closing brace is too much",
    "Illegal trailing comma before end of array": "the comma before the closing bracket is too much",
}


def parse(text: str) -> tuple[Any, JsonProblem | None]:
    """The document, or what is wrong with it. An empty text is no document."""
    try:
        return json.loads(text, parse_constant=_no_constant), None
    except json.JSONDecodeError as error:
        words = next((w for start, w in _WORDS.items() if error.msg.startswith(start)), error.msg)
        return None, JsonProblem(message=tr(words), line=error.lineno, column=error.colno, place=error.pos)
    except (ValueError, RecursionError) as error:
        return None, JsonProblem(message=str(error), line=1, column=1, place=0)


def pretty(document: Any) -> str:
    """Indented by two, every character as itself."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def _no_constant(name: str) -> Any:
    raise ValueError(tr("{name} is no number in JSON", name=name))


class JsonView(QPlainTextEdit):
    """Read-only, highlighted, copyable."""

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setFont(monospace(self.font()))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self._highlighter = _Highlighter(self.document(), tokens(self.palette()))

    def show_document(self, document: Any) -> None:
        self.show_text(pretty(document))

    def show_text(self, text: str) -> None:
        """Replaces the text if it differs; the scroll position stays."""
        if text == self.toPlainText():
            return
        bar = self.verticalScrollBar()
        place = bar.value()
        self._highlighter.set_active(len(text) <= _HIGHLIGHT_LIMIT)
        self.setPlainText(text)
        bar.setValue(place)

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() is QEvent.Type.PaletteChange:
            self._highlighter.set_colours(tokens(self.palette()))
        super().changeEvent(event)


class JsonEditor(QWidget):
    """Edits a JSON document.

    `edited(document)` after 250 ms without a key, if the text is JSON; `broken(JsonProblem)` if not.
    The line below says where the mistake is.
    """

    edited = Signal(object)
    broken = Signal(object)

    def __init__(self, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = JsonView(name=name)
        self.text.setReadOnly(False)
        self.text.setTabStopDistance(2 * QFontMetricsF(self.text.font()).horizontalAdvance(" "))
        self.text.installEventFilter(self)
        self.setFocusProxy(self.text)
        self._status = small()
        self._status.setObjectName(f"{name}.status")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self.text, 1)
        column.addWidget(self._status)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_IDLE_MS)
        self._timer.timeout.connect(self.check)
        self._problem: JsonProblem | None = None
        self._quiet = False
        self.text.textChanged.connect(self._typed)

    @property
    def problem(self) -> JsonProblem | None:
        """What was wrong at the last check."""
        return self._problem

    @property
    def status(self) -> str:
        return self._status.text()

    @override
    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self.text.setAccessibleName(name)

    def show_document(self, document: Any) -> None:
        """Replaces the text without emitting anything."""
        self._quiet = True
        self.text.show_text(pretty(document))
        self._quiet = False
        self._timer.stop()
        self._say(None)

    def check(self) -> None:
        """Parses now and emits; called by itself when typing pauses, and by `flush`."""
        self._timer.stop()
        document, problem = parse(self.text.toPlainText())
        self._say(problem)
        if problem is None:
            self.edited.emit(document)
        else:
            self.broken.emit(problem)

    def flush(self) -> None:
        """Checks at once what was typed in the last moment."""
        if self._timer.isActive():
            self.check()

    def format(self) -> None:
        """Indents the document, if it is one; undo brings the old text back."""
        document, problem = parse(self.text.toPlainText())
        self._say(problem)
        if problem is None:
            cursor = self.text.textCursor()
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(pretty(document))

    def go_to_problem(self) -> None:
        if self._problem is not None:
            cursor = self.text.textCursor()
            cursor.setPosition(min(self._problem.place, len(self.text.toPlainText())))
            self.text.setTextCursor(cursor)
            self.text.setFocus()

    def _typed(self) -> None:
        if not self._quiet:
            self._timer.start()

    def _say(self, problem: JsonProblem | None) -> None:
        self._problem = problem
        self._status.setText(f"✕ {problem.sentence}" if problem else "")
        self._status.set_tone(Tone.BAD)
        self.text.setAccessibleDescription(problem.sentence if problem else "")

    @override
    def eventFilter(self, watched: object, event: QEvent) -> bool:
        # Enter keeps the indentation of the line before.
        if (
            watched is self.text
            and isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.KeyPress
            and event.text() == "\r"
            and not event.modifiers()
        ):
            cursor = self.text.textCursor()
            before = cursor.block().text()[: cursor.positionInBlock()]
            deeper = "  " if before.rstrip().endswith(("{", "[")) else ""
            indent = before[: len(before) - len(before.lstrip())]
            cursor.insertText(f"\n{indent}{deeper}")
            return True
        return False


class _Highlighter(QSyntaxHighlighter):
    _PATTERN = re.compile(
        r'(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<text>"(?:[^"\\]|\\.)*")'
        r"|(?P<word>\b(?:true|false|null)\b)|(?P<number>-?\b\d[\d.eE+-]*\b)"
    )

    def __init__(self, document: QTextDocument, colours: Tokens) -> None:
        super().__init__(document)
        self._active = True
        self._formats: dict[str, QTextCharFormat] = {}
        self._set_formats(colours)

    def set_active(self, active: bool) -> None:
        self._active = active

    def set_colours(self, colours: Tokens) -> None:
        self._set_formats(colours)
        self.rehighlight()

    def _set_formats(self, colours: Tokens) -> None:
        self._formats = {
            "key": _format(colours.tones["active"]),
            "text": _format(colours.tones["good"]),
            "word": _format(colours.tones["held"]),
            "number": _format(colours.tones["warn"]),
        }

    @override
    def highlightBlock(self, text: str) -> None:
        if not self._active:
            return
        for match in self._PATTERN.finditer(text):
            kind = match.lastgroup
            if kind is not None:
                self.setFormat(match.start(), match.end() - match.start(), self._formats[kind])


def _format(colour: QColor) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(colour)
    return made
