"""The page's widgets and how they share the room; what they do is in page.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from autotask_console.models.references import References
from autotask_console.pages.compose.bar import Bar
from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.form import DocumentForm
from autotask_console.pages.compose.kinds import SPECS, Kind
from autotask_console.pages.compose.look_up_view import LookUpView
from autotask_console.pages.compose.notice import Notice
from autotask_console.pages.compose.options import Options
from autotask_console.pages.compose.picker import Surroundings
from autotask_console.pages.compose.preview import Preview
from autotask_console.pages.compose.shelf import Shelf
from autotask_console.text import tr
from autotask_console.widgets.button import Button
from autotask_console.widgets.form import Chips
from autotask_console.widgets.json_view import JsonEditor
from autotask_console.widgets.panel import Panel
from autotask_queue import ZoneConfig

NARROW_BELOW = 1000
"""Pixels of page width under which the preview makes room for the form."""


class View(QWidget):
    """Kinds on top; drafts and history, the form, and what will be sent side by side; the button below."""

    def __init__(
        self,
        references: References,
        around: Surroundings,
        *,
        now: Callable[[], float],
        zones: Callable[[], Mapping[str, ZoneConfig]],
    ) -> None:
        super().__init__()
        self.kinds = Chips([(k.value, spec.title) for k, spec in SPECS.items()], name="compose.kind")
        self.kinds.setAccessibleName(tr("What do you want to do?"))
        self.views = Chips([("form", tr("Form")), ("json", tr("JSON"))], name="compose.view")
        self.views.setAccessibleName(tr("View"))
        self.notice = Notice()
        self.shelf = Shelf(now=now)
        self.form = DocumentForm(references, around, now=now)
        self.json = JsonEditor(name="compose.json")
        self.json.setAccessibleName(tr("The request as JSON"))
        self.look_up = LookUpView(references)
        self.preview = Preview(zones)
        self.options = Options(now=now)
        self.bar = Bar()
        self.stack = QStackedWidget()
        for widget in (self.form, self.json, self.look_up):
            self.stack.addWidget(widget)
        self._toggle = Button(tr("What will be sent"), name="compose.preview.toggle")
        self._toggle.setCheckable(True)
        self._toggle.toggled.connect(lambda _: self.arrange())
        self._looking = False
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.kinds, 1)
        top.addWidget(self._toggle)
        top.addWidget(self.views)
        middle = Panel()
        inside = QVBoxLayout(middle)
        inside.setContentsMargins(12, 10, 8, 8)
        inside.setSpacing(6)
        inside.addWidget(self.stack, 1)
        inside.addWidget(self.options)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._splitter.setObjectName("compose.splitter")
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(8)
        parts = ((self.shelf, 170, 0), (middle, 400, 3), (self.preview, 220, 2))
        for place, (widget, least, share) in enumerate(parts):
            widget.setMinimumWidth(least)
            self._splitter.addWidget(widget)
            self._splitter.setStretchFactor(place, share)
        self._splitter.setSizes([210, 560, 330])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.notice)
        column.addWidget(self._splitter, 1)
        column.addWidget(self.bar)

    @property
    def shows_json(self) -> bool:
        return self.stack.currentWidget() is self.json

    @property
    def shows_form(self) -> bool:
        return self.stack.currentWidget() is self.form

    def show_kind(self, draft: Draft) -> None:
        """Marks the kind; while a stored request is changed there is no other."""
        if draft.kind in SPECS:
            self.kinds.choose(draft.kind.value)
        for kind in SPECS:
            why_not = tr("Save or discard the changes first.")
            self.kinds.set_available(kind.value, not draft.editing or kind is draft.kind, why_not)

    def show_side(self, draft: Draft, *, json: bool) -> None:
        """Form, JSON or look-up."""
        self._looking = draft.kind is Kind.LOOK_UP
        side = self.look_up if self._looking else self.json if json else self.form
        self.stack.setCurrentWidget(side)
        self.views.choose("json" if json and not self._looking else "form")
        self.views.setVisible(not self._looking)
        no_form = tr("There is no form for this kind of record.")
        self.views.set_available("form", bool(draft.spec.entity), no_form)
        self.options.setVisible(not self._looking)
        self.bar.setVisible(not self._looking)
        self.arrange()

    def arrange(self) -> None:
        """The preview makes room where the page is narrow, and shows on request."""
        narrow = self.width() < NARROW_BELOW
        self._toggle.setVisible(narrow and not self._looking)
        shown = not self._looking and (not narrow or self._toggle.isChecked())
        self.preview.setVisible(shown)
        self.shelf.setVisible(not (narrow and shown))

    def focus_first(self) -> None:
        """Where a person starts."""
        if self.shows_form:
            self.form.focus_first()
        elif not self.shows_json:
            self.look_up.focus_first()
