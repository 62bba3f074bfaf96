"""Reads and writes config.toml without disturbing what people and other programs wrote in it.

The file is shared with the command line and edited by hand, so it is changed in place through
tomlkit, which keeps comments and order; only keys that were set here are touched.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from autotask_console.settings.declared import ALL, Setting
from autotask_queue import ConfigError, ZoneConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_SAVE_DELAY_MS = 500


class Settings(QObject):
    """The console's settings, and the zones.

    `changed(key)` tells of each new value. Writing is debounced; `flush` writes at once. A file that
    cannot be read is left alone: `problems` says why, and what is set lasts for the session only.
    """

    changed = Signal(str)

    def __init__(self, path: Path, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self.problems: tuple[str, ...] = ()
        self._readable = True
        self._values: dict[str, Any] = {}
        self._zones: dict[str, ZoneConfig] = {}
        self._dirty: dict[tuple[str, ...], Any] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SAVE_DELAY_MS)
        self._timer.timeout.connect(self.flush)
        self._load()

    # -- values

    def get(self, setting: Setting[T]) -> T:
        value: T = self._values.get(setting.key, setting.default)
        return value

    def set(self, setting: Setting[T], value: T) -> None:
        """Takes effect and is announced at once; written a moment later."""
        if value == self.get(setting):
            return
        _check(setting, value)
        self._values[setting.key] = value
        self._dirty[("console", *setting.key.split("."))] = value
        self._timer.start()
        self.changed.emit(setting.key)

    # -- zones

    @property
    def zones(self) -> Mapping[str, ZoneConfig]:
        """The configured connections; secrets are references only."""
        return dict(self._zones)

    def set_zone(self, name: str, zone: ZoneConfig) -> None:
        self._zones[name] = zone
        values = {k: v for k, v in msgspec.to_builtins(zone).items() if v not in ("", None)}
        self._dirty[("zones", name)] = values
        self.flush()
        self.changed.emit(f"zones.{name}")

    def remove_zone(self, name: str) -> None:
        self._zones.pop(name, None)
        self._dirty[("zones", name)] = None
        self.flush()
        self.changed.emit(f"zones.{name}")

    def queue_tables(self) -> dict[str, Any]:
        """What the file says about the queue itself, for `build_config`; without zones."""
        return {k: v for k, v in (self._read() or {}).items() if k not in {"console", "zones"}}

    # -- the file

    def flush(self) -> None:
        """Writes what was set. On failure it stays unsaved and `problems` says why."""
        self._timer.stop()
        if not self._dirty or not self._readable:
            return
        import tomlkit  # 40 ms, and most starts write nothing

        if self._read() is None:  # spoiled meanwhile
            return
        document = (
            tomlkit.parse(self.path.read_text(encoding="utf-8")) if self.path.exists() else tomlkit.document()
        )
        for place, value in self._dirty.items():
            _place(document, place, value, new_table=tomlkit.table)
        try:
            _write(self.path, tomlkit.dumps(document))
        except OSError as error:
            self.problems = (f"{self.path} could not be written ({error.strerror or error}).",)
            return
        self._dirty.clear()

    def _read(self) -> dict[str, Any] | None:
        try:
            return tomllib.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            self._readable = False
            self.problems = (f"{self.path} could not be read: {error}. It was left as it is.",)
            return None

    def _load(self) -> None:
        plain = self._read()
        if plain is None:
            return
        problems: list[str] = []
        console = plain.get("console", {})
        for setting in ALL:
            value = _dig(console, setting.key)
            if value is None:
                continue
            try:
                _check(setting, value)
            except ConfigError as error:
                problems += error.problems
            else:
                self._values[setting.key] = value
        problems += self._load_zones(plain.get("zones", {}))
        self.problems = tuple(problems)

    def _load_zones(self, tables: object) -> Sequence[str]:
        if not isinstance(tables, Mapping):
            return ["zones must be a table with a table for each zone"]
        problems = []
        for name, table in tables.items():
            try:
                self._zones[str(name)] = msgspec.convert(table, ZoneConfig)
            except msgspec.ValidationError as error:
                problems.append(f"zones.{name}: {error}")
        return problems


def _check(setting: Setting[T], value: object) -> None:
    try:
        msgspec.convert(value, setting.kind)
    except msgspec.ValidationError as error:
        raise ConfigError([f"console.{setting.key}: {error}"]) from None
    if setting.choices and value not in setting.choices:
        allowed = ", ".join(str(c) for c in setting.choices)
        raise ConfigError([f"console.{setting.key} must be one of {allowed}, not {value!r}"])


def _dig(table: object, key: str) -> Any:
    for part in key.split("."):
        if not isinstance(table, Mapping):
            return None
        table = table.get(part)
    return table


def _place(
    document: MutableMapping[str, Any], place: tuple[str, ...], value: Any, *, new_table: Callable[[], Any]
) -> None:
    table: Any = document
    for part in place[:-1]:
        if not isinstance(table.get(part), Mapping):
            table[part] = new_table()
        table = table[part]
    if value is None:
        table.pop(place[-1], None)
    else:
        table[place[-1]] = value


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
