"""The sign-in page: filled in, tested line by line, kept in the keychain; or skipped while offline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.models.references import DEFAULT_ZONE
from autotask_console.pages.base import Page, Services
from autotask_console.pages.sign_in import details as sign_ins
from autotask_console.pages.sign_in.checklist import Checklist
from autotask_console.pages.sign_in.details import Details
from autotask_console.pages.sign_in.fields import SignInFields
from autotask_console.state import AppState, ChangeFlags, Changes
from autotask_console.state.app_state import EVERYTHING
from autotask_console.text import Tone, plural, tr
from autotask_console.widgets.button import Button, ButtonKind
from autotask_console.widgets.label import ToneLabel, heading
from autotask_console.widgets.panel import Panel
from autotask_queue import GateKind, SecretsError, SessionSecrets
from autotask_queue.autotask import SignInReport

_THIS_SESSION = SessionSecrets().describe()


@runtime_checkable
class SessionOnly(Protocol):
    """Secrets that can be kept in memory if the system has no place for them."""

    @property
    def session_only(self) -> bool: ...

    def use_session_only(self) -> None: ...


def create(services: Services) -> Page:
    """The page, not yet visited."""
    return SignInPage(services)


class SignInPage(Page):
    """`enter("zone1")` changes that zone's sign-in; without a name, the first zone's or a new one."""

    page_id: ClassVar[str] = "sign-in"
    flags: ClassVar[ChangeFlags] = ChangeFlags.ZONES | ChangeFlags.GATES

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self.zone = DEFAULT_ZONE
        self._testing: asyncio.Task[Any] | None = None
        self._report: SignInReport | None = None
        self._tested = Details()
        self._signed_in = False
        self.fields = SignInFields()
        self.fields.edited.connect(self._edited)
        self.fields.submitted.connect(self._go)
        self._build_buttons()
        self.checklist = Checklist()
        self._said = ToneLabel(tone=Tone.BAD)
        self._said.setObjectName("sign_in.message")
        self._said.setWordWrap(True)
        self._lay_out()
        self._show_buttons()

    # -- construction

    def _build_buttons(self) -> None:
        self._skip = Button(tr("Skip – I am offline"), name="sign_in.skip")
        self._skip.clicked.connect(self._skip_pressed)
        self._untested = Button(tr("Save without testing"), name="sign_in.save_untested")
        self._untested.clicked.connect(lambda: self._save(self.fields.details()))
        self._session = Button(tr("Keep for this session only"), name="sign_in.session_only")
        self._session.clicked.connect(self._keep_for_session)
        self._primary = Button(tr("Test and sign in"), kind=ButtonKind.PRIMARY, name="sign_in.go")
        self._primary.clicked.connect(self._go)
        self._to_queue = Button(tr("Open the queue"), name="sign_in.queue")
        self._to_queue.clicked.connect(lambda: self.services.navigate("queue", None))

    def _lay_out(self) -> None:
        panel = Panel()
        panel.setMaximumWidth(760)
        column = QVBoxLayout(panel)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(8)
        self._title = heading(tr("Sign in to Autotask"), factor=1.25)
        column.addWidget(self._title)
        self._intro = QLabel()
        self._intro.setObjectName("sign_in.intro")
        self._intro.setWordWrap(True)
        column.addWidget(self._intro)
        column.addSpacing(4)
        column.addWidget(self.fields)
        column.addWidget(self.checklist)
        column.addWidget(self._said)
        column.addSpacing(4)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._skip)
        buttons.addStretch(1)
        for button in (self._untested, self._session, self._to_queue, self._primary):
            buttons.addWidget(button)
        column.addLayout(buttons)
        body = QWidget()
        body.setAutoFillBackground(False)
        centre = QHBoxLayout(body)
        centre.setContentsMargins(0, 0, 0, 0)
        centre.addWidget(panel, 1, Qt.AlignmentFlag.AlignTop)
        self._area = area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    # -- life

    @override
    def enter(self, argument: object) -> None:
        zone = sign_ins.zone_to_change(self.services, argument)
        known = self.services.queue.zones.get(zone)
        self.zone = zone
        self._report = None
        self.checklist.clear()
        self.checklist.hide()
        self._say("")
        if known is None and self.fields.details().user and not self._signed_in:
            self.fields.forget_secrets()  # somebody came back: what else was typed is still there
        else:
            address = known.url if known and not self.services.bootstrap_url else ""
            self.fields.fill(known, address=address)
        self._signed_in = False
        self._show_buttons()

    @override
    def leave(self) -> None:
        self._stop_testing()
        self.fields.forget_secrets()

    @override
    def refresh(self, state: AppState, changed: Changes) -> None:
        refused = next(
            (g.reason for g in state.gates if g.kind is GateKind.SIGN_IN and g.zone == self.zone), ""
        )
        known = self.zone in state.zones
        self._title.setText(tr("Change the sign-in to Autotask") if known else tr("Sign in to Autotask"))
        if self._signed_in:
            words = tr("This laptop is signed in. What waits goes out by itself.")
        elif refused:
            words = tr("Sign-in was refused: {reason}", reason=refused)  # which says that all is safe
        elif known:
            words = tr("This laptop is signed in. What waits goes on waiting while you change it.")
        else:
            words = tr(
                "Your requests are kept on this laptop ({place}) and go to Autotask only. "
                "You can compose without signing in; they are sent afterwards.",
                place=state.location or tr("in memory"),
            )
        self._intro.setText(words)
        home = self.services.secrets.describe()
        if home == _THIS_SESSION:
            self.fields.where.setText(tr("Kept for this session only: type them in again next time."))
        else:
            self.fields.where.setText(
                tr("Kept in {home}, never in the settings or the queue file.", home=home)
            )
        self._show_buttons()

    @override
    def focus_regions(self) -> Sequence[QWidget]:
        return (self,)

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        self.fields.hide_secrets()
        super().hideEvent(event)

    # -- what a person does

    def _edited(self) -> None:
        """What was tested is no longer what stands there."""
        self._report = None
        self._signed_in = False
        self._say("")
        self._show_buttons()

    def _go(self) -> None:
        if self._signed_in:
            self.services.navigate("compose", None)
        elif self._testing is not None:
            self._stop_testing()
        elif self._check_fields():
            self.checklist.clear(tr("Testing…"))
            self.checklist.show()
            self._say("")
            self._testing = self.services.tasks.start(
                self._test(self.fields.details()),
                what=tr("test the sign-in"),
                on_error=self.services.presenter.at(self._failed),
                on_done=self._tested_now,
            )
            self._show_buttons()

    def _skip_pressed(self) -> None:
        self._stop_testing()
        self.services.navigate("compose", None)

    def _check_fields(self) -> bool:
        return self.fields.check(known=self.zone in self.services.queue.zones)

    # -- testing and saving

    async def _test(self, typed: Details) -> None:
        details = await sign_ins.with_stored_secrets(self.services, self.zone, typed)
        report = await sign_ins.test(self.services, details)
        self._report, self._tested = report, details
        self.checklist.show_steps(report.steps)
        if report.ok:
            await self._keep(details, report)
        else:
            self._say(tr("Nothing was changed. Mend the red line and test again."))

    async def _keep(self, details: Details, report: SignInReport | None) -> None:
        try:
            await sign_ins.save(self.services, self.zone, details, found_url=report.url if report else "")
        except SecretsError as error:
            self._session.setVisible(isinstance(self.services.secrets, SessionOnly))
            self._say(f"{error.title}. {error.message} {error.remedy}")
            return
        self._signed_in = True
        self._say_kept(report)
        self.refresh(self.state, EVERYTHING)

    def _say_kept(self, report: SignInReport | None) -> None:
        waiting = self.services.store.state.waiting
        zone = tr(" Zone: {name}.", name=report.zone_name) if report and report.zone_name else ""
        if report is None:
            words = tr("Saved. It is tested when you are online.")
        else:
            words = tr("You are signed in.{zone}", zone=zone)
        if waiting:
            words += plural(
                waiting,
                " {n} request waits and goes out by itself.",
                " {n} requests wait and go out by themselves.",
            )
        secrets = self.services.secrets
        if isinstance(secrets, SessionOnly) and secrets.session_only:
            words += " " + tr("The secrets are kept for this session only: type them in again next time.")
        if self.services.settings.problems:
            words += " " + tr("For this session only: {problem}", problem=self.services.settings.problems[0])
        self._say(words, Tone.GOOD)

    def _save(self, details: Details) -> None:
        if self._check_fields():
            self.services.tasks.start(
                self._save_untested(details),
                what=tr("save the sign-in"),
                on_error=self.services.presenter.at(self._failed),
                on_done=self._show_buttons,
            )

    async def _save_untested(self, typed: Details) -> None:
        details = await sign_ins.with_stored_secrets(self.services, self.zone, typed)
        self._tested, self._report = details, None
        await self._keep(details, None)

    def _keep_for_session(self) -> None:
        secrets = self.services.secrets
        if isinstance(secrets, SessionOnly):
            secrets.use_session_only()
            self.services.tasks.start(
                self._keep(self._tested, self._report),
                what=tr("keep the sign-in"),
                on_error=self.services.presenter.at(self._failed),
                on_done=self._show_buttons,
            )

    def _tested_now(self) -> None:
        self._testing = None
        self._area.ensureWidgetVisible(self._primary)
        if self._report is None and not self._said.text():
            self.checklist.clear()
        self._show_buttons()

    def _stop_testing(self) -> None:
        if self._testing is not None:
            self._testing.cancel()
            self.checklist.clear()

    def _failed(self, words: str) -> None:
        self.checklist.clear()
        self._say(words)

    # -- what is shown

    def _say(self, text: str, tone: Tone = Tone.BAD) -> None:
        glyph = {Tone.BAD: "✕ ", Tone.GOOD: "✓ "}.get(tone, "")
        self._said.setText(f"{glyph}{text}" if text else "")
        self._said.set_tone(tone)
        self._said.setVisible(bool(text))
        if not text:
            self._session.hide()

    @property
    def message(self) -> str:
        """What stands below the checklist."""
        return self._said.text()

    def _show_buttons(self) -> None:
        testing = self._testing is not None
        if self._signed_in:
            title = tr("New request")
        else:
            title = tr("Stop testing") if testing else tr("Test and sign in")
        self._primary.setText(title)
        self._primary.updateGeometry()
        self._skip.setText(
            tr("Back to work") if self.zone in self.services.queue.zones else tr("Skip – I am offline")
        )
        self._skip.updateGeometry()
        self._skip.setVisible(not self._signed_in)
        self._to_queue.setVisible(self._signed_in)
        self._untested.setVisible(not testing and not self._signed_in and self._is_unreachable)
        if self._signed_in:
            self._session.hide()
        self.fields.set_editable(not testing)

    @property
    def _is_unreachable(self) -> bool:
        """Whether the test failed only because there is no way to Autotask just now."""
        steps = self._report.steps if self._report else ()
        return bool(steps) and not steps[-1].ok and steps[-1].name == "Internet"
