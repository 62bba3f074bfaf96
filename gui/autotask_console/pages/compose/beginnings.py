"""What a new draft starts with: the zone's settings and what was chosen last time; nothing is guessed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autotask_console.pages.compose.documents import Document, value_of
from autotask_console.pages.compose.draft import Draft, replace
from autotask_console.pages.compose.kinds import SPECS, Kind, Spec
from autotask_queue import Request
from autotask_queue.autotask import marker_for

if TYPE_CHECKING:
    from autotask_console.models.references import References
    from autotask_queue import ZoneConfig

Remembered = Mapping[str, Mapping[str, Any]]
"""Last values by kind and field."""

NEVER_PRESET = frozenset({"publish"})
"""Who can read a note is chosen by a person, never by a list's own default."""


def new_draft(
    kind: Kind,
    zone: str,
    *,
    now: float,
    config: ZoneConfig | None,
    remembered: Remembered,
    references: References,
    keep: Mapping[str, Any] | None = None,
) -> Draft:
    """An empty draft with its defaults; `keep` are values that a person took along."""
    document = {
        **_defaults(SPECS[kind], references),
        **_last(SPECS[kind], remembered),
        **_own(SPECS[kind], config),
        **(keep or {}),
    }
    return Draft(id=new_id(), kind=kind, zone=zone, document=document, created_at=now)


def again(request: Request, spec: Spec, *, now: float) -> Draft:
    """A new draft with the content of an old request."""
    return _of(request, spec, now=now, draft_id=new_id())


def edited(request: Request, spec: Spec, *, now: float) -> Draft:
    """A draft of changes to a stored request."""
    draft = _of(request, spec, now=now, draft_id=f"edit-{request.id}")
    return replace(draft, editing=request.id, send_after=request.scheduled_at, give_up_at=request.expires_at)


def new_id() -> str:
    """The id that the draft's request will have."""
    return str(uuid.uuid4())


def to_remember(spec: Spec, document: Mapping[str, Any], before: Remembered) -> dict[str, dict[str, Any]]:
    """The remembered values after a document was added."""
    values = {name: value_of(document, name) for name in spec.remembered}
    chosen = {name: value for name, value in values.items() if isinstance(value, int | str)}
    return {**{kind: dict(one) for kind, one in before.items()}, spec.kind.value: chosen}


def _of(request: Request, spec: Spec, *, now: float, draft_id: str) -> Draft:
    """Without the key that the queue put in: it belongs to that request, and is put in again by itself."""
    data = request.data if isinstance(request.data, dict) else {}
    own = marker_for(request.id)
    document = {key: value for key, value in data.items() if value != own}
    return Draft(
        id=draft_id,
        kind=spec.kind,
        zone=request.zone,
        document=document,
        priority=request.priority,
        other=spec if spec.kind is Kind.OTHER else None,
        json_view=not spec.entity,
        created_at=now,
    )


def _defaults(spec: Spec, references: References) -> Document:
    """The defaults of the picklists of required fields: those that Autotask's own form starts with."""
    entity = spec.known()
    if entity is None or spec.update:
        return {}
    own = references.picklists(entity.name)
    found: Document = {}
    for name in spec.first:
        field = entity.field(name)
        if field is None or not spec.is_required(field) or name in NEVER_PRESET:
            continue
        values = own.get(field.name, field.picklist)
        default = next((one for one in values if one.is_default and one.is_active), None)
        if default is not None:
            found[field.name] = default.id
    return found


def _last(spec: Spec, remembered: Remembered) -> Document:
    last = remembered.get(spec.kind.value, {})
    return {name: last[name] for name in spec.remembered if name in last}


def _own(spec: Spec, config: ZoneConfig | None) -> Document:
    if spec.kind is Kind.LOG_TIME and config is not None and config.resource_id is not None:
        return {"resourceID": config.resource_id}
    return {}
