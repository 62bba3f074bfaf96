"""Version 4 of the schema: reads that are alike, and who went along with whom."""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    "ALTER TABLE request ADD COLUMN flight TEXT",
    "ALTER TABLE history ADD COLUMN flight TEXT",
    "CREATE INDEX request_flight ON request (flight, seq) WHERE flight IS NOT NULL",
    "CREATE INDEX request_merged ON request (merged_into, seq) WHERE merged_into IS NOT NULL",
)
