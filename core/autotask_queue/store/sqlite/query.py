"""Filters as SQL; `memory.matching` says the same in Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.filters import Cursor, Range, RequestFilter, SortField
from autotask_queue.model.status import OPEN, TERMINAL, Status
from autotask_queue.store import rules

Parameters = list[Any]

_MAY_LACK: Final = frozenset({SortField.FINISHED})
"""Sort fields that not every request has."""

_TABLES: Final = (("request", OPEN), ("history", TERMINAL))


def index_sql(query: RequestFilter, *, max_seq: int | None = None) -> tuple[str, Parameters]:
    """A statement that selects the `seq` of all that match, in the filter's order."""
    direction = "DESC" if query.sort.direction == "desc" else "ASC"
    where, parameters = _where(query, max_seq=max_seq)
    if query.cursor is not None:
        condition, values = _behind(query.cursor, descending=direction == "DESC")
        where.append(condition)
        parameters += values
    condition = _all(where)
    key = query.sort.field.value
    columns = "seq" if query.sort.field is SortField.SEQ else f"seq, {key}"
    order = f"seq {direction}" if query.sort.field is SortField.SEQ else f"{key} {direction}, seq {direction}"
    tables = _tables(query)
    sql = " UNION ALL ".join(f"SELECT {columns} FROM {table}{condition}" for table in tables)
    sql = f"SELECT seq FROM ({sql} ORDER BY {order})"
    parameters = parameters * len(tables)
    if query.limit is not None:
        sql += " LIMIT ?"
        parameters.append(query.limit)
    return sql, parameters


def _behind(cursor: Cursor, *, descending: bool) -> tuple[str, Parameters]:
    """What comes behind a cursor, written so that SQLite can use an index; what has no value comes first."""
    sign, seq = "<" if descending else ">", cursor.seq
    if cursor.field is SortField.SEQ:
        return f"seq {sign} ?", [seq]
    column, value = cursor.field.value, cursor.value
    if value is None:
        without = f"{column} IS NULL AND seq {sign} ?"
        return (without if descending else f"({without} OR {column} IS NOT NULL)"), [seq]
    beyond = f"{column} {sign}= ? AND ({column} {sign} ? OR seq {sign} ?)"
    if descending and cursor.field in _MAY_LACK:
        beyond = f"({beyond} OR {column} IS NULL)"
    return beyond, [value, value, seq]


def count_sql(query: RequestFilter) -> tuple[str, Parameters]:
    """A statement that counts all that match, whatever the filter's limit and cursor."""
    where, parameters = _where(query)
    tables = _tables(query)
    counts = " + ".join(f"(SELECT count(*) FROM {table}{_all(where)})" for table in tables)
    return f"SELECT {counts}", parameters * len(tables)


def _tables(query: RequestFilter) -> list[str]:
    wanted = frozenset(query.status or Status) - frozenset(query.not_status)
    tables = [table for table, statuses in _TABLES if wanted & statuses]
    if query.finished is not None and not _is_open_ended(query.finished):
        tables = [table for table in tables if table == "history"]
    return tables or ["history"]


def _where(query: RequestFilter, *, max_seq: int | None = None) -> tuple[list[str], Parameters]:
    where: list[str] = []
    parameters: Parameters = []
    for column, values in _choices(query):
        where.append(f"{column} IN ({', '.join('?' * len(values))})")
        parameters += [getattr(value, "value", value) for value in values]
    if query.ids:
        where.append("id IN (SELECT value FROM json_each(?))")
        parameters.append(msgspec.json.encode(query.ids).decode())
    if query.not_status:
        where.append(f"status NOT IN ({', '.join('?' * len(query.not_status))})")
        parameters += [status.value for status in query.not_status]
    for column, span in _ranges(query):
        for bound, sign in ((span.min, ">="), (span.max, "<=")):
            if bound is not None:
                where.append(f"{column} {sign} ?")
                parameters.append(bound)
    for word in rules.needles(query.text):
        where.append("instr(haystack, ?) > 0")
        parameters.append(word)
    if max_seq is not None:
        where.append("seq <= ?")
        parameters.append(max_seq)
    return where, parameters


def _choices(query: RequestFilter) -> list[tuple[str, Sequence[Any]]]:
    wanted: list[tuple[str, Sequence[Any]]] = [
        ("status", query.status),
        ("reason", query.reason),
        ("zone", query.zone),
        ("entity", query.entity),
        ("method", query.method),
        ("effect", query.effect),
        ("http_status", query.http_status),
        ("endpoint", () if query.endpoint is None else (query.endpoint,)),
        ("lane", () if query.lane is None else (query.lane,)),
    ]
    return [(column, values) for column, values in wanted if values]


def _ranges(query: RequestFilter) -> list[tuple[str, Range]]:
    wanted = (
        ("priority", query.priority),
        ("created_at", query.created),
        ("scheduled_at", query.scheduled),
        ("finished_at", query.finished),
        ("attempts", query.attempts),
    )
    return [(column, span) for column, span in wanted if span is not None]


def _is_open_ended(span: Range) -> bool:
    return span.min is None and span.max is None


def _all(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
