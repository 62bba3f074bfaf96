"""Questions to the server that change nothing: they wait for no writer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.filters import Range, RequestFilter, SortField
from autotask_queue.model.request import Attempt, AuditEntry, Request, RequestId, RequestRow
from autotask_queue.model.status import Status
from autotask_queue.store import order, rules
from autotask_queue.store.redis import rows
from autotask_queue.store.redis.batches import read_rows
from autotask_queue.store.redis.link import Link
from autotask_queue.store.redis.rows import Stored
from autotask_queue.store.redis.scripts import read_script
from autotask_queue.store.redis.sealing import Seal

SLICE: Final = 500
"""Rows that one call looks at: a search goes through all that could match, and holds nobody up on its way."""
_SEQS_AT_ONCE: Final = 10_000
_AUDIT_RECORDS: Final = 100

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.decode

_WAITING: Final = (Status.PENDING, Status.RETRYING, Status.HELD)


class Reader:
    """Reads requests, lists, attempts and the audit trail."""

    def __init__(self, link: Link, seal: Seal) -> None:
        self._link = link
        self._seal = seal

    async def _ask(self, *question: Any) -> tuple[Any, list[bytes]]:
        parts = await self._link.ask(read_script(), _encode(question))
        return _decode(parts[0]), parts

    # -- requests

    async def by_id(self, ids: Sequence[RequestId]) -> dict[RequestId, Stored]:
        """Those that exist."""
        found: dict[RequestId, Stored] = {}
        for start in range(0, len(ids), SLICE):
            answer, parts = await self._ask("by_id", ids[start : start + SLICE])
            stored = read_rows(answer, parts, self._seal)
            found.update({one.request.id: one for one in stored.values()})
        return found

    async def by_seq(self, seqs: Sequence[int]) -> list[Stored]:
        """Those that exist, in the order asked for."""
        found: list[Stored] = []
        for start in range(0, len(seqs), SLICE):
            wanted = [str(seq) for seq in seqs[start : start + SLICE]]
            answer, parts = await self._ask("full", wanted)
            stored = read_rows(answer, parts, self._seal)
            found += [stored[seq] for seq in wanted if seq in stored]
        return found

    async def requests(self, seqs: Sequence[int]) -> list[Request]:
        """Whole requests, in the order asked for; unknown ones are left out."""
        return [stored.request for stored in await self.by_seq(seqs)]

    async def list_rows(self, seqs: Sequence[int]) -> list[RequestRow]:
        """Rows, in the order asked for; unknown ones are left out."""
        found: list[RequestRow] = []
        for start in range(0, len(seqs), SLICE):
            wanted = [str(seq) for seq in seqs[start : start + SLICE]]
            answer, _ = await self._ask("rows", wanted, rows.LISTED)
            found += [rows.to_row(seq, values, self._seal) for seq, values in answer]
        return found

    # -- lists

    async def index(self, query: RequestFilter, *, max_seq: int | None = None) -> list[int]:
        """The `seq` of all that match, in the filter's order."""
        by_seq = query.sort.field is SortField.SEQ
        sort = "" if by_seq else query.sort.field.value
        words = rules.needles(query.text)
        conditions = _conditions(query, self._seal)
        if query.ids:
            found = await self._chosen(query, conditions, words, sort)
        else:
            found = await self._scanned(query, conditions, words, sort, max_seq=max_seq)
        if by_seq:
            keys = [order.key(seq, seq) for seq in map(int, found)]
        else:
            keys = [order.key(rows.column_value(sort, text or ""), int(seq)) for seq, text in found]
        seqs = [seq for _, _, seq in order.behind(query, keys) if max_seq is None or seq <= max_seq]
        return seqs if query.limit is None else seqs[: query.limit]

    async def _chosen(
        self, query: RequestFilter, conditions: list[Any], words: list[str], sort: str
    ) -> list[Any]:
        """Those of the filter's ids that match."""
        if query.status or query.not_status:
            conditions.append(("status", "in", {status.value: True for status in _statuses(query)}))
        found: list[Any] = []
        hidden, *there = self._left_to_the_server(words, sort)
        ids = list(dict.fromkeys(query.ids))
        for start in range(0, len(ids), SLICE):
            answer, _ = await self._ask("choose", ids[start : start + SLICE], conditions, *there)
            found += await self._look(answer, words, sort) if hidden else answer
        return found

    async def _scanned(
        self,
        query: RequestFilter,
        conditions: list[Any],
        words: list[str],
        sort: str,
        *,
        max_seq: int | None,
    ) -> list[Any]:
        """Those of the filter's statuses that match, page by page."""
        sets = [f"s:{status.value}" for status in _statuses(query)]
        descending = query.sort.direction == "desc" and not sort
        count = SLICE if conditions or words or sort else _SEQS_AT_ONCE
        cursor = query.cursor.seq if query.cursor is not None and not sort else None
        start = _first(cursor, max_seq, descending=descending)
        enough = query.limit if not sort else None
        hidden, *there = self._left_to_the_server(words, sort)
        found: list[Any] = []
        while sets and (enough is None or len(found) < enough):
            answer, _ = await self._ask("scan", sets, descending, start, count, conditions, *there)
            part, last, more = answer
            found += await self._look(part, words, sort) if hidden else part
            if not more or not last:
                break
            start = f"({last}"
        return found

    def _left_to_the_server(self, words: list[str], sort: str) -> tuple[bool, list[str], str | bool]:
        """Whether it cannot do this alone, as it cannot look into what is sealed; and what it does."""
        hidden = bool(self._seal.hides) and (bool(words) or sort in self._seal.hides)
        return (True, [], False) if hidden else (False, words, sort or False)

    async def _look(self, seqs: Sequence[str], words: list[str], sort: str) -> list[Any]:
        """Those of `seqs` in which all the words occur, with the column to sort by; looked for here."""
        if not seqs:
            return []
        column = sort or "id"
        answer, parts = await self._ask("texts", seqs, column)
        found: list[Any] = []
        for seq, request_id, value, place in answer:
            sealed = parts[place] if place else None
            text = "" if sealed is None else self._seal.open_document("search", request_id, sealed).decode()
            if all(word in text for word in words):
                _, opened = self._seal.open_columns(("id", column), (request_id, value))
                found.append((seq, opened or "") if sort else seq)
        return found

    async def oldest_waiting(self) -> float | None:
        """When the first of those that wait was made."""
        answer, _ = await self._ask("oldest", [f"s:{status.value}" for status in _WAITING])
        return float(answer) if answer else None

    # -- attempts and audit

    async def attempts(self, request_id: RequestId) -> list[Attempt]:
        """Every try of a request, in order."""
        answer, _ = await self._ask("attempts", request_id)
        return [
            rows.to_attempt(place, values, request_id, self._seal)
            for place, values in enumerate(answer, start=1)
        ]

    async def audit(self, kinds: Sequence[str], limit: int, below: int) -> list[AuditEntry]:
        """Entries below a number, newest first."""
        found: list[AuditEntry] = []
        start: int | bool = below - 1
        while start and len(found) < limit:
            count = min(_AUDIT_RECORDS, limit)
            answer, _ = await self._ask("audit", start, count, _as_set(kinds))
            entries, start = answer
            found += [rows.to_audit(entry, self._seal) for entry in entries]
        return found[:limit]

    async def audit_of(
        self, request_id: RequestId, kinds: Sequence[str], limit: int, below: int
    ) -> list[AuditEntry]:
        """Entries of one request, which may be gone, newest first."""
        answer, _ = await self._ask("audit_of", request_id, _as_set(kinds), limit, below)
        return [rows.to_audit(entry, self._seal) for entry in answer]


