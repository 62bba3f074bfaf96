"""`config show` and `config check`: what holds, where it came from, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from tests.core.cli.conftest import Done

from autotask_queue.cli import main

FILE = """\
max_size = 500

[strategies.retry]
jitter = false

[zones.zone1]
url = "https://me:hunter2@webservices5.autotask.net/atservicesrest/"
user = "api@example.com"
secret = "keyring:zone1/secret"
"""


class Program:
    """Runs the program without naming a queue."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = main(list(arguments))
        captured = self._capsys.readouterr()
        return Done(code, captured.out, captured.err)

    def settings(self, *arguments: str) -> dict[str, tuple[Any, str]]:
        done = self(*arguments, "--json")
        assert done.code == 0, done.err
        return {one["name"]: (one["value"], one["origin"]) for one in done.json["settings"]}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "queue.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_every_value_is_shown_with_its_origin(
    run: Program, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTASK_QUEUE_DEFAULT_RETRIES", "5")
    db = str(file.with_name("q.db"))
    shown = run.settings("--config", str(file), "--db", db, "config", "show")
    assert shown["max_size"] == (500, f"{file}, line 1")
    assert shown["strategies.retry.jitter"] == (False, f"{file}, line 4")
    assert shown["default_retries"] == (5, "environment variable AUTOTASK_QUEUE_DEFAULT_RETRIES")
    assert shown["read_retries"] == (4, "preset production")
    assert shown["persistence.connection.db_path"] == (db, "--db")
    assert shown["persistence.backend"] == ("sqlite", "--db")
    assert shown["max_concurrency"] == (10, "default")
    assert shown["zones.zone1.secret"] == ("keyring:zone1/secret", f"{file}, line 9")


def test_people_get_a_table_and_may_leave_out_the_defaults(run: Program, file: Path) -> None:
    rows = {row[0]: row[1:] for row in run("--config", str(file), "config", "show").rows()}
    assert rows["strategies.retry.jitter"] == ["false", f"{file}, line 4"]
    assert rows["actor"] == ["–", "default"]
    given = {row[0] for row in run("--config", str(file), "config", "show", "--given").rows()}
    assert {"max_size", "default_retries", "zones.zone1.user"} <= given
    assert "max_concurrency" not in given


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:hunter2@host/3", "redis://me@host:6379/3"),
        ("redis+sentinel://:hunter2@a,b/name/0?sentinel_password=hunter2", None),
    ],
)
def test_no_secret_is_shown(
    run: Program, file: Path, monkeypatch: pytest.MonkeyPatch, url: str, shown: str | None
) -> None:
    monkeypatch.setenv("AUTOTASK_QUEUE_PERSISTENCE__BACKEND", "redis")
    monkeypatch.setenv("AUTOTASK_QUEUE_PERSISTENCE__CONNECTION__URL", url)
    done = run("--config", str(file), "config", "show", "--json")
    values = {one["name"]: one["value"] for one in done.json["settings"]}
    assert "hunter2" not in done.out + done.err + run("--config", str(file), "config", "show").out
    assert values["zones.zone1.url"] == "https://me:[hidden]@webservices5.autotask.net/atservicesrest/"
    assert shown is None or values["persistence.connection.url"] == shown


def test_an_address_that_is_none_is_not_shown_at_all(
    run: Program, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTASK_QUEUE_PERSISTENCE__CONNECTION__URL", "hunter2")
    shown = run.settings("--config", str(file), "config", "show")
    assert shown["persistence.connection.url"][0] == "[hidden]"


def test_right_settings_are_called_right(run: Program, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("--config", str(file), "config", "check").out == f"No mistake in {file} (5 settings).\n"
    monkeypatch.setenv("AUTOTASK_QUEUE_MAX_SIZE", "7")
    assert run("--config", str(file), "config", "check").out == (
        f"No mistake in {file} (4 settings) and 1 environment variable.\n"
    )
    assert run("config", "check").out == "No mistake in 1 environment variable.\n"
    monkeypatch.delenv("AUTOTASK_QUEUE_MAX_SIZE")
    assert "the defaults hold" in run("config", "check").out
    assert run("config", "check", "--json").json["ok"] is True


def test_every_mistake_is_named_with_its_line(run: Program, file: Path) -> None:
    file.write_text("max_sze = 5\nbatch_timeout = -1\n[zones.a]\nsecret = 'hunter2'\n", encoding="utf-8")
    done = run("--config", str(file), "config", "check")
    assert (done.code, done.out) == (2, "")
    for said in ("did you mean max_size?", "line 1)", "line 2)", "line 4)"):
        assert said in done.err
    assert "hunter2" not in done.err
    error = json.loads(run("--config", str(file), "config", "check", "--json").err)["error"]
    assert error["code"] == "config_error"


def test_the_usual_file_is_found(run: Program) -> None:
    path = Path(platformdirs.user_config_dir("autotask-queue", appauthor=False), "config.toml")
    path.parent.mkdir(parents=True)
    path.write_text("max_size = 7\n", encoding="utf-8")
    assert run.settings("config", "show")["max_size"] == (7, f"{path}, line 1")
