"""Short messages that appear over the page, and the undo they offer.

Undo instead of asking (console.md P6): the toast counts down ten seconds, and Ctrl+Z or
Edit > Undo still takes the last thing back after it is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.platform.theme import tokens
from autotask_console.text import Tone, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel

_KEPT_UNDOS = 20
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Undo:
    """How to take something back.

    Args:
        what: completes "Undo …": "cancel of 3 requests".
        run: starts it, for example `lambda: tasks.start(queue.restore(ids), what="restore")`.
    """

    what: str
    run: Callable[[], object]


class Toasts(QWidget):
    """Shows at most three toasts above the bottom edge of its parent, newest lowest.

    `undo_changed` tells the Edit menu that `undo_text` is another one.
    """

    undo_changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("toasts")
        self._host = parent
        self._undos: list[Undo] = []
        self._room = 0
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        parent.installEventFilter(self)
        self.hide()

    # -- saying

    def say(
        self,
        text: str,
        *,
        undo: Undo | None = None,
        seconds: int = 10,
        button: tuple[str, Callable[[], object]] | None = None,
        glyph: str = "✓",
        tone: Tone = Tone.GOOD,
    ) -> None:
        """Shows `text` for `seconds`; `undo` adds the Undo button and becomes what Ctrl+Z does.

        For what is neither done nor wrong ("Still offline.") give another `glyph` and `tone`.
        """
        if undo is not None:
            self._undos = [*self._undos[-_KEPT_UNDOS + 1 :], undo]
            self.undo_changed.emit()
            button = (tr("Undo"), lambda: self._run(undo))
        self._add(_Toast(text, glyph=glyph, tone=tone, seconds=seconds, button=button, parent=self))

    def error(self, text: str, *, button: tuple[str, Callable[[], object]] | None = None) -> None:
        """Shows what went wrong until it is closed."""
        self._add(_Toast(text, glyph="⚠", tone=Tone.WARN, seconds=0, button=button, parent=self))

    def set_room(self, pixels: int) -> None:
        """Leaves so much free at the bottom: a page's own buttons must not lie under a toast."""
        self._room = pixels
        if self.isVisible():
            self._place()

    def clear(self) -> None:
        """Closes all toasts; their undos stay available."""
        for toast in self._toasts():
            self._drop(toast)

    # -- undo

    @property
    def undo_text(self) -> str:
        """What Ctrl+Z takes back, "" if nothing."""
        return self._undos[-1].what if self._undos else ""

    def undo_last(self) -> None:
        if self._undos:
            self._run(self._undos[-1])

    def _run(self, undo: Undo) -> None:
        if undo in self._undos:
            self._undos.remove(undo)
            self.undo_changed.emit()
            undo.run()

    # -- toasts

    @property
    def texts(self) -> list[str]:
        """What is shown now, oldest first."""
        return [t.text for t in self._toasts()]

    def _toasts(self) -> list[_Toast]:
        items = (self._layout.itemAt(i) for i in range(self._layout.count()))
        widgets = [item.widget() for item in items if item is not None]
        return [w for w in widgets if isinstance(w, _Toast)]

    def _add(self, toast: _Toast) -> None:
        shown = self._toasts()
        for old in shown[: max(0, len(shown) - _SHOWN + 1)]:
            self._drop(old)
        toast.closed.connect(lambda: self._drop(toast))
        self._layout.addWidget(toast, 0, Qt.AlignmentFlag.AlignHCenter)
        toast.show()
        self.show()
        self.raise_()
        self._place()
        announce(self, toast.text)

    def _drop(self, toast: _Toast) -> None:
        toast.stop()
        self._layout.removeWidget(toast)
        toast.hide()
        toast.deleteLater()
        if self._toasts():
            self._place()
        else:
            self.hide()

    def _place(self) -> None:
        limit = self._host.width() - 24
        height = 0
        for toast in self._toasts():
            width = min(toast.sizeHint().width(), limit)
            toast.setFixedSize(width, max(toast.heightForWidth(width), toast.sizeHint().height()))
            height += toast.height() + self._layout.spacing()
        width = max((t.width() for t in self._toasts()), default=0)
        left = (self._host.width() - width) // 2
        self.setGeometry(left, self._host.height() - height - 6 - self._room, width, height)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._host and event.type() is QEvent.Type.Resize and self.isVisible():
            self._place()
        return False


class _Toast(QFrame):
    closed = Signal()

    def __init__(
        self,
        text: str,
        *,
        glyph: str,
        tone: Tone,
        seconds: int,
        button: tuple[str, Callable[[], object]] | None,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.text = text
        self._tone = tone
        self._left = seconds
        self.setObjectName("toast")
        self.setAccessibleName(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 7, 8, 7)
        row.setSpacing(10)
        self._mark = ToneLabel(glyph, tone=tone)
        row.addWidget(self._mark)
        words = QLabel(text)
        words.setWordWrap(len(text) > 90)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(words.wordWrap())  # a new policy forgets it
        words.setSizePolicy(policy)
        if len(text) > 90:
            words.setMinimumWidth(560)
        row.addWidget(words, 1)
        if button is not None:
            row.addWidget(self._button(*button))
        self._count = ToneLabel(_left(seconds))
        self._count.setVisible(seconds > 0)
        row.addWidget(self._count)
        close = Button("✕", kind=ButtonKind.QUIET, name="toast.close")
        close.setAccessibleName(tr("Close this message"))
        close.clicked.connect(self.closed)
        row.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self._tick)
        if seconds:
            self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _button(self, title: str, run: Callable[[], object]) -> Button:
        made = Button(title, name="toast.button")

        def clicked() -> None:
            self.closed.emit()
            run()

        made.clicked.connect(clicked)
        return made

    def _tick(self) -> None:
        self._left -= 1
        self._count.setText(_left(self._left))
        if self._left <= 0:
            self.closed.emit()

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        # Time stands still while somebody reads (WCAG 2.2.1).
        self._timer.stop()
        super().enterEvent(event)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        if self._left > 0:
            self._timer.start()
        super().leaveEvent(event)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colours.surface)
        painter.setPen(QPen(colours.tones[self._tone], 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def _left(seconds: int) -> str:
    return tr("{n} s", n=seconds)
