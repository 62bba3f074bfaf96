"""Writes of one transaction, gathered so that each statement is executed many rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from autotask_queue.store.sqlite import statements
from autotask_queue.store.sqlite.driver import Connection

_TOGETHER: Final = (64, 16, 4)
"""New rows that one statement takes. Each execution costs sqlite3 a turn of the interpreter's lock."""

_Rows = dict[str, list[Sequence[Any]]]


class Gathered:
    """Keeps writes until `settle`. No two changes of one request wait together, for they might change places.

    Deletions come last: a row that moves to another table is copied there by SQLite.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writes: _Rows = {}
        self._deletions: _Rows = {}
        self._touched: set[int] = set()
        self.count = 0
        """Rows that wait."""

    def touch(self, seq: int) -> None:
        """A change of this request follows: one that waits already is executed first."""
        if seq in self._touched:
            self.settle()
        self._touched.add(seq)

    def write(self, sql: str, *values: Any) -> None:
        """An insert or an update of one row."""
        rows = self._writes.get(sql)
        if rows is None:
            rows = self._writes[sql] = []
        rows.append(values)
        self.count += 1

    def delete(self, table: str, seq: int) -> None:
        """A deletion of one row."""
        self._deletions.setdefault(statements.delete(table), []).append((seq,))
        self.count += 1

    def settle(self) -> None:
        """Executes all of it."""
        if self.count:
            gathered = (*self._writes.items(), *self._deletions.items())
            self.forget()
            for sql, rows in gathered:
                self.execute(sql, rows)

    def execute(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Executes a statement for each row; new rows many at a time."""
        done = 0
        if statements.is_of_values(sql):
            for many in _TOGETHER:
                while len(rows) - done >= many:
                    values = tuple(chain.from_iterable(rows[done : done + many]))
                    self._connection.execute(statements.times(sql, many), values)
                    done += many
        if done < len(rows):
            self._connection.executemany(sql, rows[done:] if done else rows)

    def forget(self) -> None:
        """Drops all of it: the transaction was rolled back, or it was executed."""
        self._writes = {}
        self._deletions = {}
        self._touched = set()
        self.count = 0
