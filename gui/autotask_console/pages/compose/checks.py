"""What is wrong with a draft, by field: errors are what Autotask would certainly refuse, the rest warns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from autotask_console.models.references import STALE, References
from autotask_console.pages.compose.documents import is_empty, value_of
from autotask_console.pages.compose.draft import Draft
from autotask_console.pages.compose.kinds import Kind, Spec
from autotask_console.text import clock_time, tr
from autotask_queue import Failure, validate
from autotask_queue.catalogue import Entity, Field, FieldType, Problem, Severity

FORM = ""
"""The `field` of a problem that belongs to no single field."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in the words for its field. `missing` ones are shown only once a person tried to add."""

    field: str
    text: str
    blocks: bool = True
    missing: bool = False


def check(draft: Draft, references: References, *, now: float) -> tuple[Finding, ...]:
    """All findings, those that block first.

    A tenant's own picklists decide while they are fresh; once they are stale, a value they lack only warns.
    """
    return tuple(sorted(_findings(draft, references, now), key=lambda one: not one.blocks))


def _findings(draft: Draft, references: References, now: float) -> Iterator[Finding]:
    spec, entity = draft.spec, draft.spec.known()
    if draft.json_text is not None:
        yield Finding(field=FORM, text=tr("The JSON view holds a mistake. Mend it there first."))
        return
    yield from (_unreadable(spec, name, text) for name, text in draft.typed.items())
    if entity is not None:
        yield from _by_catalogue(draft, entity, references, now)
        yield from _by_references(draft, entity, references)
    yield from _changes_something(draft)
    yield from _needed(draft)
    yield from _times(draft, now)


def _by_catalogue(draft: Draft, entity: Entity, references: References, now: float) -> Iterator[Finding]:
    spec = draft.spec
    own = references.picklists(entity.name)
    read_at = references.fields_as_of(entity.name) or 0.0
    for problem in validate(entity, draft.document, update=spec.update, picklists=own or None):
        field = entity.field(problem.field)
        if problem.field in draft.typed:
            continue  # said already, about what was typed
        value = value_of(draft.document, problem.field)
        missing = problem.severity is Severity.ERROR and bool(problem.field) and is_empty(value)
        stale = bool(own) and now - read_at > STALE and field is not None and _is_choice(field, own)
        text = problem.remedy if missing else f"{problem.message} {problem.remedy}"
        blocks = problem.severity is Severity.ERROR and not (stale and _about_choice(problem, field))
        if stale and not blocks:
            text = tr("{text} (Fields as of {day}.)", text=text, day=clock_time(read_at, now=now))
        yield Finding(field=problem.field, text=text, blocks=blocks, missing=missing)


def _is_choice(field: Field, own: object) -> bool:
    return bool(field.picklist) or (isinstance(own, dict) and field.name in own)


def _about_choice(problem: Problem, field: Field | None) -> bool:
    """A wrong type stays certain, however old the list is."""
    return field is not None and " must be " not in problem.message


def _unreadable(spec: Spec, name: str, text: str) -> Finding:
    field = spec.field(name)
    label = field.label if field else name
    if field is None or field.reference or name == "id":
        what = (field.label if field and name != "id" else tr("Ticket")).lower()
        words = tr(
            "“{text}” is no {what} on this laptop’s list. Choose one, look it up, or type its number.",
            text=text,
            what=what,
        )
    elif field.type in {FieldType.DATETIME, FieldType.DATE}:
        words = tr(
            "“{text}” is no time. Write it like now, +1d, tomorrow 9:00 or 2026-09-24 17:00.", text=text
        )
    elif field.type in {FieldType.INTEGER, FieldType.NUMBER}:
        words = tr("“{text}” is no number. {label} takes only digits.", text=text, label=label)
    else:
        words = tr("“{text}” cannot be used here.", text=text)
    return Finding(field=name, text=words)


def _by_references(draft: Draft, entity: Entity, references: References) -> Iterator[Finding]:
    for name, value in draft.document.items():
        field = entity.field(name)
        if field is None or field.reference is None:
            continue
        known = references.get(field.reference, value)
        if known is not None and not known.active:
            words = tr("{label} “{name}” is inactive in Autotask.", label=field.label, name=known.label)
            yield Finding(field=field.name, text=words, blocks=False)
    yield from _contact_of_company(draft, references)
    for resource, role in (("resourceID", "roleID"), ("assignedResourceID", "assignedResourceRoleID")):
        held = references.roles_of(value_of(draft.document, resource))
        chosen = value_of(draft.document, role)
        if held and chosen is not None and entity.field(role) and str(chosen) not in map(str, held):
            words = tr("This resource is not known to hold that role; Autotask refuses it if so.")
            yield Finding(field=role, text=words, blocks=False)


def _contact_of_company(draft: Draft, references: References) -> Iterator[Finding]:
    contact = references.get("Contacts", value_of(draft.document, "contactID"))
    company = value_of(draft.document, "companyID")
    if contact is None or company is None:
        return
    owner = contact.values.get("companyID")
    if owner is not None and str(owner) != str(company):
        whose = references.get("Companies", owner)
        name = whose.label if whose else tr("company number {number}", number=owner)
        words = tr(
            "This contact belongs to {name}. Autotask takes only the company’s own contacts.", name=name
        )
        yield Finding(field="contactID", text=words, blocks=False)


def _changes_something(draft: Draft) -> Iterator[Finding]:
    if draft.spec.update and not any(key.lower() != "id" for key in draft.document) and not draft.typed:
        words = tr("Nothing is changed yet. Fill in at least one field.")
        yield Finding(field=FORM, text=words, missing=True)


def _needed(draft: Draft) -> Iterator[Finding]:
    """What Autotask wants beyond the catalogue, where the catalogue's own rules do not say it already."""
    if draft.kind is Kind.LOG_TIME and is_empty(value_of(draft.document, "ticketID")):
        for name, text in (
            ("ticketID", tr("Choose a ticket.")),
            ("roleID", tr("Choose one of the resource’s roles.")),
            ("startDateTime", tr("Fill in Start.")),
            ("endDateTime", tr("Fill in End.")),
        ):
            if is_empty(value_of(draft.document, name)) and name not in draft.typed:
                yield Finding(field=name, text=text, missing=True)


def _times(draft: Draft, now: float) -> Iterator[Finding]:
    give_up, after = draft.give_up_at, draft.send_after
    if give_up is not None and give_up <= max(now, after or 0.0):
        words = tr("It would be given up before it can be sent. Give up later, or never.")
        yield Finding(field="option.give_up", text=words)


def field_named_by(failure: Failure, spec: Spec) -> str | None:
    """The field that the server's words are about, if they name one: the longest name that occurs."""
    entity = spec.known()
    if entity is None:
        return None
    text = f"{failure.message} {failure.detail}".casefold()
    names = [field.name for field in entity.fields if field.name.lower() != "id"]
    found = [name for name in names if re.search(rf"\b{re.escape(name.casefold())}\b", text)]
    # Bare words such as "status" or "title" occur in sentences too; a compound name is never an accident.
    return max(found, key=lambda name: (any(c.isupper() for c in name), len(name)), default=None)
