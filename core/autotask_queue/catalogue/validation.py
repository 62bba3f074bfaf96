"""Checks a document before it is stored: what Autotask would certainly refuse, and what looks wrong.

Pure: no metadata is fetched here. An *error* is certain; a *warning* may be right in this tenant. So a
value that the built-in picklists lack is a warning, while one that the tenant's own values lack
(`picklists=`) is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from autotask_queue.catalogue.combinations import combined
from autotask_queue.catalogue.entities import Entity, Field, FieldType, PicklistValue
from autotask_queue.catalogue.problems import Document, Draft, Problem, Severity, empty, moment

Picklists = Mapping[str, Sequence[PicklistValue]]

LOCAL_REFERENCE = "local:"
"""A reference to a record that is still waiting to be created: `local:<request id>`."""

MAX_USER_DEFINED_FIELDS = 300


def validate(
    entity: Entity, data: object, *, update: bool = False, picklists: Picklists | None = None
) -> tuple[Problem, ...]:
    """Checks a document for creating a record, or with `update` for changing one by PATCH.

    Args:
        entity: what the record is.
        data: the body as it would be sent; property names in any case. A reference may be
            `local:<request id>`.
        update: require `id` and nothing else; check only the properties that are there.
        picklists: the tenant's own values by field name (in any case); a field that is missing here is
            checked against the built-in ones.

    Returns:
        The problems, errors first, in the order of the document. Empty: nothing is known to be wrong.
    """
    if not isinstance(data, Mapping):
        message = f"A {entity.label.lower()} is a JSON object, and this is {_kind(data)}."
        return (Problem(field="", message=message, remedy='Write it as { "field": value, … }.'),)
    draft = Draft(
        entity=entity,
        document={_canonical(entity, name): value for name, value in data.items()},
        picklists={name.lower(): tuple(values) for name, values in (picklists or {}).items()},
        update=update,
    )
    problems = [*_writable(entity, update=update), *_missing(draft)]
    for name, value in data.items():
        problems.extend(_check(draft, str(name), value))
    problems.extend(combined(draft))
    return tuple(sorted(problems, key=lambda problem: problem.severity is Severity.WARNING))


def _canonical(entity: Entity, name: object) -> str:
    field = entity.field(str(name))
    return field.name if field else str(name)


def _writable(entity: Entity, *, update: bool) -> Iterator[Problem]:
    if not (entity.can_update if update else entity.can_create):
        verb = "changed" if update else "created"
        yield Problem(
            field="",
            message=f"Autotask's interface does not let a {entity.label.lower()} be {verb}.",
            remedy="Do it in Autotask itself.",
        )


def _missing(draft: Draft) -> Iterator[Problem]:
    entity, document = draft.entity, draft.document
    if draft.update:
        if document.get("id") in (None, ""):
            yield Problem(
                field="id",
                message=f"It does not say which {entity.label.lower()} to change.",
                remedy="Choose the record, or add its id.",
            )
        return
    for field in entity.required:
        if empty(document.get(field.name)):
            yield Problem(
                field=field.name,
                message=f"{field.label} is missing. Autotask refuses a {entity.label.lower()} without it.",
                remedy=f"Fill in {field.label}.",
            )


def _check(draft: Draft, name: str, value: object) -> Iterator[Problem]:
    entity, update = draft.entity, draft.update
    field = entity.field(name)
    if field is None:
        yield _unknown(entity, name)
    elif field.name == "id":
        yield from _check_id(field, value, update=update)
    elif field.read_only:
        yield Problem(
            field=field.name,
            message=f"{field.label} is set by Autotask and cannot be written.",
            remedy="Leave it out.",
        )
    elif value is None:
        if (field.required and update) or field.type is FieldType.BOOLEAN:
            yield Problem(
                field=field.name,
                message=f"{field.label} cannot be empty (null).",
                remedy="Give a value, or leave it out.",
            )
    else:
        wrong = _type_problem(field, value)
        if wrong:
            yield wrong
        else:
            yield from _check_value(draft, field, value)


def _unknown(entity: Entity, name: str) -> Problem:
    near = get_close_matches(name.lower(), [field.name.lower() for field in entity.fields], n=1)
    guess = entity.field(near[0]) if near else None
    return Problem(
        field=name,
        message=f"This program knows no field “{name}” of a {entity.label.lower()}; Autotask may ignore it.",
        remedy=f"Did you mean {guess.name}?" if guess else "Check the name, or leave it out.",
        severity=Severity.WARNING,
    )


def _check_id(field: Field, value: object, *, update: bool) -> Iterator[Problem]:
    if update:
        wrong = None if value is None else _type_problem(field, value)
        if wrong:
            yield wrong
    elif value not in (None, 0, "0"):
        yield Problem(
            field="id",
            message="A new record gets its id from Autotask.",
            remedy="Leave it out, or choose to change the record instead.",
        )


def _check_value(draft: Draft, field: Field, value: object) -> Iterator[Problem]:
    if field.max_length is not None and isinstance(value, str) and len(value) > field.max_length:
        yield Problem(
            field=field.name,
            message=f"{field.label} is {len(value)} characters long; Autotask takes {field.max_length}.",
            remedy=f"Shorten it by {len(value) - field.max_length}.",
        )
    if field.type is FieldType.ARRAY:
        yield from _check_user_defined(field, value)
    if draft.picklists.get(field.name.lower(), field.picklist):
        yield from _check_choice(draft, field, value)


def _check_choice(draft: Draft, field: Field, value: object) -> Iterator[Problem]:
    own = draft.picklists.get(field.name.lower())
    certain = Severity.WARNING if own is None else Severity.ERROR
    values = field.picklist if own is None else own
    choice = next((one for one in values if _same(one.id, value)), None)
    offered = [one for one in values if one.is_active and _fits(field, one, draft.document)]
    remedy = f"Choose one of {_some(offered)}." if offered else "Choose another value."
    if choice is None:
        yield Problem(
            field=field.name,
            message=f"{field.label} has no value {value}.",
            remedy=remedy if certain is Severity.ERROR else f"{remedy} Or keep it, if your Autotask has it.",
            severity=certain,
        )
    elif not choice.is_active:
        yield Problem(
            field=field.name,
            message=f"“{choice.label}” is no longer used for {field.label}.",
            remedy=remedy,
            severity=certain,
        )
    elif not _fits(field, choice, draft.document):
        parent = draft.entity.field(field.picklist_parent or "")
        yield Problem(
            field=field.name,
            message=f"“{choice.label}” does not belong to the chosen {parent.label if parent else 'value'}.",
            remedy=remedy,
            severity=certain,
        )


def _fits(field: Field, choice: PicklistValue, document: Document) -> bool:
    """True if a dependent choice belongs to its parent's value; unknown parents fit everything."""
    if not field.picklist_parent or choice.parent in (None, ""):
        return True
    parent = document.get(field.picklist_parent)
    return parent is None or _same(parent, choice.parent)


