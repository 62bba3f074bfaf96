"""Settings of a queue, their defaults and their limits.

The names are those of the source README in Python's habits; times are seconds. `build_config`
checks a nested mapping (from code, a TOML file, the environment) and names every mistake at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from typing_extensions import override

from autotask_queue.model.checking import Rules, find_problems
from autotask_queue.model.errors import ConfigError
from autotask_queue.model.strategy import PriorityStrategy


class ConnectionConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the queue is kept."""

    db_path: str = "queue.db"
    """Path of the queue file."""
    url: str = ""
    """Address of the Redis server, such as redis://user:password@host:6379/0."""
    namespace: str = "autotask"
    """The queue's name on that server; queues of other names do not meet it."""
    spool_path: str = ""
    """Path of a file that keeps new requests while the Redis server is away; without one they are refused."""

    @override
    def __repr__(self) -> str:
        """Without the address, which may hold a password."""
        return f"ConnectionConfig(db_path={self.db_path!r}, namespace={self.namespace!r})"


class PersistenceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the queue keeps itself tidy; times in seconds."""

    checkpoints: bool = True
    """Write back the write-ahead log when idle, and copy the queue file once a day; three copies are kept."""
    checkpoint_interval: float = 60.0
    """Seconds between two looks at what can be written back or deleted."""
    compression: bool = False
    """Store documents and replies of 1 KiB and more compressed, where that saves a tenth. What was stored
    before can be read either way, and is found by its words."""
    retention_period: float = 7 * 86_400.0
    """Seconds for which finished requests are kept; 0 keeps them for ever. Failed ones always stay."""
    lease: float = 360.0
    """Seconds for which a worker on Redis may be silent before others take up what it was sending."""


class PersistenceConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which backend keeps the queue, and how."""

    backend: Literal["memory", "sqlite", "redis"] = "memory"
    """`memory` for tests, `sqlite` for one program at a time, `redis` for several computers."""
    connection: ConnectionConfig = ConnectionConfig()
    """Where exactly."""
    options: PersistenceOptions = PersistenceOptions()
    """How it keeps itself tidy."""


class CircuitBreakerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`failure_threshold` failures in a row open the breaker, `success_threshold` tests close it.

    Unlike a naive breaker, it needs 5 s without a success too, and `timeout` is the *longest*
    cool-down: the first one takes about 5 s and each further opening doubles it up to that.
    """

    enabled: bool = True
    """False never opens by itself; holds by hand work all the same."""
    failure_threshold: int = 5
    """Failures in a row that open the breaker."""
    success_threshold: int = 2
    """Tests in a row that must succeed to close it again."""
    timeout: float = 30.0
    """Seconds of the longest cool-down before the next test."""


class RetryConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Full jitter: a random wait up to `base_delay * multiplier ** n`, at most `max_delay`."""

    base_delay: float = 1.0
    """Seconds before the first retry, at most."""
    max_delay: float = 120.0
    """Seconds that no wait exceeds, but one that the server itself asks for."""
    multiplier: float = 2.0
    """By how much each further wait may be longer."""
    jitter: bool = True
    """Draw each wait at random, so that many clients do not come back at once; False waits the whole time."""


class StrategiesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who goes next, when a zone is given a rest, and how failures are repeated."""

    priority_strategy: PriorityStrategy = "priority"
    """Who goes next among those that are ready, until somebody switches: see core/README.md."""
    circuit_breaker: CircuitBreakerConfig = CircuitBreakerConfig()
    """When a zone is given a rest."""
    retry: RetryConfig = RetryConfig()
    """How failures are repeated."""


class ZoneConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configured connection.

    `secret` and `integration_code` are references into the secrets' home such as
    "keyring:zone1/secret", never the secrets themselves.
    """

    url: str = ""
    """Address of the zone's API; empty finds it by the user's name."""
    user: str = ""
    """The API user's name, as in Autotask."""
    secret: str = ""
    """Where the API user's secret is kept; empty looks for NAME/secret in the usual home."""
    integration_code: str = ""
    """Where the integration's tracking identifier is kept; empty looks for NAME/integration_code."""
    impersonate: int | None = None
    """Resource id to act as on notes and time entries."""
    resource_id: int | None = None
    """The technician's own resource id: the default of time entries."""
    max_concurrency: int = 2
    """Calls at a time per endpoint; Autotask refuses more than 3 for a whole integration."""


class QueueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a queue can be told."""

    max_size: int = 10_000
    """Requests that are not finished. At so many, reads and background work (priority 1 and 2) are refused, a
    person's writes at ten times as many, or when the documents of what waits take 1 GiB in a queue file."""
    max_concurrency: int = 10
    """Calls in flight at a time, of all zones together; lookups of lost requests are among them."""
    priority_enabled: bool = True
    """False sends in order of arrival, whatever `strategies.priority_strategy` says."""
    batching_enabled: bool = True
    """Let batchable reads share one call."""
    max_batch_size: int = 10
    """Requests in one batch, at most."""
    batch_timeout: float = 1.0
    """Seconds that a batch may wait for more to join it."""
    deduplication_enabled: bool = True
    """Heed `dedup_key`, and send reads that are alike, and wait at the same time, as one. False stores every
    request, whatever keys it has in common with others, and sends every read. An id of the caller's own is
    stored once in any case, and writes are never merged for being alike."""
    default_timeout: float = 300.0
    """Seconds that one attempt may take; no life span: an offline request waits as long as it must."""
    default_retries: int = 3
    """Tries after the first. Being offline or throttled uses up none."""
    read_retries: int | None = None
    """Tries after the first for reads, where they differ from `default_retries`."""
    shutdown_grace: float = 3.0
    """Seconds that a shutdown waits for what is on the wire."""
    actor: str = ""
    """Who appears in the audit trail; empty takes the operating system's user."""
    persistence: PersistenceConfig = PersistenceConfig()
    """Where the queue is kept."""
    strategies: StrategiesConfig = StrategiesConfig()
    """Order, breakers, retries."""
    zones: dict[str, ZoneConfig] = {}
    """The connections, a table for each, by the names that requests give."""


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
    "persistence.options.lease": (1, 3_600),
    "strategies.circuit_breaker.failure_threshold": (1, 1_000),
    "strategies.circuit_breaker.success_threshold": (1, 100),
    "strategies.circuit_breaker.timeout": (0.05, 3_600),
    "strategies.retry.base_delay": (0, 3_600),
    "strategies.retry.max_delay": (0, 86_400),
    "strategies.retry.multiplier": (1, 10),
    "zones.*.max_concurrency": (1, 1_000),
}

RULES = Rules(limits=_LIMITS, hidden=frozenset({"url", "secret", "integration_code"}))
"""For `find_problems`. What is hidden may hold a secret."""


def build_config(*layers: Mapping[str, Any]) -> QueueConfig:
    """Merges nested mappings, later ones winning, and checks the result.

    Args:
        layers: settings by their names, tables within tables; structs of this module may stand for tables.

    Raises:
        ConfigError: with one line for each unknown key, wrong type, value out of range, and for values
            that do not go together.
    """
    config, problems = examine(*layers)
    if problems:
        raise ConfigError(list(problems.values()))
    return config


def examine(*layers: Mapping[str, Any]) -> tuple[QueueConfig, dict[str, str]]:
    """As `build_config`, but mistakes are returned, by the paths of their settings.

    In the configuration beside them, wrong settings have their defaults.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        _merge(merged, layer)
    problems = find_problems(QueueConfig, merged, RULES)
    config = msgspec.convert(_without(merged, problems), QueueConfig)
    for path, also, problem in _mismatches(config):
        if not any(one == wrong or one.startswith(f"{wrong}.") for wrong in problems for one in (path, also)):
            problems[path] = problem
    return config, problems


def config_to_dict(config: QueueConfig) -> dict[str, Any]:
    """The configuration as nested plain values, the inverse of `build_config`.

    Args:
        config: what to write down; its Redis address may hold a password.
    """
    result: dict[str, Any] = msgspec.to_builtins(config)
    return result


def _mismatches(config: QueueConfig) -> Iterator[tuple[str, str, str]]:
    """Values that do not go together: the path of one, that of the other, and the words."""
    retry, connection = config.strategies.retry, config.persistence.connection
    if retry.base_delay > retry.max_delay:
        path, also = "strategies.retry.base_delay", "strategies.retry.max_delay"
        yield (
            path,
            also,
            f"{path} must not be larger than {also} ({retry.base_delay:g} > {retry.max_delay:g})",
        )
    backend = "persistence.backend"
    if config.persistence.backend == "redis" and not connection.url:
        path = "persistence.connection.url"
        yield path, backend, f"{path} must say where the Redis server is"
    if config.persistence.backend == "sqlite" and (not connection.db_path or "\0" in connection.db_path):
        path = "persistence.connection.db_path"
        yield path, backend, f"{path} must be the name of a file"
    if "\0" in connection.spool_path:
        path = "persistence.connection.spool_path"
        yield path, path, f"{path} cannot be the name of a file"


def _without(values: Mapping[str, Any], problems: Mapping[str, str], above: str = "") -> dict[str, Any]:
    """The mapping without the settings that have a problem."""
    kept: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{above}{key}"
        if path not in problems:
            kept[key] = _without(value, problems, f"{path}.") if isinstance(value, Mapping) else value
    return kept


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
