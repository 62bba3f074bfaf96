"""A zone's sign-in: read once from the secrets' home, kept in memory, sent to the zone's own host only."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import ProcessorError, SecretsError
from autotask_queue.model.failure import Applied, Failure, FailureClass
from autotask_queue.ports import Secrets
from autotask_queue.transport import KNOWN_SECRETS

OWN_HEADERS = frozenset(
    {"apiintegrationcode", "username", "secret", "authorization", "host", "content-length", "cookie"}
)
"""Headers, in lower case, that only the program sets; they are never stored with a request."""
_HOME = re.compile(r"^[a-z]+:")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs in. Its text shows nothing of it."""

    user: str = field(repr=False)
    secret: str = field(repr=False)
    integration_code: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """The headers that Autotask wants with every call (autotask-api.md, 1.1)."""
        return {"ApiIntegrationCode": self.integration_code, "UserName": self.user, "Secret": self.secret}


class Credentials:
    """Reads sign-ins and remembers them for the session, so that a keychain asks its owner once."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._known: dict[str, Identity] = {}
        self._reading = asyncio.Lock()

    async def identity(self, name: str, zone: ZoneConfig) -> Identity:
        """The sign-in of a zone.

        Raises:
            ProcessorError: it is incomplete or its home is locked; nothing was sent.
        """
        async with self._reading:
            known = self._known.get(name)
            if known is None:
                known = await self._read(name, zone)
                self._known[name] = known
        return known

    def forget(self, name: str) -> None:
        """Reads anew next time: the sign-in was changed, or refused."""
        self._known.pop(name, None)

    async def _read(self, name: str, zone: ZoneConfig) -> Identity:
        if not zone.user:
            raise _incomplete(name, "user name")
        values = []
        for reference, part, word in (
            (zone.secret, "secret", "secret"),
            (zone.integration_code, "integration_code", "integration code"),
        ):
            value = await self._get(secret_name(reference, name, part))
            if not value:
                raise _incomplete(name, word)
            values.append(value)
        KNOWN_SECRETS.add(*values)
        return Identity(zone.user.strip(), *values)

    async def _get(self, name: str) -> str:
        try:
            value = await self._secrets.get(name)
        except SecretsError as error:
            failure = _auth("secrets_unavailable", error.title, error.message, error.remedy)
            raise ProcessorError(failure.message, remedy=failure.remedy, failure=failure) from None
        return (value or "").strip()


def secret_name(reference: str, zone: str, part: str) -> str:
    """The name in the secrets' home that a reference such as "keyring:zone1/secret" means.

    What stands before the colon says which home, for people. Without a name it is the zone's own:
    "zone1/secret".
    """
    return _HOME.sub("", reference) or f"{zone}/{part}"


def _incomplete(name: str, word: str) -> ProcessorError:
    message = f"The sign-in of {name} has no {word}. Your queue is safe; sending is paused."
    remedy = "Complete the sign-in; what waits is sent then."
    failure = _auth("sign_in_incomplete", "Sign-in is incomplete", message, remedy)
    return ProcessorError(message, remedy=remedy, failure=failure)


def _auth(code: str, title: str, message: str, remedy: str) -> Failure:
    return Failure(
        kind=FailureClass.AUTH, code=code, title=title, message=message, remedy=remedy, applied=Applied.NO
    )
