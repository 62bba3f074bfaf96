"""`export`, with and without a program that has the queue open."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import msgspec
import pytest
from tests.core.cli.conftest import Cli, Owning
from tests.support.redis_server import RedisServer

from autotask_queue import EXPORT_COLUMNS, Request
from autotask_queue.cli import main
from autotask_queue.engine.control import wire

pytestmark = pytest.mark.integration


def filled(cli: Cli, count: int = 3) -> None:
    for n in range(count):
        cli.submit("/Tickets", "POST", "--zone", f"z{n % 2}", "--set", f"n={n}", "--set", "t=Drücker")


def lines(text: str) -> list[Request]:
    return [msgspec.json.decode(line, type=Request) for line in text.splitlines()]


def test_a_request_in_each_line(cli: Cli) -> None:
    filled(cli)
    done = cli("export")
    assert done.code == 0, done.err
    assert [r.data["n"] for r in lines(done.out)] == [0, 1, 2]
    assert "Exported 3 requests." in done.err
    assert [r.data["n"] for r in lines(cli("export", "--zone", "z0", "--descending").out)] == [2, 0]
    assert len(lines(cli("export", "--limit", "1", "--sort", "created_at").out)) == 1


def test_a_table_in_a_file(cli: Cli, tmp_path: Path) -> None:
    filled(cli)
    target = tmp_path / "requests.csv"
    done = cli("export", "--output", str(target))
    assert (done.code, done.out) == (0, "")
    assert f"Exported 3 requests to {target}." in done.err
    if stat.S_IMODE(target.stat().st_mode) != 0o666:  # Windows has no such modes
        assert target.stat().st_mode & 0o077 == 0, "what customers wrote is nobody else's"
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row["data"])["t"] for row in rows] == ["Drücker"] * 3
    assert list(rows[0]) == list(EXPORT_COLUMNS)


def test_nothing_is_written_over_unasked(cli: Cli, tmp_path: Path) -> None:
    filled(cli, 1)
    target = tmp_path / "requests.json"
    target.write_text("mine")
    done = cli("--json", "export", "--output", str(target))
    assert (done.code, done.error["code"]) == (4, "already_there")
    assert target.read_text() == "mine"
    assert cli("export", "--output", str(target), "--force").code == 0
    assert len(json.loads(target.read_text(encoding="utf-8"))["requests"]) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"queue.db", "queue.db.lock", "requests.json"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--output", "requests.txt"), 2),
        (("--output", "nowhere/requests.csv"), 4),
        (("--format", "xml"), 2),
    ],
)
def test_what_cannot_be_written(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    filled(cli, 1)
    monkeypatch.chdir(tmp_path)
    assert cli("export", *arguments).code == code
    assert {p.name for p in tmp_path.iterdir()} == {"queue.db", "queue.db.lock"}


def test_every_column_is_explained(cli: Cli) -> None:
    assert cli.ok("export", "--columns") == EXPORT_COLUMNS
    assert "Not to be sent before this (UTC)." in cli("export", "--columns").out


def test_the_owner_is_asked_page_by_page(cli: Cli, owner: Owning, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotask_queue.engine.control.questions.LONGEST_MESSAGE", 40_000)
    with owner():
        for n in range(6):
            cli.submit("/Tickets", "POST", "--zone", "z", "--set", f"n={n}", "--set", f"t={'x' * 9_000}")
        found = lines(cli("export").out)
        assert [r.data["n"] for r in found] == list(range(6)), "though an answer holds two of them"
        document = cli("--json", "export", "--limit", "5").json
        assert len(document["requests"]) == 5
    assert wire.LONGEST_MESSAGE > 40_000


def test_from_a_server(redis_server: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    at = ("--redis", redis_server.url)
    assert main([*at, "submit", "/Tickets", "POST", "--zone", "z", "--set", "n=1"]) == 0
    capsys.readouterr()
    assert main([*at, "export"]) == 0
    assert [r.data["n"] for r in lines(capsys.readouterr().out)] == [1]
