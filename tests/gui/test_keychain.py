"""Only trustworthy keychains are used, a hanging one holds nobody, and a real one keeps secrets."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from tests.support.keyring import private_keyring, require_keyring
from typing_extensions import override

from autotask_console.platform import keychain
from autotask_console.platform.keychain import SystemSecrets, open_secrets
from autotask_queue import SecretsError, SecretsUnavailable, redact


class Keeping(KeyringBackend):
    """A keychain in memory that works."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}

    @override
    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    @override
    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Forgetting(Keeping):
    """Accepts and forgets, as keyring's `null` does."""

    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        pass

    @override
    def delete_password(self, service: str, username: str) -> None:
        pass


class Locked(Keeping):
    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("no")


class Absent(Keeping):
    priority = 0.0


class Hanging(Keeping):
    """Waits for its owner, who is away."""

    answer = threading.Event()

    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        self.answer.wait()
        raise KeyringLocked("the owner said no")


class RefusingLater(Keeping):
    @override
    def get_password(self, service: str, username: str) -> str | None:
        if username.startswith("zone1/"):
            raise KeyringLocked("locked meanwhile")
        return super().get_password(service, username)


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts the given classes on the allow-list, in place of the system's."""

    def allow(*kinds: type[KeyringBackend]) -> None:
        module = ModuleType("tests_keychains")
        for kind in kinds:
            setattr(module, kind.__name__, kind)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        listed = tuple((module.__name__, kind.__name__, f"Test {kind.__name__}") for kind in kinds)
        monkeypatch.setattr(keychain, "_ALLOWED", {sys.platform: listed})

    return allow


def test_secrets_are_kept_found_and_deleted(run: Any, backends: Any) -> None:
    backends(Keeping)

    async def scenario() -> None:
        secrets = open_secrets()
        assert secrets.describe() == "the system’s keychain"
        await secrets.set("zone1/secret", "s3cret-value")
        assert await secrets.get("zone1/secret") == "s3cret-value"
        assert await secrets.get("keyring:zone1/secret") == "s3cret-value"
        assert secrets.describe() == "Test Keeping"
        await secrets.delete("zone1/secret")
        await secrets.delete("zone1/secret")
        assert await secrets.get("zone1/secret") is None

    run(scenario())


def test_what_went_through_is_masked_everywhere(run: Any, backends: Any) -> None:
    backends(Keeping)

    async def scenario() -> None:
        await open_secrets().set("zone1/secret", "planted-in-a-log")

    run(scenario())
    assert "planted-in-a-log" not in redact("a log line with planted-in-a-log in it")


def test_nothing_is_asked_before_the_first_use(backends: Any) -> None:
    class Exploding(Keeping):
        def __init__(self) -> None:
            raise AssertionError("asked at start")

    backends(Exploding)
    open_secrets()


def test_the_first_that_keeps_a_probe_is_taken(run: Any, backends: Any) -> None:
    backends(Absent, Locked, Forgetting, Keeping)

    async def scenario() -> None:
        assert await open_secrets().check() == "Test Keeping"

    run(scenario())


@pytest.mark.parametrize("kinds", [(), (Forgetting,), (Locked,), (Absent,)])
def test_without_one_that_can_be_trusted_it_says_so(run: Any, backends: Any, kinds: Any) -> None:
    backends(*kinds)

    async def scenario() -> None:
        secrets = open_secrets()
        with pytest.raises(SecretsUnavailable) as caught:
            await secrets.set("zone1/secret", "x")
        assert "session only" in caught.value.remedy
        assert (caught.value.message == "Test Locked is locked.") is (kinds == (Locked,))

    run(scenario())


def test_the_environment_and_plain_text_backends_change_nothing(
    run: Any, backends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends(Forgetting)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    async def scenario() -> None:
        with pytest.raises(SecretsUnavailable):
            await open_secrets().get("zone1/secret")

    run(scenario())


def test_a_keychain_that_hangs_is_given_up_and_holds_nobody(run: Any, backends: Any) -> None:
    backends(Hanging)

    async def scenario() -> None:
        secrets = SystemSecrets(timeout=0.2)
        ticks = 0

        async def ticking() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.005)

        other = asyncio.ensure_future(ticking())
        with pytest.raises(SecretsUnavailable, match="did not answer within"):
            await secrets.set("zone1/secret", "x")
        assert ticks > 10
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)

    try:
        run(scenario())
    finally:
        Hanging.answer.set()


def test_a_refusal_is_an_error_with_a_remedy(run: Any, backends: Any) -> None:
    backends(RefusingLater)

    async def scenario() -> None:
        with pytest.raises(SecretsError, match="refused"):
            await open_secrets().get("zone1/secret")

    run(scenario())


def test_for_this_session_only(run: Any, backends: Any) -> None:
    backends()

    async def scenario() -> None:
        secrets = open_secrets()
        secrets.use_session_only()
        await secrets.set("session:zone1/secret", "x1234")
        assert await secrets.get("zone1/secret") == "x1234"
        assert await secrets.get("zone1/other") is None
        assert secrets.session_only
        assert secrets.describe() == "this session only"
        await secrets.delete("zone1/secret")
        assert await secrets.get("zone1/secret") is None

    run(scenario())


def test_the_shipped_list_names_no_plain_text_backend() -> None:
    modules = {module for entries in keychain._ALLOWED.values() for module, _, _ in entries}
    assert modules == {
        "keyring.backends.SecretService",
        "keyring.backends.libsecret",
        "keyring.backends.kwallet",
        "keyring.backends.Windows",
        "keyring.backends.macOS",
    }


@pytest.fixture
def real_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A private session bus with an unlocked GNOME keyring in an empty home."""
    require_keyring()
    with private_keyring(tmp_path) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.integration
def test_a_real_keyring_keeps_a_secret(run: Any, real_keyring: None) -> None:
    async def scenario() -> None:
        secrets = open_secrets()
        assert "Secret Service" in await secrets.check()
        await secrets.set("zone1/secret", "really kept ✓")
        assert await open_secrets().get("zone1/secret") == "really kept ✓"
        await secrets.delete("zone1/secret")
        assert await secrets.get("zone1/secret") is None

    run(scenario())


@pytest.mark.integration
def test_without_a_session_bus_it_says_so_soon(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("Linux only")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    monkeypatch.setenv("PATH", os.environ.get("PATH", ""))

    async def scenario() -> None:
        start = time.monotonic()
        with pytest.raises(SecretsUnavailable):
            await open_secrets().get("zone1/secret")
        assert time.monotonic() - start < keychain.TIMEOUT

    run(scenario())


LOCKING = """
import asyncio, secretstorage
from autotask_console.platform.keychain import open_secrets
from autotask_queue import SecretsUnavailable

async def main():
    await open_secrets().set("queue-key/1", "kept")
    secretstorage.get_default_collection(secretstorage.dbus_init()).lock()
    try:
        await open_secrets().get("queue-key/1")
    except SecretsUnavailable as error:
        print(error.message)

asyncio.run(main())
"""
"""In a process of its own: the backend leaves a connection open when it meets a locked keychain."""


@pytest.mark.integration
def test_a_keychain_that_is_really_locked_says_so_soon(real_keyring: None) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOCKING], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "Secret Service (GNOME Keyring, KeePassXC) is locked.\n", done.stderr
