"""Each fault, seen from the wire and in the log; and how faults are chosen and ended."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
from tests.core.simulator.client import TICKET, Api, until

from autotask_queue.simulator import FaultKind, Simulator, run_simulator

pytestmark = pytest.mark.integration


async def raw(sim: Simulator, head: str, body: bytes = b"") -> bytes:
    """Every byte that comes back until the server closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sim.url.rsplit(":", 1)[1]))
    credentials = sim.credentials
    try:
        lines = [
            f"{head} HTTP/1.1",
            "Host: x",
            f"UserName: {credentials.user}",
            f"Secret: {credentials.secret}",
            f"ApiIntegrationCode: {credentials.integration_code}",
            f"Content-Length: {len(body)}",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        writer.write(body)
        await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


IMPATIENT = httpx.Timeout(20, read=0.2)
CREATE = "POST /atservicesrest/v1.0/Tickets"
BODY = json.dumps(TICKET).encode()


def last_write(api: Api) -> tuple[bool, bool]:
    write = api.sim.state()["writes"][-1]
    return write["applied"], write["replied"]


def tickets(api: Api) -> int:
    return len(api.rows("Tickets"))


async def test_offline(api: Api) -> None:
    api.sim.add_fault("offline")
    before = api.sim.state()
    assert await raw(api.sim, CREATE, BODY) == b""
    assert api.sim.state() == before
    with pytest.raises(httpx.TransportError):
        await api.call("GET", "/Version")
    await api.sim.end_faults()
    await api.create("/Tickets", TICKET)


async def test_offline_with_the_port_closed(api: Api) -> None:
    await api.done("GET", "/Version")  # leaves a connection that could be used again
    id_ = api.sim.add_fault("offline", refuse=True)
    for _ in range(3):
        with pytest.raises(httpx.TransportError):
            await api.call("GET", "/Version")
    with pytest.raises(httpx.ConnectError):
        await api.call("GET", "/Version")
    assert api.sim.state()["requests"] == 1

    faults = (await api.http.get(f"{api.sim.control_url}/_sim/faults")).json()["faults"]
    assert [fault["id"] for fault in faults] == [id_]
    await api.http.delete(f"{api.sim.control_url}/_sim/faults/{id_}")
    await api.done("GET", "/Version")


async def test_the_port_stays_closed_until_the_last_such_fault_ends(api: Api) -> None:
    first, second = (api.sim.add_fault("offline", refuse=True) for _ in range(2))
    await api.sim.end_fault(first)
    with pytest.raises(httpx.ConnectError):
        await api.call("GET", "/Version")
    await api.sim.end_fault(second)
    await api.done("GET", "/Version")


async def test_latency(api: Api) -> None:
    api.sim.add_fault("latency", latency=0.3)
    start = time.perf_counter()
    await api.create("/Tickets", TICKET)
    assert time.perf_counter() - start >= 0.3
    assert last_write(api) == (True, True)


async def test_a_client_that_gives_up_does_not_stop_the_server(api: Api) -> None:
    api.sim.add_fault("latency", latency=60, route="POST /Tickets")
    before = tickets(api)
    with pytest.raises(httpx.ReadTimeout):
        await api.call("POST", "/Tickets", TICKET, timeout=IMPATIENT)
    await until(lambda: bool(api.sim.state()["writes"]))
    assert (tickets(api), last_write(api)) == (before, (False, False))
    api.sim._gate.stop()  # lets the delayed call go on
    await until(lambda: last_write(api) == (True, False))
    assert tickets(api) == before + 1


async def test_latency_of_every_call(http: httpx.AsyncClient) -> None:
    async with run_simulator(latency=0.2) as sim:
        start = time.perf_counter()
        await Api(http, sim).done("GET", "/Version")
        assert time.perf_counter() - start >= 0.2


@pytest.mark.parametrize(("kind", "status"), [("status_503", 503), ("html_500", 500)])
async def test_html_instead_of_an_answer(api: Api, kind: str, status: int) -> None:
    api.sim.add_fault(kind)
    before = tickets(api)
    answer = await api.call("POST", "/Tickets", TICKET)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!DOCTYPE html>")
    assert (tickets(api), last_write(api)) == (before, (False, True))


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("thread_limit", 429, "thread threshold of 3 threads has been exceeded"),
        ("hourly_limit", 429, "10000-10000-60"),
        ("unauthorized", 401, None),
    ],
)
async def test_refusals(api: Api, kind: str, status: int, text: str | None) -> None:
    api.sim.add_fault(kind)
    before = tickets(api)
    answer = await api.call("POST", "/Tickets", TICKET)
    assert answer.status_code == status
    assert (text in answer.json()["errors"][0]) if text else (answer.content == b"")
    assert (tickets(api), last_write(api)) == (before, (False, True))


async def test_hang_until_the_client_gives_up(api: Api) -> None:
    api.sim.add_fault("hang", route="POST /Tickets")
    before = tickets(api)
    with pytest.raises(httpx.ReadTimeout):
        await api.call("POST", "/Tickets", TICKET, timeout=IMPATIENT)
    await until(lambda: bool(api.sim.state()["writes"]))
    assert (tickets(api), last_write(api)) == (before, (False, False))
    await api.done("GET", "/Version")


