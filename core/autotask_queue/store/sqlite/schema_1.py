"""Version 1 of the schema.

Requests that are not finished live in `request`, small and hot; finished ones in `history`, so that
keeping a million of them slows nothing down. A request keeps its `seq` when it moves. What no list
looks at stands in tables of its own (`payload`, `reply`), which do not move: claiming and settling
rewrite small rows only.

`request` has no indexes for sorting: each would cost every enqueue, and sorting what is unfinished takes
less than a second even for a million. `history` has them: nobody waits for its inserts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final


def _one_of(column: str, words: Iterable[str]) -> str:
    # Not IN: SQLite builds a table of its words for each statement, which made an insert half as long again.
    return " OR ".join(f"{column} = '{word}'" for word in words)


# What a list shows, in the order of `model.request.RequestRow`, then what the store needs beside it.
_COLUMNS: Final = f"""
    zone TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    method TEXT NOT NULL,
    effect TEXT NOT NULL CHECK ({_one_of("effect", ("read", "write"))}),
    entity TEXT NOT NULL,
    priority INTEGER NOT NULL,
    summary TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    max_retries INTEGER NOT NULL,
    lane TEXT,
    reason TEXT,
    reason_text TEXT NOT NULL DEFAULT '',
    scheduled_at REAL,
    not_before REAL,
    expires_at REAL,
    finished_at REAL,
    http_status INTEGER,
    failure_title TEXT NOT NULL DEFAULT '',
    record_id INTEGER,
    actor TEXT NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    dedup_key TEXT,
    restore_to TEXT,
    failure BLOB,
    haystack TEXT NOT NULL"""

_OPEN: Final = ("pending", "deferred", "processing", "retrying", "uncertain", "held")
_TERMINAL: Final = ("completed", "failed", "cancelled", "expired")

REQUEST: Final = f"""
CREATE TABLE request (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL
        CHECK ({_one_of("status", _OPEN)}),{_COLUMNS},
    waits INTEGER CHECK (waits BETWEEN 0 AND 7),
    due_at REAL
) STRICT
"""

HISTORY: Final = f"""
CREATE TABLE history (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL
        CHECK ({_one_of("status", _TERMINAL)}),{_COLUMNS}
) STRICT
"""

REQUEST_INDEXES: Final = (
    # The heads: what may be claimed, endpoint by endpoint, so that a closed one is never walked through.
    "CREATE INDEX request_ready ON request (zone, entity, priority, seq) WHERE waits = 0",
    "CREATE INDEX request_due ON request (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX request_lane ON request (lane, seq) WHERE lane IS NOT NULL",
    "CREATE INDEX request_busy ON request (lane) WHERE status IN ('processing', 'uncertain')",
    "CREATE UNIQUE INDEX request_dedup ON request (dedup_key) WHERE dedup_key IS NOT NULL",
)

HISTORY_INDEXES: Final = (
    # What the console filters and sorts by; `seq` is part of every index.
    "CREATE INDEX history_status ON history (status)",
    "CREATE INDEX history_created ON history (created_at)",
    "CREATE INDEX history_updated ON history (updated_at)",
    "CREATE INDEX history_finished ON history (finished_at)",
)

BESIDE_REQUESTS: Final = (
    "CREATE TABLE payload (seq INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT",
    "CREATE TABLE reply (seq INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT",
    # Parents that are not completed yet; a completed one is forgotten.
    """
    CREATE TABLE dependency (
        seq INTEGER NOT NULL,
        parent TEXT NOT NULL,
        PRIMARY KEY (seq, parent)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX dependency_parent ON dependency (parent, seq)",
    """
    CREATE TABLE attempt (
        seq INTEGER NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        result TEXT NOT NULL,
        started_at REAL NOT NULL,
        ended_at REAL,
        http_status INTEGER,
        failure BLOB,
        note TEXT NOT NULL,
        PRIMARY KEY (seq, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE counter (
        zone TEXT NOT NULL,
        entity TEXT NOT NULL,
        status TEXT NOT NULL,
        priority INTEGER NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (zone, entity, status, priority)
    ) STRICT, WITHOUT ROWID
    """,
)

AUDIT: Final = (
    """
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        request_id TEXT,
        rest BLOB NOT NULL,
        prev_hash BLOB NOT NULL,
        hash BLOB NOT NULL
    ) STRICT
    """,
    "CREATE INDEX audit_request ON audit (request_id) WHERE request_id IS NOT NULL",
    """
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END
    """,
    # Pruning first writes how far it goes, with the hash of the last entry it takes away: the anchor.
    """
    CREATE TRIGGER audit_is_append_only BEFORE DELETE ON audit
    WHEN OLD.seq > coalesce((SELECT value FROM meta WHERE name = 'audit_pruned_to'), 0)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append only'); END
    """,
)

SMALL_THINGS: Final = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID",
    "CREATE TABLE breaker (zone TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE minute (at REAL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    """
    CREATE TABLE document (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value BLOB NOT NULL,
        at REAL NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT, WITHOUT ROWID
    """,
)

STATEMENTS: Final = (
    *SMALL_THINGS,
    REQUEST,
    HISTORY,
    *REQUEST_INDEXES,
    *HISTORY_INDEXES,
    *BESIDE_REQUESTS,
    *AUDIT,
)
