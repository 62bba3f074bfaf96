"""The program with an encrypted queue: a keychain, a passphrase, neither; and what stands on the disk."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.gui.test_console_process import Program, start

from autotask_queue import FileKind, file_kind, key_id_of

__all__ = ["start"]  # the fixture

pytestmark = [pytest.mark.integration, pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")]

Start = Callable[..., Program]
PASSPHRASE = "four words that stay"
COMMAND_LINE = (sys.executable, "-m", "autotask_queue")


@pytest.fixture
def with_keychain(monkeypatch: pytest.MonkeyPatch, keychain: dict[str, str]) -> None:
    for name, value in keychain.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def without_keychain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")


def command(folder: Path, *arguments: str) -> Any:
    """What the command line answers about the console's file."""
    done = subprocess.run(
        [*COMMAND_LINE, "--db", str(folder / "queue.db"), "--json", *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    return json.loads(done.stdout or done.stderr)


def asks(state: dict[str, Any]) -> bool:
    return "passphrase.why" in state["texts"]


def type_passphrase(program: Program, *typed: str, button: str) -> None:
    for name, text in zip(("passphrase.first", "passphrase.again"), typed, strict=False):
        assert program.do("set", name=name, value=text)["ok"]
    assert program.do("click", name=button)["ok"]


def plain_queue(folder: Path) -> None:
    """A plain file of an earlier version, with a request in it."""
    command(folder, "submit", "/Tickets", "POST", "--zone", "zone1", "--set", "title=Old")
    assert file_kind(folder / "queue.db") is FileKind.PLAIN


@pytest.mark.usefixtures("with_keychain")
def test_a_new_queue_is_encrypted_and_the_command_line_finds_its_key(start: Start) -> None:
    program = start()
    state = program.opened()
    assert any("Saved, encrypted" in text for text in state["status"])
    command(program.folder, "submit", "/Tickets", "--zone", "zone1")  # through the console, without a key
    assert program.quit() == 0
    path = program.folder / "queue.db"
    assert file_kind(path) is FileKind.ENCRYPTED
    assert not path.with_name("queue.db.vault").exists()
    assert command(program.folder, "list")["total"] == 1
    assert "Secret Service" in command(program.folder, "encryption", "status")["key_in"]
    name = key_id_of(path)
    again = start()
    again.opened()
    again.kill()
    last = start()
    last.opened()
    assert last.quit() == 0
    assert key_id_of(path) == name


@pytest.mark.usefixtures("with_keychain")
def test_a_plain_queue_is_encrypted_at_the_next_start(start: Start, tmp_path: Path) -> None:
    plain_queue(tmp_path / "data")
    program = start()
    state = program.wait(lambda s: s["open"] and s["toasts"])
    assert "Your queue file is encrypted now. Its key is in Secret Service" in state["toasts"][0]
    assert program.quit() == 0
    assert file_kind(program.folder / "queue.db") is FileKind.ENCRYPTED
    assert command(program.folder, "list")["total"] == 1


@pytest.mark.usefixtures("without_keychain")
def test_without_a_keychain_a_passphrase_is_chosen_and_asked_for(start: Start, tmp_path: Path) -> None:
    plain_queue(tmp_path / "data")
    path = tmp_path / "data" / "queue.db"
    program = start()
    state = program.wait(asks)
    assert "Protect your queue with a passphrase" in state["labels"]
    type_passphrase(program, "short", "short", button="passphrase.encrypt")
    program.wait(lambda s: any("at least 10" in text for text in s["labels"]))
    type_passphrase(program, PASSPHRASE, "another passphrase", button="passphrase.encrypt")
    program.wait(lambda s: any("differ" in text for text in s["labels"]))
    assert file_kind(path) is FileKind.PLAIN
    type_passphrase(program, PASSPHRASE, PASSPHRASE, button="passphrase.encrypt")
    state = program.wait(lambda s: s["open"] and s["toasts"])
    assert "the passphrase vault" in state["toasts"][0]
    program.kill()
    assert file_kind(path) is FileKind.ENCRYPTED

    again = start()
    state = again.wait(asks)
    assert "Your queue is locked" in state["labels"]
    before = path.read_bytes()
    type_passphrase(again, "not that one at all", button="passphrase.open")
    again.wait(lambda s: any("does not open the queue" in text for text in s["labels"]))
    assert path.read_bytes() == before
    type_passphrase(again, PASSPHRASE, button="passphrase.open")
    again.opened()
    assert again.quit() == 0
    assert PASSPHRASE not in again.said()
    assert found(again.folder, [PASSPHRASE, "not that one at all", "another passphrase"]) == set()

    leaving = start()
    leaving.wait(asks)
    assert leaving.do("click", name="passphrase.quit")["ok"]
    assert leaving.process.wait(60) == 0


@pytest.mark.usefixtures("without_keychain")
def test_nobody_is_kept_from_work_by_the_question(start: Start, tmp_path: Path) -> None:
    program = start()
    program.wait(asks)
    assert program.do("click", name="passphrase.plain")["ok"]
    state = program.opened()
    assert any("Saved, not encrypted" in text for text in state["status"])
    assert program.quit() == 0
    assert file_kind(program.folder / "queue.db") is FileKind.PLAIN
    (program.folder / "config.toml").write_text('[console.storage]\nencryption = "off"\n')
    decided = start()
    assert any("Saved, not encrypted" in text for text in decided.opened()["status"])
    assert decided.quit() == 0
    asked = start(name="other")
    asked.wait(asks)
    assert asked.quit() == 0  # with the window, as always


@pytest.mark.usefixtures("with_keychain")
def test_a_locked_keychain_is_a_clear_question_and_nothing_is_lost(
    start: Start, monkeypatch: pytest.MonkeyPatch, keychain: dict[str, str], tmp_path: Path
) -> None:
    program = start()
    program.opened()
    assert program.quit() == 0
    path = program.folder / "queue.db"
    before = path.read_bytes()
    with monkeypatch.context() as gone:
        gone.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
        locked = start()
        state = locked.wait(lambda s: "key was not found" in s["message"])
        for part in ("The queue file is encrypted", "Unlock the keychain", "Nothing was changed"):
            assert part in state["message"]
        assert locked.do("click", name="empty.open-again")["ok"]
        locked.wait(lambda s: "key was not found" in s["message"])
        assert locked.quit() == 3
    assert path.read_bytes() == before
    path.with_name("queue.db.vault").write_text("{")
    again = start()  # a vault that is of no use here is left alone
    again.opened()
    assert again.quit() == 0


@pytest.mark.slow
@pytest.mark.usefixtures("without_keychain")
def test_a_damaged_vault_is_said_with_a_remedy(start: Start, tmp_path: Path) -> None:
    program = start()
    program.wait(asks)
    type_passphrase(program, PASSPHRASE, PASSPHRASE, button="passphrase.encrypt")
    program.opened()
    assert program.quit() == 0
    vault = program.folder / "queue.db.vault"
    whole, queue = vault.read_bytes(), (program.folder / "queue.db").read_bytes()
    vault.write_bytes(whole[:100])
    damaged = start()
    state = damaged.wait(lambda s: "vault" in s["message"])
    assert "Restore this file" in state["message"]
    vault.write_bytes(whole)
    assert damaged.do("click", name="empty.open-again")["ok"]
    damaged.wait(asks)
    assert damaged.quit() == 0
    assert (program.folder / "queue.db").read_bytes() == queue


def found(folder: Path, words: list[str]) -> set[tuple[str, str]]:
    """Which words stand in which file of a folder."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {
        (word, str(path)) for word in words for path, content in files.items() if word.encode() in content
    }


def work(program: Program, words: list[str]) -> None:
    """Puts words through the window's and the command line's entries, and ends by being killed."""
    title, reason, body, draft = words
    program.opened()
    command(
        program.folder, "submit", "/Tickets", "POST", "--zone", "zone1", "--set", f"title={body}",
        "--summary", title,
    )  # fmt: skip
    command(program.folder, "cancel", "1", "--reason", reason)
    command(program.folder, "breaker", "force-open", "zone1", "--reason", reason)
    command(program.folder, "breaker", "release", "zone1", "--reason", reason)
    command(program.folder, "pause", "10m", "--reason", reason)
    program.do("navigate", page="breakers")
    assert program.do("click", name="breakers.start")["ok"]
    program.wait(lambda s: s["dialog"])
    program.do("set", name="reason.edit", value=reason)
    assert program.do("click", name="sheet.do")["ok"]
    program.wait(lambda s: not s["dialog"])
    program.do("navigate", page="compose")
    assert program.do("click", name="compose.kind.create-ticket")["ok"]
    program.wait(lambda s: "compose.field.queueID.list" in s["texts"])
    program.do("type", name="compose.field.title.line", text=draft)
    program.wait(lambda s: any("Draft saved" in text for text in s["labels"]))


@pytest.mark.parametrize("encrypted", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("with_keychain")
def test_what_was_put_in_stands_in_no_file_of_the_console(
    start: Start, tmp_path: Path, encrypted: bool
) -> None:
    words = [f"plant{secrets.token_hex(8)}" for _ in range(4)]
    folder = tmp_path / "data"
    if not encrypted:  # the same search finds all that was put in
        folder.mkdir()
        (folder / "config.toml").write_text('[console.storage]\nencryption = "off"\n')
    program = start("--log-level", "debug")
    work(program, words)
    while_open = found(folder, words)
    program.kill()
    killed = found(folder, words)
    again = start("--log-level", "debug")
    again.wait(lambda s: s["open"])
    assert again.quit() == 0
    everywhere = while_open | killed | found(folder, words)
    if encrypted:
        assert everywhere == set()
        assert {"queue.db", "config.toml", "console.jsonl"} <= {p.name for p in folder.rglob("*")}
    else:
        assert {word for word, _ in everywhere} == set(words)
