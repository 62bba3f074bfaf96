"""The connections to a server: one client, whichever kind of address it was made from."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from autotask_queue.model.errors import StoreError
from autotask_queue.store.redis.address import Address
from autotask_queue.store.redis.failures import explain, is_passing
from autotask_queue.store.redis.scripts import Script

CONNECT_TIMEOUT: Final = 5.0
ANSWER_TIMEOUT: Final = 15.0
"""Seconds: a server that writes every change to its disk may take a while when that disk is busy."""
_CONNECTIONS: Final = 16
_PING_AFTER: Final = 20.0
"""Seconds without a word after which a connection is tried before it is used."""

_MISSING: Final = "The package redis is not installed, and a queue in Redis needs it."


class Link:
    """Runs scripts on the server. `key` is the one key that every script is given.

    All keys of a namespace share the hash tag `{namespace}`, so that a cluster keeps them together.
    """

    def __init__(self, address: Address, *, namespace: str) -> None:
        self.address = address
        self.key = f"q:{{{namespace}}}:ctl"
        self.channel = f"q:{{{namespace}}}:news"
        self._client: Any = None
        self._sentinel: Any = None

    @property
    def is_open(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    async def open(self) -> None:
        """Makes the client and says hello.

        Raises:
            StoreError: the server cannot be reached or does not let us in.
        """
        try:
            self._client = self._make_client()
        except ImportError as error:
            raise StoreError(_MISSING, remedy="Install it: pip install 'autotask-queue[redis]'.") from error
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                if self.address.kind == "cluster":
                    await self._client.initialize()
                await self._client.ping()
        except self.errors as error:
            await self.close()
            raise explain(error, self.address) from error

    async def close(self) -> None:
        """Ends every connection."""
        client, self._client = self._client, None
        sentinel, self._sentinel = self._sentinel, None
        if client is not None:
            with contextlib.suppress(*self.errors):
                await client.aclose()
        for watcher in sentinel.sentinels if sentinel is not None else ():
            with contextlib.suppress(*self.errors):
                await watcher.aclose()

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """All that a call may fail with."""
        from redis import exceptions

        return (exceptions.RedisError, exceptions.RedisClusterException, OSError)

    # -- calls

    async def run(self, script: Script, arguments: Sequence[bytes]) -> list[bytes]:
        """What the script answers. Raises `errors` as they come.

        A call that fails may have been carried out.
        """
        from redis import exceptions

        client = self._open_client()
        async with asyncio.timeout(ANSWER_TIMEOUT):
            try:
                found: list[bytes] = await client.evalsha(script.sha, 1, self.key, *arguments)
            except exceptions.NoScriptError:  # a new server, or one that was restarted
                found = await client.eval(script.text, 1, self.key, *arguments)
            return found

    async def ask(self, script: Script, *arguments: bytes) -> list[bytes]:
        """As `run`, for what may be asked twice.

        Raises:
            StoreError: the server did not answer.
        """
        client = self._open_client()
        try:
            try:
                return await self.run(script, arguments)
            except self.errors as error:
                if not is_passing(error):
                    raise
                return await self.run(script, arguments)
        except self.errors as error:
            if self._client is not client:
                raise self._closed() from error
            raise explain(error, self.address) from error

    async def command(self, *words: str | bytes | float) -> Any:
        """A single command on the server that holds the queue.

        Raises:
            StoreError: it did not do it.
        """
        client = self._open_client()
        options: dict[str, Any] = {}
        if self.address.kind == "cluster":
            options["target_nodes"] = client.get_node_from_key(self.key)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                return await client.execute_command(*words, **options)
        except self.errors as error:
            raise explain(error, self.address) from error

    async def reconnect(self) -> None:
        """Lets go of connections that may lead to a server that is no primary any more."""
        client = self._client
        pool = getattr(client, "connection_pool", None)
        with contextlib.suppress(*self.errors):
            if pool is not None:
                await pool.disconnect(inuse_connections=False)

    def listener(self) -> Any:
        """A subscriber with a connection of its own; None if the client cannot subscribe."""
        make = getattr(self._open_client(), "pubsub", None)
        return None if make is None else make(ignore_subscribe_messages=True)

    def _open_client(self) -> Any:
        if self._client is None:
            raise self._closed()
        return self._client

    def _closed(self) -> StoreError:
        return StoreError("The queue is not open.", remedy="Open the queue first.")

    # -- clients

    def _make_client(self) -> Any:
        from redis.asyncio import (
            BlockingConnectionPool,
            Connection,
            Redis,
            SSLConnection,
            UnixDomainSocketConnection,
        )

        address, options = self.address, self._options()
        match address.kind:
            case "sentinel":
                return self._make_sentinel(options)
            case "cluster":
                return self._make_cluster(options)
            case "socket":
                return Redis.from_pool(
                    BlockingConnectionPool(
                        connection_class=UnixDomainSocketConnection,
                        path=address.path,
                        db=address.db,
                        max_connections=_CONNECTIONS,
                        **options,
                    )
                )
            case "server":
                ((host, port),) = address.hosts[:1]
                return Redis.from_pool(
                    BlockingConnectionPool(
                        connection_class=SSLConnection if address.tls else Connection,
                        host=host,
                        port=port,
                        db=address.db,
                        max_connections=_CONNECTIONS,
                        **options,
                    )
                )

    def _make_sentinel(self, options: dict[str, Any]) -> Any:
        from redis.asyncio import sentinel

        make_sentinel: Any = sentinel.Sentinel  # it has no types
        address = self.address
        own = {name: value for name, value in options.items() if name not in ("username", "password")}
        login = {
            "username": address.options.get("sentinel_username"),
            "password": address.options.get("sentinel_password"),
        }
        secure = {"ssl": True} if address.tls else {}
        self._sentinel = make_sentinel(
            list(address.hosts), sentinel_kwargs={**own, **{k: v for k, v in login.items() if v}, **secure}
        )
        return self._sentinel.master_for(address.service, db=address.db, **secure, **options)

    def _make_cluster(self, options: dict[str, Any]) -> Any:
        from redis.asyncio.cluster import ClusterNode, RedisCluster

        nodes = [ClusterNode(host, port) for host, port in self.address.hosts]
        return RedisCluster(startup_nodes=nodes, ssl=self.address.tls, **options)

    def _options(self) -> dict[str, Any]:
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        address = self.address
        tls = {name: value for name, value in address.options.items() if name.startswith("ssl_")}
        return {
            "username": address.username or None,
            "password": address.password or None,
            "protocol": 2,
            # No limit of the client's own: it waits with asyncio.wait_for, which in Python 3.11 swallows a
            # cancellation that comes at the wrong moment (cpython issue 86296). `run` and `command` have one.
            "socket_timeout": None,
            "socket_connect_timeout": CONNECT_TIMEOUT,
            **({} if address.kind == "socket" else {"socket_keepalive": True}),
            "health_check_interval": _PING_AFTER,
            # The queue knows better what may be sent twice, and how long to try.
            "retry": Retry(NoBackoff(), 0),
            **tls,
        }
