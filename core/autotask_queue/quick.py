"""`QuickSetup`: a running queue in one line."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from typing_extensions import override

from autotask_queue.manager import QueueManager
from autotask_queue.model.config import QueueConfig, ZoneConfig, build_config, config_to_dict
from autotask_queue.model.presets import (
    create_default_configuration,
    create_production_configuration,
    create_redis_configuration,
)
from autotask_queue.ports import QueueProcessor
from autotask_queue.store.redis.address import compose


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """How to sign in to one zone. An empty `url` is found through Autotask's zone discovery."""

    user: str
    """The API user's name."""
    secret: str
    """The API user's secret."""
    integration_code: str
    """The integration's tracking identifier."""
    url: str = ""
    impersonate: int | None = None
    """Resource id to act as on notes and time entries."""
    resource_id: int | None = None
    """The technician's own resource id."""

    @override
    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Credentials(user={self.user!r}, url={self.url!r})"


class SessionSecrets:
    """Secrets kept in memory for as long as the program runs."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    async def get(self, name: str) -> str | None:
        """The secret called `name`, or None."""
        return self._values.get(name)

    async def set(self, name: str, value: str) -> None:
        """Keeps the secret `value` under `name`."""
        self._values[name] = value

    async def delete(self, name: str) -> None:
        """Forgets the secret called `name`."""
        self._values.pop(name, None)

    def describe(self) -> str:
        """For people."""
        return "this session only"


class QueueSetup:
    """A queue about to run: use it with `async with`, or `await` it and call `shutdown` yourself."""

    def __init__(self, manager: QueueManager) -> None:
        self._manager = manager

    async def __aenter__(self) -> QueueManager:
        return await self._manager.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._manager.__aexit__(kind, error, trace)

    def __await__(self) -> Generator[Any, None, QueueManager]:
        return self._manager.__aenter__().__await__()


class QuickSetup:
    """Ready-made queues. `processors` do the work, or `credentials` by zone send it to Autotask.

    Further keywords (`config`) are settings, as in `create_default_configuration`.
    """

    @staticmethod
    def memory(
        *,
        processors: Mapping[str, QueueProcessor] | None = None,
        credentials: Mapping[str, Credentials] | None = None,
        **config: Any,
    ) -> QueueSetup:
        """A queue that lives as long as the process."""
        base = create_default_configuration(**config)
        memory = build_config(config_to_dict(base), {"persistence": {"backend": "memory"}})
        return _setup(memory, processors, credentials)

    @staticmethod
    def sqlite(
        path: str | Path,
        *,
        processors: Mapping[str, QueueProcessor] | None = None,
        credentials: Mapping[str, Credentials] | None = None,
        encryption_key: bytes | None = None,
        **config: Any,
    ) -> QueueSetup:
        """A queue in a file: what was acknowledged survives a crash and a power cut.

        Args:
            path: the file; it and its folder are made if they are missing.
            processors: who does the work.
            credentials: how to sign in to Autotask, by zone.
            encryption_key: 32 random bytes that encrypt the whole file; needs autotask-queue[encrypted].
            config: settings, as in `create_production_configuration`.

        Raises:
            ConfigError: a setting is wrong, or the key is not 32 bytes.
            EncryptionUnavailable: SQLCipher is not installed.
        """
        persistence = {"backend": "sqlite", "connection": {"db_path": os.fspath(path)}}
        base = create_production_configuration(**config)
        return _setup(
            build_config(config_to_dict(base), {"persistence": persistence}),
            processors,
            credentials,
            encryption_key,
        )

    @staticmethod
    def redis(
        url: str | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 6379,
        username: str = "",
        password: str = "",
        db: int = 0,
        tls: bool = False,
        namespace: str = "autotask",
        processors: Mapping[str, QueueProcessor] | None = None,
        credentials: Mapping[str, Credentials] | None = None,
        encryption_key: bytes | None = None,
        **config: Any,
    ) -> QueueSetup:
        """A queue on a Redis server, shared by all who open it there; needs autotask-queue[redis].

        All that send from it need the same `processors` or `credentials`. What was acknowledged survives what
        the server's own settings make it survive: the receipt says which.

        Args:
            url: redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://; in place of host to tls.
            host: the server's name or address.
            port: its port.
            username: an ACL user; empty for the default one.
            password: the user's.
            db: the number of the database.
            tls: whether the connection is encrypted.
            namespace: the queue's name on that server.
            processors: who does the work.
            credentials: how to sign in to Autotask, by zone.
            encryption_key: 32 random bytes that encrypt what people wrote before the server gets it; all who
                open the queue need the same, for its whole life. A spool file is encrypted with it, too.
            config: settings, as in `create_redis_configuration`.

        Raises:
            ConfigError: the address, the key or a setting is wrong; a password is never repeated.
            EncryptionUnavailable: there is a key and a spool file, and SQLCipher is not installed.
        """
        place = url or compose(host=host, port=port, username=username, password=password, db=db, tls=tls)
        persistence = {"backend": "redis", "connection": {"url": place, "namespace": namespace}}
        base = create_redis_configuration(**config)
        return _setup(
            build_config(config_to_dict(base), {"persistence": persistence}),
            processors,
            credentials,
            encryption_key,
        )


def _setup(
    config: QueueConfig,
    processors: Mapping[str, QueueProcessor] | None,
    credentials: Mapping[str, Credentials] | None,
    encryption_key: bytes | None = None,
) -> QueueSetup:
    if not credentials:
        return QueueSetup(QueueManager(config, processors=processors, encryption_key=encryption_key))
    secrets, zones = {}, dict(config.zones)
    for name, c in credentials.items():
        secrets[f"{name}/secret"] = c.secret
        secrets[f"{name}/integration_code"] = c.integration_code
        zones[name] = msgspec.structs.replace(
            zones.get(name, ZoneConfig()),
            secret="",
            integration_code="",
            url=c.url,
            user=c.user,
            impersonate=c.impersonate,
            resource_id=c.resource_id,
        )
    config = msgspec.structs.replace(config, zones=zones)
    home = SessionSecrets(secrets)
    return QueueSetup(
        QueueManager(config, processors=processors, secrets=home, encryption_key=encryption_key)
    )
