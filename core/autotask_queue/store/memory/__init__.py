"""The store that forgets: dictionaries, for tests, examples and queues that need no file."""

from autotask_queue.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
