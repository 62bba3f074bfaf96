"""Rows in SQLite, as `store.shelf.Shelf` wants them.

Lives in the writer's thread, inside its transaction. Writes are gathered and executed many at a time,
at the latest before the next read or the next change of the same request. Audit rows and counters are
written once per transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from autotask_queue.model.request import AttemptKind, AttemptResult, AuditEntry, Request, RequestId
from autotask_queue.model.status import TERMINAL, Status
from autotask_queue.model.work import Head, Turn
from autotask_queue.ports import AttemptRecord
from autotask_queue.store import codec, packing, rules
from autotask_queue.store.cells import CellKey
from autotask_queue.store.picking import Group
from autotask_queue.store.sqlite import audit, rows, statements
from autotask_queue.store.sqlite.driver import Connection
from autotask_queue.store.sqlite.heads import Heads
from autotask_queue.store.sqlite.lookups import Lookups, marks

_REMEMBERED_IDS: Final = 10_000
_turns: Final = msgspec.json.Decoder(Turn)
_FRESH: Final = 4_096
_SMALL: Final = 2_048
"""Bytes of a payload up to which a new request is kept in memory until it is first changed."""


class Mark(msgspec.Struct, frozen=True):
    """What `back_to` restores in memory when an operation is rolled back."""

    audit_rows: int
    deltas: dict[CellKey, int]
    last_seq: int


class SqlShelf(Lookups):
    """Implements `store.shelf.Shelf` over one connection."""

    def __init__(self, connection: Connection, *, compression: bool = False) -> None:
        super().__init__(connection)
        self._pack = packing.pack if compression else bytes
        self._heads = Heads(connection)
        self._audit: list[AuditEntry] = []
        self._chain = audit.Chain()
        self._oldest_new_id = ""
        self._new_ids: set[RequestId] = set()
        self._any_parents = False
        self._raised: dict[int, int] = {}
        self._turn = Turn()
        self._signed = 0
        self._running: dict[int, int] = {}
        self._claimed: list[Request] = []
        self._in_flight: dict[RequestId, Request] = {}
        self._fresh: dict[int, tuple[Request, bytes]] = {}
        self.deltas: dict[CellKey, int] = {}
        self.last_seq = 0
        self.document_bytes = 0
        """Bytes of documents written so far."""

    # -- life of a transaction

    def load(self) -> None:
        """Reads what is kept in memory, after opening and after a rollback."""
        self._gathered.forget()
        self._audit.clear()
        self._claimed.clear()
        self._in_flight.clear()
        self._fresh.clear()
        self._running.clear()
        self.deltas.clear()
        one = self._one
        self.last_seq = max(
            one("SELECT max(seq) FROM request") or 0,
            one("SELECT max(seq) FROM history") or 0,
            one("SELECT value FROM meta WHERE name = 'last_seq'") or 0,
        )
        newest = (one("SELECT max(id) FROM request") or "", one("SELECT max(id) FROM history") or "")
        self._oldest_new_id = max(newest)
        self._new_ids.clear()
        self._any_parents = bool(one("SELECT EXISTS (SELECT 1 FROM dependency)"))
        row = self._connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        self._chain = audit.Chain(*row) if row else audit.Chain()
        self._heads.load()
        raised = self._connection.execute(statements.RAISED).fetchall()
        self._raised = {seq: rank for seq, rank, _, _ in raised}
        self._heads.expect((zone, entity, rank) for _, rank, zone, entity in raised)
        self._signed = one(statements.SIGNED) or 0
        self._load_leaders()
        turn = one(statements.TURN)
        self._turn = Turn() if turn is None else _turns.decode(turn)

    def flush(self) -> None:
        """Writes everything gathered; before the commit."""
        self.settle()
        if self._audit:
            self._gathered.execute(
                statements.INSERT_AUDIT, [self._chain.link(entry) for entry in self._audit]
            )
            self._audit.clear()
        changes = [
            (zone, entity, status.value, priority, delta)
            for (zone, entity, status, priority), delta in self.deltas.items()
            if delta
        ]
        if changes:
            self._connection.executemany(statements.ADD_TO_COUNTER, changes)

    def sign(self) -> None:
        """Leaves a mark in a transaction that no audit row tells from the one before."""
        self._signed += 1
        self._connection.execute(statements.SIGN, (self._signed,))

    def is_stored(self) -> bool:
        """Whether the file has what was flushed and signed last."""
        (end,) = self._connection.execute(statements.LAST_AUDIT).fetchone()
        signed = self._connection.execute(statements.SIGNED).fetchone() or (0,)
        return (end or 0, *signed) == (self.audit_end, self._signed)

    def committed(self) -> None:
        """The transaction is durable: what was claimed in it can be taken from memory from now on."""
        self._in_flight.update({request.id: request for request in self._claimed})
        self._claimed.clear()

    def mark(self) -> Mark:
        """A point to go back to."""
        return Mark(len(self._audit), dict(self.deltas), self.last_seq)

    def back_to(self, mark: Mark) -> None:
        """Forgets what was gathered since; the rows themselves are rolled back by SQLite."""
        audit_rows = self._audit[: mark.audit_rows]
        chain = self._chain
        self.load()
        self._audit, self._chain = audit_rows, chain
        self.deltas, self.last_seq = mark.deltas, mark.last_seq
        # Groups that are new in this transaction are not in the counters yet.
        self._heads.expect((zone, entity, priority) for zone, entity, _, priority in mark.deltas)

    @property
    def audit_end(self) -> int:
        """The `seq` of the last audit row, flushed or not."""
        return self._chain.seq + len(self._audit)

    # -- requests

    def get(self, request_id: RequestId) -> Request | None:
        in_flight = self._in_flight.get(request_id)
        if in_flight is not None:
            return in_flight
        # Ids are made in the order of time: most new ones are told without looking.
        if request_id > self._oldest_new_id and request_id not in self._new_ids:
            return None
        for sql in statements.SELECT.values():
            row = self.connection.execute(sql + "t.id = ?", (request_id,)).fetchone()
            if row is not None:
                return rows.to_request(row)
        return None

    def by_seq(self, seq: int) -> Request:
        return self.by_seqs((seq,))[0]

    def by_seqs(self, seqs: Sequence[int]) -> list[Request]:
        if not seqs:
            return []
        fresh = [self._fresh[seq] for seq in seqs if seq in self._fresh]
        # With documents of their own: the callers' may have been changed since.
        found = {r.seq: msgspec.structs.replace(r, **codec.decode_payload(p)) for r, p in fresh}
        others = [seq for seq in seqs if seq not in found]
        for sql in statements.SELECT.values():
            if not others:
                break
            for row in self.connection.execute(f"{sql} t.seq IN ({marks(others)})", others):
                found[row[0]] = rows.to_request(row)
            others = [seq for seq in others if seq not in found]
        return [found[seq] for seq in seqs]

    def next_seq(self) -> int:
        self.last_seq += 1
        return self.last_seq

    def insert(self, request: Request, waits: int | None) -> None:
        payload = self._pack(codec.encode_payload(request))
        self._note_leader(request)
        if request.dedup_key is not None:
            self.settle()  # the key is unique: whoever it replaces leaves the table first
        self._gathered.touch(request.seq)
        self.document_bytes += len(payload)
        self._insert(request, waits)
        self._gathered.write(statements.INSERT_PAYLOAD, request.seq, payload)
        self._save_reply(None, request)
        if len(self._fresh) < _FRESH and len(payload) <= _SMALL and request.reply is None:
            self._fresh[request.seq] = (request, payload)
        self._remember(request.id)
        self._count(request, 1)

    def replace(self, before: Request, after: Request, waits: int | None) -> None:
        changes, payload_changed = rows.changed_columns(before, after)
        self._note_leader(after)
        payload = self._pack(codec.encode_payload(after)) if payload_changed else None
        self._gathered.touch(after.seq)
        self._in_flight.pop(before.id, None)
        self._fresh.pop(before.seq, None)
        rank = self.rank(before)
        self._heads.drop(before, rank)
        was_open, is_open = before.status not in TERMINAL, after.status not in TERMINAL
        if was_open is is_open:
            if is_open:
                changes["waits"] = waits
                changes["due_at"] = rules.due_at(after, waits)
                if self.rank(after) != rank:
                    changes["rank"] = self.rank(after)
            self._update("request" if is_open else "history", after.seq, changes)
            if waits == 0:
                self._heads.put(after, self.rank(after))
        else:
            self._move(after, waits, changes)
        if payload is not None:
            self.document_bytes += len(payload)
            self._gathered.write("UPDATE payload SET value = ? WHERE seq = ?", payload, after.seq)
        self._save_reply(before, after)
        if after.status is Status.PROCESSING:
            self._claimed.append(after)
        self._count(before, -1)
        self._count(after, 1)

    def remove(self, seqs: Sequence[int]) -> None:
        """Forgets finished requests and all that belongs to them, but for the audit trail."""
        chosen = f"WHERE seq IN ({marks(seqs)})"
        cells = f"SELECT zone, entity, status, priority, count(*) FROM history {chosen} GROUP BY 1, 2, 3, 4"
        for zone, entity, status, priority, count in self.connection.execute(cells, seqs).fetchall():
            key = (zone, entity, Status(status), priority)
            self.deltas[key] = self.deltas.get(key, 0) - count
        for table in ("history", "payload", "reply", "attempt", "dependency"):
            self.connection.execute(f"DELETE FROM {table} {chosen}", seqs)

    def set_waits(self, request: Request, waits: int) -> None:
        rank = self.rank(request)
        self._heads.drop(request, rank)
        self._gathered.touch(request.seq)
        self._update("request", request.seq, {"waits": waits, "due_at": rules.due_at(request, waits)})
        if waits == 0:
            self._heads.put(request, rank)

    def rank(self, request: Request) -> int:
        return max(request.priority, self._raised.get(request.seq, 0))

    def set_rank(self, request: Request, rank: int) -> None:
        waits = self.waits(request.seq)
        self._heads.drop(request, self.rank(request))
        self._gathered.touch(request.seq)
        if rank > request.priority:
            self._raised[request.seq] = rank
        else:
            self._raised.pop(request.seq, None)
        self._update("request", request.seq, {"rank": rank})
        if waits == 0:
            self._heads.put(request, rank)

    def any_raised(self) -> bool:
        return bool(self._raised)

    def in_status(self, status: Status) -> list[Request]:
        if status in rules.BUSY:
            sql = statements.SELECT_BUSY
        else:
            sql = (
                statements.SELECT["history" if status in TERMINAL else "request"]
                + "t.status = ? ORDER BY t.seq"
            )
        return [rows.to_request(row) for row in self.connection.execute(sql, (status.value,)).fetchall()]

    def _insert(self, request: Request, waits: int | None) -> None:
        names, values = rows.columns(request)
        if request.status in TERMINAL:
            self._gathered.write(statements.insert("history", names), *values)
            return
        due = rules.due_at(request, waits)
        rank = self.rank(request)
        sql = statements.insert("request", (*names, "waits", "due_at", "rank"))
        self._gathered.write(sql, *values, waits, due, rank)
        if waits == 0:
            self._heads.put(request, rank)

    def _move(self, after: Request, waits: int | None, changes: dict[str, Any]) -> None:
        """From one table to the other; only what changed is handed to SQLite."""
        origin, target = "request", "history"
        self._raised.pop(after.seq, None)
        if after.status not in TERMINAL:
            origin, target = target, origin
            changes["waits"] = waits
            changes["due_at"] = rules.due_at(after, waits)
            changes["rank"] = self.rank(after)
        sql = statements.copy(origin, target, tuple(changes))
        self._gathered.write(sql, *changes.values(), after.seq)
        self._gathered.delete(origin, after.seq)
        if waits == 0:
            self._heads.put(after, self.rank(after))

    def _update(self, table: str, seq: int, changes: dict[str, Any]) -> None:
        if changes:
            sql = statements.update(table, tuple(changes))
            self._gathered.write(sql, *changes.values(), seq)

    def _save_reply(self, before: Request | None, after: Request) -> None:
        old = None if before is None else before.reply
        if after.reply is old:
            return
        if after.reply is None:
            self._gathered.delete("reply", after.seq)
            return
        value = self._pack(codec.encode(after.reply))
        self.document_bytes += len(value)
        self._gathered.write(statements.PUT_REPLY, after.seq, value)

    def _remember(self, request_id: RequestId) -> None:
        self._new_ids.add(request_id)
        if len(self._new_ids) > _REMEMBERED_IDS:
            self._oldest_new_id = max(self._oldest_new_id, *self._new_ids)
            self._new_ids.clear()

    def _count(self, request: Request, delta: int) -> None:
        key = (request.zone, request.entity, request.status, request.priority)
        self.deltas[key] = self.deltas.get(key, 0) + delta

    # -- parents

    def add_parents(self, seq: int, parents: Sequence[RequestId]) -> None:
        self._any_parents = True
        for parent in dict.fromkeys(parents):
            if not self._one(statements.IS_COMPLETED, parent):
                self._gathered.write("INSERT INTO dependency (seq, parent) VALUES (?, ?)", seq, parent)

    def children(self, parent: RequestId) -> list[int]:
        if not self._any_parents:
            return []
        sql = statements.CHILDREN
        return [seq for (seq,) in self.connection.execute(sql, (parent,))]

    def forget_parent(self, parent: RequestId) -> None:
        if self._any_parents:
            self.connection.execute("DELETE FROM dependency WHERE parent = ?", (parent,))

    # -- what is ready, what comes due

    def heads(self) -> list[Head]:
        self.settle()
        return self._heads.all()

    def next_ready(self, head: Head) -> Head | None:
        return self._heads.after(head)

    def newest_read(self, group: Group, *, before: int | None = None) -> Head | None:
        return self._heads.newest_read(group, before)

    def turn(self) -> Turn:
        return self._turn

    def keep_turn(self, turn: Turn) -> None:
        self._turn = turn
        self._gathered.write(statements.KEEP_TURN, codec.encode(turn))

    # -- attempts and audit

    def open_attempt(self, seq: int, number: int, *, started_at: float) -> None:
        values = (AttemptResult.RUNNING.value, started_at, None, None, None, "")
        self._gathered.write(statements.INSERT_ATTEMPT, seq, number, AttemptKind.SEND.value, *values)
        self._running[seq] = number

    def end_attempt(self, seq: int, record: AttemptRecord) -> int:
        ended = (
            record.result.value,
            record.started_at,
            record.ended_at,
            record.http_status,
            rows.from_failure(record.failure),
            record.note,
        )
        number = self._running_attempt(seq) if record.kind is AttemptKind.SEND else None
        if number is not None:
            self._gathered.write(statements.END_ATTEMPT, *ended, seq, number)
            return number
        number = self.next_attempts((seq,))[seq]
        self._gathered.write(statements.INSERT_ATTEMPT, seq, number, record.kind.value, *ended)
        return number

    def _running_attempt(self, seq: int) -> int | None:
        number = self._running.pop(seq, None)
        if number is None:
            number = self._one(statements.RUNNING_ATTEMPT, seq)
        return number

    def add_audit(self, entry: AuditEntry) -> None:
        self._audit.append(entry)
