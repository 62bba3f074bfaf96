"""The settings of a run: flag before environment before file before the production preset."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from autotask_queue.cli.places import default_config, default_database, expand
from autotask_queue.cli.toml_lines import key_lines, line_of
from autotask_queue.model.config import QueueConfig, ZoneConfig, build_config, config_to_dict
from autotask_queue.model.errors import ConfigError
from autotask_queue.model.presets import create_production_configuration
from autotask_queue.store.redis.address import parse

PREFIX = "AUTOTASK_QUEUE_"
_CONSOLE_ONLY = "console"
_REFERENCES = ("secret", "integration_code")
_KNOWN_HOMES = ("keyring:", "session:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What is in force, and where it came from.

    `file` is the configuration file that was looked at; `variables` are the environment variables used.
    `database` is the queue file, if the queue is not on a Redis server.
    """

    config: QueueConfig
    database: Path
    file: Path
    file_found: bool
    variables: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether the queue is on a server, where several processes use it at a time."""
        return self.config.persistence.backend == "redis"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layer:
    """Settings from one place; `sources` says for each path where exactly it was found."""

    values: dict[str, Any]
    sources: dict[str, str]
    problems: tuple[str, ...] = ()


def load_settings(
    *,
    database: Path | None = None,
    redis: str | None = None,
    file: Path | None = None,
    environ: Mapping[str, str],
) -> Settings:
    """Reads all layers and checks them.

    Args:
        database: the queue file, as a flag names it.
        redis: the address of the server that keeps the queue, as a flag names it.
        file: the configuration file, as a flag names it; it must exist then.
        environ: the environment.

    Raises:
        ConfigError: every mistake at once, each with its place.
    """
    path = expand(file or default_config())
    from_file = _file_layer(path, required=file is not None)
    zones = from_file.values.get("zones")
    from_environment = _environment_layer(environ, tuple(zones) if isinstance(zones, dict) else ())
    layers = [from_file, from_environment]
    problems = [problem for layer in layers for problem in layer.problems]
    problems += [p for layer in layers for p in _take_out_secrets(layer)]
    try:
        config = build_config(
            config_to_dict(create_production_configuration()),
            _kept_in(default_database()),
            from_file.values,
            from_environment.values,
            _flagged(database, redis),
        )
    except ConfigError as error:
        sources = from_file.sources | from_environment.sources
        raise ConfigError([*problems, *(_placed(p, sources) for p in error.problems)]) from None
    if config.persistence.backend == "memory":
        problems.append("persistence.backend must be sqlite or redis: each command is a process of its own")
    elif config.persistence.backend == "redis":
        problems += _address_problems(config.persistence.connection.url)
    if "\0" in config.persistence.connection.db_path:
        problems.append("persistence.connection.db_path cannot be the name of a file")
    if problems:
        raise ConfigError(problems)
    kept_in = expand(Path(config.persistence.connection.db_path))
    return Settings(
        config=build_config(config_to_dict(config), _kept_in(kept_in)),
        database=kept_in,
        file=path,
        file_found=path.exists(),
        variables=tuple(name for name in sorted(environ) if name.startswith(PREFIX)),
    )


def _flagged(database: Path | None, redis: str | None) -> dict[str, Any]:
    if redis is not None:
        return {"persistence": {"backend": "redis", "connection": {"url": redis}}}
    if database is None:
        return {}
    return {"persistence": {"backend": "sqlite", **_kept_in(database)["persistence"]}}


def _address_problems(url: str) -> tuple[str, ...]:
    try:
        parse(url)
    except ConfigError as error:
        return error.problems
    return ()


def _kept_in(database: Path) -> dict[str, Any]:
    return {"persistence": {"connection": {"db_path": str(database)}}}


# ---------------------------------------------------------------------------------------------
# The file


def _file_layer(path: Path, *, required: bool) -> _Layer:
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        if required:
            raise ConfigError([f"there is no file {path}"], remedy="Name the right file.") from None
        return _Layer(values={}, sources={})
    except OSError as error:
        raise ConfigError([f"{path} cannot be read ({error.strerror or error})"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"{path} is no TOML file: {error}"]) from None
    values.pop(_CONSOLE_ONLY, None)
    lines = key_lines(text)
    sources = {where: _in_file(path, line_of(lines, where)) for where in _paths(values)}
    return _Layer(values=values, sources=sources)


def _in_file(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}, line {line}"


def _paths(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        path = f"{above}.{key}" if above else key
        yield path
        if isinstance(value, Mapping):
            yield from _paths(value, path)


# ---------------------------------------------------------------------------------------------
# The environment


def _environment_layer(environ: Mapping[str, str], zones: tuple[str, ...]) -> _Layer:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    problems: list[str] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        path = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
        if not all(path):
            problems.append(f"{name} is not the name of a setting: sections and keys are joined by __")
            continue
        if path[0] == "zones" and len(path) > 1:
            path[1] = _as_configured(path[1], zones)
        _place(values, path, _typed(path, environ[name]))
        sources[".".join(path)] = f"environment variable {name}"
    return _Layer(values=values, sources=sources, problems=tuple(problems))


def _as_configured(zone: str, zones: tuple[str, ...]) -> str:
    """The name in the file that a variable's capitals stand for."""
    return next((name for name in zones if name.lower().replace("-", "_") == zone), zone)


def _place(values: dict[str, Any], path: list[str], value: object) -> None:
    for part in path[:-1]:
        node = values.get(part)
        if not isinstance(node, dict):
            node = values[part] = {}
        values = node
    values[path[-1]] = value


def _typed(path: list[str], text: str) -> object:
    """The text as the setting's type; as it is if it does not fit, for the check to name."""
    kind: Any = QueueConfig
    for part in path:
        if kind == dict[str, ZoneConfig]:
            kind = ZoneConfig
        elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = {f.name: f.type for f in msgspec.structs.fields(kind)}.get(part, str)
        else:
            return text
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        return text


# ---------------------------------------------------------------------------------------------
# Problems


def _take_out_secrets(layer: _Layer) -> Iterator[str]:
    """Complains about secrets in the place of references, without repeating them, and removes them."""
    zones = layer.values.get("zones")
    for name, zone in zones.items() if isinstance(zones, dict) else ():
        for key in _REFERENCES if isinstance(zone, dict) else ():
            value = zone.get(key, "")
            if value and not (isinstance(value, str) and value.startswith(_KNOWN_HOMES)):
                zone[key] = ""
                path = f"zones.{name}.{key}"
                problem = (
                    f"{path} must say where it is kept, such as keyring:{name}/{key}, and not be the secret "
                    "itself"
                )
                yield _placed(problem, layer.sources)


def _placed(problem: str, sources: Mapping[str, str]) -> str:
    """The problem with the place where its setting was found."""
    named = [path for path in sources if problem.startswith((f"{path} ", f"{path}:"))]
    return f"{problem} ({sources[max(named, key=len)]})" if named else problem
