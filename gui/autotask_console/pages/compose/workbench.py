"""The request being composed: one document behind form and JSON, its draft, and how it is added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from PySide6.QtCore import QObject, Signal

from autotask_console.models.references import References, zone_of
from autotask_console.pages.base import Services
from autotask_console.pages.compose import beginnings
from autotask_console.pages.compose.checks import Finding, check
from autotask_console.pages.compose.consequences import ROLE_OF, follow, with_role
from autotask_console.pages.compose.documents import value_of, with_value
from autotask_console.pages.compose.draft import Draft, replace, title_of
from autotask_console.pages.compose.drafts import Drafts
from autotask_console.pages.compose.kinds import SPECS, Kind, endpoint_of, spec_of
from autotask_console.settings import declared
from autotask_queue import Request, RequestFilter, RequestId, RequestIdTaken, Status

TAKEN_ALONG = ("companyID", "contactID", "ticketID", "resourceID", "roleID", "id")
"""What the next request keeps after "Add and new": a series about one customer or ticket."""


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What became of adding or saving. `superseded`: an earlier version of it was stored before."""

    request_id: RequestId
    changed: bool = False
    duplicate: bool = False
    superseded: bool = False
    status: Status = Status.PENDING
    title: str = ""


class Workbench(QObject):
    """Holds the current draft.

    `opened` when another draft is on the bench, `changed` when its content changed (by form, JSON or
    options).
    """

    opened = Signal()
    changed = Signal()

    def __init__(
        self, services: Services, references: References, drafts: Drafts, *, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._references = references
        self.drafts = drafts
        self.request: Request | None = None
        self._pristine: dict[str, Draft] = {}
        self._by_kind: dict[Kind, Draft] = {}
        self.draft = self._begin(Kind.CREATE_TICKET)

    # -- what is on the bench

    def open_kind(self, kind: Kind) -> None:
        """The draft of that kind that was on the bench last, or a new one."""
        if kind is self.draft.kind and not self.draft.editing:
            return
        before = self._by_kind.get(kind)
        stored = self.drafts.get(before.id) if before else None
        self._put(stored or before or self._begin(kind))

    def open_new(self, kind: Kind, keep: Mapping[str, Any] | None = None) -> None:
        """A new draft; the one on the bench stays among the drafts if anything was entered."""
        self._put(self._begin(kind, keep))

    def open_draft(self, draft: Draft, request: Request | None = None) -> None:
        """A stored draft, with all it held."""
        self._put(draft, request)

    def open_again(self, request: Request) -> None:
        """A new draft with the content of an old request."""
        draft = beginnings.again(request, spec_of(request), now=self._now)
        self._pristine[draft.id] = draft
        self._put(draft)

    def open_request(self, request: Request) -> bool:
        """A stored request, to change it. True if unfinished changes of it were brought back."""
        kept = self.drafts.editing(request.id)
        draft = beginnings.edited(request, spec_of(request), now=self._now)
        self._pristine[draft.id] = draft
        self._put(kept or draft, request)
        return kept is not None

    def discard(self) -> None:
        """Forgets what is on the bench and begins anew."""
        kind = self.draft.kind if self.draft.kind is not Kind.OTHER else Kind.CREATE_TICKET
        self.drafts.drop(self.draft.id)
        self._by_kind.pop(kind, None)
        self._put(self._begin(kind))

    def renew(self) -> bool:
        """Takes new defaults into a draft that nobody touched; whether it differs now."""
        before = self.draft
        if self.is_touched or before.editing or before.id not in self._pristine:
            return False
        begun = self._begin(before.kind)
        del self._pristine[begun.id]
        draft = replace(
            begun, id=before.id, json_view=before.json_view, shown=before.shown, created_at=before.created_at
        )
        if draft == before:
            return False
        self._pristine[draft.id] = self.draft = draft
        self.changed.emit()
        return True

    @property
    def is_touched(self) -> bool:
        """Whether a person entered anything that is not stored elsewhere."""
        pristine = self._pristine.get(self.draft.id)
        return pristine is None or pristine.content != self.draft.content

    @property
    def zone(self) -> str:
        """Where a new request goes."""
        return zone_of(self._services.queue)

    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the draft."""
        return check(self.draft, self._references, now=self._now)

    # -- changing it

    def edit(self, name: str, value: Any, typed: str = "") -> None:
        """A person changed one field of the form."""
        before = self.draft
        document = with_value(before.document, name, value)
        if not typed:
            document = follow(
                document, name, before=before.document, spec=before.spec, references=self._references
            )
        texts = {k: v for k, v in before.typed.items() if k != name}
        self._change(document=document, typed={**texts, name: typed} if typed else texts)

    def show_field(self, name: str) -> None:
        """Adds a field to the form."""
        self._change(shown=tuple(dict.fromkeys((*self.draft.shown, name))))

    def set_document(self, document: dict[str, Any]) -> None:
        """A person changed the JSON view."""
        self._change(document=document, json_text=None, typed={})

    def set_json_text(self, text: str) -> None:
        """The JSON view holds no document at the moment; the last one stays behind it."""
        self._change(json_text=text)

    def set_view(self, *, json: bool) -> None:
        self._change(json_view=json)

    def set_options(self, **options: Any) -> None:
        """`zone`, `priority`, `send_after`, `give_up_at`."""
        self._change(**options)

    # -- adding it

    async def add(self, draft: Draft, *, and_new: bool = False) -> Added:
        """Stores `draft` as a request, durably, and begins the next; or saves its changes to a stored one.

        Raises:
            QueueError: it was not stored; the draft is unchanged.
        """
        added = await (self._save(draft) if draft.editing else self._submit(draft))
        typed_on = self.draft.id == draft.id and self.draft.content != draft.content
        if added.superseded or typed_on:  # what came later is a request of its own
            if not draft.editing:
                self.drafts.drop(draft.id)
                if self.draft.id == draft.id:
                    self._adopt(replace(self.draft, id=beginnings.new_id()))
            return msgspec.structs.replace(added, superseded=True)
        self._remember(draft)
        self.drafts.drop(draft.id)
        kind = draft.kind if draft.kind is not Kind.OTHER else Kind.CREATE_TICKET
        kept = {n: v for n in TAKEN_ALONG if (v := value_of(draft.document, n)) is not None}
        self._by_kind.pop(kind, None)
        if self.draft.id == draft.id:  # a person may have gone on to another one meanwhile
            self._put(self._begin(kind, kept if and_new else None))
        return added

    async def _submit(self, draft: Draft) -> Added:
        queue, spec = self._services.queue, draft.spec
        known = draft.zone in queue.zones
        if not known and queue.zones:  # composed before anybody signed in
            draft, known = replace(draft, zone=self.zone), True
        request_id = RequestId(draft.id)
        try:
            receipt = await queue.submit(
                endpoint_of(spec, draft.document),
                spec.method,
                draft.zone,
                data=draft.document,
                priority=draft.priority,
                scheduled_at=draft.send_after,
                expires_at=draft.give_up_at,
                request_id=request_id,
                # A zone that is signed in to describes its requests itself.
                summary="" if known else title_of(draft),
                actor=self._services.actor,
            )
        except RequestIdTaken:
            stored = await queue.get_request(request_id)
            return Added(request_id=stored.id, superseded=True, status=stored.status, title=title_of(draft))
        return Added(
            request_id=receipt.id,
            duplicate=receipt.duplicate,
            status=receipt.status,
            title=title_of(draft),
        )

    async def _save(self, draft: Draft) -> Added:
        queue, spec = self._services.queue, draft.spec
        before = await queue.get_request(draft.editing or "")
        fields: dict[str, Any] = {
            "data": draft.document if spec.entity or draft.document else before.data,
            "priority": draft.priority,
            "scheduled_at": draft.send_after,
            "expires_at": draft.give_up_at,
        }
        endpoint = endpoint_of(spec, draft.document)
        if endpoint.strip("/").lower() != before.endpoint.strip("/").lower() and spec.kind is not Kind.OTHER:
            fields["endpoint"] = endpoint
        after = await queue.edit(before.id, why="edited", actor=self._services.actor, **fields)
        return Added(request_id=after.id, changed=True, status=after.status, title=title_of(draft))

    # -- how

    def _begin(self, kind: Kind, keep: Mapping[str, Any] | None = None) -> Draft:
        zone = self.zone
        spec_fields = _kept_fields(kind, keep)
        draft = beginnings.new_draft(
            kind,
            zone,
            now=self._now,
            config=self._services.queue.zones.get(zone),
            remembered=self._services.settings.get(declared.COMPOSE_LAST),
            references=self._references,
            keep=spec_fields,
        )
        document = draft.document
        for resource in ROLE_OF:
            if value_of(document, resource) is not None:
                document = with_role(document, resource, spec=draft.spec, references=self._references)
        draft = replace(draft, document=document)
        self._pristine[draft.id] = draft
        return draft

    def _put(self, draft: Draft, request: Request | None = None) -> None:
        self._leave(self.draft)
        self.request = request
        self.draft = draft
        self.opened.emit()

    def _leave(self, draft: Draft) -> None:
        if not draft.editing:
            self._by_kind[draft.kind] = draft
        self.drafts.save_soon()

    def _change(self, **fields: Any) -> None:
        self._adopt(replace(self.draft, **fields))

    def _adopt(self, draft: Draft) -> None:
        if draft == self.draft:
            return
        self.draft = draft
        if self.is_touched:
            self.draft = self.drafts.keep(draft)
        else:
            self.drafts.drop(draft.id)
        self.changed.emit()

    def _remember(self, draft: Draft) -> None:
        if not draft.editing and draft.kind is not Kind.OTHER:
            settings = self._services.settings
            before = settings.get(declared.COMPOSE_LAST)
            settings.set(declared.COMPOSE_LAST, beginnings.to_remember(draft.spec, draft.document, before))

    @property
    def _now(self) -> float:
        return self._services.clock.now()


def _kept_fields(kind: Kind, keep: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was taken along, as far as the kind has such fields."""
    spec = SPECS[kind]
    return {
        name: value
        for name, value in (keep or {}).items()
        if (field := spec.field(name)) is not None and spec.offers(field)
    }


async def forget_added(drafts: Drafts, find: Callable[[RequestFilter], Any]) -> None:
    """Drops drafts that became requests just before the program died."""
    ids = tuple(RequestId(draft.id) for draft in drafts.all if not draft.editing)
    if ids:
        for request in await find(RequestFilter(ids=ids)):
            drafts.drop(request.id)
