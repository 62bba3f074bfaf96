"""Stores: where requests are kept. One contract (`ports.Store`), one conformance suite."""

from autotask_queue.store.memory import MemoryStore
from autotask_queue.store.redis import RedisStore
from autotask_queue.store.spooling import SpoolingStore
from autotask_queue.store.sqlite import SqliteStore

__all__ = ["MemoryStore", "RedisStore", "SpoolingStore", "SqliteStore"]
