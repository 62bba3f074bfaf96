"""config.toml is shared with people and the command line: it is read, changed in place, never spoiled."""

import stat
import sys
import tomllib
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from autotask_console.platform.paths import paths_in, system_paths
from autotask_console.settings import ALL, Settings, declared
from autotask_queue import ConfigError, ZoneConfig

WRITTEN_BY_HAND = """\
# my notes
max_size = 500   # small laptop

[zones.zone1]
url = "https://webservices5.autotask.net/atservicesrest/"
user = "anna@example.com"   # the API user
secret = "keyring:zone1/secret"

[console.appearance]
theme = "dark"
"""


@pytest.fixture
def file(tmp_path: Path, qapp: QApplication) -> Path:
    return tmp_path / "config" / "config.toml"


def written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_defaults_hold_and_nothing_is_written(file: Path) -> None:
    settings = Settings(file)
    assert [settings.get(s) for s in ALL] == [s.default for s in ALL]
    assert (settings.zones, settings.problems) == ({}, ())
    settings.flush()
    assert not file.exists()


def test_what_is_set_is_there_next_time(file: Path) -> None:
    settings = Settings(file)
    seen: list[str] = []
    settings.changed.connect(seen.append)
    settings.set(declared.THEME, "dark")
    settings.set(declared.THEME, "dark")
    settings.set(declared.SPLITTERS, {"queue": [600, 300]})
    settings.set(declared.COLUMN_WIDTHS, {"queue": {"state": 120}})
    assert seen == ["appearance.theme", "window.splitters", "window.column_widths"]
    settings.flush()
    again = Settings(file)
    assert again.get(declared.THEME) == "dark"
    assert again.get(declared.SPLITTERS) == {"queue": [600, 300]}
    assert again.get(declared.COLUMN_WIDTHS) == {"queue": {"state": 120}}
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_it_is_written_by_itself_a_moment_later(file: Path, qtbot: object) -> None:
    settings = Settings(file)
    settings._timer.setInterval(1)
    settings.set(declared.THEME, "light")
    qtbot.waitUntil(file.exists)  # type: ignore[attr-defined]
    assert tomllib.loads(file.read_text())["console"]["appearance"]["theme"] == "light"


def test_comments_order_and_foreign_keys_survive(file: Path) -> None:
    settings = Settings(written(file, WRITTEN_BY_HAND))
    assert settings.get(declared.THEME) == "dark"
    assert settings.zones["zone1"].user == "anna@example.com"
    assert settings.queue_tables() == {"max_size": 500}
    settings.set(declared.THEME, "light")
    settings.set_zone("zone2", ZoneConfig(user="bob", secret="keyring:zone2/secret"))
    settings.flush()
    text = file.read_text(encoding="utf-8")
    for kept in ("# my notes", "# small laptop", "# the API user", 'theme = "light"'):
        assert kept in text
    assert text.index("max_size") < text.index("zones.zone1") < text.index("appearance")
    plain = tomllib.loads(text)
    assert plain["zones"]["zone2"] == {"user": "bob", "secret": "keyring:zone2/secret", "max_concurrency": 2}


def test_a_change_made_meanwhile_by_others_is_kept(file: Path) -> None:
    settings = Settings(written(file, WRITTEN_BY_HAND))
    written(file, WRITTEN_BY_HAND.replace("500", "900"))
    settings.set(declared.COMPACT_STRIP, True)
    settings.flush()
    assert tomllib.loads(file.read_text())["max_size"] == 900


def test_zones_come_and_go(file: Path) -> None:
    settings = Settings(file)
    seen: list[str] = []
    settings.changed.connect(seen.append)
    settings.set_zone("zone1", ZoneConfig(user="anna", secret="keyring:zone1/secret"))
    assert Settings(file).zones == settings.zones
    settings.remove_zone("zone1")
    settings.remove_zone("never there")
    assert Settings(file).zones == {}
    assert seen == ["zones.zone1", "zones.zone1", "zones.never there"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '[console.appearance]\ntheme = "pink"',
            "console.appearance.theme must be one of system, light, dark",
        ),
        ("[console.appearance]\ncompact_strip = 3", "console.appearance.compact_strip"),
        ("console = 3", ""),
        ("[zones.zone1]\nurl = 3", "zones.zone1"),
        ('[zones.zone1]\nurll = "x"', "zones.zone1"),
        ("zones = 3", "zones must be a table"),
    ],
)
def test_wrong_values_are_named_and_the_rest_holds(file: Path, text: str, problem: str) -> None:
    settings = Settings(written(file, text))
    assert settings.get(declared.THEME) == "system"
    assert settings.zones == {}
    assert problem in " ".join(settings.problems)


@pytest.mark.parametrize("spoiled", [b"[console\ntheme =", b"\xff\xfe\x00broken"])
def test_a_file_that_cannot_be_read_is_left_alone(file: Path, spoiled: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(spoiled)
    settings = Settings(file)
    assert "left as it is" in settings.problems[0]
    settings.set(declared.THEME, "dark")
    settings.flush()
    assert settings.get(declared.THEME) == "dark"
    assert file.read_bytes() == spoiled
    assert settings.queue_tables() == {}


def test_a_file_spoiled_meanwhile_is_left_alone(file: Path) -> None:
    settings = Settings(written(file, WRITTEN_BY_HAND))
    written(file, "= broken")
    settings.set(declared.THEME, "light")
    settings.flush()
    assert file.read_text() == "= broken"
    assert settings.problems


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, qapp: QApplication) -> None:
    (tmp_path / "file").write_text("x")
    settings = Settings(tmp_path / "file" / "config.toml")
    settings.set(declared.THEME, "dark")
    settings.flush()
    assert settings.problems
    assert settings.get(declared.THEME) == "dark"


def test_wrong_values_are_refused_when_set(file: Path) -> None:
    settings = Settings(file)
    with pytest.raises(ConfigError, match="must be one of"):
        settings.set(declared.THEME, "pink")
    with pytest.raises(ConfigError, match=r"window\.splitters"):
        settings.set(declared.SPLITTERS, {"queue": ["wide"]})


def test_every_setting_is_described_once() -> None:
    assert len({s.key for s in ALL}) == len(ALL)
    for setting in ALL:
        assert setting.title
        assert setting.help.endswith(".")
        assert not setting.choices or setting.default in setting.choices


def test_paths_of_a_profile_and_of_a_folder_of_ones_own(tmp_path: Path) -> None:
    plain, demo = system_paths(), system_paths("demo")
    assert plain.queue_file.name == "queue.db"
    assert plain.queue_file != demo.queue_file
    assert demo.config_file.parent.parent.parent == plain.config_file.parent
    own = paths_in(tmp_path)
    assert {own.queue_file.parent, own.config_file.parent, own.logs.parent, own.reports.parent} == {tmp_path}
