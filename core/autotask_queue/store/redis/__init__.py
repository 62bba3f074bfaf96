"""The store on a Redis server: shared by several processes."""

from autotask_queue.store.redis.store import RedisStore

__all__ = ["RedisStore"]
