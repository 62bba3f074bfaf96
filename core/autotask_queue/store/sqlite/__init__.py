"""The store in a SQLite file: durable, for one process."""

from autotask_queue.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
