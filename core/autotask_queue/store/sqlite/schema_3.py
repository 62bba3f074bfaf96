"""Version 3 of the schema: ready requests are found by rank, and reads among them from their newer end.

The rank is the priority, or that of the most urgent request that waits for this one (`store.ranks`). Of old
files the ranks inside lanes and of direct parents are worked out here; the rest follows as requests change.
"""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    "ALTER TABLE request ADD COLUMN rank INTEGER NOT NULL DEFAULT 0",
    "UPDATE request SET rank = priority",
    """
    UPDATE request SET rank = max(rank, coalesce((
        SELECT max(later.priority) FROM request later
        WHERE later.lane = request.lane AND later.seq > request.seq
        AND later.effect = 'write' AND later.status <> 'deferred'
    ), 0)) WHERE lane IS NOT NULL AND effect = 'write' AND status <> 'deferred'
    """,
    """
    UPDATE request SET rank = max(rank, coalesce((
        SELECT max(child.priority) FROM dependency d JOIN request child ON child.seq = d.seq
        WHERE d.parent = request.id AND child.status IN ('pending', 'retrying')
    ), 0)) WHERE id IN (SELECT parent FROM dependency)
    """,
    "DROP INDEX request_ready",
    "CREATE INDEX request_ready ON request (zone, entity, rank, seq) WHERE waits = 0",
    # Small: which groups there are beside those that the counters tell of.
    "CREATE INDEX request_raised ON request (zone, entity, rank, seq) WHERE rank > priority",
    # Only reads pay for it, and only reads ever go the newest first.
    "CREATE INDEX request_reads ON request (zone, entity, rank, seq) WHERE waits = 0 AND effect = 'read'",
)
