"""Sockets, encryption, Sentinel and Cluster: the same queue behind every kind of address."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.core.store.making import NOW, add, add_one, claim_ids, claim_one, complete, load, request
from tests.support.redis_server import LOOPBACK, RedisCluster, RedisServer

from autotask_queue.model.errors import StoreUnreachable, StoreUnsuitable
from autotask_queue.model.filters import RequestFilter
from autotask_queue.model.status import Status
from autotask_queue.ports import News
from autotask_queue.store.redis import RedisStore

pytestmark = pytest.mark.integration

PATIENCE = 30.0


@asynccontextmanager
async def opened(url: str, told: list[News] | None = None) -> AsyncIterator[RedisStore]:
    store = RedisStore(url)
    if told is not None:
        store.on_change(told.append)
    await store.open(now=NOW)
    try:
        yield store
    finally:
        await store.close()


async def work_through(url: str) -> None:
    """A short life of a queue, seen from two stores."""
    told: list[News] = []
    async with opened(url) as here, opened(url, told) as there:
        first, second, third = await add(here, request(lane="l"), request(lane="l"), request(data={"a": 1}))
        assert await claim_ids(there) == [first.id, third.id]
        await complete(there, await load(there, first.id))
        assert await claim_ids(here) == [second.id]
        assert [r.id for r in await there.find(RequestFilter(text="create"))] == [
            first.id,
            second.id,
            third.id,
        ]
        assert len(await here.attempts(first.id)) == 1
        assert [e.kind for e in await here.audit(request_id=first.id)] == ["completed", "claimed", "enqueued"]
        assert await here.size_bytes() > 0
        deadline = time.monotonic() + PATIENCE
        while there.counters() != here.counters() or News.WORK not in told:
            assert time.monotonic() < deadline, "it did not hear of it"
            await asyncio.sleep(0.01)


async def test_a_socket_on_this_computer(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = RedisServer(tmp_path / "server", "unixsocket", str(path))
    server.start()
    try:
        await work_through(f"unix://{path}?db=1")
    finally:
        server.stop()


# ---------------------------------------------------------------------------------------------
# Encryption


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    own, private = folder / "cert.pem", folder / "key.pem"
    own.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return own, private


@asynccontextmanager
async def encrypted_line(server: RedisServer, folder: Path) -> AsyncIterator[tuple[int, Path]]:
    """A port that speaks TLS and passes on to the server: not every server is built with it."""
    own, private = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, private)

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
        target.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, server.port)
        both = (pass_on(reader, there_writer), pass_on(there_reader, writer))
        await asyncio.gather(*both, return_exceptions=True)

    line = await asyncio.start_server(join, LOOPBACK, 0, ssl=context)
    async with line:
        yield line.sockets[0].getsockname()[1], own


async def test_an_encrypted_connection(redis_server: RedisServer, tmp_path: Path) -> None:
    async with encrypted_line(redis_server, tmp_path) as (port, own):
        await work_through(f"rediss://{LOOPBACK}:{port}/0?ssl_ca_certs={own}")


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    async with encrypted_line(redis_server, tmp_path) as (port, _):
        store = RedisStore(f"rediss://:hush@{LOOPBACK}:{port}/0")
        with pytest.raises(StoreUnreachable, match="encrypted") as caught:
            await store.open(now=NOW)
        assert "ssl_ca_certs" in caught.value.remedy
        assert "hush" not in str(caught.value)
        await store.close()


# ---------------------------------------------------------------------------------------------
# Sentinel


class Watched:
    """A primary with a replica, and a Sentinel that watches them."""

    def __init__(self, folder: Path) -> None:
        self.primary = RedisServer(folder / "primary", "repl-diskless-sync-delay", "0")
        self.replica = RedisServer(folder / "replica")
        self.sentinel = RedisServer(folder / "sentinel", mode="sentinel")

    def start(self) -> None:
        self.primary.start()
        self.replica.start()
        self.replica.command("REPLICAOF", LOOPBACK, str(self.primary.port))
        self.sentinel.start()
        self.sentinel.command("SENTINEL", "MONITOR", "main", LOOPBACK, str(self.primary.port), "1")
        for name, value in (("down-after-milliseconds", "300"), ("failover-timeout", "2000")):
            self.sentinel.command("SENTINEL", "SET", "main", name, value)

    def stop(self) -> None:
        for server in (self.sentinel, self.replica, self.primary):
            server.stop()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    made.start()
    yield made
    made.stop()


async def test_sentinel_says_where_the_primary_is(watched: Watched) -> None:
    await work_through(f"redis+sentinel://{LOOPBACK}:{watched.sentinel.port}/main/0")


async def test_a_service_that_sentinel_does_not_know(watched: Watched) -> None:
    store = RedisStore(f"redis+sentinel://{LOOPBACK}:{watched.sentinel.port}/other")
    with pytest.raises(StoreUnreachable):
        await store.open(now=NOW)
    await store.close()


@pytest.mark.slow
@pytest.mark.expected_logs("cannot be reached|replica")
async def test_the_queue_goes_on_when_the_replica_takes_over(watched: Watched) -> None:
    deadline = time.monotonic() + PATIENCE
    while b"slave0" not in watched.primary.command("INFO", "replication", room=4096) or b"slaves=1" not in (
        watched.sentinel.command("INFO", "sentinel", room=4096)
    ):
        assert time.monotonic() < deadline, "the replica did not join"
        await asyncio.sleep(0.05)
    async with opened(f"redis+sentinel://{LOOPBACK}:{watched.sentinel.port}/main") as store:
        one = await add_one(store)
        while watched.replica.command("HGET", "q:{autotask}:ids", one.id) != b"$1\r\n1\r\n":
            assert time.monotonic() < deadline, "the replica did not get it"
            await asyncio.sleep(0.01)
        watched.primary.kill()
        two = await _until_stored(store)
        assert await claim_ids(store) == [one.id, two]
        assert watched.replica.command("ROLE", room=64).startswith(b"*3\r\n$6\r\nmaster")


async def _until_stored(store: RedisStore) -> str:
    """Submits the same request again and again, as a caller would who got no receipt."""
    wanted = request()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            await store.enqueue([wanted], actor="")
        except StoreUnreachable:
            assert time.monotonic() < deadline, "nobody took over"
            await asyncio.sleep(0.1)
        else:
            return wanted.id


# ---------------------------------------------------------------------------------------------
# Cluster


@pytest.mark.slow
async def test_a_cluster_of_three(redis_cluster: RedisCluster) -> None:
    await work_through(redis_cluster.url)
    # Whichever server the queue's keys are on.
    for namespace in ("a", "b", "c", "d"):
        store = RedisStore(f"redis+cluster://{LOOPBACK}:{redis_cluster.nodes[0].port}", namespace=namespace)
        await store.open(now=NOW)
        one = await add_one(store)
        assert (await claim_one(store)).id == one.id
        await store.close()
        await store.open(now=NOW)
        assert (await load(store, one.id)).status is Status.UNCERTAIN
        await store.close()


@pytest.mark.slow
async def test_a_part_of_a_cluster_is_not_taken_for_a_server(redis_cluster: RedisCluster) -> None:
    store = RedisStore(redis_cluster.nodes[0].url)
    with pytest.raises(StoreUnsuitable) as caught:
        await store.open(now=NOW)
    assert "redis+cluster://" in caught.value.remedy
    await store.close()
