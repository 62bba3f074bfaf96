"""Stores: where requests are kept. One contract (`ports.Store`), one conformance suite."""

from autotask_queue.store.memory import MemoryStore

__all__ = ["MemoryStore"]
