"""Where settings come from, one layer for each place: preset, file, environment, what a caller gives."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from autotask_queue.model.config import QueueConfig, ZoneConfig
from autotask_queue.model.errors import ConfigError
from autotask_queue.model.presets import PRESETS
from autotask_queue.settings.toml_lines import key_lines, line_of

PREFIX = "AUTOTASK_QUEUE_"
KEY_FILE_VARIABLE = "AUTOTASK_QUEUE_KEY_FILE"
"""Names the key file of the command line; it is no setting of the queue."""
_CONSOLE_ONLY = "console"
_REFERENCES = ("secret", "integration_code")
REFERENCE_HOMES = ("keyring:", "session:")
"""How a reference to a secret begins: where it is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """Settings from one place; `places` says for each dotted path where exactly it was found."""

    values: dict[str, Any]
    places: dict[str, str]
    problems: tuple[str, ...] = ()


def given_layer(values: Mapping[str, Any], place: str) -> Layer:
    """What somebody gave directly; `place` names who, such as a flag."""
    return Layer(values=dict(values), places=dict.fromkeys(paths(values), place))


def preset_layer(name: str) -> Layer:
    """What a preset sets apart from the defaults.

    Raises:
        ConfigError: there is no such preset.
    """
    if name not in PRESETS:
        raise ConfigError([f"there is no preset {name!r}, only {', '.join(PRESETS)}"])
    return given_layer(PRESETS[name], f"preset {name}")


def paths(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The dotted paths of all keys of a nested mapping, tables before what is in them."""
    for key, value in values.items():
        path = f"{above}.{key}" if above else key
        yield path
        if isinstance(value, Mapping):
            yield from paths(value, path)


# ---------------------------------------------------------------------------------------------
# The file


def file_layer(path: Path, *, required: bool) -> Layer:
    """What a TOML file says; nothing, if there is none and none is `required`.

    The table `console` is left out: it is the console's own.

    Raises:
        ConfigError: the file cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        if required:
            raise ConfigError([f"there is no file {path}"], remedy="Name the right file.") from None
        return Layer(values={}, places={})
    except OSError as error:
        raise ConfigError([f"{path} cannot be read ({error.strerror or error})"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError([f"{path} is no TOML file: {error}"]) from None
    values.pop(_CONSOLE_ONLY, None)
    lines = key_lines(text)
    places = {where: _in_file(path, line_of(lines, where)) for where in paths(values)}
    return _without_secrets(Layer(values=values, places=places))


def _in_file(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}, line {line}"


# ---------------------------------------------------------------------------------------------
# The environment


def environment_layer(environ: Mapping[str, str], zones: tuple[str, ...] = ()) -> Layer:
    """What the variables say that begin with `AUTOTASK_QUEUE_`; `__` stands between table and key.

    `zones` are the names known so far: a variable's capitals stand for one of them, if they fit.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    problems: list[str] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name == KEY_FILE_VARIABLE:
            continue
        path = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
        if not all(path):
            problems.append(f"{name} is not the name of a setting: sections and keys are joined by __")
            continue
        if path[0] == "zones" and len(path) > 1:
            path[1] = _as_configured(path[1], zones)
        _put(values, path, _typed(path, environ[name]))
        places[".".join(path)] = f"environment variable {name}"
    return _without_secrets(Layer(values=values, places=places, problems=tuple(problems)))


def _as_configured(zone: str, zones: tuple[str, ...]) -> str:
    """The name in the file that a variable's capitals stand for."""
    return next((name for name in zones if name.lower().replace("-", "_") == zone), zone)


def _put(values: dict[str, Any], path: list[str], value: object) -> None:
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
# Secrets


def _without_secrets(layer: Layer) -> Layer:
    """Complains about secrets in the place of references, without repeating them, and removes them."""
    problems = list(layer.problems)
    zones = layer.values.get("zones")
    for name, zone in zones.items() if isinstance(zones, dict) else ():
        for key in _REFERENCES if isinstance(zone, dict) else ():
            value = zone.get(key, "")
            if value and not (isinstance(value, str) and value.startswith(REFERENCE_HOMES)):
                zone[key] = ""
                path = f"zones.{name}.{key}"
                problems.append(
                    f"{path} must say where it is kept, such as keyring:{name}/{key}, and not be the secret "
                    f"itself ({layer.places[path]})"
                )
    return Layer(values=layer.values, places=layer.places, problems=tuple(problems))
