"""Says where credentials may go: to hosts of a known pattern over TLS, or to this computer itself."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, FailureClass


class HostGuard:
    """Refuses addresses that credentials must not reach.

    `hosts` matches whole host names in lower case. They must be spoken to by https on the usual port;
    loopback addresses may be anything, for demos and tests.
    """

    def __init__(self, hosts: re.Pattern[str]) -> None:
        self._hosts = hosts

    def trusts(self, url: str) -> bool:
        """Whether credentials may be sent to this address at all."""
        parts = _split(url)
        if parts is None or parts.hostname is None or parts.username is not None:
            return False
        if is_loopback(parts.hostname):
            return parts.scheme in {"http", "https"}
        named = self._hosts.fullmatch(parts.hostname.lower()) is not None
        return named and parts.scheme == "https" and _port(parts) == 443

    def check(self, url: str, *, home: str) -> None:
        """Lets an address pass if credentials may go there and it lies at `home`'s host.

        Raises:
            ProcessorError: it does not; nothing was sent.
        """
        if not self.trusts(url) or origin(url) != origin(home):
            raise ProcessorError(
                f"The sign-in was not sent to {_shown(url)}: that is not this zone’s Autotask server.",
                kind=FailureClass.AUTH,
                applied=Applied.NO,
                remedy="Correct the zone’s address, or leave it empty to have it found.",
            )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address, in lower case; empty parts where it is none."""
    parts = _split(url)
    if parts is None:
        return ("", "", 0)
    return (parts.scheme, (parts.hostname or "").lower(), _port(parts))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this computer, without asking the network."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _shown(url: str) -> str:
    host = origin(url)[1]
    return host or "that address"
