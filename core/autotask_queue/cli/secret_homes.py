"""Where the command line finds the secrets of a sign-in: never among its arguments.

In this order: what was typed in for this run, then the file that `--secrets-file` names, or else the home
that an installed package offers (the console: the system's keychain).
"""

from __future__ import annotations

import getpass
import importlib.metadata
import json
import logging
import os
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from autotask_queue.autotask.credentials import secret_name
from autotask_queue.cli.places import expand
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import SecretsError, SecretsUnavailable
from autotask_queue.ports import Secrets
from autotask_queue.store.disk import is_private
from autotask_queue.transport import KNOWN_SECRETS

ENTRY_POINTS: Final = "autotask_queue.secrets"
_LARGEST: Final = 1 << 20
_PARTS: Final = ("secret", "integration_code")
_REMEDY: Final = (
    "Sign in with the console on this computer, or put the secrets into a file that only you can read and "
    "name it with --secrets-file, or run the command in a terminal, where you are asked for them."
)

_log = logging.getLogger(__name__)


class CommandLineSecrets:
    """The secrets of one run; implements the port `Secrets`. Nothing is looked up before it is needed."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._typed: dict[str, str] = {}
        self._from_file: dict[str, str] | None = None
        self._home: Secrets | None = None
        self._looked = False

    async def get(self, name: str) -> str | None:
        """The secret, or None if its home does not have it.

        Raises:
            SecretsError: the file cannot be used, or the home refused.
        """
        if name in self._typed:
            return self._typed[name]
        if self._file is not None:
            return self._read_file(self._file).get(name)
        home = self.keychain()
        return None if home is None else await home.get(name)

    async def set(self, name: str, value: str) -> None:
        """Keeps a secret for this run."""
        KNOWN_SECRETS.add(value)
        self._typed[name] = value

    async def delete(self, name: str) -> None:
        """Forgets what `set` kept."""
        self._typed.pop(name, None)

    def describe(self) -> str:
        """Where secrets come from, for people."""
        if self._file is not None:
            return str(self._file)
        home = self.keychain()
        return "nowhere: no keychain is installed for the command line" if home is None else home.describe()

    async def missing(self, zones: Mapping[str, ZoneConfig]) -> list[tuple[str, str]]:
        """Zone and part ("secret", "integration_code") of every secret that cannot be had from a home.

        Raises:
            SecretsError: the named file cannot be used.
        """
        gone: list[tuple[str, str]] = []
        for name, zone in zones.items():
            for part in _PARTS:
                try:
                    value = await self.get(reference_of(zone, name, part))
                except SecretsUnavailable as error:
                    _log.info("no secrets from %s: %s", self.describe(), error.message)
                    value = None
                if not value:
                    gone.append((name, part))
        return gone

    def ask_for(self, missing: Iterable[tuple[str, str]], zones: Mapping[str, ZoneConfig]) -> None:
        """Asks the person at the terminal for secrets.

        Raises:
            SecretsUnavailable: there is no terminal, or nothing was typed.
        """
        missing = list(missing)
        if not missing:
            return
        wanted = ", ".join(f"{zone}/{part}" for zone, part in missing)
        if not sys.stdin.isatty():
            raise SecretsUnavailable(f"These secrets were not found: {wanted}.", remedy=_REMEDY)
        for name, part in missing:
            words = part.replace("_", " ")
            value = getpass.getpass(f"The {words} of {zones[name].user or name} for {name}: ").strip()
            if not value:
                raise SecretsUnavailable(f"No {words} was given for {name}.", remedy=_REMEDY)
            KNOWN_SECRETS.add(value)
            self._typed[reference_of(zones[name], name, part)] = value

    def _read_file(self, path: Path) -> dict[str, str]:
        if self._from_file is None:
            self._from_file = read_secrets_file(path)
            KNOWN_SECRETS.add(*self._from_file.values())
        return self._from_file

    def keychain(self) -> Secrets | None:
        """What an installed package offers: the system's keychain, as a rule."""
        if not self._looked:
            self._looked = True
            self._home = _load_home()
        return self._home


def reference_of(zone: ZoneConfig, name: str, part: str) -> str:
    """The name under which a part of a zone's sign-in is kept."""
    return secret_name(str(getattr(zone, part)), name, part)


def _load_home() -> Secrets | None:
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            home: Secrets = entry.load()()
        except (ImportError, AttributeError) as error:
            _log.info("%s of %s cannot be used: %s", entry.name, ENTRY_POINTS, error)
        else:
            return home
    return None


# ---------------------------------------------------------------------------------------------
# The file


def read_secrets_file(path: Path) -> dict[str, str]:
    """Secrets by name from a TOML or JSON file: `"zone1/secret"`, or a table `zone1` with `secret`.

    Raises:
        SecretsError: it cannot be read, others may read it, or it holds something else. No message
            repeats anything of its content.
    """
    path = expand(path)
    try:
        with path.open("rb") as file:
            _check_private(path, os.fstat(file.fileno()))
            text = file.read(_LARGEST).decode("utf-8")
        document: Any = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except OSError as error:
        raise SecretsError(
            f"The secrets file {path} cannot be read ({error.strerror or error}).",
            remedy="Name the right file.",
        ) from None
    except (ValueError, RecursionError):  # both parsers', and wrong UTF-8; their texts may quote the content
        raise SecretsError(f"The secrets file {path} is neither TOML nor JSON.", remedy=_EXAMPLE) from None
    return _flat(path, document)


_EXAMPLE: Final = (
    'Write it so: [zone1], and below it secret = "…" and integration_code = "…", each in a line.'
)


def _check_private(path: Path, found: os.stat_result) -> None:
    if not is_private(found):
        raise SecretsError(
            f"Others on this computer may read the secrets file {path}.", remedy=f"Run: chmod 600 {path}"
        )


def _flat(path: Path, document: object) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in document.items() if isinstance(document, dict) else ():
        for inner, secret in value.items() if isinstance(value, dict) else (("", value),):
            name = f"{key}/{inner}" if inner else str(key)
            if not isinstance(secret, str):
                raise SecretsError(f"{name} in the secrets file {path} is no text.", remedy=_EXAMPLE)
            values[name] = secret
    if not values:
        raise SecretsError(f"The secrets file {path} holds no secrets.", remedy=_EXAMPLE)
    return values
