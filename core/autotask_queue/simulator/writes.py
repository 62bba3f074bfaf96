"""Create, PATCH, PUT and DELETE: checked as the API checks, applied at once or not at all."""

from __future__ import annotations

from typing import Any

from autotask_queue.catalogue import Entity, Field, FieldType
from autotask_queue.simulator.documents import Record
from autotask_queue.simulator.errors import (
    RECORD,
    bad_reference,
    invalid,
    missing_required,
    no_record,
    too_long,
    unknown_choice,
)
from autotask_queue.simulator.rules import BUMPS_TICKET, Actor, Change, check, settle
from autotask_queue.simulator.tables import USER_DEFINED_FIELDS, Tables, merge_user_defined


def create(tables: Tables, entity: Entity, document: Record, actor: Actor) -> int:
    """Adds a record and returns its id.

    Raises:
        Refusal: the document is not acceptable; nothing has changed.
    """
    writable = _writable(entity, document)
    record = {field.name: writable.get(field.name) for field in entity.fields}
    _check_fields(tables, entity, record, before=None)
    change = Change(tables=tables, record=record, before=None, actor=actor)
    check(entity.name, change)
    settle(entity.name, change)
    now = tables.stamp()
    _set(record, entity.created_field, now)
    _set(record, entity.modified_field, now)
    _set(record, entity.activity_field, now)
    for creator in ("creatorResourceID", "createdByResourceID"):
        if entity.field(creator):
            record[creator] = actor.resource_id
    if entity.field("impersonatorCreatorResourceID"):
        record["impersonatorCreatorResourceID"] = actor.impersonator_id
    _bump_ticket(tables, entity, record, actor)
    inserted: int = tables.insert(entity.name, record)["id"]
    return inserted


def patch(tables: Tables, entity: Entity, document: Record, actor: Actor) -> int:
    """Changes the fields that the document names and returns the record's id.

    Raises:
        Refusal: there is no such record, or the result is not acceptable; nothing has changed.
    """
    return _update(tables, entity, document, _writable(entity, document), actor)


def put(tables: Tables, entity: Entity, document: Record, actor: Actor) -> int:
    """Like `patch`, but every writable field that the document omits becomes null."""
    omitted: Record = {
        field.name: None
        for field in entity.fields
        if not field.read_only and field.type is not FieldType.ARRAY
    }
    return _update(tables, entity, document, omitted | _writable(entity, document), actor)


def delete(tables: Tables, entity: Entity, id_: int, actor: Actor) -> int:
    """Removes a record and returns its id."""
    record = tables.get(entity.name, id_)
    if record is None:
        raise invalid("Attachment could not be found.") if entity.name == "TicketAttachments" else no_record()
    tables.remove(entity.name, id_)
    _bump_ticket(tables, entity, record, actor)
    return id_


def _update(tables: Tables, entity: Entity, document: Record, changes: Record, actor: Actor) -> int:
    if document.get("id") is None:
        raise missing_required("id")
    before = tables.get(entity.name, document["id"])
    if before is None:
        raise no_record()
    record = before | changes
    if "userDefinedFields" in changes:
        record["userDefinedFields"] = merge_user_defined(
            entity, before["userDefinedFields"], changes["userDefinedFields"] or []
        )
    _check_fields(tables, entity, record, before=before, udfs=changes.get("userDefinedFields"))
    change = Change(tables=tables, record=record, before=before, actor=actor)
    check(entity.name, change)
    edited = any(before[name] != record[name] for name in changes)
    settle(entity.name, change)
    now = tables.stamp()
    _set(record, entity.activity_field, now)
    if edited:
        _set(record, entity.modified_field, now)
    if entity.field("impersonatorUpdaterResourceID"):
        record["impersonatorUpdaterResourceID"] = actor.impersonator_id
    _bump_ticket(tables, entity, record, actor)
    before.update(record)
    id_: int = record["id"]
    return id_


def _writable(entity: Entity, document: Record) -> Record:
    """The document without what only the server writes; that is ignored, not refused."""
    fields = {field.name for field in entity.fields if not field.read_only}
    return {name: value for name, value in document.items() if name in fields}


def _check_fields(
    tables: Tables, entity: Entity, record: Record, *, before: Record | None, udfs: Any = None
) -> None:
    for field in entity.fields:
        value = record[field.name]
        if field.required and (value is None or value == ""):
            raise missing_required(field.name)
        if value is None or (before is not None and before[field.name] == value):
            continue
        if field.max_length is not None and len(str(value)) > field.max_length:
            raise too_long(field.name)
        if field.picklist and not any(one.id == value and one.is_active for one in field.picklist):
            raise unknown_choice(field.name, value)
        _check_reference(tables, field, value)
    entries = record.get("userDefinedFields") if before is None else udfs
    _check_user_defined(entity, entries or [])


def _check_reference(tables: Tables, field: Field, value: object) -> None:
    """The record must exist and be in use. What this simulator does not hold is taken as it is."""
    if field.reference is None or field.reference not in tables.catalogue or field.read_only:
        return
    referred = tables.get(field.reference, value)
    if referred is None or not referred.get("isActive", True):
        raise bad_reference(field.name, tables.catalogue.entity(field.reference).record)


def _check_user_defined(entity: Entity, entries: list[Record]) -> None:
    known = {name.lower() for name in USER_DEFINED_FIELDS.get(entity.name, ())}
    for entry in entries:
        if entry["name"].lower() not in known:
            raise invalid(f"User-defined field [{entry['name']}] does not exist for {entity.record}.{RECORD}")


def _set(record: Record, field: str | None, value: str) -> None:
    if field:
        record[field] = value


def _bump_ticket(tables: Tables, entity: Entity, record: Record, actor: Actor) -> None:
    ticket = tables.get("Tickets", record.get(BUMPS_TICKET.get(entity.name, "")))
    if ticket:
        ticket["lastActivityDate"] = tables.stamp()
        ticket["lastActivityResourceID"] = actor.resource_id
