"""A damaged file is set aside unchanged, and what can be read of it is brought into a new one.

Tables are read in ranges of their key. A range that cannot be read is halved, down to the rows that
are lost. Indexes and counters are not read at all but made afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from autotask_queue.model.errors import StoreError
from autotask_queue.model.status import OPEN, Status
from autotask_queue.store import codec
from autotask_queue.store.sqlite import audit, rows
from autotask_queue.store.sqlite.driver import Connection, Driver

_KEPT_META: Final = ("last_seq", "audit_pruned_to", "audit_anchor")
_PROBABLE_END: Final = 1 << 20
"""How far to look in a table that does not even tell where it ends."""
_MAX_NAMED: Final = 20
_MAX_SPANS: Final = 5
_NOTHING: Final = (
    "Nothing in it could be read: the queue starts empty. Keep that file, for support may read more of it."
)
_WORDS: Final = {
    "request": "unfinished requests",
    "history": "finished requests",
    "payload": "contents of requests",
    "reply": "replies",
    "attempt": "tries",
    "dependency": "which request waits for which",
    "audit": "entries of the audit trail",
    "breaker": "holds and stops of zones",
    "minute": "numbers of past minutes",
    "document": "drafts and lists",
    "meta": "counters",
}
"""What is in each table, for people."""
_LOST_CONTENT: Final = "Its content was lost when the queue file was damaged."


def set_aside(path: Path, *, now: float) -> Path:
    """Renames a file and its log, so that nothing touches them any more; its new name.

    Raises:
        OSError: it cannot be renamed.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    # The file first: should we be killed in between, the log alone is noticed at the next start.
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    return aside


class Damaged:
    """A file set aside. `why` is what SQLite said about it."""

    def __init__(self, driver: Driver, aside: Path, why: str) -> None:
        self._driver = driver
        self._aside = aside
        self._why = why

    def bring_over(self, new: Connection) -> list[str]:
        """Copies all that can be read into a new file's open transaction; what to tell people."""
        notes = [f"The queue file was damaged. {self._why} It was set aside unchanged as {self._aside}."]
        if self._aside.stat().st_size == 0:
            return [*notes, _NOTHING]  # nor opened, for SQLite would then delete the log beside it
        try:
            copy = _Copy(self._aside, new, self._driver)
        except StoreError:
            return [*notes, _NOTHING]
        try:
            copy.run()
        finally:
            copy.close()
        return [*notes, *copy.report()]


