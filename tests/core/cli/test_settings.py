"""Settings: who wins, and how mistakes are named."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from autotask_queue import ConfigError
from autotask_queue.cli.settings import Settings, load_settings

FILE = """\
max_size = 500
default_retries = 2

[console]
theme = "dark"

[persistence.options]
retention_period = 60.0

[zones.zone1]
url = "https://webservices5.autotask.net/atservicesrest/"
user = "api@example.com"
secret = "keyring:zone1/secret"
"""


MEMORY = "persistence.backend must be sqlite or redis: each command is a process of its own"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def load(file: Path | None = None, database: Path | None = None, /, **environ: str) -> Settings:
    return load_settings(file=file, database=database, environ=environ)


def problems(text: str, file: Path, **environ: str) -> list[str]:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, **environ)
    return [p.replace(str(file), "FILE") for p in caught.value.problems]


def test_the_console_s_places_are_the_default() -> None:
    settings = load()
    dirs = platformdirs.PlatformDirs("autotask-queue", appauthor=False)
    assert settings.database == Path(dirs.user_data_dir, "queue.db")
    assert settings.file == Path(dirs.user_config_dir, "config.toml")
    assert not settings.file_found
    assert (settings.config.default_retries, settings.config.read_retries) == (8, 4)


@pytest.mark.skipif(os.name == "nt", reason="the console's module needs Qt's plug-ins there")
def test_the_console_has_the_same_places() -> None:
    paths = pytest.importorskip("autotask_console.platform.paths")
    assert load().database == paths.system_paths().queue_file
    assert load().file == paths.system_paths().config_file


def test_flag_before_environment_before_file_before_preset(file: Path, tmp_path: Path) -> None:
    environ = {
        "AUTOTASK_QUEUE_DEFAULT_RETRIES": "5",
        "AUTOTASK_QUEUE_PERSISTENCE__CONNECTION__DB_PATH": str(tmp_path / "environment.db"),
    }
    settings = load(file, **environ)
    assert (settings.config.max_size, settings.config.default_retries) == (500, 5)
    assert settings.database == tmp_path / "environment.db"
    assert settings.variables == tuple(sorted(environ))
    assert load(file, tmp_path / "flag.db", **environ).database == tmp_path / "flag.db"
    assert load(file).config.default_retries == 2
    assert load().config.default_retries == 8


def test_the_path_in_the_settings_is_the_one_that_is_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, Path("here.db"))
    assert settings.database == tmp_path / "here.db"
    assert settings.config.persistence.connection.db_path == str(tmp_path / "here.db")


def test_variables_have_the_types_of_their_settings(file: Path) -> None:
    config = load(
        file,
        AUTOTASK_QUEUE_BATCHING_ENABLED="false",
        AUTOTASK_QUEUE_SHUTDOWN_GRACE="1.5",
        AUTOTASK_QUEUE_READ_RETRIES="null",
        AUTOTASK_QUEUE_ACTOR="12",
        AUTOTASK_QUEUE_ZONES__ZONE1__MAX_CONCURRENCY="1",
        AUTOTASK_QUEUE_ZONES__ZONE2__USER="b@example.com",
    ).config
    assert (config.batching_enabled, config.shutdown_grace, config.read_retries) == (False, 1.5, None)
    assert config.actor == "12"
    assert (config.zones["zone1"].max_concurrency, config.zones["zone1"].user) == (1, "api@example.com")
    assert config.zones["zone2"].user == "b@example.com"


def test_a_variable_finds_the_zone_of_the_file_whatever_its_letters(file: Path) -> None:
    file.write_text('[zones.North-East]\nuser = "a@example.com"\n', encoding="utf-8")
    zones = load(file, AUTOTASK_QUEUE_ZONES__NORTH_EAST__URL="http://127.0.0.1:1/").config.zones
    assert (list(zones), zones["North-East"].url) == (["North-East"], "http://127.0.0.1:1/")


def test_every_mistake_is_named_at_once_with_its_place(file: Path) -> None:
    text = """\
max_sze = 5
default_timeout = "long"

[persistence.options]
retention_period = -1.0

[zones.zone1]
usr = "x"

[strategies]
priority_strategy = "random"
"""
    found = problems(text, file, AUTOTASK_QUEUE_MAX_CONCURRENCY="many", AUTOTASK_QUEUE_NONSENSE="1")
    by_key = {problem.replace(":", " ").split()[0]: problem for problem in found}
    assert by_key["max_sze"] == "max_sze is not a setting; did you mean max_size? (FILE, line 1)"
    assert by_key["default_timeout"] == "default_timeout must be a number, got 'long' (FILE, line 2)"
    assert by_key["persistence.options.retention_period"].endswith("(FILE, line 5)")
    assert by_key["zones.zone1.usr"] == "zones.zone1.usr is not a setting; did you mean user? (FILE, line 8)"
    assert by_key["strategies.priority_strategy"].endswith("(FILE, line 11)")
    assert by_key["max_concurrency"].endswith("(environment variable AUTOTASK_QUEUE_MAX_CONCURRENCY)")
    assert by_key["nonsense"].endswith("(environment variable AUTOTASK_QUEUE_NONSENSE)")
    assert len(found) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_size = ", "FILE is no TOML file: Invalid value (at end of document)"),
        ("zones = 3", "zones must be a table with a table for each zone (FILE, line 1)"),
        ("persistence = 3", "persistence must be a table of settings, not a whole number (FILE, line 1)"),
        (
            '[persistence]\nbackend = "memory"',
            MEMORY + " (FILE, line 2)",
        ),
    ],
)
def test_files_that_are_something_else(file: Path, text: str, said: str) -> None:
    assert problems(text, file) == [said]


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "latin").write_bytes(b"actor = '\xe9'")
    with pytest.raises(ConfigError, match="no TOML file"):
        load(tmp_path / "latin")


@pytest.mark.parametrize("key", ["secret", "integration_code"])
@pytest.mark.parametrize("value", ['"hunter2"', "12345678", '["hunter2"]'])
def test_a_secret_itself_is_refused_and_not_repeated(file: Path, key: str, value: str) -> None:
    (found,) = problems(f"[zones.zone1]\n{key} = {value}\n", file)
    assert found.startswith(f"zones.zone1.{key} must say where it is kept, such as keyring:zone1/{key}")
    assert found.endswith("(FILE, line 2)")
    assert value.strip('"[]') not in found


def test_a_secret_in_the_environment_is_refused_too(file: Path) -> None:
    (found,) = problems("", file, AUTOTASK_QUEUE_ZONES__ZONE1__SECRET="hunter2")
    assert "hunter2" not in found
    assert "AUTOTASK_QUEUE_ZONES__ZONE1__SECRET" in found


def test_a_name_without_a_key_is_told(file: Path) -> None:
    assert (
        "AUTOTASK_QUEUE_ZONES__ is not the name of a setting"
        in problems("", file, AUTOTASK_QUEUE_ZONES__="1")[0]
    )
