"""What a shelf looks up in its tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotask_queue.model.request import Request, RequestId
from autotask_queue.model.status import Status
from autotask_queue.store.shelf import Front
from autotask_queue.store.sqlite import statements
from autotask_queue.store.sqlite.driver import Connection
from autotask_queue.store.sqlite.gathered import Gathered


class Lookups:
    """One connection, with the writes that wait for the next look."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._gathered = Gathered(connection)
        self._leaders: set[RequestId] = set()
        """Into whom others are merged; most have nobody with them, and are told without looking."""

    @property
    def changes(self) -> int:
        """Grows with every row written, executed or not."""
        return self._connection.total_changes + self._gathered.count

    @property
    def connection(self) -> Connection:
        """For statements of others, with everything gathered so far executed."""
        self.settle()
        return self._connection

    def settle(self) -> None:
        """Executes the writes gathered so far."""
        self._gathered.settle()

    def _one(self, sql: str, *parameters: Any) -> Any:
        row = self.connection.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    # -- facts about one request

    def waits(self, seq: int) -> int | None:
        waits: int | None = self._one("SELECT waits FROM request WHERE seq = ?", seq)
        return waits

    def open_with_dedup_key(self, key: str) -> RequestId | None:
        found: RequestId | None = self._one(statements.OPEN_WITH_DEDUP_KEY, key)
        return found

    # -- lanes

    def lane_front(self, lane: str, *, besides: int = 0) -> list[Front]:
        return self.connection.execute(statements.LANE_FRONT, (lane, besides)).fetchall()

    def lane_busy(self, lane: str, *, besides: int = 0) -> bool:
        return self.connection.execute(statements.LANE_BUSY, (lane, besides)).fetchone() is not None

    def lane_before(self, lane: str, seq: int) -> int | None:
        before: int | None = self._one(statements.LANE_BEFORE, lane, seq)
        return before

    def lane_behind(self, lane: str, seq: int, *, limit: int) -> list[int]:
        sql = statements.LANE_BEHIND
        return [behind for (behind,) in self.connection.execute(sql, (lane, seq, limit))]

    # -- who goes with whom

    def newest_leader(self, flight: str) -> int | None:
        leader: int | None = self._one(statements.NEWEST_LEADER, flight)
        return leader

    def _load_leaders(self) -> None:
        self._leaders = {into for (into,) in self._connection.execute(statements.MERGED_INTO)}

    def _note_leader(self, request: Request) -> None:
        if request.merged_into is not None:
            self._leaders.add(request.merged_into)

    def merged(self, into: RequestId) -> list[int]:
        if into not in self._leaders:
            return []
        return [seq for (seq,) in self.connection.execute(statements.MERGED, (into,))]

    # -- parents

    def open_parents(self, seq: int) -> list[Status | None]:
        found = self.connection.execute(statements.OPEN_PARENTS, (seq,))
        return [None if status is None else Status(status) for (status,) in found]

    def parents(self, seq: int) -> list[int]:
        return [parent for (parent,) in self.connection.execute(statements.UNFINISHED_PARENTS, (seq,))]

    # -- what comes due, what is ready

    def due(self, now: float) -> list[int]:
        sql = statements.DUE
        return [seq for (seq,) in self.connection.execute(sql, (now,))]

    def next_due(self) -> float | None:
        due: float | None = self._one(statements.NEXT_DUE)
        return due

    def ready_beside(self, lead: Request, *, now: float, limit: int) -> list[int]:
        values = (lead.zone, lead.entity, lead.batch, lead.attempts, now, limit)
        return [seq for (seq,) in self.connection.execute(statements.READY_BESIDE, values)]

    # -- attempts

    def next_attempts(self, seqs: Sequence[int]) -> dict[int, int]:
        sql = f"SELECT seq, max(number) FROM attempt WHERE seq IN ({marks(seqs)}) GROUP BY seq"
        last = dict(self.connection.execute(sql, seqs))
        return {seq: last.get(seq, 0) + 1 for seq in seqs}


def marks(values: Sequence[object]) -> str:
    """As many question marks as there are values."""
    return ", ".join("?" * len(values))
