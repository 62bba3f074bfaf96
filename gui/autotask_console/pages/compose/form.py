"""The form: rows made from the entity catalogue, required ones first, over one document."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from autotask_console.models.references import References
from autotask_console.pages.compose.checks import Finding
from autotask_console.pages.compose.choice_editors import ChoiceEditor, YesNoEditor
from autotask_console.pages.compose.documents import key_of, value_of
from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.editors import (
    LINE_LIMIT,
    Editor,
    JsonEditorNote,
    LineEditor,
    NumberEditor,
    TextEditor,
)
from autotask_console.pages.compose.kinds import Spec
from autotask_console.pages.compose.moment_editor import MomentEditor
from autotask_console.pages.compose.picker import ReferenceEditor, Surroundings
from autotask_console.text import Tone, tr
from autotask_console.widgets.focus_order import tab_before
from autotask_console.widgets.form import FormRow
from autotask_console.widgets.label import small
from autotask_console.widgets.suggest import Suggestion, SuggestLine
from autotask_queue.catalogue import Field, FieldType, PicklistValue

_HELP = {
    "publish": "Who can read this note, in your Autotask’s words. Ask your administrator what they cover.",
    "queueID": "Autotask wants a queue, or an assigned resource with their role.",
    "summaryNotes": "These notes may appear on the customer’s invoice.",
    "internalNotes": "Only for colleagues.",
    "hoursWorked": "Such as 1:30, 90 min or 1.5. Start, end and hours follow each other.",
}
"""What to know about a field before it is filled in."""
_LABEL_WIDTH = 132


class DocumentForm(QScrollArea):
    """Shows a draft's document.

    `edited(name, value, typed)` after a person changed a field. `added(name)` after they asked for one
    more. `look_up(entity, text)` and `json_asked()` pass on what a field cannot do itself. `field_left`
    when the focus left a field: findings about half-typed values may be said now.
    """

    edited = Signal(str, object, str)
    added = Signal(str)
    look_up = Signal(str, str)
    json_asked = Signal()
    field_left = Signal()

    def __init__(self, references: References, around: Surroundings, *, now: Callable[[], float]) -> None:
        super().__init__()
        self.setObjectName("compose.form")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._references = references
        self._around = around
        self._now = now
        self._spec: Spec | None = None
        self._rows: dict[str, FormRow] = {}
        self._editors: dict[str, Editor] = {}
        self._read_only = False
        body = QWidget()
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(2, 2, 10, 6)
        self._column.setSpacing(8)
        self._unknown = small(tone=Tone.WARN)
        self._unknown.setWordWrap(True)
        self._unknown.setObjectName("compose.unknown")
        self._add = SuggestLine(self._addable, name="compose.add_field")
        self._add.setPlaceholderText(tr("+ Add field… (Ctrl+Space)"))
        self._add.setAccessibleName(tr("Add a field to the form"))
        self._add.picked.connect(self._add_picked)
        self._add.left.connect(self._add.clear)
        self._column.addWidget(self._unknown)
        self._column.addWidget(self._add)
        self._column.addStretch(1)
        self.setWidget(body)
        # The panel behind shows through: one surface, whatever the palette.
        self.viewport().setAutoFillBackground(False)
        body.setAutoFillBackground(False)

    # -- showing

    def show_draft(self, draft: Draft) -> None:
        """Shows every value; rows are made anew only if other fields are shown."""
        names = _shown_fields(draft)
        if self._spec != draft.spec or list(self._rows) != names:
            self._spec = draft.spec
            self._rebuild(draft.spec, names)
        for name, editor in self._editors.items():
            if isinstance(editor, ChoiceEditor) and not isinstance(editor, YesNoEditor):
                editor.set_choices(self._choices(editor.field, draft))
            editor.show_value(value_of(draft.document, name), draft.typed.get(name, ""))
            self._rows[name].set_help(editor.hint or tr(_HELP.get(name, "")))

    def show_findings(self, findings: Sequence[Finding], *, tried: bool) -> None:
        """Says at each field what is wrong with it.

        What is only missing is said after a person tried to add; what is half typed, after they left.
        """
        errors: dict[str, str] = {}
        warnings: dict[str, str] = {}
        unknown = []
        for one in findings:
            name = self._row_name(one.field)
            if name is None:
                unknown += [one.text] if one.field and not one.field.startswith("option.") else []
            elif (one.missing and not tried) or self._is_being_typed(name, one):
                continue
            else:
                (errors if one.blocks else warnings).setdefault(name, one.text)
        for name, row in self._rows.items():
            row.set_error(errors.get(name, ""))
            row.set_warning(warnings.get(name, ""))
        self._unknown.setText("\n".join(f"⚠ {text}" for text in dict.fromkeys(unknown)))
        self._unknown.setVisible(bool(unknown))

    def set_read_only(self, read_only: bool) -> None:
        self._read_only = read_only
        for editor in self._editors.values():
            editor.set_read_only(read_only)
        self._add.setEnabled(not read_only)

    # -- moving about

    @property
    def editors(self) -> dict[str, Editor]:
        """The controls by field."""
        return self._editors

    @property
    def rows(self) -> dict[str, FormRow]:
        """The rows by field."""
        return self._rows

    def focus_field(self, name: str) -> None:
        """Puts the keyboard into a field and brings it into sight."""
        row_name = self._row_name(name)
        if row_name is not None:
            self._editors[row_name].inner.setFocus()
            self.ensureWidgetVisible(self._rows[row_name], 0, 20)

    def focus_first(self) -> None:
        """The first field that is still empty, else the first."""
        empty = (name for name, editor in self._editors.items() if editor.value is None and not editor.typed)
        first = next(empty, next(iter(self._editors), ""))
        self.focus_field(first)

    def focus_add(self) -> None:
        """To the line that adds a field, with its list open."""
        self._add.setFocus()
        self.ensureWidgetVisible(self._add)
        self._add.suggest()

    def suggest_again(self) -> None:
        """A look-up brought something."""
        for editor in self._editors.values():
            if isinstance(editor, ReferenceEditor):
                editor.suggest_again()

    # -- how

    def _rebuild(self, spec: Spec, names: list[str]) -> None:
        for row in self._rows.values():
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows, self._editors = {}, {}
        for place, name in enumerate(names):
            field = spec.field(name)
            if field is None:
                continue
            editor = self._make(field, spec)
            label = tr("Ticket") if name == "id" else tr(field.label)
            row = FormRow(label, editor, required=spec.is_required(field), label_width=_LABEL_WIDTH)
            self._column.insertWidget(place, row)
            self._rows[name], self._editors[name] = row, editor
        tab_before(self._add, *self._rows.values())
        self.set_read_only(self._read_only)

    def _make(self, field: Field, spec: Spec) -> Editor:
        nothing = tr("– leave as it is –") if spec.update else tr("– choose –")
        if not spec.update and not spec.is_required(field):
            nothing = tr("– none –")
        entity = "Tickets" if field.name == "id" and spec.entity == "Tickets" else field.reference
        editor: Editor
        if entity and spec.offers(field):
            picker = ReferenceEditor(field, entity=entity, references=self._references, around=self._around)
            picker.look_up.connect(self.look_up)
            editor = picker
        elif field.picklist or field.name in self._references.picklists(spec.entity):
            editor = ChoiceEditor(field, field.picklist, nothing=nothing)
        else:
            editor = self._plain(field, nothing)
        editor.edited.connect(lambda: self._edited(editor))
        editor.left.connect(self.field_left)
        return editor

    def _plain(self, field: Field, nothing: str) -> Editor:
        match field.type:
            case FieldType.BOOLEAN:
                return YesNoEditor(field, nothing=nothing)
            case FieldType.DATETIME | FieldType.DATE:
                return MomentEditor(field, now=self._now)
            case FieldType.INTEGER | FieldType.NUMBER:
                return NumberEditor(field)
            case FieldType.ARRAY:
                note = JsonEditorNote(field)
                note.asked.connect(self.json_asked)
                return note
            case FieldType.STRING:
                long = (field.max_length or 0) > LINE_LIMIT
                return TextEditor(field) if long else LineEditor(field)

    def _edited(self, editor: Editor) -> None:
        name = editor.field.name
        self.edited.emit(name, editor.value, editor.typed)
        if name in self._rows:
            self._rows[name].set_help(editor.hint or tr(_HELP.get(name, "")))

    def _choices(self, field: Field, draft: Draft) -> Sequence[PicklistValue]:
        own = self._references.picklists(draft.spec.entity)
        values = own.get(field.name, field.picklist)
        if not field.picklist_parent:
            return values
        parent = value_of(draft.document, field.picklist_parent)
        return [v for v in values if parent is None or v.parent is None or str(v.parent) == str(parent)]

    def _addable(self, text: str) -> Sequence[Suggestion]:
        entity = self._spec.known() if self._spec else None
        if entity is None or self._spec is None:
            return ()
        words = text.casefold().split()
        return [
            Suggestion(key=field.name, label=tr(field.label), more=field.name)
            for field in entity.fields
            if field.name not in self._rows
            and self._spec.offers(field)
            and all(word in f"{tr(field.label)} {field.name}".casefold() for word in words)
        ]

    def _add_picked(self, suggestion: Suggestion) -> None:
        self._add.clear()
        self.added.emit(suggestion.key)

    def _row_name(self, field: str) -> str | None:
        return key_of(self._rows, field) if field else None

    def _is_being_typed(self, name: str, finding: Finding) -> bool:
        editor = self._editors[name]
        return bool(editor.typed) and finding.blocks and editor.has_keyboard


def _shown_fields(draft: Draft) -> list[str]:
    """Those of the kind, those added, and those that the document holds anyway; required ones first."""
    spec, entity = draft.spec, draft.spec.known()
    if entity is None:
        return []
    names = [*spec.first, *draft.shown, *draft.typed]
    names += [field.name for key in draft.document if (field := entity.field(key)) and spec.offers(field)]
    fields = [field for name in dict.fromkeys(names) if (field := entity.field(name)) is not None]
    unique = list(dict.fromkeys(field.name for field in fields))
    return sorted(unique, key=lambda name: not _is_required(spec, name))


def _is_required(spec: Spec, name: str) -> bool:
    field = spec.field(name)
    return field is not None and spec.is_required(field)