class _Copy:
    def __init__(self, aside: Path, new: Connection, driver: Driver) -> None:
        self._aside = aside
        self._new = new
        self._driver = driver
        self._old = driver.reader(aside)
        self._unreadable: dict[str, list[str]] = {}
        """By table, which rows; an empty list for all of it."""
        self._recovered = 0
        self._lost: list[int] = []
        self._emptied = 0

    def close(self) -> None:
        """Lets the old file go."""
        self._old.close()

    def _met(self, error: Exception) -> None:
        """Something could not be read: makes sure that the rest still can."""
        if self._driver.is_lost(error):
            self._old.close()
            self._old = self._driver.reader(self._aside)

    def run(self) -> None:
        end = max((self._end(table) for table in ("request", "history", "payload", "attempt")), default=0)
        for table in ("payload", "reply", "dependency", "attempt"):
            self._copy_numbered(table, end or _PROBABLE_END)
        for table in ("history", "request"):
            self._copy_numbered(table, end or _PROBABLE_END)
        self._copy_numbered("audit", self._end("audit") or _PROBABLE_END)
        for table in ("breaker", "minute", "document"):
            self._copy_whole(table, "")
        self._copy_whole("meta", f" WHERE name IN {_KEPT_META}")
        self._tidy(end)

    def report(self) -> list[str]:
        """What was saved and what was lost, for people."""
        if not self._recovered and self._unreadable:
            return [_NOTHING]
        notes = [f"{self._recovered:,} requests were brought over from it."]
        if self._lost:
            named = ", ".join(map(str, self._lost[:_MAX_NAMED]))
            more = f" and {len(self._lost) - _MAX_NAMED:,} more" if len(self._lost) > _MAX_NAMED else ""
            notes.append(f"{len(self._lost):,} were lost: numbers {named}{more}.")
        if self._emptied:
            notes.append(f"{self._emptied:,} are held or kept without their content, which was lost.")
        if self._unreadable:
            parts = [_part(table, spans) for table, spans in self._unreadable.items()]
            notes.append(f"Not readable: {'; '.join(parts)}.")
        return notes

    # -- copying

    def _copy_numbered(self, table: str, end: int) -> None:
        columns = self._columns(table)
        if not columns:
            self._unreadable.setdefault(table, [])
            return
        lost: list[tuple[int, int]] = []
        insert = self._inserter(table, columns)
        for values in self._read(table, columns, 1, end, lost):
            row = dict(zip(columns, values, strict=True))
            insert(_mend(table, row))
        if lost:
            self._unreadable.setdefault(table, []).extend(_span(low, high) for low, high in _joined(lost))

    def _copy_whole(self, table: str, condition: str) -> None:
        columns = self._columns(table)
        insert = self._inserter(table, columns)
        try:
            for values in self._old.execute(f"SELECT {', '.join(columns)} FROM {table}{condition}"):
                insert(dict(zip(columns, values, strict=True)))
        except self._driver.error as error:
            self._met(error)
            self._unreadable.setdefault(table, [])

    def _read(
        self, table: str, columns: Sequence[str], low: int, high: int, lost: list[tuple[int, int]]
    ) -> Iterator[tuple[Any, ...]]:
        """Rows with a `seq` from `low` to `high`; some may come twice."""
        last = low
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE seq BETWEEN ? AND ? ORDER BY seq"
        try:
            for values in self._old.execute(sql, (low, high)):
                yield values
                last = values[0]
        except self._driver.error as error:
            self._met(error)
            if low == high:
                lost.append((low, high))
                return
            middle = (last + high) // 2
            yield from self._read(table, columns, last, middle, lost)
            if middle < high:
                yield from self._read(table, columns, middle + 1, high, lost)

    def _inserter(self, table: str, columns: Sequence[str]) -> Callable[[dict[str, Any]], None]:
        sql = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"

        def insert(row: dict[str, Any]) -> None:
            try:
                self._new.execute(sql, tuple(row.values()))
            except self._driver.row_errors:
                self._unreadable.setdefault(table, []).append(str(row.get("seq", "one")))

        return insert

    def _columns(self, table: str) -> list[str]:
        """The columns that the old table and the new one have in common, `seq` first."""
        try:
            known = {row[1] for row in self._old.execute(f"PRAGMA table_info({table})")}
        except self._driver.error as error:
            self._met(error)
            return []
        return [row[1] for row in self._new.execute(f"PRAGMA table_info({table})") if row[1] in known]

    def _end(self, table: str) -> int:
        try:
            return self._old.execute(f"SELECT max(seq) FROM {table}").fetchone()[0] or 0
        except self._driver.error as error:
            self._met(error)
            return 0

    # -- making whole

    def _tidy(self, end: int) -> None:
        new = self._new
        # What is in both was finished last: sending it again would be worse.
        new.execute("DELETE FROM request WHERE seq IN (SELECT seq FROM history)")
        self._lost = [seq for (seq,) in new.execute(_WITHOUT_ROW).fetchall()]
        for table in ("payload", "reply", "attempt", "dependency"):
            new.execute(f"DELETE FROM {table} WHERE seq NOT IN ({_ALL})")
        self._emptied = new.execute(f"SELECT count(*) FROM ({_WITHOUT_PAYLOAD})").fetchone()[0]
        new.execute(_HOLD_WITHOUT_PAYLOAD, (_LOST_CONTENT,))
        empty = "SELECT seq, CAST('{}' AS BLOB)"
        new.execute(f"INSERT INTO payload (seq, value) {empty} FROM ({_WITHOUT_PAYLOAD})")
        new.execute("INSERT INTO counter (zone, entity, status, priority, count) " + _COUNTED)
        new.execute("INSERT OR IGNORE INTO meta (name, value) VALUES ('last_seq', 0)")
        new.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'last_seq'", (end,))
        self._recovered = new.execute(
            "SELECT (SELECT count(*) FROM request) + (SELECT count(*) FROM history)"
        ).fetchone()[0]


_ALL: Final = "SELECT seq FROM request UNION ALL SELECT seq FROM history"
_WITHOUT_ROW: Final = f"SELECT seq FROM payload WHERE seq NOT IN ({_ALL}) ORDER BY seq"
_WITHOUT_PAYLOAD: Final = f"SELECT seq FROM ({_ALL}) WHERE seq NOT IN (SELECT seq FROM payload)"
_HOLD_WITHOUT_PAYLOAD: Final = """
UPDATE request SET status = 'held', waits = NULL, due_at = NULL, reason = NULL, reason_text = ?
WHERE status NOT IN ('processing', 'uncertain') AND seq NOT IN (SELECT seq FROM payload)
"""
_COUNTED: Final = """
SELECT zone, entity, status, priority, count(*) FROM (
    SELECT zone, entity, status, priority FROM request
    UNION ALL SELECT zone, entity, status, priority FROM history
)
GROUP BY zone, entity, status, priority
"""


def _mend(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row without what could not be read later: an unknown word, a document cut short."""
    if table in ("request", "history"):
        if row.get("reason") not in rows.REASONS:
            row["reason"] = None
        if row.get("restore_to") not in (None, *OPEN):
            row["restore_to"] = Status.PENDING.value
    for name, is_readable in _READABLE.get(table, {}).items():
        if row.get(name) is not None and not is_readable(row[name]):
            row[name] = None
    return row


def _decodes(decode: Callable[[bytes], object]) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        try:
            decode(value)
        except (msgspec.MsgspecError, TypeError, ValueError):
            return False
        return True

    return test


# A NULL where none may be makes the row lost, which is then counted like any other.
_READABLE: Final[dict[str, dict[str, Callable[[Any], bool]]]] = {
    "request": {"failure": _decodes(rows.to_failure)},
    "history": {"failure": _decodes(rows.to_failure)},
    "payload": {"value": _decodes(codec.decode_payload)},
    "reply": {"value": _decodes(rows.to_reply)},
    "attempt": {"failure": _decodes(rows.to_failure)},
    "audit": {"rest": audit.is_readable},
}


def _part(table: str, spans: Sequence[str]) -> str:
    more = ", …" if len(spans) > _MAX_SPANS else ""
    return " ".join((_WORDS[table], ", ".join(spans[:_MAX_SPANS]) + more)).rstrip()


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring ranges as one."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined
