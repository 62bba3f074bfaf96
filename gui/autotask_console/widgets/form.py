"""Rows of a form: a label, a control, what to know about it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.text import Tone, tr
from autotask_console.widgets.announce import announce
from autotask_console.widgets.button import Button
from autotask_console.widgets.label import ToneLabel, small

_ROOM = 3


class FormRow(QWidget):
    """A labelled control with a line below for help, a warning or an error.

    The error wins over the warning, the warning over the help. The label names the control for
    screen readers, and the line below is its description.
    """

    def __init__(
        self,
        label: str,
        control: QWidget,
        *,
        required: bool = False,
        help_text: str = "",
        label_width: int = 150,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.control = control
        self.label = label
        self._help = help_text
        self._warning = ""
        self._error = ""
        caption = QLabel(f"{label} *" if required else label)
        caption.setBuddy(control)
        caption.setWordWrap(True)
        caption.setFixedWidth(label_width)
        caption.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        caption.setContentsMargins(0, 5, 0, 0)
        self._line = small()
        self._line.setWordWrap(True)
        self._line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(control)
        column.addWidget(self._line)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(caption)
        row.addLayout(column, 1)
        name = tr("{label} (required)", label=label) if required else label
        control.setAccessibleName(name)
        self._show()

    @property
    def error(self) -> str:
        return self._error

    @property
    def line(self) -> str:
        """What stands below the control now."""
        return self._line.text()

    def set_error(self, text: str) -> None:
        """Says what is wrong and how to mend it; empty when it is right again."""
        if text != self._error:
            self._error = text
            self._show()
            if text:
                announce(self.control, f"{self.label}: {text}")

    def set_warning(self, text: str) -> None:
        """Says what may be wrong, without stopping anybody."""
        if text != self._warning:
            self._warning = text
            self._show()

    def set_help(self, text: str) -> None:
        self._help = text
        self._show()

    def _show(self) -> None:
        if self._error:
            text, tone = f"✕ {self._error}", Tone.BAD
        elif self._warning:
            text, tone = f"⚠ {self._warning}", Tone.WARN
        else:
            text, tone = self._help, Tone.QUIET
        self._line.setText(text)
        self._line.set_tone(tone)
        self._line.setVisible(bool(text))
        self.control.setAccessibleDescription(self._error or self._warning or self._help)


class Chips(QWidget):
    """Buttons of which one is chosen: durations, scopes. `chosen(id)` when a person picks another."""

    chosen = Signal(str)

    def __init__(self, chips: Sequence[tuple[str, str]], *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, Button] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for chip_id, title in chips:
            button = Button(title, name=f"{name}.{chip_id}")
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, which=chip_id: self.chosen.emit(which))
            self._group.addButton(button)
            self._buttons[chip_id] = button
            row.addWidget(button)
        row.addStretch(1)

    @property
    def value(self) -> str:
        """The chosen id, "" while none is."""
        return next((i for i, b in self._buttons.items() if b.isChecked()), "")

    def choose(self, chip_id: str) -> None:
        self._buttons[chip_id].setChecked(True)

    def set_available(self, chip_id: str, available: bool, why_not: str = "") -> None:
        self._buttons[chip_id].setEnabled(available)
        self._buttons[chip_id].setToolTip("" if available else why_not)

    @override
    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        for button in self._buttons.values():
            button.setAccessibleName(f"{name}: {button.text()}")


class ReasonField(QWidget):
    """A line for a reason, with the last ones offered as chips below. `changed()` on each edit."""

    changed = Signal()

    def __init__(
        self, recent: Sequence[str] = (), *, placeholder: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._edit = line(name="reason.edit", placeholder=placeholder)
        self._edit.setMaxLength(500)
        self._edit.textChanged.connect(self.changed)
        self.setFocusProxy(self._edit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._edit)
        if recent:
            row = QHBoxLayout()
            row.setSpacing(4)
            for place, reason in enumerate(recent[:3]):
                chip = Button(
                    reason if len(reason) <= 28 else f"{reason[:27]}…", name=f"reason.recent.{place}"
                )
                chip.setAccessibleName(tr("Use the reason: {reason}", reason=reason))
                chip.clicked.connect(lambda _=False, text=reason: self._edit.setText(text))
                row.addWidget(chip)
            row.addStretch(1)
            column.addLayout(row)

    @property
    def text(self) -> str:
        return self._edit.text().strip()

    @property
    def placeholder(self) -> str:
        return self._edit.placeholderText()

    @override
    def setAccessibleName(self, name: str) -> None:
        super().setAccessibleName(name)
        self._edit.setAccessibleName(name)


def line(text: str = "", *, name: str, placeholder: str = "") -> QLineEdit:
    """A line edit with its object name."""
    edit = QLineEdit(text)
    edit.setObjectName(name)
    edit.setPlaceholderText(placeholder)
    give_room(edit)
    return edit


def give_room(edit: QLineEdit) -> None:
    """Begins the text where that of a choice begins; Fusion lets it touch the frame."""
    edit.setTextMargins(_ROOM, 0, _ROOM, 0)


def note(text: str) -> ToneLabel:
    """A wrapped, muted paragraph between rows."""
    label = small(text)
    label.setWordWrap(True)
    return label
