"""Settings of a queue, their defaults and their limits.

The names are those of the source README in Python's habits; times are seconds. `build_config`
checks a nested mapping (from code, a TOML file, the environment) and names every mistake at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from typing_extensions import override

from autotask_queue.model.errors import ConfigError


class ConnectionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the queue is kept."""

    db_path: str = "queue.db"
    """Path of the queue file."""
    url: str = ""
    """Address of the Redis server, such as redis://user:password@host:6379/0."""
    namespace: str = "autotask"
    """The queue's name on that server; queues of other names do not meet it."""

    @override
    def __repr__(self) -> str:
        """Without the address, which may hold a password."""
        return f"ConnectionConfig(db_path={self.db_path!r}, namespace={self.namespace!r})"


class PersistenceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the queue keeps itself tidy; times in seconds."""

    checkpoints: bool = True
    """Write back the write-ahead log when idle."""
    checkpoint_interval: float = 60.0
    compression: bool = False
    retention_period: float = 7 * 86_400.0
    """How long finished requests are kept; 0 keeps them for ever."""


class PersistenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which backend keeps the queue, and how."""

    backend: Literal["memory", "sqlite", "redis"] = "memory"
    connection: ConnectionConfig = ConnectionConfig()
    options: PersistenceOptions = PersistenceOptions()


class CircuitBreakerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`failure_threshold` failures in a row open the breaker, `success_threshold` tests close it.

    Unlike a naive breaker, it needs 5 s without a success too, and `timeout` is the *longest*
    cool-down: the first one takes about 5 s and each further opening doubles it up to that.
    """

    enabled: bool = True
    failure_threshold: int = 5
    success_threshold: int = 2
    timeout: float = 30.0


class RetryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Full jitter: a random wait up to `base_delay * multiplier ** n`, at most `max_delay`."""

    base_delay: float = 1.0
    max_delay: float = 120.0
    multiplier: float = 2.0
    jitter: bool = True


class StrategiesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who goes next, when a zone is given a rest, and how failures are repeated."""

    priority_strategy: Literal["fifo", "priority"] = "priority"
    circuit_breaker: CircuitBreakerConfig = CircuitBreakerConfig()
    retry: RetryConfig = RetryConfig()


class ZoneConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configured connection.

    `secret` and `integration_code` are references into the secrets' home such as
    "keyring:zone1/secret", never the secrets themselves. An empty `url` is found by zone discovery.
    """

    url: str = ""
    user: str = ""
    secret: str = ""
    integration_code: str = ""
    impersonate: int | None = None
    """Resource id to act as on notes and time entries."""
    resource_id: int | None = None
    """The technician's own resource id: the default of time entries."""
    max_concurrency: int = 2
    """Calls at a time per endpoint; Autotask refuses more than 3 for a whole integration."""


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a queue can be told."""

    max_size: int = 10_000
    """Requests that are not finished. Reads are refused above it, writes at ten times as many."""
    max_concurrency: int = 10
    priority_enabled: bool = True
    batching_enabled: bool = True
    max_batch_size: int = 10
    batch_timeout: float = 1.0
    deduplication_enabled: bool = True
    default_timeout: float = 300.0
    """Ceiling of one attempt, not a life span: an offline request waits as long as it must."""
    default_retries: int = 3
    read_retries: int | None = None
    """Tries of reads, where they differ from `default_retries`."""
    shutdown_grace: float = 3.0
    """How long a shutdown waits for what is on the wire."""
    actor: str = ""
    """Who appears in the audit trail; empty takes the operating system's user."""
    persistence: PersistenceConfig = PersistenceConfig()
    strategies: StrategiesConfig = StrategiesConfig()
    zones: dict[str, ZoneConfig] = {}


_NEVER_SHOWN = frozenset({"persistence.connection.url"})
"""Settings that may hold a secret."""

