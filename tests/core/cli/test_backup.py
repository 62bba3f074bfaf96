"""`backup` and `restore`, with and without a program that has the queue open."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.background import in_background
from tests.core.cli.conftest import Cli, Owning
from tests.support.redis_server import RedisServer

from autotask_queue import QuickSetup
from autotask_queue.cli import main

pytestmark = pytest.mark.integration


def filled(cli: Cli, count: int = 1) -> None:
    for n in range(count):
        cli.submit("/Tickets", "POST", "--zone", "z", "--set", f"n={n}")


def test_there_and_back(cli: Cli, tmp_path: Path) -> None:
    filled(cli)
    copy = tmp_path / "copy.db"
    done = cli("backup", str(copy))
    assert done.code == 0, done.err
    assert f"Copied 1 request, 1 of them unfinished, to {copy}" in done.out
    filled(cli, 2)
    made = cli.ok("restore", str(copy), "--yes")
    assert (made["uncertain"], made["path"]) == (1, str(cli.db))
    assert Path(made["set_aside"]).exists()
    (row,) = cli.ok("list")["requests"]
    assert (row["status"], row["reason"]) == ("uncertain", "restored")
    assert "restored from a copy" in cli("show", "1").out
    kinds = [entry["kind"] for entry in cli.ok("audit")["entries"]]
    assert kinds[:2] == ["queue_restored", "restored_from_copy"]


def test_restore_says_what_it_did(cli: Cli, tmp_path: Path) -> None:
    filled(cli)
    cli.ok("backup", str(tmp_path / "copy.db"))
    done = cli("restore", str(tmp_path / "copy.db"), "--yes")
    assert "1 of its requests may have been sent since" in done.out
    assert "The queue as it was before is kept as" in done.out


def test_restore_asks_first(cli: Cli, tmp_path: Path) -> None:
    filled(cli)
    cli.ok("backup", str(tmp_path / "copy.db"))
    before = cli.db.read_bytes()
    done = cli("--json", "restore", str(tmp_path / "copy.db"))
    assert (done.code, done.error["code"]) == (2, "cannot_ask")
    assert cli.db.read_bytes() == before


def test_the_owner_makes_the_copy(
    cli: Cli, owner: Owning, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owner():
        filled(cli)
        monkeypatch.chdir(tmp_path)
        made = cli.ok("backup", "copy.db")
        assert made["path"] == str(tmp_path / "copy.db"), "the owner may stand in another folder"
        again = cli("--json", "backup", "copy.db")
        assert (again.code, again.error["code"]) == (4, "already_there")
        entries = cli.ok("audit", "--kind", "backed_up")["entries"]
        assert len(entries) == 1


def test_what_a_program_has_open_is_not_restored(cli: Cli, owner: Owning, tmp_path: Path) -> None:
    filled(cli)
    cli.ok("backup", str(tmp_path / "copy.db"))
    with owner():
        done = cli("--json", "restore", str(tmp_path / "copy.db"), "--yes")
        assert (done.code, done.error["code"]) == (4, "store_in_use")
        assert "The console (process" in done.error["message"]
        assert "Close it" in done.error["remedy"]
    with in_background(lambda: QuickSetup.sqlite(cli.db)):  # takes no commands
        done = cli("--json", "restore", str(tmp_path / "copy.db"), "--yes")
        assert (done.code, done.error["code"]) == (4, "store_in_use")
        assert "Process " in done.error["message"]
    assert not list(tmp_path.glob("queue.db.before-restore*"))


def test_what_is_no_copy_is_said_before_anything_is_asked(cli: Cli, tmp_path: Path) -> None:
    filled(cli)
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear customer. " * 1_000)
    for path, code in ((letter, "store_unsuitable"), (tmp_path / "nowhere.db", "store_unwritable")):
        done = cli("--json", "restore", str(path))
        assert (done.code, done.error["code"]) == (4, code)
        assert "not touched" in done.error["remedy"]


def test_an_encrypted_queue_is_restored_with_its_key(cli: Cli, tmp_path: Path) -> None:
    filled(cli)
    plain, encrypted = tmp_path / "plain-copy.db", tmp_path / "copy.db"
    cli.ok("backup", str(plain))
    (tmp_path / "keys").mkdir()
    key = ("--key-file", str(tmp_path / "keys" / "queue.key"))
    assert cli(*key, "encryption", "encrypt").code == 0
    cli.ok(*key, "backup", str(encrypted))
    lost = cli("--json", "restore", str(encrypted), "--yes")
    assert (lost.code, lost.error["code"]) == (4, "store_key_missing")
    assert cli.ok(*key, "restore", str(encrypted), "--yes")["uncertain"] == 1
    assert cli.ok(*key, "list")["total"] == 1
    done = cli("restore", str(plain), "--yes")
    assert done.code == 0, done.err
    assert "so the queue is not any more" in done.err


def test_a_server_keeps_its_own_copies(
    redis_server: RedisServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("backup", "restore"):
        assert main(["--redis", redis_server.url, command, str(tmp_path / "copy.db")]) == 4
        said = capsys.readouterr().err
        assert "There is no file to copy here" in said
        assert "server" in said