async def test_hang_until_the_fault_ends(api: Api) -> None:
    id_ = api.sim.add_fault("hang", count=1)
    async with asyncio.TaskGroup() as group:
        hanging = group.create_task(raw(api.sim, CREATE, BODY))
        await until(lambda: bool(api.sim.state()["writes"]))
        assert not hanging.done()
        assert api.sim.faults() == []  # used up, and yet it can be ended
        assert await api.sim.end_fault(id_)
    assert hanging.result() == b""
    assert last_write(api) == (False, False)


async def test_hang_until_its_time_is_up(api: Api) -> None:
    api.sim.add_fault("hang", seconds=1.0)
    start = time.perf_counter()
    assert await raw(api.sim, CREATE, BODY) == b""
    assert time.perf_counter() - start < 5
    assert last_write(api) == (False, False)


async def test_stopping_lets_hanging_and_slow_calls_go(http: httpx.AsyncClient) -> None:
    async with asyncio.TaskGroup() as group:
        async with run_simulator() as sim:
            sim.add_fault("hang", route="POST /Tickets")
            sim.add_fault("latency", route="POST /Companies", latency=60)
            hanging = group.create_task(raw(sim, CREATE, BODY))
            slow = group.create_task(raw(sim, "POST /atservicesrest/v1.0/Companies", b"{}"))
            await until(lambda: len(sim.state()["writes"]) == 2)
            start = time.perf_counter()
        assert time.perf_counter() - start < 5
    assert (hanging.result(), slow.result()) == (b"", b"")


async def test_drop_before_apply(api: Api) -> None:
    api.sim.add_fault("drop_before_apply")
    before = tickets(api)
    assert await raw(api.sim, CREATE, BODY) == b""
    assert (tickets(api), last_write(api)) == (before, (False, False))
    with pytest.raises(httpx.TransportError):
        await api.call("POST", "/Tickets", TICKET)


async def test_drop_after_apply(api: Api) -> None:
    api.sim.add_fault("drop_after_apply")
    before = tickets(api)
    assert await raw(api.sim, CREATE, BODY) == b""
    assert (tickets(api), last_write(api)) == (before + 1, (True, False))
    with pytest.raises(httpx.RemoteProtocolError):
        await api.call("POST", "/Tickets", TICKET)
    assert tickets(api) == before + 2


@pytest.mark.parametrize("kind", ["drop_before_apply", "drop_after_apply"])
async def test_drops_leave_reads_alone(api: Api, kind: str) -> None:
    api.sim.add_fault(kind)
    await api.done("GET", "/Tickets/7850")
    exist = [{"op": "exist", "field": "id"}]
    assert await api.query("Tickets", *exist, MaxRecords=1)
    await api.done("POST", "/Tickets/query/count", {"filter": exist})


