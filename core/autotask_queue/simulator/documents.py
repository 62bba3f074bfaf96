"""Reads JSON bodies as the API does: names in any case, ids as text, dates in UTC, unknown names ignored."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from autotask_queue.catalogue import Entity, Field, FieldType
from autotask_queue.simulator.errors import Refusal, invalid, not_convertible

Record = dict[str, Any]

LONGEST_NUMBER = 40
"""More digits than any number a record holds; int() of a very long text would take long."""


def stamp(moment: datetime) -> str:
    """A moment as the API writes it: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def read_json(body: bytes) -> Any:
    """The JSON in a body.

    Raises:
        Refusal: it is none, or is nested beyond reason.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise invalid("Unexpected character encountered while parsing the request body.") from None


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, as it was sent."""
    document = read_json(body) if body.strip() else None
    if not isinstance(document, dict):
        raise invalid("The request body must hold one JSON object.")
    return document


def read_document(entity: Entity, body: bytes) -> Record:
    """The record in a body: Autotask's spelling of the names, values of the fields' types."""
    record: Record = {}
    for name, value in read_object(body).items():
        field = entity.field(name)
        if field:
            record[field.name] = convert(field, value)
    return record


def convert(field: Field, value: object) -> Any:
    """A JSON value as the field's type.

    Raises:
        Refusal: it cannot be one.
    """
    if value is None:
        if field.type is FieldType.BOOLEAN:
            raise _wrong(field, value, "System.Boolean")
        return None
    return _CONVERTERS[field.type](field, value)


def _integer(field: Field, value: object) -> int:
    number = _whole(field, value)
    if not -(2**63) <= number < 2**63:
        raise invalid("Value was either too large or too small for an Int64.")
    return number


def _whole(field: Field, value: object) -> int:
    if isinstance(value, str):
        text = value.strip()
        if text.removeprefix("-").isdecimal() and len(text) < LONGEST_NUMBER:
            return int(text)
        raise not_convertible(value, "int")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _wrong(field, value, "System.Int32")


def _number(field: Field, value: object) -> float | int:
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            raise not_convertible(value, "float") from None
        if math.isfinite(number):
            return number
        raise not_convertible(value, "float")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong(field, value, "System.Double")


def _boolean(field: Field, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(field, value, "System.Boolean")


def _string(field: Field, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _wrong(field, value, "System.String")


def _datetime(field: Field, value: object) -> str:
    return stamp(_moment(field, value))


def _date(field: Field, value: object) -> str:
    """Fields that are dates for a person lose their time, without converting the zone."""
    moment = _moment(field, value)
    return f"{moment:%Y-%m-%d}T00:00:00.000Z"


def _moment(field: Field, value: object) -> datetime:
    if not isinstance(value, str):
        raise _wrong(field, value, "System.DateTime")
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(
            moment.tzinfo if field.type is FieldType.DATE else UTC
        )
    except (ValueError, OverflowError):
        raise not_convertible(value, "datetime") from None


def _array(field: Field, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(field, value, "System.Collections.Generic.List")
    entries = []
    for one in value:
        entry = {str(name).lower(): part for name, part in one.items()} if isinstance(one, dict) else {}
        if not isinstance(entry.get("name"), str):
            raise invalid("Each userDefinedFields entry must have a name.")
        content = entry.get("value")
        entries.append({"name": entry["name"], "value": None if content is None else str(content)})
    return entries


def _wrong(field: Field, value: object, kind: str) -> Refusal:
    shown = "{null}" if value is None else str(value)[:60]
    return invalid(f"Error converting value {shown} to type '{kind}'. Path '{field.name}'.")


_CONVERTERS: dict[FieldType, Callable[[Field, object], Any]] = {
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.STRING: _string,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATETIME: _datetime,
    FieldType.DATE: _date,
    FieldType.ARRAY: _array,
}
