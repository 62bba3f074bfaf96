"""Layers of settings become one configuration: later ones win, and every mistake is named with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autotask_queue.model.config import QueueConfig, config_to_dict, examine
from autotask_queue.model.errors import ConfigError
from autotask_queue.settings.sources import (
    PREFIX,
    Layer,
    environment_layer,
    file_layer,
    given_layer,
    paths,
    preset_layer,
)

_DEFAULT = "default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The configuration in force; `origins` says for each setting's path where its value came from."""

    config: QueueConfig
    origins: Mapping[str, str]


def load_configuration(
    file: str | os.PathLike[str] | None = None,
    *,
    preset: str = "production",
    environ: Mapping[str, str] | None = None,
    **overrides: Any,
) -> QueueConfig:
    """A configuration from a preset, a TOML file and the environment; later ones win, `overrides` last.

    It is what `autotask-queue` does with its flags as overrides. A file holds the settings by their names,
    tables within tables (`[strategies.retry]`); a table `[console]` is the console's own and left alone. A
    variable is `AUTOTASK_QUEUE_MAX_SIZE`, or `AUTOTASK_QUEUE_STRATEGIES__RETRY__BASE_DELAY`.

    Args:
        file: a TOML file, which must exist; None reads none.
        preset: what holds where nothing else is said: default, development, production, test or redis.
        environ: the variables; None takes the process's own.
        overrides: settings by their names, deeply merged.

    Raises:
        ConfigError: every mistake at once, each with its file and line, or its variable.
    """
    from_file = [file_layer(Path(file), required=True)] if file is not None else []
    zones = from_file[0].values.get("zones") if from_file else None
    known = tuple(zones) if isinstance(zones, dict) else ()
    from_environment = environment_layer(os.environ if environ is None else environ, known)
    layers = [preset_layer(preset), *from_file, from_environment, given_layer(overrides, "argument")]
    return combine(layers).config


def combine(
    layers: Iterable[Layer], *, further: Callable[[QueueConfig], Iterable[str]] = lambda _: ()
) -> Loaded:
    """One configuration of all layers, the last one winning.

    Args:
        layers: from the weakest to the strongest.
        further: more mistakes, of a configuration in which wrong settings have their defaults.

    Raises:
        ConfigError: every mistake at once, each with its place.
    """
    layers = list(layers)
    config, problems = examine(*(layer.values for layer in layers))
    places = {path: place for layer in layers for path, place in layer.places.items()}
    found = [problem for layer in layers for problem in layer.problems]
    more = [problem for problem in further(config) if not _is_about(problem, problems)]
    found += [_placed(problem, places) for problem in (*problems.values(), *more)]
    if found:
        raise ConfigError(found)
    origins = {path: places.get(path, _DEFAULT) for path in paths(config_to_dict(config))}
    return Loaded(config=config, origins=origins)


def _is_about(problem: str, wrong: Iterable[str]) -> bool:
    """Whether a problem follows from a setting, or a table around it, that is known to be wrong."""
    return problem.startswith(tuple(f"{path}{end}" for path in wrong for end in " :."))


def _placed(problem: str, places: Mapping[str, str]) -> str:
    """The problem with the place where its setting was found."""
    named = [path for path in places if problem.startswith((f"{path} ", f"{path}:"))]
    return f"{problem} ({places[max(named, key=len)]})" if named else problem


def used_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the variables that hold settings."""
    return tuple(name for name in sorted(environ) if name.startswith(PREFIX))
