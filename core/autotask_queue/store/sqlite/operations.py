"""What the store asks of its writer, as functions that run in the writer's thread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Final

import msgspec

from autotask_queue.model.breaker import BreakerRecord
from autotask_queue.model.errors import QueueError
from autotask_queue.model.metrics import MinuteStat
from autotask_queue.model.request import AuditEntry, Request, RequestId
from autotask_queue.model.status import Status
from autotask_queue.ports import AuditAnchor, Change, Claim, Claimed, Companions
from autotask_queue.store import codec
from autotask_queue.store.limits import KEEP_MINUTES, PRUNABLE
from autotask_queue.store.sqlite.driver import Connection
from autotask_queue.store.sqlite.session import Operation, Session

# A finished request that an unfinished one still looks at stays. (The + keeps SQLite off the other index.)
_MAY_GO: Final = f"""
finished_at < ? AND +status IN ({", ".join(f"'{status}'" for status in PRUNABLE)})
AND NOT EXISTS (
    SELECT 1 FROM dependency d JOIN request r ON r.seq = d.seq WHERE d.parent = h.id
)
"""
PRUNE_CANDIDATES: Final = (
    f"SELECT seq FROM history h WHERE {_MAY_GO} AND +seq <= ? ORDER BY finished_at, seq LIMIT ?"
)
"""What may be pruned. It may have to step over many that stay, so the writer is not the one who asks."""


def enqueue(request: Request, actor: str) -> Operation:
    """Stores one request."""
    return lambda session: session.ledger.enqueue(request, actor=actor)


def claim(wanted: Claim) -> Operation:
    """Claims what is wanted."""

    def run(session: Session) -> Claimed:
        return session.ledger.claim(wanted)

    return run


def join(wanted: Companions) -> Operation:
    """Takes what may share a call."""
    return lambda session: session.ledger.join(wanted)


def apply(change: Change) -> Operation:
    """Applies one change."""
    return lambda session: session.ledger.apply(change)


def apply_to(seqs: Sequence[int], change: Change) -> Operation:
    """Applies a change to those of `seqs` that it fits; (request before, answer) for each."""

    def run(session: Session) -> list[tuple[Request, Request | QueueError]]:
        answers: list[tuple[Request, Request | QueueError]] = []
        for seq in seqs:
            before = session.shelf.by_seq(seq)
            one = msgspec.structs.replace(change, id=before.id)
            try:
                answers.append((before, session.ledger.apply(one)))
            except QueueError as error:
                answers.append((before, error))
        return answers

    return run


def record(entry: AuditEntry) -> Operation:
    """Adds an audit entry of its own."""
    return lambda session: session.shelf.add_audit(entry)


def save_breaker(breaker: BreakerRecord, entry: AuditEntry | None) -> Operation:
    """Keeps a breaker's state, with an audit entry."""
    value = codec.encode(breaker)

    def run(session: Session) -> None:
        sql = "INSERT OR REPLACE INTO breaker (zone, value) VALUES (?, ?)"
        session.shelf.connection.execute(sql, (breaker.zone, value))
        if entry is not None:
            session.shelf.add_audit(entry)

    return run


def put_document(kind: str, key: str, value: bytes, at: float) -> Operation:
    """Keeps a small document."""
    sql = "INSERT OR REPLACE INTO document (kind, key, value, at) VALUES (?, ?, ?, ?)"
    return lambda session: session.shelf.connection.execute(sql, (kind, key, value, at)).rowcount


def delete_document(kind: str, key: str) -> Operation:
    """Forgets a small document."""
    sql = "DELETE FROM document WHERE kind = ? AND key = ?"
    return lambda session: session.shelf.connection.execute(sql, (kind, key)).rowcount


def save_minutes(minutes: Sequence[MinuteStat]) -> Operation:
    """Keeps minutes and drops those too old."""
    values = [(minute.at, codec.encode(minute)) for minute in minutes]

    def run(session: Session) -> None:
        session.shelf.connection.executemany(
            "INSERT OR REPLACE INTO minute (at, value) VALUES (?, ?)", values
        )
        sql = "DELETE FROM minute WHERE at < (SELECT max(at) FROM minute) - ?"
        session.shelf.connection.execute(sql, (KEEP_MINUTES,))

    return run


def forget(ids: Sequence[RequestId]) -> Operation:
    """Removes requests, finished or not, that are kept elsewhere from now on; the audit trail stays."""

    def run(session: Session) -> None:
        shelf = session.shelf
        found = [request for request in map(shelf.get, ids) if request is not None]
        for request in found:
            if not request.status.is_terminal:  # by way of the history, from which all is removed
                ended = {"status": Status.CANCELLED, "finished_at": request.updated_at}
                shelf.replace(request, msgspec.structs.replace(request, **ended), None)
        shelf.remove([request.seq for request in found])
        set_meta(shelf.connection, "last_seq", shelf.last_seq)

    return run


def prune(candidates: Sequence[int], finished_before: float) -> Operation:
    """Deletes those that are still old, finished requests, and all that belongs to them; how many."""
    among = f"seq IN ({', '.join('?' * len(candidates))})"
    chosen = f"SELECT seq FROM history h WHERE {_MAY_GO} AND {among}"

    def run(session: Session) -> int:
        connection = session.shelf.connection
        old = [seq for (seq,) in connection.execute(chosen, (finished_before, *candidates))]
        if old:
            session.shelf.remove(old)
            set_meta(connection, "last_seq", session.shelf.last_seq)
        return len(old)

    return run


def prune_audit(before: float, limit: int) -> Operation:
    """Deletes old entries at the beginning of the trail; the anchor says how far it goes."""

    def run(session: Session) -> AuditAnchor | None:
        connection = session.shelf.connection
        first = connection.execute(_AUDIT_BEGINNING, (limit,)).fetchall()
        old = list(takewhile(lambda row: row[1] < before, first))
        if not old:
            return None
        seq, _, last = old[-1]
        # Before the rows go: a trigger keeps all others from being deleted.
        set_meta(connection, "audit_pruned_to", seq)
        set_meta(connection, "audit_anchor", last.hex())
        connection.execute("DELETE FROM audit WHERE seq <= ?", (seq,))
        return AuditAnchor(seq=seq, hash=last.hex(), removed=len(old))

    return run


_AUDIT_BEGINNING: Final = """
SELECT seq, at, hash FROM audit WHERE seq < (SELECT max(seq) FROM audit) ORDER BY seq LIMIT ?
"""


def set_meta(connection: Connection, name: str, value: float | str) -> None:
    """Keeps one of the file's own small facts."""
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
