"""The query grammar: operators, nested groups, user-defined fields, columns, pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

import msgspec

from autotask_queue.catalogue import Entity, Field, FieldType
from autotask_queue.simulator.documents import Record, convert
from autotask_queue.simulator.errors import Refusal, filters_missing, invalid, unknown_field
from autotask_queue.simulator.tables import USER_DEFINED_FIELDS

MAX_PAGE = 500
MAX_OR_CONDITIONS = 500
MAX_DEPTH = 32

Predicate = Callable[[Record], bool]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What to find, which columns of it, and how many a page."""

    matches: Predicate
    columns: tuple[str, ...]
    page_size: int


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a page starts: behind an id, or before one. This is all a paging token carries."""

    size: int
    after: int | None = None
    before: int | None = None

    def token(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @staticmethod
    def from_token(token: str) -> Position:
        """Reads a token back.

        Raises:
            Refusal: it is not one of ours.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            position = msgspec.json.decode(raw, type=Position)
        except (binascii.Error, msgspec.DecodeError, ValueError):
            raise invalid("The paging token is invalid.") from None
        if not 1 <= position.size <= MAX_PAGE:
            raise invalid("The paging token is invalid.")
        return position


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the records that match, by id, and where the pages beside them start."""

    items: list[Record]
    next: Position | None
    previous: Position | None


def read_query(entity: Entity, document: object) -> Query:
    """Reads a QueryModel; names in any case.

    Raises:
        Refusal: no filter, an unknown or unqueryable field, a value of the wrong type, too many
            conditions. An unknown operator is ignored, as the real API does.
    """
    model = _lower(document)
    filters = model.get("filter")
    if not isinstance(filters, list) or not filters:
        raise filters_missing()
    return Query(
        matches=_Compiler(entity).compile(filters),
        columns=_columns(entity, model.get("includefields")),
        page_size=_page_size(model.get("maxrecords")),
    )


def find_page(rows: Iterable[Record], query: Query, position: Position | None = None) -> Page:
    """The page at a position (the first, without one). `rows` come by id."""
    found = [row for row in rows if query.matches(row)]
    size = position.size if position else query.page_size
    start = 0
    if position and position.after is not None:
        start = next((at for at, row in enumerate(found) if row["id"] > position.after), len(found))
    elif position and position.before is not None:
        end = next((at for at, row in enumerate(found) if row["id"] >= position.before), len(found))
        start, size = max(0, end - size), min(size, end)
    page = list(islice(found, start, start + size))
    wide = position.size if position else query.page_size
    more = start + size < len(found)
    return Page(
        items=[{name: row[name] for name in query.columns} for row in page],
        next=Position(size=wide, after=page[-1]["id"]) if more and page else None,
        previous=Position(size=wide, before=page[0]["id"]) if start and page else None,
    )


def everything(entity: Entity) -> Query:
    """The query of a plain collection address: all, all columns."""
    return Query(matches=lambda _: True, columns=_columns(entity, None), page_size=MAX_PAGE)


def _columns(entity: Entity, included: object) -> tuple[str, ...]:
    if not isinstance(included, list) or not included:
        return tuple(field.name for field in entity.fields)
    names = []
    for name in included:
        field = entity.field(str(name))
        if field is None:
            raise unknown_field(str(name), entity.record)
        names.append(field.name)
    return tuple(names)


def _page_size(value: object) -> int:
    if value is None:
        return MAX_PAGE
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_PAGE:
        raise invalid(f"The MaxRecords value must be between 1 and {MAX_PAGE}.")
    return value


def _lower(document: object) -> dict[str, Any]:
    return (
        {str(name).lower(): value for name, value in document.items()}
        if isinstance(document, Mapping)
        else {}
    )


class _Compiler:
    """Turns conditions into one predicate, counting what is limited."""

    def __init__(self, entity: Entity) -> None:
        self._entity = entity
        self._user_defined = 0

    def compile(self, conditions: object, *, any_of: bool = False, depth: int = 0) -> Predicate:
        if not isinstance(conditions, list) or depth > MAX_DEPTH:
            raise invalid("Invalid query syntax.")
        if any_of and len(conditions) > MAX_OR_CONDITIONS:
            raise _too_many()
        predicates = [self._condition(_lower(one), depth) for one in conditions]
        combine = any if any_of else all
        return lambda row: combine(predicate(row) for predicate in predicates)

    def _condition(self, condition: dict[str, Any], depth: int) -> Predicate:
        operator = str(condition.get("op", "")).lower()
        if operator in ("and", "or"):
            return self.compile(condition.get("items"), any_of=operator == "or", depth=depth + 1)
        name = str(condition.get("field", ""))
        if condition.get("udf") is True:
            return self._on_user_defined(operator, name, condition.get("value"))
        field = self._entity.field(name)
        if field is None:
            raise unknown_field(name, self._entity.record)
        if not field.queryable:
            raise invalid(f"The field {field.name} of the {self._entity.record} Entity is not queryable.")
        return _comparison(field, operator, condition.get("value"), lambda row: row[field.name])

    def _on_user_defined(self, operator: str, name: str, value: object) -> Predicate:
        self._user_defined += 1
        if self._user_defined > 1:
            raise invalid("You can only query by one user-defined field at a time.")
        if name.lower() not in (one.lower() for one in USER_DEFINED_FIELDS.get(self._entity.name, ())):
            raise unknown_field(name, self._entity.record)

        def read(row: Record) -> Any:
            entries = row["userDefinedFields"] or []
            return next((one["value"] for one in entries if one["name"].lower() == name.lower()), None)

        text = Field(name=name, label=name, type=FieldType.STRING)
        return _comparison(text, operator, value, read)


def _comparison(field: Field, operator: str, value: object, read: Callable[[Record], Any]) -> Predicate:
    """One condition. As in SQL, an empty value matches nothing but `notExist`; text ignores case."""
    if operator == "exist":
        return lambda row: read(row) is not None
    if operator == "notexist":
        return lambda row: read(row) is None
    if operator in ("in", "notin"):
        return _membership(field, value, read, wanted=operator == "in")
    test = _TESTS.get(operator)
    if test is None:
        return lambda _: True
    if value is None:
        return lambda _: False
    fixed = _folded(_operand(field, value))

    def compare(row: Record) -> bool:
        present = read(row)
        return present is not None and test(_folded(present), fixed)

    return compare


def _membership(field: Field, value: object, read: Callable[[Record], Any], *, wanted: bool) -> Predicate:
    if not isinstance(value, list):
        raise invalid("Invalid query syntax. The value of 'in' must be a list.")
    if len(value) > MAX_OR_CONDITIONS:
        raise _too_many()
    fixed = {_folded(_operand(field, one)) for one in value if one is not None}

    def compare(row: Record) -> bool:
        present = read(row)
        return present is not None and (_folded(present) in fixed) is wanted

    return compare


def _operand(field: Field, value: object) -> Any:
    if field.type is FieldType.BOOLEAN and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if field.type is FieldType.DATE:  # compared as a moment, so that "before noon" means what it says
        field = Field(name=field.name, label=field.label, type=FieldType.DATETIME)
    return convert(field, value)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _too_many() -> Refusal:
    return invalid(
        f"Invalid query syntax. Queries are limited to {MAX_OR_CONDITIONS} or fewer 'OR' conditions."
    )


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda present, value: bool(present == value),
    "noteq": lambda present, value: bool(present != value),
    "gt": lambda present, value: bool(present > value),
    "gte": lambda present, value: bool(present >= value),
    "lt": lambda present, value: bool(present < value),
    "lte": lambda present, value: bool(present <= value),
    "beginswith": lambda present, value: str(present).startswith(str(value)),
    "endswith": lambda present, value: str(present).endswith(str(value)),
    "contains": lambda present, value: str(value) in str(present),
}