def _check_user_defined(field: Field, value: object) -> Iterator[Problem]:
    entries = value if isinstance(value, list) else []
    if len(entries) > MAX_USER_DEFINED_FIELDS:
        yield Problem(
            field=field.name,
            message=f"{len(entries)} user-defined fields are more than Autotask takes.",
            remedy=f"Send {MAX_USER_DEFINED_FIELDS} at most.",
        )
    if not all(isinstance(one, Mapping) and isinstance(one.get("name"), str) for one in entries):
        yield Problem(
            field=field.name,
            message="Each user-defined field needs a name and a value.",
            remedy='Write each as { "name": "…", "value": "…" }.',
        )


def _type_problem(field: Field, value: object) -> Problem | None:
    wanted = {
        FieldType.INTEGER: "a whole number",
        FieldType.NUMBER: "a number",
        FieldType.STRING: "text",
        FieldType.BOOLEAN: "true or false",
        FieldType.DATETIME: "a date and time",
        FieldType.DATE: "a date",
        FieldType.ARRAY: "a list",
    }[field.type]
    if _has_type(field, value):
        return None
    example = {
        FieldType.DATETIME: " Write it like 2026-06-03T08:30:00Z.",
        FieldType.DATE: " Write it like 2026-06-03.",
        FieldType.BOOLEAN: " Write true or false, without quotes.",
    }.get(field.type, "")
    return Problem(
        field=field.name,
        message=f"{field.label} must be {wanted}, and this is {_kind(value)}.",
        remedy=f"Give {wanted}.{example}",
    )


def _has_type(field: Field, value: object) -> bool:
    match field.type:
        case FieldType.INTEGER:
            return _is_integer(value) or _is_reference(field, value)
        case FieldType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case FieldType.STRING:
            return isinstance(value, str)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.DATETIME | FieldType.DATE:
            return moment(value) is not None
        case FieldType.ARRAY:
            return isinstance(value, list)


def _is_integer(value: object) -> bool:
    if isinstance(value, str):  # Autotask takes "4" for 4
        return value.strip().removeprefix("-").isdecimal()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_reference(field: Field, value: object) -> bool:
    referring = field.reference is not None or field.name == "id"
    return referring and isinstance(value, str) and value.startswith(LOCAL_REFERENCE)


def _same(one: object, other: object) -> bool:
    return str(one) == str(other)


def _some(values: Sequence[PicklistValue], limit: int = 6) -> str:
    texts = [f"{one.id} ({one.label})" for one in values[:limit]]
    return ", ".join(texts) + (" …" if len(values) > limit else "")


def _kind(value: object) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text “{value[:40]}”"
        case list() | tuple():
            return "a list"
        case _:
            return "an object"
