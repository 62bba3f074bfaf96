"""Version 2 of the schema: requests that may share a call, and edits that went out as one."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    "ALTER TABLE request ADD COLUMN batch TEXT",
    "ALTER TABLE request ADD COLUMN merged_into TEXT",
    "ALTER TABLE history ADD COLUMN batch TEXT",
    "ALTER TABLE history ADD COLUMN merged_into TEXT",
    # Who may go along; most requests go alone, and cost nothing here.
    "CREATE INDEX request_batch ON request (zone, entity, batch, seq) WHERE waits = 0 AND batch IS NOT NULL",
)