def _as_set(words: Iterable[str]) -> dict[str, bool] | bool:
    return dict.fromkeys(words, True) or False


def _statuses(query: RequestFilter) -> list[Status]:
    excluded = frozenset(query.not_status)
    return [
        status for status in Status if (not query.status or status in query.status) and status not in excluded
    ]


def _first(cursor: int | None, max_seq: int | None, *, descending: bool) -> str:
    """Where to begin, as Redis writes it; "(" leaves the number itself out."""
    if not descending:
        return "-inf" if cursor is None else f"({cursor}"
    if cursor is not None and (max_seq is None or cursor <= max_seq):
        return f"({cursor}"
    return "+inf" if max_seq is None else str(max_seq)


def _conditions(query: RequestFilter, seal: Seal) -> list[Any]:
    """What must hold of a row beside its status, as read.lua wants it."""
    choices: list[tuple[str, Sequence[str]]] = [
        ("reason", [reason.value for reason in query.reason]),
        ("zone", query.zone),
        ("entity", query.entity),
        ("method", query.method),
        ("effect", [effect.value for effect in query.effect]),
        ("http_status", [str(status) for status in query.http_status]),
        ("endpoint", [] if query.endpoint is None else [seal.alike("endpoint", query.endpoint)]),
        ("lane", [] if query.lane is None else [seal.alike("lane", rows.own_text(query.lane))]),
    ]
    conditions: list[Any] = [(name, "in", dict.fromkeys(values, True)) for name, values in choices if values]
    ranges: list[tuple[str, Range | None]] = [
        ("priority", query.priority),
        ("created_at", query.created),
        ("scheduled_at", query.scheduled),
        ("finished_at", query.finished),
        ("attempts", query.attempts),
    ]
    for name, span in ranges:
        if span is not None and (span.min is not None or span.max is not None):
            conditions.append((name, "between", _bound(span.min), _bound(span.max)))
    return conditions


def _bound(value: float | None) -> str | bool:
    return False if value is None else repr(value)
