"""Who may call: the three headers, and in whose name a call writes."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping

import msgspec

from autotask_queue.catalogue import Entity
from autotask_queue.simulator.errors import bad_reference, unauthorized
from autotask_queue.simulator.rules import Actor, person
from autotask_queue.simulator.seed import API_USER
from autotask_queue.simulator.tables import Tables


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What an API user signs in with. The defaults are printed when the simulator starts."""

    user: str = "api.user@simulator.example"
    secret: str = "open-sesame-7"  # noqa: S105 - the simulator prints it; it opens nothing else
    integration_code: str = "SIMULATED00INTEGRATION00001"


class Access:
    """Checks the headers of a call; names of headers come in lower case.

    `failures` counts the refused calls in a row of each user: the real API locks the account after some.
    """

    def __init__(self, credentials: Credentials, *, any_credentials: bool) -> None:
        self._credentials = credentials
        self._any = any_credentials
        self.failures: Counter[str] = Counter()

    def check(self, headers: Mapping[str, str]) -> None:
        """Lets a call pass.

        Raises:
            Refusal: a header is missing or wrong.
        """
        user = headers.get("username", "")
        given = (user, headers.get("secret", ""), headers.get("apiintegrationcode", ""))
        if not all(given) or not (self._any or self._matches(given)):
            self.failures[user] += 1
            raise unauthorized()
        del self.failures[user]

    def knows(self, user: str) -> bool:
        """True if a zone can be found for that user name."""
        return bool(user) and (self._any or user.lower() == self._credentials.user.lower())

    def _matches(self, given: tuple[str, str, str]) -> bool:
        own = self._credentials
        wanted = (own.user.lower(), own.secret, own.integration_code)
        given = (given[0].lower(), *given[1:])
        return all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, wanted, strict=True))


def actor(tables: Tables, entity: Entity, headers: Mapping[str, str]) -> Actor:
    """In whose name a write is made: the API user's, or that of `ImpersonationResourceId`.

    Raises:
        Refusal: the impersonated resource does not exist or is no person.
    """
    named = headers.get("impersonationresourceid", "").strip()
    if not named or not entity.impersonation:
        return Actor(resource_id=API_USER)
    if not named.isdecimal() or len(named) > 18 or person(tables, int(named)) is None:
        raise bad_reference("ImpersonationResourceId", "Resource")
    return Actor(resource_id=int(named), impersonator_id=API_USER)
