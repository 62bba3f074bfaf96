"""Rows in SQLite, as `ledger.Shelf` wants them.

Lives in the writer's thread, inside its transaction. Audit rows and counters are gathered and written
once per transaction by `flush`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.request import AttemptKind, AuditEntry, Request, RequestId
from autotask_queue.model.status import TERMINAL, Status
from autotask_queue.model.work import Head
from autotask_queue.ports import AttemptRecord
from autotask_queue.store import codec, rules
from autotask_queue.store.ledger import Front
from autotask_queue.store.sqlite import audit, rows
from autotask_queue.store.sqlite.driver import Connection
from autotask_queue.store.sqlite.heads import Heads

CellKey = tuple[str, str, Status]

_SELECT: Final = {
    table: f"SELECT {rows.REQUEST_SQL} FROM {table} t WHERE " for table in ("request", "history")
}
_INSERT_REQUEST: Final = (
    f"INSERT INTO request ({', '.join(rows.COLUMNS)}, waits, due_at) "
    f"VALUES ({', '.join('?' * (len(rows.COLUMNS) + 2))})"
)
_INSERT_HISTORY: Final = (
    f"INSERT INTO history ({', '.join(rows.COLUMNS)}) VALUES ({', '.join('?' * len(rows.COLUMNS))})"
)
_LANE_FRONT: Final = """
SELECT seq, waits FROM request
WHERE lane = ? AND seq <> ? AND effect = 'write' AND status <> 'deferred'
ORDER BY seq LIMIT 2
"""
_LANE_BUSY: Final = """
SELECT 1 FROM request INDEXED BY request_busy
WHERE lane = ? AND seq <> ? AND effect = 'write' AND status IN ('processing', 'uncertain') LIMIT 1
"""
_OPEN_PARENTS: Final = """
SELECT coalesce(r.status, h.status)
FROM dependency d LEFT JOIN request r ON r.id = d.parent LEFT JOIN history h ON h.id = d.parent
WHERE d.seq = ?
"""
_INSERT_AUDIT: Final = (
    f"INSERT INTO audit ({', '.join(audit.COLUMNS)}, prev_hash, hash) "
    f"VALUES ({', '.join('?' * (len(audit.COLUMNS) + 2))})"
)
_ADD_TO_COUNTER: Final = """
INSERT INTO counter (zone, entity, status, count) VALUES (?, ?, ?, ?)
ON CONFLICT (zone, entity, status) DO UPDATE SET count = count + excluded.count
"""
_INSERT_ATTEMPT: Final = """
INSERT INTO attempt (seq, number, kind, result, started_at, ended_at, http_status, failure, note)
VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM attempt WHERE seq = ?), ?, ?, ?, ?, ?, ?, ?)
"""
_END_ATTEMPT: Final = """
UPDATE attempt SET result = ?, started_at = ?, ended_at = ?, http_status = ?, failure = ?, note = ?
WHERE seq = ? AND number = ?
"""


class Mark(msgspec.Struct, frozen=True):
    """What `back_to` restores in memory when an operation is rolled back."""

    audit_rows: int
    deltas: dict[CellKey, int]
    last_seq: int
    newest_id: str


class SqlShelf:
    """Implements `ledger.Shelf` over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heads = Heads(connection)
        self._audit: list[AuditEntry] = []
        self._chain = audit.Chain()
        self._newest_id = ""
        self._update_sql: dict[tuple[str, ...], str] = {}
        self.deltas: dict[CellKey, int] = {}
        self.last_seq = 0
        self.written = 0
        """Bytes of documents written so far."""

    def load(self) -> None:
        """Reads what is kept in memory, after opening and after a rollback."""
        one = self._one
        self.last_seq = max(
            one("SELECT max(seq) FROM request") or 0,
            one("SELECT max(seq) FROM history") or 0,
            one("SELECT value FROM meta WHERE name = 'last_seq'") or 0,
        )
        self._newest_id = max(
            one("SELECT max(id) FROM request") or "", one("SELECT max(id) FROM history") or ""
        )
        row = self._connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        self._chain = audit.Chain(*row) if row else audit.Chain()
        self._audit.clear()
        self.deltas.clear()
        self._heads.load()

    def flush(self) -> None:
        """Writes the audit rows and counters gathered since the last flush."""
        if self._audit:
            self._connection.executemany(_INSERT_AUDIT, [self._chain.link(entry) for entry in self._audit])
            self._audit.clear()
        changes = [(*key[:2], key[2].value, delta) for key, delta in self.deltas.items() if delta]
        if changes:
            self._connection.executemany(_ADD_TO_COUNTER, changes)

    @property
    def audit_end(self) -> int:
        """The `seq` of the last audit row, flushed or not."""
        return self._chain.seq + len(self._audit)

    def mark(self) -> Mark:
        """A point to go back to."""
        return Mark(len(self._audit), dict(self.deltas), self.last_seq, self._newest_id)

    def back_to(self, mark: Mark) -> None:
        """Forgets what was gathered since; the rows themselves are rolled back by SQLite."""
        del self._audit[mark.audit_rows :]
        self.deltas = mark.deltas
        self.last_seq = mark.last_seq
        self._newest_id = mark.newest_id
        self._heads.load()

    # -- requests

    def get(self, request_id: RequestId) -> Request | None:
        # Ids are made in the order of time, so that a new one is told without looking.
        if request_id > self._newest_id:
            return None
        for table in ("request", "history"):
            row = self._connection.execute(_SELECT[table] + "t.id = ?", (request_id,)).fetchone()
            if row is not None:
                return rows.to_request(row)
        return None

    def by_seq(self, seq: int) -> Request:
        for table in ("request", "history"):
            row = self._connection.execute(_SELECT[table] + "t.seq = ?", (seq,)).fetchone()
            if row is not None:
                return rows.to_request(row)
        raise LookupError(seq)

    def next_seq(self) -> int:
        self.last_seq += 1
        return self.last_seq

    def insert(self, request: Request, waits: int | None) -> None:
        payload = codec.encode_payload(request)
        self.written += len(payload)
        self._insert(request, waits)
        self._connection.execute("INSERT INTO payload (seq, value) VALUES (?, ?)", (request.seq, payload))
        if request.reply is not None:
            self._save_reply(request)
        self._newest_id = max(self._newest_id, request.id)
        self._count(request, 1)

    def replace(self, before: Request, after: Request, waits: int | None) -> None:
        self._heads.drop(before)
        was_open, is_open = before.status not in TERMINAL, after.status not in TERMINAL
        if was_open is is_open:
            changes = rows.changed_columns(before, after)
            if is_open:
                changes["waits"] = waits
                changes["due_at"] = rules.due_at(after, waits)
            self._update("request" if is_open else "history", after.seq, changes)
            if waits == 0:
                self._heads.put(after)
        else:
            table = "request" if was_open else "history"
            self._connection.execute(f"DELETE FROM {table} WHERE seq = ?", (before.seq,))
            self._insert(after, waits)
        if rows.payload_changed(before, after):
            value = codec.encode_payload(after)
            self.written += len(value)
            self._connection.execute("UPDATE payload SET value = ? WHERE seq = ?", (value, after.seq))
        if after.reply is not before.reply:
            self._save_reply(after)
        self._count(before, -1)
        self._count(after, 1)

    def remove(self, request: Request) -> None:
        """Forgets a finished request and all that belongs to it, but for the audit trail."""
        for table in ("history", "payload", "reply", "attempt", "dependency"):
            self._connection.execute(f"DELETE FROM {table} WHERE seq = ?", (request.seq,))
        self._count(request, -1)

    def waits(self, seq: int) -> int | None:
        waits: int | None = self._one("SELECT waits FROM request WHERE seq = ?", seq)
        return waits

    def set_waits(self, request: Request, waits: int) -> None:
        self._heads.drop(request)
        self._update("request", request.seq, {"waits": waits, "due_at": rules.due_at(request, waits)})
        if waits == 0:
            self._heads.put(request)

    def in_status(self, status: Status) -> list[Request]:
        table = "history" if status in TERMINAL else "request"
        sql = _SELECT[table] + "t.status = ? ORDER BY t.seq"
        return [rows.to_request(row) for row in self._connection.execute(sql, (status.value,))]

    def open_with_dedup_key(self, key: str) -> RequestId | None:
        found: RequestId | None = self._one("SELECT id FROM request WHERE dedup_key = ?", key)
        return found

    def _insert(self, request: Request, waits: int | None) -> None:
        values = rows.to_columns(request)
        if request.status in TERMINAL:
            self._connection.execute(_INSERT_HISTORY, values)
            return
        self._connection.execute(_INSERT_REQUEST, (*values, waits, rules.due_at(request, waits)))
        if waits == 0:
            self._heads.put(request)

    def _update(self, table: str, seq: int, changes: dict[str, Any]) -> None:
        if not changes:
            return
        # Only what changed: SQLite then leaves the indexes of the other columns alone.
        names = (table, *changes)
        sql = self._update_sql.get(names)
        if sql is None:
            sql = f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in changes)} WHERE seq = ?"
            self._update_sql[names] = sql
        self._connection.execute(sql, (*changes.values(), seq))

    def _save_reply(self, request: Request) -> None:
        self._connection.execute("DELETE FROM reply WHERE seq = ?", (request.seq,))
        if request.reply is not None:
            value = codec.encode(request.reply)
            self.written += len(value)
            self._connection.execute("INSERT INTO reply (seq, value) VALUES (?, ?)", (request.seq, value))

    def _count(self, request: Request, delta: int) -> None:
        key = (request.zone, request.entity, request.status)
        self.deltas[key] = self.deltas.get(key, 0) + delta

    def _one(self, sql: str, *parameters: Any) -> Any:
        row = self._connection.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    # -- lanes

    def lane_front(self, lane: str, *, besides: int = 0) -> list[Front]:
        return self._connection.execute(_LANE_FRONT, (lane, besides)).fetchall()

    def lane_busy(self, lane: str, *, besides: int = 0) -> bool:
        return self._connection.execute(_LANE_BUSY, (lane, besides)).fetchone() is not None

    # -- parents

    def add_parents(self, seq: int, parents: Sequence[RequestId]) -> None:
        for parent in dict.fromkeys(parents):
            if not self._one("SELECT 1 FROM history WHERE id = ? AND status = 'completed'", parent):
                self._connection.execute("INSERT INTO dependency (seq, parent) VALUES (?, ?)", (seq, parent))

    def open_parents(self, seq: int) -> list[Status | None]:
        found = self._connection.execute(_OPEN_PARENTS, (seq,))
        return [None if status is None else Status(status) for (status,) in found]

    def children(self, parent: RequestId) -> list[int]:
        sql = "SELECT seq FROM dependency WHERE parent = ? ORDER BY seq"
        return [seq for (seq,) in self._connection.execute(sql, (parent,))]

    def forget_parent(self, parent: RequestId) -> None:
        self._connection.execute("DELETE FROM dependency WHERE parent = ?", (parent,))

    # -- what is ready, what comes due

    def heads(self) -> list[Head]:
        return self._heads.all()

    def next_ready(self, head: Head) -> Head | None:
        return self._heads.after(head)

    def due(self, now: float) -> list[int]:
        sql = "SELECT seq FROM request WHERE due_at <= ? ORDER BY due_at, seq"
        return [seq for (seq,) in self._connection.execute(sql, (now,))]

    def next_due(self) -> float | None:
        due: float | None = self._one("SELECT min(due_at) FROM request WHERE due_at IS NOT NULL")
        return due

    # -- attempts and audit

    def open_attempt(self, seq: int, *, started_at: float) -> int:
        values = (seq, seq, AttemptKind.SEND.value, "running", started_at, None, None, None, "")
        self._connection.execute(_INSERT_ATTEMPT, values)
        return self._last_attempt(seq)

    def end_attempt(self, seq: int, record: AttemptRecord) -> int:
        number = None
        if record.kind is AttemptKind.SEND:
            sql = "SELECT max(number) FROM attempt WHERE seq = ? AND result = 'running'"
            number = self._one(sql, seq)
        ended = (
            record.result.value,
            record.started_at,
            record.ended_at,
            record.http_status,
            rows.to_column("failure", record.failure),
            record.note,
        )
        if number is not None:
            self._connection.execute(_END_ATTEMPT, (*ended, seq, number))
            return int(number)
        self._connection.execute(_INSERT_ATTEMPT, (seq, seq, record.kind.value, *ended))
        return self._last_attempt(seq)

    def _last_attempt(self, seq: int) -> int:
        return int(self._one("SELECT max(number) FROM attempt WHERE seq = ?", seq))

    def add_audit(self, entry: AuditEntry) -> None:
        self._audit.append(entry)
