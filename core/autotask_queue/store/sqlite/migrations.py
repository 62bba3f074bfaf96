"""The schema, as the numbered steps that lead to it.

A file's version is SQLite's `user_version`. A new file takes all steps, an older one those it lacks; a
step that was released is never edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from autotask_queue.store.sqlite import schema_1, schema_2, schema_3, schema_4


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One step: the version it leads to, what it is for, and its SQL."""

    version: int
    name: str
    statements: Sequence[str]


MIGRATIONS: Final[tuple[Migration, ...]] = (
    Migration(version=1, name="requests, history, audit", statements=schema_1.STATEMENTS),
    Migration(version=2, name="requests that share a call", statements=schema_2.STATEMENTS),
    Migration(version=3, name="ranks", statements=schema_3.STATEMENTS),
    Migration(version=4, name="reads that are alike", statements=schema_4.STATEMENTS),
)

NEWEST: Final = MIGRATIONS[-1].version
