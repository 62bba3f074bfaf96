"""What a person reads of a request in a list: one line, and what a search finds it by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from autotask_queue.autotask.routes import LOCAL, Action, Route, label_of, value_of
from autotask_queue.catalogue import Entity, load_catalogue
from autotask_queue.model.request import JSON
from autotask_queue.model.status import Effect
from autotask_queue.transport import redact

MAX_SUMMARY = 120
MAX_SEARCH_TEXT = 512


def summary_of(route: Route, body: JSON) -> str:
    """One line for people: "Create ticket: Printer down"."""
    text = _service_words(route) or _read_words(route) or _write_words(route, body)
    return text if len(text) <= MAX_SUMMARY else f"{text[: MAX_SUMMARY - 1].rstrip()}…"


def _service_words(route: Route) -> str:
    if route.action is not Action.SERVICE:
        return ""
    words = {"ThresholdInformation": "Look up the hourly limit", "ZoneInformation": "Look up the zone"}
    return words.get(route.name, "Test the sign-in")


def _read_words(route: Route) -> str:
    match route.action:
        case Action.QUERY | Action.NEXT:
            return f"Look up {_plural(route)}"
        case Action.COUNT:
            return f"Count {_plural(route)}"
        case Action.FIELDS:
            return f"Look up the fields of {_plural(route)}"
        case Action.CHILDREN:
            return f"Look up {_plural(route)} of {_parent(route)}"
        case Action.GET:
            of = f" of {_parent(route)}" if route.parent else ""
            return f"Look up {_label(route)} {route.record}{of}"
        case _:
            return ""


def _write_words(route: Route, body: JSON) -> str:
    of = f" of {_parent(route)}" if route.parent and not _stands_alone(route) else ""
    match route.action:
        case Action.CREATE:
            return _create_words(route, body)
        case Action.UPDATE:
            fields = ", ".join(_field_words(route.entity, name) for name in body if name.lower() != "id")
            return f"Update {_label(route)} {_number(value_of(body, 'id'))}{of}: {fields or 'nothing'}"
        case Action.REPLACE:
            return f"Replace {_label(route)} {_number(value_of(body, 'id'))}{of}"
        case _:
            return f"Delete {_label(route)} {route.record}{of}"


def _create_words(route: Route, body: dict[str, Any]) -> str:
    named = _name_of(route.entity, body)
    if route.name == "TimeEntries":
        return f"Log {_hours(body)}{_spent_on(body)}"
    if route.name == "TicketAttachments":
        return f"Attach {value_of(body, 'fullPath') or 'a file'} to {_parent(route)}"
    if route.parent and not _stands_alone(route):
        words = f"Add {_label(route)} to {_parent(route)}"
        named = named or _first_line(value_of(body, "description"))
    else:
        words = f"Create {_label(route)}"
    return f"{words}: {named}" if named else words


def _label(route: Route) -> str:
    label = label_of(route.entity) or _spaced(route.name)
    return "note" if route.name.endswith("Notes") and route.parent else label


def _plural(route: Route) -> str:
    if route.entity is None:
        return _spaced(route.name)
    label = _label(route)
    return f"{label[:-1]}ies" if label.endswith("y") else f"{label}s"


def _spaced(name: str) -> str:
    """`InventoryItems` as a person writes it."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def _stands_alone(route: Route) -> bool:
    return route.entity is not None and route.entity.marker is not None


def _parent(route: Route) -> str:
    catalogue = load_catalogue()
    name = route.parent or ""
    label = label_of(catalogue.entity(name)) if name in catalogue else _spaced(name)
    return f"{label} {_number(route.parent_id)}"


def _number(record: JSON) -> str:
    text = str(record)
    return "not sent yet" if text.startswith(LOCAL) else text


def _name_of(entity: Entity | None, body: dict[str, Any]) -> str:
    names = entity.display if entity else ("title", "name")
    return " ".join(_first_line(value) for name in names if (value := value_of(body, name)))


def _field_words(entity: Entity | None, name: str) -> str:
    field = entity.field(name) if entity else None
    label = field.label if field else name
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def _first_line(value: JSON) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return next((" ".join(line.split()) for line in text.splitlines() if line.strip()), "")


def _hours(body: dict[str, Any]) -> str:
    hours = value_of(body, "hoursWorked")
    if not isinstance(hours, int | float):
        start, end = _moment(value_of(body, "startDateTime")), _moment(value_of(body, "endDateTime"))
        hours = (end - start).total_seconds() / 3600 if start and end else None
    return f"{hours:.2f}".rstrip("0").rstrip(".") + " h" if hours is not None else "time"


def _spent_on(body: dict[str, Any]) -> str:
    for field, label in (("ticketID", "ticket"), ("taskID", "task")):
        record = value_of(body, field)
        if record is not None:
            return f" on {label} {_number(record)}"
    return ""


def _moment(value: JSON) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def search_text_of(route: Route, body: JSON) -> str:
    """What a text search looks at: address, names, numbers, beginnings of texts; at most 512 characters."""
    parts = [route.path]
    if isinstance(body, dict) and route.action.effect is Effect.WRITE:
        parts += [_first_line(value)[:160] for value in redact(body).values() if isinstance(value, str | int)]
    return " ".join(dict.fromkeys(part for part in parts if part))[:MAX_SEARCH_TEXT]
