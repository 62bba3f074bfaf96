"""Connections that only read, so that nobody who looks ever waits for a writer."""

from __future__ import annotations

import asyncio
import threading
from array import array
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from autotask_queue.model.request import Request, RequestRow
from autotask_queue.store.sqlite import rows
from autotask_queue.store.sqlite.channel import Channel
from autotask_queue.store.sqlite.driver import Connection, Driver

_T = TypeVar("_T")
Read = Callable[[Connection], _T]

_CHUNK: Final = 8_192
_STEPS: Final = 20_000
"""Steps of SQLite's machine after which it asks whether the question still stands (about 1 ms)."""


class Reader:
    """One connection in a thread of its own; it opens with the first question."""

    def __init__(self, driver: Driver, path: Path) -> None:
        self._driver = driver
        self._path = path
        self._channel: Channel | None = None
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def ask(self, read: Read[_T]) -> _T:
        """What `read` returns. When the caller is cancelled, the statement stops, too.

        Raises:
            StoreError: the file cannot be read.
        """
        channel = self._channel or await self._open()
        given_up = threading.Event()
        try:
            return await channel.run(partial(self._run, read, given_up))
        except asyncio.CancelledError:
            given_up.set()
            raise
        except self._driver.error as error:
            raise self._driver.explain(error, self._path) from error

    async def close(self) -> None:
        """Ends the thread."""
        async with self._opening:
            channel, self._channel = self._channel, None
            if channel is not None:
                try:
                    await channel.run(self._disconnect)
                finally:
                    await channel.close()

    async def _open(self) -> Channel:
        async with self._opening:
            if self._channel is None:
                channel = Channel(self._connect)
                _ = await channel
                self._channel = channel
            return self._channel

    def _connect(self) -> Connection:
        self._connection = self._driver.reader(self._path)
        return self._connection

    def _run(self, read: Read[_T], given_up: threading.Event) -> _T:
        connection = self._connection
        assert connection is not None  # noqa: S101 - the channel is open
        connection.set_progress_handler(given_up.is_set, _STEPS)
        try:
            return read(connection)
        except self._driver.error as error:
            if self._driver.is_lost(error):
                self._disconnect()
                self._connect()
            raise

    def _disconnect(self) -> None:
        # The channel closes the connection it began with; this one may be another.
        if self._connection is not None:
            self._connection.close()


# ---------------------------------------------------------------------------------------------
# Questions

OLDEST_WAITING: Final = """
SELECT created_at FROM request WHERE status IN ('pending', 'retrying', 'held') ORDER BY seq LIMIT 1
"""
ATTEMPTS: Final = """
SELECT number, kind, result, started_at, ended_at, http_status, failure, note FROM attempt
WHERE seq = coalesce((SELECT seq FROM request WHERE id = ?), (SELECT seq FROM history WHERE id = ?))
ORDER BY number
"""
WAITING_BYTES: Final = """
SELECT coalesce(sum(length(p.value)), 0) FROM request r CROSS JOIN payload p ON p.seq = r.seq
"""
BREAKERS: Final = "SELECT value FROM breaker ORDER BY zone"
DOCUMENT: Final = "SELECT value FROM document WHERE kind = ? AND key = ?"
DOCUMENTS: Final = "SELECT key, value FROM document WHERE kind = ? ORDER BY key"
MINUTES: Final = "SELECT value FROM minute WHERE at >= ? AND (? IS NULL OR at <= ?) ORDER BY at"


def seqs(sql: str, parameters: Sequence[Any], connection: Connection) -> array[int]:
    """The first column of a statement, in chunks: SQLite lets other threads run between rows."""
    found = array("q")
    cursor = connection.execute(sql, parameters)
    while chunk := cursor.fetchmany(_CHUNK):
        found.extend([row[0] for row in chunk])
    return found


def one(sql: str, parameters: Sequence[Any], connection: Connection) -> Any:
    """The first column of the first row; None without one."""
    row = connection.execute(sql, parameters).fetchone()
    return None if row is None else row[0]


def every(sql: str, parameters: Sequence[Any], connection: Connection) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    return connection.execute(sql, parameters).fetchall()


def list_rows(wanted: Sequence[int], connection: Connection) -> list[RequestRow]:
    """Rows for these `seq`, in their order; unknown ones are left out."""
    found: dict[int, RequestRow] = {}
    for values in _by_seq(rows.LIST_SQL, wanted, connection):
        found[values[0]] = rows.to_row(values)
    return [found[seq] for seq in wanted if seq in found]


def requests(wanted: Sequence[int], connection: Connection) -> list[Request]:
    """Whole requests for these `seq`, in their order; unknown ones are left out."""
    found: dict[int, Request] = {}
    for start in range(0, len(wanted), _CHUNK):
        for values in _by_seq(rows.REQUEST_SQL, wanted[start : start + _CHUNK], connection):
            found[values[0]] = rows.to_request(values)
    return [found[seq] for seq in wanted if seq in found]


def _by_seq(columns: str, wanted: Sequence[int], connection: Connection) -> list[tuple[Any, ...]]:
    listed = msgspec.json.encode(list(wanted)).decode()
    chosen = "t.seq IN (SELECT value FROM json_each(?))"
    # One statement, so that a request cannot slip from one table to the other between two.
    sql = " UNION ALL ".join(f"SELECT {columns} FROM {t} t WHERE {chosen}" for t in ("request", "history"))
    return connection.execute(sql, (listed, listed)).fetchall()


def request_by_id(request_id: str, connection: Connection) -> Request | None:
    """The whole request with this id."""
    sql = " UNION ALL ".join(
        f"SELECT {rows.REQUEST_SQL} FROM {table} t WHERE t.id = ?" for table in ("request", "history")
    )
    row = connection.execute(sql, (request_id, request_id)).fetchone()
    return None if row is None else rows.to_request(row)
