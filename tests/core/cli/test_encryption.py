"""Encrypted queue files on the command line: where the key comes from, and changing it."""

from __future__ import annotations

import json
import os
import pty
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.cli.conftest import TICKET, Cli, Owning, offer
from typing_extensions import override

from autotask_queue import KeyFile, SecretsUnavailable, SessionSecrets, key_id_of
from autotask_queue.store.sqlite.cipher import FileKind, kind_of

pytestmark = pytest.mark.integration

PASSPHRASE = "four words that stay"


class Locked(SessionSecrets):
    """A keychain that does not open."""

    @override
    async def get(self, name: str) -> str | None:
        raise SecretsUnavailable("The keychain is locked.")

    @override
    async def set(self, name: str, value: str) -> None:
        raise SecretsUnavailable("The keychain is locked.")


@pytest.fixture
def keychain(monkeypatch: pytest.MonkeyPatch) -> SessionSecrets:
    """What the installed console offers: here a home in memory."""
    own = SessionSecrets()
    offer(monkeypatch, lambda: own)
    return own


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command line without the console."""
    offer(monkeypatch)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir()
    return tmp_path / "keys" / "queue.key"


@pytest.fixture
def stored(cli: Cli) -> Cli:
    """A plain queue with one request in it."""
    cli.submit("/Tickets", "POST", "--zone", "z", "--set", "title=Printer")
    return cli


def listed(cli: Cli, *before: str) -> int:
    return int(cli.ok(*before, "list")["total"])


def test_with_the_keychain_everything_works_as_before(stored: Cli, keychain: SessionSecrets) -> None:
    assert stored.ok("encryption", "status")["encrypted"] is False
    done = stored("encryption", "encrypt")
    assert done.code == 0, done.err
    assert f"its key is in {keychain.describe()}" in done.out
    assert kind_of(stored.db) is FileKind.ENCRYPTED
    assert listed(stored) == 1
    stored.submit("/Tickets", "POST", "--zone", "z", "--set", "title=Second")
    status = stored.ok("encryption", "status")
    assert (status["key_in"], status["key_name"]) == (keychain.describe(), key_id_of(stored.db))
    assert "PRINTER" not in stored("encryption", "status").out.upper()

    before = key_id_of(stored.db)
    assert stored.ok("encryption", "rekey")["key_name"] != before
    assert listed(stored) == 2
    assert "It is plain now." in stored("encryption", "decrypt").out
    assert (listed(stored), kind_of(stored.db)) == (2, FileKind.PLAIN)
    kinds = [e["kind"] for e in stored.ok("audit", "list")["entries"]]
    assert [k for k in kinds if k.startswith("file_")] == ["file_decrypted", "file_rekeyed", "file_encrypted"]


def test_encrypting_again_takes_what_is_still_plain_beside_it(stored: Cli, keychain: SessionSecrets) -> None:
    copy = stored.db.with_name("queue.db.version-1")
    plain = stored.db.read_bytes()
    assert stored("encryption", "encrypt").code == 0
    copy.write_bytes(plain)
    assert stored.ok("encryption", "status")["plain_copies"] == [copy.name]
    assert "not encrypted: queue.db.version-1" in stored("doctor").out
    done = stored("encryption", "encrypt")
    assert "It was encrypted already." in done.out
    assert "queue.db.version-1 was converted too." in done.out
    assert kind_of(copy) is FileKind.ENCRYPTED


def test_a_key_file_opens_it_and_a_flag_goes_before_the_variable(
    stored: Cli, key_file: Path, nobody: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = stored("--key-file", str(key_file), "encryption", "encrypt")
    assert done.code == 0, done.err
    assert key_file.stat().st_mode & 0o077 == 0
    assert listed(stored, "--key-file", str(key_file)) == 1
    assert stored("list").code == 4
    monkeypatch.setenv("AUTOTASK_QUEUE_KEY_FILE", str(key_file))
    assert listed(stored) == 1
    other = key_file.with_name("other")
    other.touch(mode=0o600)
    other.write_text("ab" * 32, encoding="utf-8")
    wrong = stored("--json", "--key-file", str(other), "list")
    assert (wrong.code, wrong.error["code"]) == (4, "store_key_missing")
    assert f"It is not in the key file {other}." in wrong.error["message"]
    assert stored.ok("config", "check")["ok"] is True


def test_a_new_queue_is_encrypted_with_the_named_key(cli: Cli, key_file: Path, nobody: None) -> None:
    key_file.touch(mode=0o600)
    key_file.write_text("ab" * 32, encoding="utf-8")
    cli.before.extend(["--key-file", str(key_file)])
    cli.submit("/Tickets", "--zone", "z")
    assert kind_of(cli.db) is FileKind.ENCRYPTED
    assert cli.ok("encryption", "status")["key_in"] == f"the key file {key_file}"


def test_a_key_file_for_a_plain_file_is_not_passed_over(stored: Cli, key_file: Path) -> None:
    key_file.touch(mode=0o600)
    key_file.write_text("ab" * 32, encoding="utf-8")
    done = stored("--json", "--key-file", str(key_file), "list")
    assert (done.code, done.error["code"]) == (4, "store_not_encrypted")
    assert "encryption encrypt" in done.error["remedy"]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("hunter2", 0o600, "is no key"),
        ("", 0o600, "holds no key"),
        ("ab" * 32, 0o644, "chmod 600"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_bad_key_file_is_a_clear_error(
    stored: Cli, key_file: Path, content: str | None, mode: int, said: str
) -> None:
    if content is not None:
        key_file.write_text(content, encoding="utf-8")
        key_file.chmod(mode)
    before = stored.db.read_bytes()
    done = stored("--key-file", str(key_file), "list")
    assert done.code == 4
    assert said in done.err
    assert "hunter2" not in done.err
    assert stored.db.read_bytes() == before


def test_a_key_beside_the_queue_is_refused(stored: Cli) -> None:
    for command in ("--key-file K encryption encrypt", "encryption encrypt --in-file K"):
        done = stored(*(str(stored.folder / "k") if part == "K" else part for part in command.split()))
        assert done.code == 2
        assert "protects nothing" in done.err
    assert kind_of(stored.db) is FileKind.PLAIN


def test_a_passphrase_is_asked_for_and_may_be_mistyped(stored: Cli, nobody: None, typed: list[str]) -> None:
    typed += [PASSPHRASE, PASSPHRASE]
    done = stored("encryption", "encrypt", "--in-vault")
    assert done.code == 0, done.err
    assert "the passphrase vault" in done.out
    typed += ["not that one", PASSPHRASE]
    done = stored("list")
    assert done.code == 0
    assert "This passphrase does not open the queue. Try again." in done.err
    assert stored.ok("encryption", "status")["key_in"].startswith("the passphrase vault")
    assert "the passphrase vault" in stored("doctor").out

    typed += [PASSPHRASE, "quite another one", "quite another one"]
    assert stored("encryption", "passphrase").code == 0
    typed += [PASSPHRASE] * 3
    wrong = stored("--json", "list")
    assert (wrong.code, json.loads(wrong.err.splitlines()[-1])["error"]["code"]) == (4, "passphrase_wrong")
    typed += ["quite another one"]
    assert stored("encryption", "rekey").code == 0
    typed += ["quite another one"]
    assert "--forget-old-key removes it" in stored("encryption", "decrypt").err
    assert listed(stored) == 1
    typed += ["quite another one"] * 2
    assert stored("encryption", "encrypt", "--in-vault").code == 0
    assert stored("encryption", "decrypt", "--forget-old-key").code == 0
    assert len(json.loads(stored.db.with_name("queue.db.vault").read_text(encoding="utf-8"))["keys"]) == 2
    assert listed(stored) == 1


@pytest.mark.parametrize(
    ("answers", "said"),
    [(["short"], "at least 10"), ([PASSPHRASE, "other"], "differ")],
)
def test_a_passphrase_that_cannot_be_used_changes_nothing(
    stored: Cli, typed: list[str], answers: list[str], said: str
) -> None:
    before = stored.db.read_bytes()
    typed += [*answers, *["x"] * (2 - len(answers))]
    done = stored("encryption", "encrypt", "--in-vault")
    assert done.code == 4
    assert said in done.err
    assert stored.db.read_bytes() == before
    assert {p.name for p in stored.folder.iterdir()} <= {"queue.db", "queue.db.lock"}


def test_who_ends_the_input_instead_of_typing_changes_nothing(
    stored: Cli, nobody: None, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", ends)
    done = stored("--json", "encryption", "encrypt", "--in-vault")
    assert (done.code, done.error["code"]) == (4, "keys_unusable")
    assert kind_of(stored.db) is FileKind.PLAIN


def test_a_locked_keychain_and_nobody_to_ask_are_said_with_a_remedy(
    stored: Cli, keychain: SessionSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stored("encryption", "encrypt").code == 0
    before = stored.db.read_bytes()
    offer(monkeypatch, Locked)
    for command in (("list",), ("encryption", "rekey"), ("encryption", "decrypt")):
        done = stored("--json", *command)
        assert (done.code, done.error["code"]) == (4, "store_key_missing"), command
        assert "The keychain is locked." in done.error["message"]
        assert "--key-file" in done.error["remedy"]
    doctor = {c["name"]: c for c in stored("--json", "doctor").json["checks"]}
    assert "encrypted" in doctor["queue file"]["text"]
    assert (doctor["key"]["state"], doctor["key"]["remedy"] != "") == ("wrong", True)
    assert "locked" in doctor["key"]["text"]
    assert stored.db.read_bytes() == before
    offer(monkeypatch, lambda: keychain)
    assert listed(stored) == 1


def test_a_keychain_that_refuses_leaves_the_file_plain(stored: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, Locked)
    done = stored("--json", "encryption", "encrypt")
    assert (done.code, done.error["code"]) == (4, "secrets_unavailable")
    assert "--in-vault" in done.error["remedy"]
    offer(monkeypatch)
    assert "--in-vault" in stored("encryption", "encrypt").err
    assert listed(stored) == 1


def test_a_lost_key_and_a_damaged_vault_change_nothing(
    stored: Cli, keychain: SessionSecrets, typed: list[str]
) -> None:
    assert stored("encryption", "encrypt").code == 0
    name = key_id_of(stored.db)
    kept = keychain._values.pop(f"queue-key/{name}")
    before = stored.db.read_bytes()
    lost = stored("--json", "list")
    assert (lost.code, lost.error["code"]) == (4, "store_key_missing")
    assert name in lost.error["message"]
    vault = stored.db.with_name("queue.db.vault")
    vault.write_text("{", encoding="utf-8")
    damaged = stored("--json", "list")
    assert (damaged.code, damaged.error["code"]) == (4, "keys_unusable")
    assert "Restore" in damaged.error["remedy"]
    assert stored.db.read_bytes() == before
    keychain._values[f"queue-key/{name}"] = kept
    assert listed(stored) == 1


def test_while_a_program_has_it_open_commands_need_no_key_and_changes_are_refused(
    cli: Cli, owner: Owning, nobody: None, key_file: Path
) -> None:
    with owner():
        cli.submit("/Tickets", "--zone", "z")
        for command in ("encrypt", "decrypt", "rekey"):
            done = cli("--json", "encryption", command)
            assert (done.code, done.error["code"]) == (4, "store_in_use"), command
            assert "console" in done.error["message"]
            assert "Close that program" in done.error["remedy"]
    assert cli("--key-file", str(key_file), "encryption", "encrypt").code == 0


def test_there_must_be_a_queue_file(cli: Cli) -> None:
    for command in ("status", "encrypt", "decrypt", "rekey", "passphrase"):
        assert cli("encryption", command).code == 3
    assert cli("--redis", "redis://127.0.0.1:1", "encryption", "status").code == 2
    cli.db.write_bytes(b"a letter" * 100)
    assert cli("encryption", "encrypt").code == 4


def test_what_is_not_encrypted_is_not_decrypted(stored: Cli, typed: list[str]) -> None:
    for command in ("decrypt", "rekey"):
        done = stored("--json", "encryption", command)
        assert (done.code, done.error["code"]) == (4, "store_not_encrypted")
    assert "There is no passphrase vault" in stored("encryption", "passphrase").err


@pytest.mark.parametrize("encrypted", [True, False])
def test_what_was_put_in_stands_in_no_file_of_the_command_line(
    zoned: Cli, key_file: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    words = {name: f"plant{secrets.token_hex(8)}" for name in ("title", "reason", "edit", "failed")}
    monkeypatch.setenv("XDG_STATE_HOME", str(zoned.folder / "state"))
    if encrypted:
        KeyFile(key_file)._write(["ab" * 32])
        zoned.before.extend(["--key-file", str(key_file)])
    zoned.submit("/Tickets", "POST", "--set", f"title={words['title']}", *TICKET)
    zoned.submit("/Tickets", "POST", "--set", "title=x", *TICKET, "--summary", words["title"])
    zoned.submit("/Tickets", "PATCH", "--set", "id=999999999", "--set", f"title={words['failed']}")
    zoned.ok("edit", "2", "--set", f"title={words['edit']}")
    zoned.ok("cancel", "2", "--reason", words["reason"])
    zoned.ok("breaker", "force-open", "zone1", "--reason", words["reason"])
    zoned.ok("breaker", "release", "zone1", "--reason", words["reason"])
    zoned("--log-level", "debug", "worker", "--drain", "--for", "20s")
    zoned.ok("backup", str(zoned.folder / "copy.db"))
    files = [path for path in zoned.folder.rglob("*") if path.is_file()]
    assert {"queue.db", "copy.db", "worker.jsonl"} <= {path.name for path in files}
    found = {name for path in files for name, word in words.items() if word.encode() in path.read_bytes()}
    assert found == (set() if encrypted else set(words))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_at_a_real_terminal_the_passphrase_is_not_shown(stored: Cli) -> None:
    vault = stored.db.with_name("queue.db.vault")
    said = at_terminal(stored, ["encryption", "encrypt", "--in-vault"], [PASSPHRASE, PASSPHRASE])
    assert "its key is in the passphrase vault" in " ".join(said.split())
    said += at_terminal(stored, ["list", "--json"], [PASSPHRASE])
    assert '"total":1' in said
    assert PASSPHRASE not in said
    assert vault.exists()


def at_terminal(cli: Cli, arguments: list[str], answers: list[str]) -> str:
    """What a command shows at a terminal of its own, at which somebody types an answer after each prompt."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "autotask_queue", "--db", str(cli.db), *arguments]
    environ = os.environ | {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent"}
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environ, start_new_session=True
    ) as process:
        os.close(follower)
        shown, asked = b"", 0
        while chunk := _read(leader):
            shown += chunk
            if shown.count(b": ") > asked and shown.rstrip(b" ").endswith(b":") and asked < len(answers):
                os.write(leader, answers[asked].encode() + b"\n")
                asked += 1
        assert process.wait(20) == 0, shown
    os.close(leader)
    return shown.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # the other end is closed
        return b""
