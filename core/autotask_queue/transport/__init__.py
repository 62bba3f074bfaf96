"""HTTP, httpx's one home: clients, deadlines, failures, and keeping secrets out of texts.

Importing this package does not import httpx; the first request does, in a thread.
"""

from autotask_queue.transport.hosts import HostGuard, is_loopback
from autotask_queue.transport.http import HttpxTransport
from autotask_queue.transport.redaction import KNOWN_SECRETS, MASK, KnownSecrets, RedactingFilter, redact

__all__ = [
    "KNOWN_SECRETS",
    "MASK",
    "HostGuard",
    "HttpxTransport",
    "KnownSecrets",
    "RedactingFilter",
    "is_loopback",
    "redact",
]
