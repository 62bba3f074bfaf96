"""A sign-in's details: tested against Autotask, and kept where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from autotask_console.models.references import zone_of
from autotask_queue import HttpxTransport, ZoneConfig, check_sign_in
from autotask_queue.autotask import SignInReport

if TYPE_CHECKING:
    from autotask_console.pages.base import Services


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What a person filled in. Its text never shows the secrets."""

    user: str = ""
    secret: str = ""
    integration_code: str = ""
    address: str = ""
    resource_id: int | None = None

    @override
    def __repr__(self) -> str:
        return f"Details(user={self.user!r}, address={self.address!r})"

    def missing(self) -> tuple[str, ...]:
        """Which of the needed fields are empty."""
        return tuple(name for name in ("user", "secret", "integration_code") if not getattr(self, name))


def zone_to_change(services: Services, wanted: object) -> str:
    """The zone that is signed in to: the one named, else the first there is, else a new one."""
    if isinstance(wanted, str) and wanted:
        return wanted
    return zone_of(services.queue)


async def with_stored_secrets(services: Services, zone: str, details: Details) -> Details:
    """The details with what was left empty taken from the keychain, as far as it is there.

    Raises:
        SecretsError: the keychain is locked or refuses.
    """
    if zone not in services.queue.zones:
        return details
    secret = details.secret or await services.secrets.get(f"{zone}/secret") or ""
    code = details.integration_code or await services.secrets.get(f"{zone}/integration_code") or ""
    return msgspec.structs.replace(details, secret=secret, integration_code=code)


async def test(services: Services, details: Details) -> SignInReport:
    """Asks Autotask step by step. Never raises for what it tests."""
    zone = ZoneConfig(url=_address(services, details), user=details.user)
    transport = HttpxTransport()
    try:
        return await check_sign_in(zone, details.secret, details.integration_code, transport=transport)
    finally:
        await transport.close()


async def save(services: Services, name: str, details: Details, *, found_url: str = "") -> None:
    """Secrets to the keychain, references to the settings, and the queue signs in.

    The address is kept only where a person gave one, so that a tenant that moves is found again; in the
    demo it is the simulator's.

    Raises:
        SecretsError: the keychain did not take them; nothing was changed.
        NoProcessor: this queue was made without sign-ins.
    """
    await services.secrets.set(f"{name}/secret", details.secret)
    await services.secrets.set(f"{name}/integration_code", details.integration_code)
    before = services.queue.zones.get(name, ZoneConfig())
    zone = msgspec.structs.replace(
        before,
        url=details.address or (found_url if services.bootstrap_url else ""),
        user=details.user,
        secret=f"keyring:{name}/secret",
        integration_code=f"keyring:{name}/integration_code",
        resource_id=details.resource_id,
    )
    services.settings.set_zone(name, zone)
    await services.queue.set_zone(name, zone)
    services.store.look_again()


def _address(services: Services, details: Details) -> str:
    return details.address or services.bootstrap_url or ""
