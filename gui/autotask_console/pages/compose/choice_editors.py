"""Controls for picklists and for yes or no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget
from typing_extensions import override

from autotask_console.pages.compose.editors import LINE_HEIGHT, Editor
from autotask_console.text import tr
from autotask_queue.catalogue import Field, PicklistValue


class ChoiceEditor(Editor):
    """A picklist: its labels. A value that is not on the list is kept and shown as it is."""

    def __init__(self, field: Field, choices: Sequence[PicklistValue], *, nothing: str) -> None:
        super().__init__(field)
        self._nothing = nothing
        self._choices: tuple[PicklistValue, ...] = ()
        self._value: Any = None
        self._box = _Combo()
        self._box.setObjectName(f"{self.objectName()}.list")
        self._hold(self._box)
        self._box.activated.connect(self._chosen)
        self.set_choices(choices)

    @property
    @override
    def inner(self) -> QWidget:
        return self._box

    @property
    @override
    def value(self) -> Any:
        return self._value

    @property
    def labels(self) -> list[str]:
        """What the list offers."""
        return [self._box.itemText(place) for place in range(self._box.count())]

    @override
    def set_choices(self, choices: Sequence[PicklistValue]) -> None:
        if tuple(choices) != self._choices:
            self._choices = tuple(choices)
            self._fill()

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        if value != self._value or type(value) is not type(self._value):
            self._value = value
            self._fill()

    def _fill(self) -> None:
        self._box.clear()
        self._box.addItem(self._nothing, None)
        known = None
        for one in self._choices:
            same = self._value is not None and str(one.id) == str(self._value)
            if one.is_active or same:
                label = one.label if one.is_active else tr("{label} (inactive)", label=one.label)
                self._box.addItem(label, one.id)
                known = self._box.count() - 1 if same else known
        if self._value is not None and known is None:
            self._box.addItem(tr("{value} (not on the list)", value=self._value), self._value)
            known = self._box.count() - 1
        self._box.setCurrentIndex(known or 0)

    def _chosen(self, place: int) -> None:
        chosen = self._box.itemData(place)
        if chosen != self._value:
            self._value = chosen
            self.edited.emit()
        self.left.emit()


class YesNoEditor(ChoiceEditor):
    """True, false, or nothing said."""

    def __init__(self, field: Field, *, nothing: str) -> None:
        words = (PicklistValue(id="yes", label=tr("Yes")), PicklistValue(id="no", label=tr("No")))
        super().__init__(field, words, nothing=nothing)

    @property
    @override
    def value(self) -> Any:
        return {"yes": True, "no": False}.get(self._value, self._value)

    @override
    def show_value(self, value: Any, typed: str = "") -> None:
        super().show_value({True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value)


class _Combo(QComboBox):
    """A list that the wheel does not change in passing."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMaxVisibleItems(14)
        self.setMinimumHeight(LINE_HEIGHT)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
