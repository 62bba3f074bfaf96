"""Requests as text for other programs: CSV for spreadsheets, JSON and JSON Lines for everything else.

A page at a time, so that a million requests take no more memory than a few. Secrets are masked like in logs.
"""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from autotask_queue.model.filters import RequestFilter, Sort
from autotask_queue.model.request import Request
from autotask_queue.transport import redact

MOST_ROWS: Final = 200
"""Requests in a page, where they are small."""
FIRST_ROWS: Final = 10
PAGE_BYTES: Final = 2 << 20
"""Text of a page beyond which the next one has fewer requests."""


class ExportFormat(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    """A table for spreadsheets: UTF-8 with a mark at its beginning, times in UTC. `EXPORT_COLUMNS` says what
    is in each column. What a spreadsheet would take for a formula stands behind an apostrophe."""
    JSON = "json"
    """One document: `exported_at`, `filter`, and `requests` with every field of `Request`."""
    JSONL = "jsonl"
    """A `Request` in each line, with every field: `msgspec.json.decode(line, type=Request)` gives it back."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some requests, and the highest `seq` that there was when they were read."""

    requests: list[Request]
    newest: int


Fetch = Callable[[RequestFilter], Awaitable[Page]]


async def export_text(
    fetch: Fetch, query: RequestFilter, form: ExportFormat, *, at: float
) -> AsyncIterator[tuple[str, int]]:
    """The text in pieces, each with the number of requests in it.

    What is added after the first page is left out, so that it has an end; what is deleted meanwhile may be.

    Args:
        fetch: reads the requests of one page, fewer than the limit if they are large.
        query: which requests, in which order.
        form: what the text looks like.
        at: seconds since the epoch, for the heading.
    """
    writer = _WRITERS[form]()
    left, rows = query.limit, FIRST_ROWS
    page = await fetch(_first(query, rows, left))
    newest = page.newest
    yield writer.begin(query, at), 0
    while page.requests:
        chosen = [request for request in page.requests if request.seq <= newest]
        text = await asyncio.to_thread(_text, writer, chosen)  # masking takes its time where there is much
        yield text, len(chosen)
        left = None if left is None else left - len(chosen)
        if left == 0 or (len(chosen) < len(page.requests) and query.sort == Sort()):
            break  # all; or the others are newer still
        query = query.after(page.requests[-1])
        rows = max(1, rows // 2) if len(text) > PAGE_BYTES else min(MOST_ROWS, rows * 2)
        page = await fetch(_first(query, rows, left))
    yield writer.end(), 0


def _first(query: RequestFilter, rows: int, left: int | None) -> RequestFilter:
    return msgspec.structs.replace(query, limit=rows if left is None else min(rows, left))


def _text(writer: _Writer, requests: list[Request]) -> str:
    return "".join(map(writer.request, requests))


def as_page(requests: list[Request], newest: int, *, most_bytes: int) -> Page:
    """As many of the requests as fit into so many bytes of JSON, but one at least."""
    size = 0
    chosen: list[Request] = []
    for request in requests:
        size += len(msgspec.json.encode(request))
        if chosen and size > most_bytes:
            break
        chosen.append(request)
    return Page(requests=chosen, newest=newest)


class _Writer(Protocol):
    def begin(self, query: RequestFilter, at: float) -> str: ...

    def request(self, request: Request) -> str: ...

    def end(self) -> str: ...


# ---------------------------------------------------------------------------------------------
# JSON


def _json(request: Request) -> str:
    return msgspec.json.encode(redact(msgspec.to_builtins(request))).decode()


class _Lines:
    """JSON Lines."""

    def begin(self, query: RequestFilter, at: float) -> str:
        return ""

    def request(self, request: Request) -> str:
        return _json(request) + "\n"

    def end(self) -> str:
        return ""


class _Document:
    """One JSON document, a request in each line of it."""

    def __init__(self) -> None:
        self._between = "\n"

    def begin(self, query: RequestFilter, at: float) -> str:
        usual = msgspec.to_builtins(RequestFilter())
        asked = {k: v for k, v in msgspec.to_builtins(query).items() if v != usual[k]}
        head = msgspec.json.encode({"exported_at": _moment(at), "filter": redact(asked)}).decode()
        return f'{head[:-1]},"requests":['

    def request(self, request: Request) -> str:
        between, self._between = self._between, ",\n"
        return between + _json(request)

    def end(self) -> str:
        return "\n]}\n"


# ---------------------------------------------------------------------------------------------
# CSV


class _Table:
    """Comma-separated values (RFC 4180)."""

    def begin(self, query: RequestFilter, at: float) -> str:
        return "\N{ZERO WIDTH NO-BREAK SPACE}" + _row(EXPORT_COLUMNS)  # spreadsheets know UTF-8 by it

    def request(self, request: Request) -> str:
        return _row(_CELLS[name](request) for name in EXPORT_COLUMNS)

    def end(self) -> str:
        return ""


def _row(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_safe(cell) if isinstance(cell, str) else cell for cell in cells])
    return line.getvalue()


_FORMULA: Final = re.compile(r"\s*[=+\-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
                             r"\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]")  # fmt: skip
_CONTROL: Final = dict.fromkeys((*range(32), *range(127, 160)), "�")
_CONTROL[ord("\t")] = " "
del _CONTROL[ord("\n")]


def _safe(text: str) -> str:
    """Text that no spreadsheet runs as a formula, and no terminal as a command."""
    text = text.replace("\r\n", "\n")
    return f"'{text}".translate(_CONTROL) if _FORMULA.match(text) else text.translate(_CONTROL)


def _moment(at: float | None) -> str:
    """A time as spreadsheets and people read it: UTC, to the second."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return str(at)


def _document(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(redact(value)).decode()


def _plain(name: str) -> Callable[[Request], object]:
    def cell(request: Request) -> object:
        value = getattr(request, name)
        if value is None:
            return ""
        return redact(str(value)) if isinstance(value, str) else value

    return cell


def _time(name: str) -> Callable[[Request], object]:
    return lambda request: _moment(getattr(request, name))


def _failure(name: str) -> Callable[[Request], object]:
    return lambda request: "" if request.failure is None else redact(str(getattr(request.failure, name)))


_COLUMNS: Final[tuple[tuple[str, str, Callable[[Request], object]], ...]] = (
    ("seq", "Its number in the order of arrival.", _plain("seq")),
    ("id", "Its id.", _plain("id")),
    ("status", "Where it stands.", _plain("status")),
    ("reason", "Why it stands there, in one word, if there is something to say.", _plain("reason")),
    ("reason_text", "The same as a sentence.", _plain("reason_text")),
    ("zone", "The connection it is for.", _plain("zone")),
    ("endpoint", "The path below the zone's address.", _plain("endpoint")),
    ("method", "The HTTP method.", _plain("method")),
    ("effect", "read, or write.", _plain("effect")),
    ("entity", "The kind of record, such as Tickets.", _plain("entity")),
    ("priority", "1 to 10, 10 first.", _plain("priority")),
    ("summary", "One line for people.", _plain("summary")),
    ("created_at", "When it was added (UTC).", _time("created_at")),
    ("updated_at", "When it changed last (UTC).", _time("updated_at")),
    ("scheduled_at", "Not to be sent before this (UTC).", _time("scheduled_at")),
    ("not_before", "When the next try or look-up is due (UTC).", _time("not_before")),
    ("expires_at", "Pointless after this (UTC).", _time("expires_at")),
    ("finished_at", "When it ended (UTC).", _time("finished_at")),
    ("attempts", "Tries used up.", _plain("attempts")),
    ("max_retries", "Tries after the first that it has.", _plain("max_retries")),
    ("http_status", "Of the last answer.", _plain("http_status")),
    ("failure_title", "What went wrong last, in a few words.", _plain("failure_title")),
    ("failure", "The same in a sentence.", _failure("message")),
    ("failure_remedy", "What to do about it.", _failure("remedy")),
    ("record_id", "The number of the record that it made or changed.", _plain("record_id")),
    ("actor", "Who added it.", _plain("actor")),
    ("lane", "Writes with the same lane go one after the other.", _plain("lane")),
    ("depends_on", "Ids of those that must be completed first.", lambda r: " ".join(r.depends_on)),
    ("data", "The document to send, as JSON.", lambda r: _document(r.data)),
    ("reply", "The document that came back, as JSON.",
     lambda r: "" if r.reply is None else _document(r.reply.body)),
)  # fmt: skip
_CELLS: Final = {name: cell for name, _, cell in _COLUMNS}

EXPORT_COLUMNS: Final[dict[str, str]] = {name: text for name, text, _ in _COLUMNS}
"""The columns of a CSV export in their order, and what is in each."""

_WRITERS: Final[dict[ExportFormat, Callable[[], _Writer]]] = {
    ExportFormat.CSV: _Table,
    ExportFormat.JSON: _Document,
    ExportFormat.JSONL: _Lines,
}
