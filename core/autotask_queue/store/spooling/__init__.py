"""A shared queue that goes on accepting while its server is away."""

from autotask_queue.store.spooling.store import SpoolingStore

__all__ = ["SpoolingStore"]
