"""`config`: the settings in force, where each came from, and whether all are right."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from autotask_queue.cli.arguments import Subparsers, help_with
from autotask_queue.cli.context import Context
from autotask_queue.cli.errors import Exit
from autotask_queue.cli.output import Column
from autotask_queue.cli.settings import Settings
from autotask_queue.cli.words import plural
from autotask_queue.model.config import RULES, config_to_dict
from autotask_queue.model.errors import ConfigError
from autotask_queue.settings import REFERENCE_HOMES
from autotask_queue.store.redis.address import parse
from autotask_queue.transport import MASK, redact

_CONFIG = """
  autotask-queue config show
  autotask-queue config check
"""
_SHOW = """
  autotask-queue config show
  autotask-queue config show --given
  autotask-queue --config ./queue.toml config show --json
"""
_CHECK = """
  autotask-queue config check
  autotask-queue --config ./queue.toml config check
"""
_DEFAULT: Final = "default"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it may be shown: secrets are masked, references to them are not."""

    name: str
    value: Any
    origin: str


def configure(commands: Subparsers) -> None:
    """Adds `config`."""
    text = "Shows the settings in force, or checks them. core/CONFIGURATION.md describes each."
    parser = commands.add_parser("config", **help_with(text, _CONFIG))
    found = parser.add_subparsers(title="commands", metavar="WHAT", required=True)
    show = found.add_parser(
        "show",
        **help_with("Shows every setting, its value and where that came from. Secrets are masked.", _SHOW),
    )
    show.add_argument("--given", action="store_true", help="leave out what has its default")
    show.set_defaults(command=_show)
    check = found.add_parser(
        "check",
        **help_with(
            "Checks the configuration file and the environment. Every mistake is named with its line; the "
            "exit code is 2 then.",
            _CHECK,
        ),
    )
    check.set_defaults(command=_check)


def _show(args: argparse.Namespace, context: Context) -> int:
    settings = context.settings
    shown = [one for one in _settings(settings) if not args.given or one.origin != _DEFAULT]
    if context.out.as_json:
        context.out.answer({"file": str(settings.file), "found": settings.file_found, "settings": shown})
        return Exit.DONE
    columns = [Column("setting"), Column("value", wraps=True), Column("from", wraps=True)]
    context.out.table(columns, [(one.name, _as_text(one.value), one.origin) for one in shown])
    if not settings.file_found:
        context.out.note(f"There is no file {settings.file}; the defaults hold.")
    return Exit.DONE


def _check(_: argparse.Namespace, context: Context) -> int:
    settings = context.settings
    places = Counter(_kind(one.origin, settings) for one in _settings(settings))
    if context.out.as_json:
        context.out.answer({"ok": True, "file": str(settings.file), "found": settings.file_found})
        return Exit.DONE
    file = f"{settings.file} ({plural(places['file'], 'setting')})" if settings.file_found else ""
    environment = plural(len(settings.variables), "environment variable") if settings.variables else ""
    found = " and ".join(part for part in (file, environment) if part)
    none = f"There is no file {settings.file}, and no environment variable: the defaults hold."
    context.out.line(f"No mistake in {found}." if found else none)
    return Exit.DONE


def _kind(origin: str, settings: Settings) -> str:
    return "file" if origin.startswith(str(settings.file)) else "other"


def _settings(settings: Settings) -> Iterator[Shown]:
    for path, value in _leaves(config_to_dict(settings.config)):
        yield Shown(name=path, value=_masked(path, value), origin=settings.origins.get(path, _DEFAULT))


def _leaves(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = f"{above}{key}"
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _masked(path: str, value: Any) -> Any:
    """The value without what may be a secret in it."""
    if path.rpartition(".")[2] not in RULES.hidden or not value:
        return redact(value)
    if isinstance(value, str) and value.startswith(REFERENCE_HOMES):
        return value
    try:
        return parse(value).shown
    except ConfigError:
        return redact(value) if isinstance(value, str) and value.startswith(("http:", "https:")) else MASK


def _as_text(value: Any) -> str:
    match value:
        case None | "":
            return "–"
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.12g}"
        case _:
            return str(value)
