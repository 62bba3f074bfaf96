"""The SQL of the shelf, by name."""

from __future__ import annotations

from functools import cache
from typing import Final

from autotask_queue.store.sqlite import audit, rows

SELECT: Final = {t: f"SELECT {rows.REQUEST_SQL} FROM {t} t WHERE " for t in ("request", "history")}
LANE_FRONT: Final = """
SELECT seq, waits FROM request
WHERE lane = ? AND seq <> ? AND effect = 'write' AND status <> 'deferred'
ORDER BY seq LIMIT 2
"""
LANE_BEFORE: Final = """
SELECT seq FROM request
WHERE lane = ? AND seq < ? AND effect = 'write' AND status <> 'deferred' ORDER BY seq DESC LIMIT 1
"""
LANE_BUSY: Final = """
SELECT 1 FROM request INDEXED BY request_busy
WHERE lane = ? AND seq <> ? AND effect = 'write' AND status IN ('processing', 'uncertain') LIMIT 1
"""
LANE_BEHIND: Final = """
SELECT seq FROM request
WHERE lane = ? AND seq > ? AND effect = 'write' AND status <> 'deferred'
ORDER BY seq LIMIT ?
"""
READY_BESIDE: Final = """
SELECT seq FROM request INDEXED BY request_batch
WHERE zone = ? AND entity = ? AND batch = ? AND waits = 0
AND attempts <= ? AND (expires_at IS NULL OR expires_at > ?)
ORDER BY seq LIMIT ?
"""
NEWEST_LEADER: Final = """
SELECT seq FROM request INDEXED BY request_flight
WHERE flight = ? AND effect = 'read' AND merged_into IS NULL
AND status IN ('pending', 'retrying', 'processing') ORDER BY seq DESC LIMIT 1
"""
MERGED: Final = "SELECT seq FROM request INDEXED BY request_merged WHERE merged_into = ? ORDER BY seq"
MERGED_INTO: Final = "SELECT DISTINCT merged_into FROM request WHERE merged_into IS NOT NULL"
SELECT_BUSY: Final = f"""
SELECT {rows.REQUEST_SQL} FROM request t INDEXED BY request_busy
WHERE t.status IN ('processing', 'uncertain') AND t.status = ? ORDER BY t.seq
"""
OPEN_PARENTS: Final = """
SELECT coalesce(r.status, h.status)
FROM dependency d LEFT JOIN request r ON r.id = d.parent LEFT JOIN history h ON h.id = d.parent
WHERE d.seq = ?
"""
UNFINISHED_PARENTS: Final = """
SELECT r.seq FROM dependency d JOIN request r ON r.id = d.parent WHERE d.seq = ? ORDER BY r.seq
"""
RAISED: Final = "SELECT seq, rank, zone, entity FROM request WHERE rank > priority"
TURN: Final = "SELECT value FROM meta WHERE name = 'turn'"
SIGNED: Final = "SELECT value FROM meta WHERE name = 'signed'"
SIGN: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES ('signed', ?)"
LAST_AUDIT: Final = "SELECT max(seq) FROM audit"
KEEP_TURN: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES ('turn', ?)"
INSERT_PAYLOAD: Final = "INSERT INTO payload (seq, value) VALUES (?, ?)"
PUT_REPLY: Final = "INSERT OR REPLACE INTO reply (seq, value) VALUES (?, ?)"
INSERT_AUDIT: Final = (
    f"INSERT INTO audit ({', '.join(audit.COLUMNS)}) VALUES ({', '.join('?' * len(audit.COLUMNS))})"
)
ADD_TO_COUNTER: Final = """
INSERT INTO counter (zone, entity, status, priority, count) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (zone, entity, status, priority) DO UPDATE SET count = count + excluded.count
"""
_ATTEMPT: Final = "seq, number, kind, result, started_at, ended_at, http_status, failure, note"
INSERT_ATTEMPT: Final = f"INSERT INTO attempt ({_ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
END_ATTEMPT: Final = """
UPDATE attempt SET result = ?, started_at = ?, ended_at = ?, http_status = ?, failure = ?, note = ?
WHERE seq = ? AND number = ?
"""
DUE: Final = "SELECT seq FROM request WHERE due_at <= ? ORDER BY due_at, seq"
NEXT_DUE: Final = "SELECT min(due_at) FROM request WHERE due_at IS NOT NULL"
OPEN_WITH_DEDUP_KEY: Final = "SELECT id FROM request WHERE dedup_key = ?"
CHILDREN: Final = "SELECT seq FROM dependency WHERE parent = ? ORDER BY seq"
IS_COMPLETED: Final = "SELECT 1 FROM history WHERE id = ? AND status = 'completed'"
RUNNING_ATTEMPT: Final = "SELECT max(number) FROM attempt WHERE seq = ? AND result = 'running'"


# ---------------------------------------------------------------------------------------------
# Of one row, by `seq`


@cache
def insert(table: str, columns: tuple[str, ...]) -> str:
    """A new row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


@cache
def update(table: str, columns: tuple[str, ...]) -> str:
    """New values of some columns; SQLite then leaves the indexes of the others alone."""
    return f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in columns)} WHERE seq = ?"


@cache
def copy(origin: str, target: str, columns: tuple[str, ...]) -> str:
    """A row as the other table has it, with new values of some columns."""
    kept = [name for name in rows.COLUMNS if name not in columns]
    names, values = [*columns, *kept], [*("?" * len(columns)), *kept]
    return f"INSERT INTO {target} ({', '.join(names)}) SELECT {', '.join(values)} FROM {origin} WHERE seq = ?"


@cache
def delete(table: str) -> str:
    """A row less."""
    return f"DELETE FROM {table} WHERE seq = ?"


_VALUES: Final = " VALUES "


@cache
def is_of_values(sql: str) -> bool:
    """Whether it adds a row of given values, so that `times` is of use."""
    return _VALUES in sql and sql.endswith(")")


@cache
def times(sql: str, count: int) -> str:
    """The same for so many rows in one execution."""
    row = sql.rpartition(_VALUES)[2]
    return sql + f", {row}" * (count - 1)