_LIMITS: dict[str, tuple[float, float]] = {
    "max_size": (1, 10_000_000),
    "max_concurrency": (1, 1_000),
    "max_batch_size": (1, 500),
    "batch_timeout": (0, 60),
    "default_timeout": (0.05, 310),
    "default_retries": (0, 100),
    "read_retries": (0, 100),
    "shutdown_grace": (0, 300),
    "persistence.options.checkpoint_interval": (1, 86_400),
    "persistence.options.retention_period": (0, 100 * 365 * 86_400),
    "strategies.circuit_breaker.failure_threshold": (1, 1_000),
    "strategies.circuit_breaker.success_threshold": (1, 100),
    "strategies.circuit_breaker.timeout": (0.05, 3_600),
    "strategies.retry.base_delay": (0, 3_600),
    "strategies.retry.max_delay": (0, 86_400),
    "strategies.retry.multiplier": (1, 10),
}


_ZONE_CALLS = (1, 1_000)


def build_config(*layers: Mapping[str, Any]) -> QueueConfig:
    """Merges nested mappings, later ones winning, and checks the result.

    Raises:
        ConfigError: with one line for each unknown key, wrong type and value out of range.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge(merged, layer)
    problems = _check_struct(QueueConfig, merged, path="")
    if problems:
        raise ConfigError(problems)
    config = msgspec.convert(merged, QueueConfig)
    if config.strategies.retry.base_delay > config.strategies.retry.max_delay:
        raise ConfigError(["strategies.retry.base_delay must not be larger than strategies.retry.max_delay"])
    if config.persistence.backend == "redis" and not config.persistence.connection.url:
        raise ConfigError(["persistence.connection.url must say where the Redis server is"])
    return config


def config_to_dict(config: QueueConfig) -> dict[str, Any]:
    """The configuration as nested plain values, the inverse of `build_config`."""
    result: dict[str, Any] = msgspec.to_builtins(config)
    return result


def _merge(target: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, given in layer.items():
        value = msgspec.to_builtins(given) if isinstance(given, msgspec.Struct) else given
        if isinstance(value, Mapping):
            node = target.get(key)
            node = dict(node) if isinstance(node, dict) else {}
            _merge(node, value)
            target[key] = node
        else:
            target[key] = value


def _check_struct(cls: type[msgspec.Struct], values: object, *, path: str) -> list[str]:
    if not isinstance(values, Mapping):
        return [f"{path or 'the configuration'} must be a table of settings, not {values!r}"]
    fields = {f.name: f for f in msgspec.structs.fields(cls)}
    problems: list[str] = []
    for key, value in values.items():
        where = f"{path}.{key}" if path else str(key)
        field = fields.get(key)
        if field is None:
            problems.append(f"{where} is not a setting{_did_you_mean(key, fields)}")
        elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            problems += _check_struct(field.type, value, path=where)
        elif where == "zones":
            problems += _check_zones(value)
        else:
            problems += _check_value(field.type, value, where=where)
    return problems


def _check_zones(value: object) -> list[str]:
    if not isinstance(value, Mapping):
        return ["zones must be a table with a table for each zone"]
    problems = []
    for name, zone in value.items():
        where = f"zones.{name}"
        if not isinstance(name, str) or not name.strip() or len(name) > 64 or name == "*" or "\n" in name:
            problems.append(f"{where!r}: a zone's name has 1 to 64 characters on one line and is not *")
            continue
        problems += _check_struct(ZoneConfig, zone, path=where)
        calls = zone.get("max_concurrency") if isinstance(zone, Mapping) else None
        least, most = _ZONE_CALLS
        if isinstance(calls, int) and not least <= calls <= most:
            problems.append(f"{where}.max_concurrency must be between {least} and {most}, got {calls!r}")
    return problems


def _check_value(kind: Any, value: object, *, where: str) -> list[str]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        shown = "" if where in _NEVER_SHOWN else f", got {value!r}"
        return [f"{where}: {str(error).lower()}{shown}"]
    limits = _LIMITS.get(where)
    if limits and isinstance(value, int | float) and not limits[0] <= value <= limits[1]:
        return [f"{where} must be between {limits[0]:g} and {limits[1]:g}, got {value!r}"]
    return []


def _did_you_mean(key: object, fields: Mapping[str, object]) -> str:
    import difflib

    near = difflib.get_close_matches(str(key), list(fields), n=1)
    return f"; did you mean {near[0]}?" if near else ""
