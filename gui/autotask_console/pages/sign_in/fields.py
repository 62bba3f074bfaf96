"""What a person fills in to sign in: three lines that are always needed, two that hardly ever are."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from autotask_console.pages.sign_in.details import Details
from autotask_console.text import tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.form import FormRow, line
from autotask_console.widgets.label import small
from autotask_queue import ZoneConfig

_LABEL_WIDTH = 150
_ALWAYS = ("user", "secret", "integration_code")
_RARELY = ("address", "resource")


class SignInFields(QWidget):
    """`edited()` on each change by a person, `submitted()` on Return."""

    edited = Signal()
    submitted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._user = line(name="sign_in.user", placeholder=tr("looks like an email address"))
        self._secret = line(name="sign_in.secret")
        self._code = line(name="sign_in.integration_code")
        self._address = line(name="sign_in.address", placeholder=tr("found by itself"))
        self._resource = line(name="sign_in.resource")
        self._show = Button(tr("Show"), kind=ButtonKind.QUIET, name="sign_in.show")
        self._show.setAccessibleName(tr("Show the secret and the integration code"))
        self._show.setCheckable(True)
        self._show.toggled.connect(self._show_secrets)
        self._show_secrets(False)
        self.where = small()
        """Says where the secrets are kept."""
        self._more = Button("", kind=ButtonKind.LINK, name="sign_in.more")
        self.rows = self._make_rows()
        self._more.clicked.connect(lambda: self._open_more(not self.rows["address"].isVisibleTo(self)))
        for edit in (self._user, self._secret, self._code, self._address, self._resource):
            edit.setMinimumHeight(26)
            edit.textEdited.connect(self.edited)
            edit.returnPressed.connect(self.submitted)
        self._lay_out()

    def _make_rows(self) -> dict[str, FormRow]:
        return {
            "user": _row(tr("API user name"), self._user, required=True),
            "secret": _row(tr("Secret"), self._secret, required=True),
            "integration_code": _row(tr("Integration code"), self._code, required=True),
            "address": _row(
                tr("Zone address"),
                self._address,
                help_text=tr("Leave it empty: your zone is found by the user name."),
            ),
            "resource": _row(
                tr("Your resource number"),
                self._resource,
                help_text=tr("Optional. Time entries start with it; an API user cannot own time."),
            ),
        }

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for name in _ALWAYS:
            column.addWidget(self.rows[name])
        shown = QHBoxLayout()
        shown.addSpacing(_LABEL_WIDTH + 8)
        shown.addWidget(self.where, 1)
        shown.addWidget(self._show)
        column.addLayout(shown)
        column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignLeft)
        for name in _RARELY:
            column.addWidget(self.rows[name])

    # -- filling and reading

    def fill(self, known: ZoneConfig | None, *, address: str) -> None:
        """Shows what is known of a zone; its secrets are never shown again."""
        self._user.setText(known.user if known else "")
        self._address.setText(address)
        number = known.resource_id if known else None
        self._resource.setText("" if number is None else str(number))
        self.forget_secrets()
        for edit in (self._secret, self._code):
            edit.setPlaceholderText(tr("unchanged – type to replace it") if known else "")
        self.hide_secrets()
        self._open_more(bool(self._address.text() or self._resource.text()))
        for row in self.rows.values():
            row.set_error("")
        self._user.setFocus()

    def forget_secrets(self) -> None:
        """Leaves no secret standing in a field."""
        for edit in (self._secret, self._code):
            edit.clear()

    def hide_secrets(self) -> None:
        """Back to dots."""
        self._show.setChecked(False)

    def details(self) -> Details:
        """What stands in the fields."""
        number = self._resource.text().strip()
        return Details(
            user=self._user.text().strip(),
            secret=self._secret.text().strip(),
            integration_code=self._code.text().strip(),
            address=self._address.text().strip(),
            resource_id=int(number) if number.isdecimal() else None,
        )

    def check(self, *, known: bool) -> bool:
        """Says at each field what is missing; of a `known` zone the keychain has what stays empty."""
        missing = set(self.details().missing()) - ({"secret", "integration_code"} if known else set())
        words = {
            "user": tr("Fill in the API user’s name."),
            "secret": tr("Fill in the API user’s secret."),
            "integration_code": tr("Fill in the integration code. Autotask calls it tracking identifier."),
        }
        for name, text in words.items():
            self.rows[name].set_error(text if name in missing else "")
        number = self._resource.text().strip()
        wrong = bool(number) and not number.isdecimal()
        self.rows["resource"].set_error(tr("A resource number has only digits.") if wrong else "")
        first = next((name for name, row in self.rows.items() if row.error), None)
        if first is not None:
            if first in _RARELY:
                self._open_more(True)
            self.rows[first].control.setFocus()
        return first is None

    def set_editable(self, editable: bool) -> None:
        """While a test runs, what is tested stands still."""
        for row in self.rows.values():
            row.setEnabled(editable)

    def _open_more(self, opened: bool) -> None:
        for name in _RARELY:
            self.rows[name].setVisible(opened)
        arrow = "▾" if opened else "▸"
        self._more.setText(tr("{arrow} Zone address and your resource number", arrow=arrow))
        self._more.setAccessibleName(tr("Zone address and your resource number"))
        self._more.updateGeometry()

    def _show_secrets(self, shown: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password
        self._secret.setEchoMode(mode)
        self._code.setEchoMode(mode)
        self._show.setText(tr("Hide") if shown else tr("Show"))


def _row(label: str, control: QWidget, *, required: bool = False, help_text: str = "") -> FormRow:
    return FormRow(label, control, required=required, help_text=help_text, label_width=_LABEL_WIDTH)
