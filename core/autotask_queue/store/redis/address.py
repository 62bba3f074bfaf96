"""Where a Redis queue is: addresses as people write them, without ever showing a password."""

from __future__ import annotations

from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

import msgspec
from typing_extensions import override

from autotask_queue.model.errors import ConfigError

Kind = Literal["server", "socket", "sentinel", "cluster"]

_KINDS: Final[dict[str, tuple[Kind, bool]]] = {
    "redis": ("server", False),
    "rediss": ("server", True),
    "unix": ("socket", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
_PORTS: Final[dict[Kind, int]] = {"server": 6379, "socket": 0, "sentinel": 26379, "cluster": 6379}
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")
_FORMS: Final = (
    "Write it as redis://host:6379/0, rediss://host:6379/0 (encrypted), unix:///path/to/socket?db=0, "
    "redis+sentinel://host1,host2/service/0 or redis+cluster://host1,host2; a user and a password stand "
    "before the host, as user:password@host, with special characters as %XX."
)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A server, its database, and who asks. `hosts` are several for Sentinel and Cluster.

    `service` is the name that Sentinel has for the primary; `options` are those of the address's query.
    """

    kind: Kind
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    tls: bool = False
    service: str = ""
    options: dict[str, str] = {}

    @property
    def shown(self) -> str:
        """For people and logs: without the password."""
        user = f"{self.username}@" if self.username else ""
        if self.kind == "socket":
            return f"unix://{user}{self.path} (database {self.db})"
        scheme = next(name for name, form in _KINDS.items() if form == (self.kind, self.tls))
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        service = f"/{self.service}" if self.service else ""
        db = "" if self.kind == "cluster" else f"/{self.db}"
        return f"{scheme}://{user}{hosts}{service}{db}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return tuple(s for s in (self.password, self.options.get("sentinel_password", "")) if s)

    @override
    def __repr__(self) -> str:
        """Without the password."""
        return f"Address({self.shown!r})"


def parse(url: str) -> Address:
    """The address that `url` names.

    Raises:
        ConfigError: it is none; what it says does not repeat the address, which may hold a password.
    """
    problems: list[str] = []
    parts = _split(url)
    form = _KINDS.get(parts.scheme) if parts is not None else None
    if parts is None or form is None:
        raise _wrong(f"it begins with none of {', '.join(f'{name}://' for name in _KINDS)}")
    kind, tls = form
    login, _, places = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = [unquote(part) for part in parts.path.split("/") if part]
    service = path.pop(0) if kind == "sentinel" and path else ""
    if kind == "sentinel" and not service:
        problems.append("the name of the service that Sentinel watches is missing")
    db = options.pop("db", "") or ("" if kind == "socket" else "/".join(path))
    allowed = (*(_TLS_OPTIONS if tls else ()), *(_SENTINEL_OPTIONS if kind == "sentinel" else ()))
    problems += [f"{name} is no option of it" for name in sorted(options.keys() - set(allowed))]
    if db and not (db.isascii() and db.isdigit()):
        problems.append("the database must be a number")
    if kind == "cluster" and db not in ("", "0"):
        problems.append("a cluster has database 0 only")
    hosts = () if kind == "socket" else _hosts(places, _PORTS[kind], problems)
    if kind == "socket" and not parts.path:
        problems.append("the path of the socket is missing")
    if problems:
        raise _wrong("; ".join(problems))
    return Address(
        kind=kind,
        hosts=hosts,
        path=unquote(parts.path) if kind == "socket" else "",
        db=int(db or 0),
        username=unquote(username),
        password=unquote(password),
        tls=tls,
        service=service,
        options=options,
    )


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _hosts(places: str, usual: int, problems: list[str]) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for place in places.split(","):
        host, port = place, ""
        if place.startswith("["):  # an IPv6 address
            host, _, port = place[1:].partition("]")
            port = port.removeprefix(":")
        elif ":" in place:
            host, _, port = place.partition(":")
        if not host:
            problems.append("the host is missing")
        elif port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            problems.append(f"{host} has no number from 1 to 65535 as its port")
        else:
            found.append((host, int(port or usual)))
    return tuple(found)


def _wrong(problem: str) -> ConfigError:
    return ConfigError(
        [f"persistence.connection.url is no address of a Redis server: {problem}"], remedy=_FORMS
    )


def compose(
    *, host: str, port: int = 6379, username: str = "", password: str = "", db: int = 0, tls: bool = False
) -> str:
    """An address from its parts, ready for `parse`."""
    login = f"{quote(username, safe='')}:{quote(password, safe='')}@" if username or password else ""
    place = f"[{host}]" if ":" in host else host
    return f"{'rediss' if tls else 'redis'}://{login}{place}:{port}/{db}"
