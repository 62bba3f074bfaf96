"""The first ready request of each zone, endpoint and priority, kept in memory.

What is in the way of a claim is then a dictionary and not a table: a closed zone costs nothing, however
many requests wait in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from autotask_queue.model.request import Request
from autotask_queue.model.status import Effect
from autotask_queue.model.work import Head
from autotask_queue.store.picking import Group
from autotask_queue.store.sqlite.driver import Connection

_READ_AHEAD: Final = 64
_GROUPS = """
SELECT DISTINCT zone, entity, priority FROM counter WHERE status IN ('pending', 'retrying') AND count > 0
"""
_NEXT = """
SELECT seq, created_at, effect FROM request
WHERE zone = ? AND entity = ? AND rank = ? AND waits = 0 AND seq > ?
ORDER BY seq LIMIT ?
"""
_NEWEST_READ = """
SELECT seq, created_at, effect FROM request
WHERE zone = ? AND entity = ? AND rank = ? AND waits = 0 AND effect = 'read' AND seq < ?
ORDER BY seq DESC LIMIT 1
"""
_BEYOND_ALL: Final = 2**62
_EFFECTS: Final = {effect.value: effect for effect in Effect}


class Heads:
    """A cache over the index `request_ready`. A head that left is looked up when next asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heads: dict[Group, Head | None] = {}
        self._ahead: dict[Group, list[Head]] = {}

    def load(self) -> None:
        """Notes which groups may have a head; each is looked up when first asked for."""
        self._heads = dict.fromkeys(self._connection.execute(_GROUPS))

    def expect(self, groups: Iterable[Group]) -> None:
        """These may have a head, too."""
        for key in groups:
            self._heads.setdefault(key, None)

    def put(self, request: Request, rank: int) -> None:
        """A request is ready now."""
        key = (request.zone, request.entity, rank)
        head = self._heads.get(key)
        if key not in self._heads or (head is not None and request.seq < head.seq):
            self._heads[key] = _head(key, request.seq, request.created_at, request.effect)

    def drop(self, request: Request, rank: int) -> None:
        """A request may not be ready any more."""
        key = (request.zone, request.entity, rank)
        head = self._heads.get(key)
        if head is not None and head.seq == request.seq:
            self._heads[key] = None

    def all(self) -> list[Head]:
        """Every head. Forgets what `after` has read ahead."""
        self._ahead.clear()
        found: list[Head] = []
        for key, head in list(self._heads.items()):
            current = head or self._look_up(key)
            if current is None:
                del self._heads[key]
            else:
                found.append(current)
        return found

    def after(self, head: Head) -> Head | None:
        """The next ready one of the same group. Between two calls of `all` nothing may change."""
        key = (head.zone, head.entity, head.priority)
        ahead = self._ahead.get(key)
        if not ahead:
            rows = self._connection.execute(_NEXT, (*key, head.seq, _READ_AHEAD)).fetchall()
            ahead = [_head(key, *row) for row in reversed(rows)]
            self._ahead[key] = ahead
        return ahead.pop() if ahead else None

    def newest_read(self, group: Group, before: int | None) -> Head | None:
        """The newest ready read of a group, below `before` if that is given."""
        below = _BEYOND_ALL if before is None else before
        row = self._connection.execute(_NEWEST_READ, (*group, below)).fetchone()
        return None if row is None else _head(group, *row)

    def _look_up(self, key: Group) -> Head | None:
        row = self._connection.execute(_NEXT, (*key, 0, 1)).fetchone()
        head = None if row is None else _head(key, *row)
        self._heads[key] = head
        return head


def _head(key: Group, seq: int, enqueued_at: float, effect: str) -> Head:
    zone, entity, priority = key
    return Head(
        zone=zone,
        entity=entity,
        priority=priority,
        seq=seq,
        enqueued_at=enqueued_at,
        effect=_EFFECTS[effect],
    )
