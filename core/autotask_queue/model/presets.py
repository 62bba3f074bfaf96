"""The ready-made configurations; every one takes overrides, merged deeply."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from autotask_queue.model.config import QueueConfig, build_config

_PRODUCTION: dict[str, Any] = {
    "persistence": {"backend": "sqlite"},
    "max_batch_size": 500,
    "default_retries": 8,
    "read_retries": 4,
}
_REDIS: dict[str, Any] = {
    **_PRODUCTION,
    "persistence": {"backend": "redis", "connection": {"url": "redis://127.0.0.1:6379/0"}},
}
_DEVELOPMENT: dict[str, Any] = {
    "max_size": 1_000,
    "persistence": {"backend": "memory", "options": {"retention_period": 86_400.0}},
}
_TEST: dict[str, Any] = {
    "max_size": 1_000,
    "max_concurrency": 4,
    "default_timeout": 5.0,
    "shutdown_grace": 1.0,
    "persistence": {"backend": "memory"},
    "strategies": {"retry": {"base_delay": 0.01, "max_delay": 0.05}},
}

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "default": {},
        "development": _DEVELOPMENT,
        "production": _PRODUCTION,
        "test": _TEST,
        "redis": _REDIS,
    }
)
"""What each preset sets apart from the defaults."""


def create_default_configuration(**overrides: Any) -> QueueConfig:
    """The README's defaults: memory, three retries. `overrides` win."""
    return build_config(overrides)


def create_production_configuration(**overrides: Any) -> QueueConfig:
    """SQLite, and more patience: eight retries for writes, four for reads. `overrides` win."""
    return build_config(PRESETS["production"], overrides)


def create_redis_configuration(**overrides: Any) -> QueueConfig:
    """As in production, on a Redis server.

    It is this computer's, unless `persistence.connection.url` in `overrides` says else.
    """
    return build_config(PRESETS["redis"], overrides)


def create_development_configuration(**overrides: Any) -> QueueConfig:
    """Memory, a small queue, results kept for a day. `overrides` win."""
    return build_config(PRESETS["development"], overrides)


def create_test_configuration(**overrides: Any) -> QueueConfig:
    """Memory and delays of milliseconds, for tests of programs that embed the queue. `overrides` win."""
    return build_config(PRESETS["test"], overrides)
