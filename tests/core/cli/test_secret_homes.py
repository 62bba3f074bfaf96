"""Where secrets come from: a private file, the console's keychain, or a person."""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.core.cli.conftest import offer
from typing_extensions import override

from autotask_queue import SecretsError, SecretsUnavailable, SessionSecrets, ZoneConfig
from autotask_queue.cli.secret_homes import ENTRY_POINTS, CommandLineSecrets, read_secrets_file
from autotask_queue.transport import KNOWN_SECRETS

ZONE = ZoneConfig(user="api@example.com", secret="keyring:zone1/secret")
NEEDED = [("zone1", "secret"), ("zone1", "integration_code")]


def private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


class Locked(SessionSecrets):
    """A keychain that does not open."""

    @override
    async def get(self, name: str) -> str | None:
        raise SecretsUnavailable("locked")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> SessionSecrets:
    """What the installed console offers: here a home in memory."""
    own = SessionSecrets({"zone1/secret": "from-the-keychain"})
    offer(monkeypatch, lambda: own)
    return own


# ---------------------------------------------------------------------------------------------
# The file


@pytest.mark.parametrize(
    "text",
    [
        '"zone1/secret" = "first-in-file"\n"zone1/integration_code" = "second-in-file"',
        '[zone1]\nsecret = "first-in-file"\nintegration_code = "second-in-file"',
        '{"zone1": {"secret": "first-in-file", "integration_code": "second-in-file"}}',
        '{"zone1/secret": "first-in-file", "zone1/integration_code": "second-in-file"}',
    ],
)
async def test_a_file_in_any_of_its_forms(tmp_path: Path, text: str) -> None:
    secrets = CommandLineSecrets(private(tmp_path / "secrets", text))
    assert await secrets.missing({"zone1": ZONE}) == []
    assert await secrets.get("zone1/integration_code") == "second-in-file"
    assert await secrets.get("zone2/secret") is None
    assert secrets.describe() == str(tmp_path / "secrets")
    assert "first-in-file" not in KNOWN_SECRETS.mask("the value is first-in-file")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "secrets.toml", '"zone1/secret" = "first-in-file"')
    path.chmod(mode)
    with pytest.raises(SecretsError, match="Others on this computer") as caught:
        read_secrets_file(path)
    assert f"chmod 600 {path}" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    ["hunter2 hunter2", "{hunter2",
     "[zone1]\nsecret = hunter2", '[zone1]\nsecret = ["hunter2"]', "", "[zone1]",
     '"zone1/secret" = 7', '{"zone1": {"secret": {"x": "hunter2"}}}', "[" * 50_000],
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(SecretsError) as caught:
        read_secrets_file(private(tmp_path / "secrets", text))
    assert "hunter2" not in str(caught.value)
    assert "secret = " in caught.value.remedy


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="cannot be read"):
        read_secrets_file(tmp_path / "missing")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "bytes").chmod(0o600)
    with pytest.raises(SecretsError, match="neither TOML nor JSON"):
        read_secrets_file(tmp_path / "bytes")


# ---------------------------------------------------------------------------------------------
# Homes and people


async def test_the_console_s_keychain_is_asked(home: SessionSecrets) -> None:
    secrets = CommandLineSecrets()
    assert await secrets.get("zone1/secret") == "from-the-keychain"
    assert await secrets.missing({"zone1": ZONE}) == [("zone1", "integration_code")]
    assert secrets.describe() == home.describe()


async def test_a_named_file_is_used_instead(home: SessionSecrets, tmp_path: Path) -> None:
    file = private(tmp_path / "secrets", '"zone1/secret" = "from-the-file"')
    assert await CommandLineSecrets(file).get("zone1/secret") == "from-the-file"


async def test_the_entry_point_of_the_console_is_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = importlib.metadata.entry_points(group=ENTRY_POINTS)
    assert entry.value == "autotask_console.platform.keychain:open_secrets"
    assert "keychain" in CommandLineSecrets().describe()


async def test_a_broken_package_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> SessionSecrets:
        raise ImportError("no such library")

    offer(monkeypatch, broken, lambda: SessionSecrets({"zone1/secret": "first-in-file"}))
    assert await CommandLineSecrets().get("zone1/secret") == "first-in-file"


async def test_what_is_missing_is_asked_for_once(home: SessionSecrets, typed: list[str]) -> None:
    secrets = CommandLineSecrets()
    typed.append(" typed-code ")
    secrets.ask_for(await secrets.missing({"zone1": ZONE}), {"zone1": ZONE})
    assert await secrets.get("zone1/integration_code") == "typed-code"
    assert await secrets.missing({"zone1": ZONE}) == []
    assert "typed-code" not in KNOWN_SECRETS.mask("typed-code")


async def test_a_locked_keychain_lets_a_person_type(
    monkeypatch: pytest.MonkeyPatch, typed: list[str]
) -> None:
    offer(monkeypatch, Locked)
    secrets = CommandLineSecrets()
    assert await secrets.missing({"zone1": ZONE}) == NEEDED
    typed += ["typed-one", "typed-two"]
    secrets.ask_for(NEEDED, {"zone1": ZONE})
    assert await secrets.get("zone1/secret") == "typed-one"


def test_an_empty_answer_is_no_secret(typed: list[str]) -> None:
    typed.append("  ")
    with pytest.raises(SecretsUnavailable, match="No secret was given for zone1"):
        CommandLineSecrets().ask_for(NEEDED, {"zone1": ZONE})


def test_without_a_terminal_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(SecretsUnavailable, match="zone1/secret, zone1/integration_code") as caught:
        CommandLineSecrets().ask_for(NEEDED, {"zone1": ZONE})
    assert "--secrets-file" in caught.value.remedy


async def test_nothing_offered_is_nothing_found(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch)
    secrets = CommandLineSecrets()
    assert await secrets.get("zone1/secret") is None
    assert secrets.describe().startswith("nowhere")
    await secrets.set("x", json.dumps("value"))
    assert await secrets.get("x") == '"value"'
    await secrets.delete("x")
    assert await secrets.get("x") is None
