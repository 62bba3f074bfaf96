"""The Compose page: what do you want to do, a form for it, and what will be sent."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QVBoxLayout, QWidget
from typing_extensions import override

from autotask_console.actions import Action, Doing
from autotask_console.pages.base import Page, Services
from autotask_console.pages.compose.adding import Adding
from autotask_console.pages.compose.checks import Finding, field_named_by
from autotask_console.pages.compose.consequences import fits
from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.drafts import Drafts
from autotask_console.pages.compose.kinds import SPECS, Kind
from autotask_console.pages.compose.look_up_view import FIELD
from autotask_console.pages.compose.picker import Surroundings
from autotask_console.pages.compose.searching import Searching
from autotask_console.pages.compose.shelving import Shelving
from autotask_console.pages.compose.view import View
from autotask_console.pages.compose.workbench import Workbench, forget_added
from autotask_console.state import AppState, ChangeFlags, Changes
from autotask_console.text import Tone, clock_time, tr
from autotask_console.widgets.json_view import JsonProblem, pretty
from autotask_queue import Request, RequestRow, Status

TOAST_ROOM = 42
"""Pixels that toasts leave free, so that they do not lie over the button that made them."""


def create(services: Services) -> Page:
    """The page, not yet visited."""
    return ComposePage(services)


class ComposePage(Page):
    """`enter` takes nothing, or a kind such as "add-note", or a stored request or its id to change it.

    `("again", request)` starts a new one with the same content.
    """

    page_id: ClassVar[str] = "compose"
    flags: ClassVar[ChangeFlags] = (
        ChangeFlags.REQUESTS
        | ChangeFlags.CONNECTIVITY
        | ChangeFlags.GATES
        | ChangeFlags.PAUSED
        | ChangeFlags.ZONES
        | ChangeFlags.TIME
    )
    more_keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Ctrl+Shift+F", "In the JSON: format it"),
        ("Down", "In a field that suggests: the suggestions"),
        ("Del", "In the list of drafts: forget the draft"),
    )

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        now = services.clock.now
        self.references = services.references
        say_draft = services.presenter.at(self._draft_failed)
        self.drafts = Drafts(services.queue, services.clock, services.tasks, say_draft, parent=self)
        self.bench = Workbench(services, self.references, self.drafts, parent=self)
        self._around = Surroundings(
            fits=lambda field, one: fits(field, one, self.bench.draft.document, self.references)
        )
        self._loaded = False
        self._refused: Finding | None = None
        self.view = View(self.references, self._around, now=now, zones=lambda: services.queue.zones)
        self.adding = Adding(services, self.bench, self.view, self._check)
        self.searching = Searching(services, self.view.look_up, lambda: self.bench.zone)
        self.shelving = Shelving(services, self.bench, self.view.shelf, self._around)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self._wire()
        self._show_bench()

    def _wire(self) -> None:
        view = self.view
        view.kinds.chosen.connect(lambda kind: self.bench.open_kind(Kind(kind)))
        view.views.chosen.connect(lambda side: self._show_side(json=side == "json"))
        view.form.edited.connect(self._edited)
        view.form.added.connect(self._add_field)
        view.form.look_up.connect(self.searching.ask_for_field)
        view.form.json_asked.connect(lambda: self._show_side(json=True))
        view.form.field_left.connect(self._check)
        view.json.edited.connect(self._json_edited)
        view.json.broken.connect(self._json_broken)
        view.json.text.textChanged.connect(self._json_touched)
        view.options.changed.connect(lambda name, value: self.bench.set_options(**{name: value}))
        view.preview.copy.connect(self._copy)
        view.look_up.used.connect(self._use_record)
        view.notice.pressed.connect(self._notice_pressed)
        view.bar.add.connect(self.adding.add)
        view.bar.add_and_new.connect(lambda: self.adding.add(and_new=True))
        view.bar.stop.connect(self.bench.discard)
        self.bench.opened.connect(self._opened)
        self.bench.changed.connect(self._changed)
        self.drafts.saved.connect(lambda _: self._say_saved())
        self.references.changed.connect(self._learnt)
        self.searching.found.connect(view.form.suggest_again)
        self.shelving.request_wanted.connect(lambda which: self._start(self._fetch(which)))
        self.adding.busy_changed.connect(self._show_bar)
        tidy = QShortcut(QKeySequence("Ctrl+Shift+F"), view.json)
        tidy.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        tidy.activated.connect(view.json.format)

    # -- life

    @override
    def enter(self, argument: object) -> None:
        self.services.toasts.set_room(TOAST_ROOM)
        if not self._loaded:
            self._loaded = True
            self._start(self._load())
        match argument:
            case Request():
                self._change(argument)
            case RequestRow():
                self._start(self._fetch(argument.id))
            case ("again", Request() as request):
                self.bench.open_again(request)
            case str() if argument in set(SPECS):
                self.bench.open_kind(Kind(argument))
            case str():
                self._start(self._fetch(argument))
            case _:
                self.view.focus_first()

    @override
    def leave(self) -> None:
        self.services.toasts.set_room(0)
        self.view.json.flush()
        self.drafts.save_soon()

    @override
    async def save(self) -> None:
        self.view.json.flush()
        await self.drafts.save()

    @override
    def refresh(self, state: AppState, changed: Changes) -> None:
        if changed.flags & ChangeFlags.ZONES:
            self._zones_changed()
        if changed.flags & ~ChangeFlags.TIME:
            self.view.options.show_draft(self.bench.draft, state.zones)
            self._around.online = not self.searching.why_not(state)
        if changed.flags & ChangeFlags.REQUESTS:
            self.shelving.read_history()
        self.searching.refresh(state)
        self._show_bar()
        self._say_saved()

    @override
    def page_actions(self) -> Sequence[Action]:
        def action(name: str, title: str, keys: str, run: Doing, tip: str = "") -> Action:
            name = f"compose.{name}"
            return Action(
                id=name, title=title, shortcut=keys, menu="Queue", group="compose", run=run, tip=tip
            )

        def opener(kind: Kind) -> Doing:
            return lambda: self.bench.open_kind(kind)

        kinds = [
            action(f"kind.{kind.value}", spec.title, f"Alt+{place}", opener(kind))
            for place, (kind, spec) in enumerate(SPECS.items(), start=1)
        ]
        add_and_new = action(
            "add-and-new",
            "Add and &new",
            "Ctrl+Shift+Return; Ctrl+Shift+Enter",
            lambda: self.adding.add(and_new=True),
        )
        return (
            action("add", "&Add to queue", "Ctrl+Return; Ctrl+Enter", self.adding.add),
            add_and_new,
            action("view", "&Form or JSON", "Ctrl+J", self._toggle_side, "Two views of the same document"),
            action("add-field", "Add &field…", "Ctrl+Space", self._focus_add),
            action("new", "New &draft", "Ctrl+Shift+N", self._new_draft),
            *kinds,
        )

    @override
    def focus_regions(self) -> Sequence[QWidget]:
        view = self.view
        return (view.kinds, view.shelf, view.stack, view.options, view.preview, view.bar)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.view.arrange()

    # -- loading

    def _start(self, coro: Coroutine[Any, Any, object]) -> None:
        self.services.tasks.start(coro, what=tr("open it"))

    async def _load(self) -> None:
        await self.drafts.load()
        await forget_added(self.drafts, self.services.queue.get_requests)
        self._renew()

    async def _fetch(self, request_id: str) -> None:
        self._change(await self.services.queue.get_request(request_id))

    # -- what is shown

    def _opened(self) -> None:
        """Another draft is on the bench."""
        self.adding.tried = False
        self._refused = None
        self.view.bar.say_problem("")
        self._show_bench()
        self.view.focus_first()

    def _show_bench(self) -> None:
        draft = self.bench.draft
        self.view.show_kind(draft)
        self._show_json(draft)
        self._show_side(json=draft.json_view)
        self._changed()

    def _changed(self) -> None:
        """Its content changed."""
        draft = self.bench.draft
        self.view.form.show_draft(draft)
        self.view.preview.show_draft(draft)
        self.view.options.show_draft(draft, self.state.zones)
        self._check()
        self._show_bar()
        self.shelving.show_drafts()
        self._say_saved()

    def _check(self) -> tuple[Finding, ...]:
        findings = self.bench.findings()
        said = () if self._refused is None else (self._refused,)
        self.view.form.show_findings((*said, *findings), tried=self.adding.tried)
        self.view.options.show_findings(findings)
        if self.adding.tried and not self.adding.busy:
            blocking = [one for one in findings if one.blocks]
            self.view.bar.say_problem(self.adding.words_for(blocking) if blocking else "")
        return findings

    def _show_json(self, draft: Draft) -> None:
        if draft.json_text is not None:
            self.view.json.text.setPlainText(draft.json_text)
            self.view.json.check()
        elif pretty(draft.document) != self.view.json.text.toPlainText():
            self.view.json.show_document(draft.document)

    def _show_side(self, *, json: bool) -> None:
        draft = self.bench.draft
        json = json or not draft.spec.entity
        if not json:
            self.view.json.flush()
        if json != draft.json_view and draft.kind is not Kind.LOOK_UP:
            self.bench.set_view(json=json)
        if json and not self.view.shows_json:
            self._show_json(self.bench.draft)
        self.view.show_side(draft, json=json)
        self.view.form.set_read_only(self.bench.draft.json_text is not None)
        self._say_what_is_special()

    def _toggle_side(self) -> None:
        if self.bench.draft.kind is not Kind.LOOK_UP:
            self._show_side(json=not self.view.shows_json)
            if self.view.shows_json:
                self.view.json.setFocus()
            else:
                self.view.focus_first()

    def _show_bar(self) -> None:
        self.view.bar.show_draft(self.bench.draft, self.state, busy=self.adding.busy)

    def _say_saved(self) -> None:
        touched, saved = self.bench.is_touched, self.drafts.is_saved
        now = self.services.clock.now()
        self.view.bar.say_saved(self.bench.draft, touched=touched, saved=saved, now=now)

    def _say_what_is_special(self) -> None:
        """The one thing to know about this draft, the most urgent first."""
        draft, request, problem = self.bench.draft, self.bench.request, self.view.json.problem
        notice = self.view.notice
        if draft.json_text is not None:
            line = problem.line if problem else 1
            words = tr(
                "The JSON view has a mistake in line {line}; the form is read-only until it is mended.",
                line=line,
            )
            notice.say(words, Tone.BAD, button=("json", tr("Fix line {line}", line=line)))
        elif draft.editing and request is not None and request.failure is not None:
            failure = request.failure
            notice.say(f"{failure.message} {failure.remedy}", Tone.BAD)
        elif draft.editing and request is not None:
            when = clock_time(request.created_at, now=self.services.clock.now())
            notice.say(tr("You are changing a request of {when}. It is not sent twice.", when=when))
        else:
            notice.say("")

    def _learnt(self) -> None:
        """The lists know more: names appear, and a draft that nobody touched gets its defaults."""
        self._renew()
        self.view.form.show_draft(self.bench.draft)
        self._check()

    def _zones_changed(self) -> None:
        """Somebody signed in: other defaults. The lists follow by themselves."""
        self._renew()

    def _renew(self) -> None:
        """Nobody asked for it: neither the view changes nor where the keyboard is."""
        if self.bench.renew():
            self._show_json(self.bench.draft)

    def _focus_add(self) -> None:
        if self.view.shows_form:
            self.view.form.focus_add()

    # -- what a person does

    def _edited(self, name: str, value: object, typed: str) -> None:
        if self._refused is not None and self._refused.field == name:
            self._refused = None
        self.bench.edit(name, value, typed)

    def _add_field(self, name: str) -> None:
        self.bench.show_field(name)
        self.view.form.focus_field(name)

    def _json_touched(self) -> None:
        """At once, so that typing without a pause loses nothing."""
        if self.view.shows_json and self.view.json.text.hasFocus():
            self.bench.set_json_text(self.view.json.text.toPlainText())

    def _json_edited(self, document: object) -> None:
        if isinstance(document, dict):
            self.bench.set_document(document)
            self.view.form.set_read_only(False)
            self._say_what_is_special()
        else:
            self.bench.set_json_text(self.view.json.text.toPlainText())
            self.view.notice.say(tr("A request’s document is an object: { … }."), Tone.BAD)

    def _json_broken(self, _problem: JsonProblem) -> None:
        self.bench.set_json_text(self.view.json.text.toPlainText())
        self.view.form.set_read_only(True)
        self._say_what_is_special()

    def _change(self, request: Request) -> None:
        back = self.bench.open_request(request)
        if request.failure is not None and request.status is Status.FAILED:
            named = field_named_by(request.failure, self.bench.draft.spec)
            if named is not None:
                self._refused = Finding(field=named, text=request.failure.message)
                self._check()
                self.view.form.focus_field(named)
        if back:
            self.services.toasts.say(tr("Your unfinished changes are back."))

    def _new_draft(self) -> None:
        kind = self.bench.draft.kind
        self.bench.open_new(kind if kind in SPECS else Kind.CREATE_TICKET)

    def _use_record(self, entity: str, kind: str, record: dict[str, Any]) -> None:
        chosen = Kind(kind)
        self.bench.open_kind(chosen)
        self.bench.edit(FIELD[entity, chosen], record.get("id"))
        self.view.focus_first()

    def _copy(self, text: str) -> None:
        if text:
            QGuiApplication.clipboard().setText(text)
            self.services.toasts.say(tr("Copied as cURL. Secrets are hidden."), seconds=4)
        else:
            self.services.toasts.say(tr("It is not complete yet, so there is nothing to copy."), seconds=4)

    def _notice_pressed(self, button: str) -> None:
        if button == "json":
            self._show_side(json=True)
            self.view.json.go_to_problem()

    def _draft_failed(self, words: str) -> None:
        self.view.bar.say_problem(tr("The draft is not on disk yet. {words}", words=words))