async def test_truncate(api: Api) -> None:
    api.sim.add_fault("truncate")
    before = tickets(api)
    answer = await raw(api.sim, CREATE, BODY)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    whole = f'{{"itemId":{api.rows("Tickets")[-1]["id"]}}}'.encode()
    assert f"content-length: {len(whole)}".encode() in head
    assert body == whole[: len(whole) // 2]
    assert (tickets(api), last_write(api)) == (before + 1, (True, False))
    with pytest.raises(httpx.RemoteProtocolError):
        await api.call("GET", "/Tickets/7850")


async def test_a_dropped_refusal_has_applied_nothing(api: Api) -> None:
    api.sim.add_fault("drop_after_apply")
    assert await raw(api.sim, CREATE, b"{}") == b""
    assert last_write(api) == (False, False)


@pytest.mark.parametrize(
    ("route", "hit", "missed"),
    [
        (
            "POST /Tickets",
            ["POST /Tickets", "POST /Tickets/7850/Notes"],
            ["PATCH /Tickets", "POST /TimeEntries"],
        ),
        ("post /tickets$", ["POST /Tickets"], ["POST /Tickets/7850/Notes"]),
        ("/Tickets", ["POST /Tickets", "PATCH /Tickets", "GET /Tickets/7850"], ["GET /Companies/0"]),
        ("PATCH", ["PATCH /Tickets"], ["POST /Tickets"]),
        (None, ["POST /Tickets", "GET /Version"], []),
    ],
)
async def test_routes(api: Api, route: str | None, hit: list[str], missed: list[str]) -> None:
    api.sim.add_fault("status_503", route=route)
    for call in hit + missed:
        method, path = call.split()
        answer = await api.call(method, path, None if method == "GET" else {})
        assert (answer.status_code == 503) is (call in hit), call


async def test_count(api: Api) -> None:
    api.sim.add_fault("status_503", count=2)
    statuses = [(await api.call("GET", "/Version")).status_code for _ in range(4)]
    assert statuses == [503, 503, 200, 200]
    assert api.sim.faults() == []


async def test_seconds(api: Api) -> None:
    api.sim.add_fault("status_503", seconds=1.0)
    assert (await api.call("GET", "/Version")).status_code == 503
    await until(lambda: api.sim.faults() == [])
    assert (await api.call("GET", "/Version")).status_code == 200


async def test_rate(http: httpx.AsyncClient) -> None:
    async def statuses(seed: int) -> list[int]:
        async with run_simulator(seed=seed, latency_scale=0) as sim:
            api = Api(http, sim)
            sim.add_fault("status_503", rate=0.5)
            return [(await api.call("GET", "/Version")).status_code for _ in range(60)]

    first = await statuses(3)
    assert 15 <= first.count(503) <= 45
    assert first == await statuses(3)
    assert first != await statuses(4)


async def test_the_oldest_decides_and_delays_add_up(api: Api) -> None:
    api.sim.add_fault("unauthorized", count=1)
    api.sim.add_fault("status_503")
    api.sim.add_fault("latency", latency=0.15)
    api.sim.add_fault("latency", latency=0.15)
    assert (await api.call("GET", "/Version")).status_code == 401
    start = time.perf_counter()
    assert (await api.call("GET", "/Version")).status_code == 503
    assert time.perf_counter() - start >= 0.3


class TestControl:
    async def test_as_the_issue_writes_it(self, api: Api) -> None:
        url = f"{api.sim.url}/_sim/faults"
        wanted: dict[str, Any] = {"kind": "status_503", "route": "POST /Tickets", "rate": 1.0}
        answer = await api.http.post(url, json=wanted | {"count": None, "seconds": None})
        assert answer.status_code == 200
        fault = answer.json()
        assert fault["id"] == 1
        assert (await api.call("POST", "/Tickets", TICKET)).status_code == 503
        (listed,) = (await api.http.get(url)).json()["faults"]
        assert (listed["kind"], listed["hits"]) == ("status_503", 1)
        assert (await api.http.get(f"{url}/1")).json() == listed
        assert (await api.http.delete(f"{url}/1")).json() == {"ended": 1}
        assert (await api.call("POST", "/Tickets", TICKET)).status_code == 200
        assert (await api.http.delete(f"{url}/1")).status_code == 404
        await api.http.post(url, json={"kind": "hang"})
        await api.http.post(url, json={"kind": "offline"})
        assert (await api.http.delete(url)).json() == {"ended": 2}

    @pytest.mark.parametrize("kind", list(FaultKind))
    async def test_every_kind_is_taken(self, api: Api, kind: FaultKind) -> None:
        answer = await api.http.post(f"{api.sim.url}/_sim/faults", json={"kind": kind.value})
        assert answer.json()["kind"] == kind.value

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            (b"", "truncated"),
            (b"\xff\xfe", "fault"),
            (b"[]", "object"),
            (b"{}", "kind"),
            (b'{"kind": "flood"}', "flood"),
            (b'{"kind": "hang", "rote": "x"}', "rote"),
            (b'{"kind": "hang", "rate": 2}', "rate"),
            (b'{"kind": "hang", "rate": 0}', "rate"),
            (b'{"kind": "hang", "count": 0}', "count"),
            (b'{"kind": "hang", "seconds": -1}', "seconds"),
            (b'{"kind": "hang", "latency": 1}', "latency"),
            (b'{"kind": "hang", "refuse": true}', "refuse"),
            (b'{"kind": "offline", "refuse": true, "count": 1}', "refuse"),
        ],
    )
    async def test_what_is_no_fault(self, api: Api, body: bytes, word: str) -> None:
        answer = await api.http.post(f"{api.sim.url}/_sim/faults", content=body)
        assert answer.status_code == 400
        assert word in answer.json()["error"]
        assert api.sim.faults() == []

    async def test_state(self, api: Api) -> None:
        await api.create("/Tickets", TICKET)
        await api.call("PATCH", "/Tickets", {"id": 1})
        await api.query("Tickets", {"op": "exist", "field": "id"})
        state = (await api.http.get(f"{api.sim.url}/_sim/state")).json()
        assert set(state) == {"entities", "writes", "requests", "at_once"}
        assert state["requests"] == 3
        assert len(state["entities"]["Tickets"]) == 41
        first, second = state["writes"]
        assert set(first) == {"time", "method", "path", "applied", "replied"}
        assert (first["method"], first["path"], first["applied"], first["replied"]) == (
            "POST",
            "/Tickets",
            True,
            True,
        )
        assert (second["method"], second["applied"], second["replied"]) == ("PATCH", False, True)
        assert first["time"] <= second["time"]
        assert state == api.sim.state()

    async def test_it_needs_no_credentials_and_meets_no_fault(
        self, http: httpx.AsyncClient, sim: Simulator
    ) -> None:
        for kind in FaultKind:
            sim.add_fault(kind)
        for url in (sim.url, sim.control_url):
            answer = await http.get(f"{url}/_sim/state")
            assert answer.status_code == 200
            assert answer.json()["requests"] == 0
        assert sim._tenant.hourly.used() == 0

    async def test_state_is_a_copy(self, sim: Simulator) -> None:
        sim.state()["entities"]["Tickets"][0]["title"] = "changed"
        sim.state()["writes"].append("x")
        assert sim.state()["entities"]["Tickets"][0]["title"] != "changed"
        assert sim.state()["writes"] == []
