"""The settings of a run: flag before environment before file before the production preset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotask_queue.cli.places import default_config, default_database, expand
from autotask_queue.model.config import QueueConfig, build_config, config_to_dict
from autotask_queue.model.errors import ConfigError
from autotask_queue.settings import (
    KEY_FILE_VARIABLE,
    Layer,
    combine,
    environment_layer,
    file_layer,
    given_layer,
    preset_layer,
    used_variables,
)
from autotask_queue.store.redis.address import parse


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What is in force, and where it came from.

    `file` is the configuration file that was looked at; `variables` are the environment variables used.
    `database` is the queue file, if the queue is not on a Redis server. `origins` says for each setting
    where its value came from. `key_file` holds the key of the queue, if a flag or a variable names one.
    """

    config: QueueConfig
    database: Path
    file: Path
    file_found: bool
    variables: tuple[str, ...]
    origins: Mapping[str, str]
    key_file: Path | None = None

    @property
    def shared(self) -> bool:
        """Whether the queue is on a server, where several processes use it at a time."""
        return self.config.persistence.backend == "redis"


def load_settings(
    *,
    database: Path | None = None,
    redis: str | None = None,
    file: Path | None = None,
    key_file: Path | None = None,
    environ: Mapping[str, str],
) -> Settings:
    """Reads all layers and checks them.

    Args:
        database: the queue file, as a flag names it.
        redis: the address of the server that keeps the queue, as a flag names it.
        file: the configuration file, as a flag names it; it must exist then.
        key_file: the key file, as a flag names it.
        environ: the environment.

    Raises:
        ConfigError: every mistake at once, each with its place.
    """
    path = expand(file or default_config())
    from_file = file_layer(path, required=file is not None)
    zones = from_file.values.get("zones")
    layers = [
        preset_layer("production"),
        given_layer(_kept_in(default_database()), "default"),
        from_file,
        environment_layer(environ, tuple(zones) if isinstance(zones, dict) else ()),
        _flagged(database, redis),
    ]
    loaded = combine(layers, further=_further)
    kept_in = expand(Path(loaded.config.persistence.connection.db_path))
    return Settings(
        config=build_config(config_to_dict(loaded.config), _kept_in(kept_in)),
        database=kept_in,
        file=path,
        file_found=path.exists(),
        variables=used_variables(environ),
        origins=loaded.origins,
        key_file=_key_file(key_file, environ),
    )


def _key_file(named: Path | None, environ: Mapping[str, str]) -> Path | None:
    path = named or (Path(environ[KEY_FILE_VARIABLE]) if environ.get(KEY_FILE_VARIABLE) else None)
    return None if path is None else expand(path)


def _flagged(database: Path | None, redis: str | None) -> Layer:
    if redis is not None:
        return given_layer({"persistence": {"backend": "redis", "connection": {"url": redis}}}, "--redis")
    if database is None:
        return given_layer({}, "")
    return given_layer({"persistence": {"backend": "sqlite", **_kept_in(database)["persistence"]}}, "--db")


def _further(config: QueueConfig) -> Iterator[str]:
    """What is wrong here though it is right in a program."""
    persistence = config.persistence
    if persistence.backend == "memory":
        yield "persistence.backend must be sqlite or redis: each command is a process of its own"
    elif persistence.backend == "redis" and persistence.connection.url:
        try:
            parse(persistence.connection.url)
        except ConfigError as error:
            yield from error.problems


def _kept_in(database: Path) -> dict[str, Any]:
    return {"persistence": {"connection": {"db_path": str(database)}}}
