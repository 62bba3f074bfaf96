"""The same commands on a queue that is shared through a Redis server."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.conftest import TICKET, Done
from tests.support.redis_server import LOOPBACK, RedisServer, free_port

from autotask_queue import EchoProcessor, QuickSetup, new_encryption_key
from autotask_queue.cli import main

pytestmark = pytest.mark.integration

SECRET = "hush-hush"


class Cli:
    """Runs commands in this process, on one server."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *before: str) -> None:
        self._capsys = capsys
        self._before = before

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = main([*self._before, *arguments])
        captured = self._capsys.readouterr()
        assert SECRET not in captured.out + captured.err
        return Done(code, captured.out, captured.err)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], redis_server: RedisServer) -> Cli:
    return Cli(capsys, "--redis", redis_server.url)


def test_what_is_submitted_is_listed_shown_and_cancelled(cli: Cli) -> None:
    stored = cli("submit", "/Tickets", "POST", "--zone", "zone1", *TICKET)
    assert stored.code == 0, stored.err
    assert "memory only" in stored.err
    assert "/Tickets" in cli("list").out
    assert "held" in cli("show", "1").out
    assert cli("cancel", "1", "--reason", "a mistake").code == 0
    assert "cancelled" in cli("show", "1").out
    assert "cancelled" in cli("audit").out


def test_a_key_file_opens_a_queue_that_its_server_cannot_read(cli: Cli, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(new_encryption_key().hex())
    key_file.chmod(0o600)
    keyed = ("--key-file", str(key_file))
    assert cli(*keyed, "submit", "/Tickets", "POST", "--zone", "zone1", *TICKET).code == 0
    assert "/Tickets" in cli(*keyed, "list").out
    without = cli("list")
    assert without.code != 0
    assert "is encrypted" in without.err
    assert "--key-file" in without.err
    key_file.write_text(new_encryption_key().hex())
    assert "another key" in cli(*keyed, "list").err


def test_the_queue_is_the_one_that_programs_share(cli: Cli, redis_server: RedisServer) -> None:
    async def work() -> None:
        async with QuickSetup.redis(redis_server.url, processors={"echo": EchoProcessor()}) as queue:
            assert (await queue.enqueue("/Companies", "GET", "zone1")).status_code == 200

    import asyncio

    asyncio.run(work())
    assert cli("--json", "list", "--status", "completed").out.count('"/Companies"') == 1
    assert cli("metrics").code == 0
    assert cli("health").code == 0


def test_a_pause_is_there_for_the_next_program(cli: Cli) -> None:
    assert cli("pause", "--reason", "update").code == 0
    cli("submit", "/Tickets", "POST", "--zone", "zone1")
    assert "paused" in cli("health").out.lower()
    assert cli("resume").code == 0


def test_doctor_tells_what_the_server_keeps(cli: Cli) -> None:
    done = cli("doctor")
    assert done.code == 0, done.out
    assert "durability memory" in done.out
    assert "appendfsync always" in " ".join(done.out.split())
    assert "queue file" not in done.out


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    cli = Cli(capsys, "--redis", f"redis://{LOOPBACK}:{free_port()}/0")
    done = cli("list")
    assert done.code == 4
    assert "cannot be reached" in done.err
    assert "What to do: " in done.err
    assert cli("doctor").code == 1


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@h",
        f"redis://anna:{SECRET}@h/0",
        f"redis+sentinel://h/main?sentinel_password={SECRET}",
        f"redis://:{SECRET}%20%2F@h",
    ],
)
def test_a_password_in_the_address_is_refused(capsys: pytest.CaptureFixture[str], url: str) -> None:
    done = Cli(capsys, "--redis", url)("list")
    assert done.code == 2
    assert "secret" in done.err


def test_an_address_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    done = Cli(capsys, "--redis", "localhost:6379")("list")
    assert done.code == 2
    assert "begins with none of" in done.err


def test_two_queues_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    done = Cli(capsys, "--redis", "redis://h", "--db", str(tmp_path / "q.db"))("list")
    assert done.code == 2
    assert "two queues" in done.err


def test_the_address_may_stand_in_the_environment_or_in_the_file(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    redis_server: RedisServer,
) -> None:
    redis_server.command("ACL", "SETUSER", "anna", "on", f">{SECRET}", "~*", "&*", "+@all")
    url = f"redis://anna:{SECRET}@{LOOPBACK}:{redis_server.port}/0"
    file = tmp_path / "config.toml"
    file.write_text(
        f'[persistence]\nbackend = "redis"\n[persistence.connection]\nurl = "{url}"\nnamespace = "team"\n'
    )
    assert Cli(capsys, "--config", str(file))("submit", "/Tickets", "GET", "--zone", "z").code == 0
    monkeypatch.setenv("AUTOTASK_QUEUE_PERSISTENCE__BACKEND", "redis")
    monkeypatch.setenv("AUTOTASK_QUEUE_PERSISTENCE__CONNECTION__URL", url)
    monkeypatch.setenv("AUTOTASK_QUEUE_PERSISTENCE__CONNECTION__NAMESPACE", "team")
    assert "/Tickets" in Cli(capsys)("list").out
    assert "anna@" in Cli(capsys)("doctor").out
    redis_server.command("ACL", "DELUSER", "anna")
    assert "user and password" in Cli(capsys)("list").err


def test_a_wrong_address_in_the_file_is_named_without_being_repeated(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[persistence]\nbackend = "redis"\n[persistence.connection]\nurl = "redis://:{SECRET}@h:port"\n'
    )
    done = Cli(capsys, "--config", str(file))("list")
    assert done.code == 2
    assert "persistence.connection.url" in done.err


def test_a_file_named_with_a_flag_wins_over_a_server_in_the_settings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[persistence]\nbackend = "redis"\n[persistence.connection]\nurl = "redis://nowhere"\n')
    cli = Cli(capsys, "--config", str(file), "--db", str(tmp_path / "queue.db"))
    assert cli("submit", "/Tickets", "GET", "--zone", "z").code == 0
    assert (tmp_path / "queue.db").exists()
