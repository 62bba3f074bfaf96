"""The processor against the simulator, over real HTTP: what was sent, and what is said of what went wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.core.autotask.making import TICKET, MemorySecrets, described, failure_of, make, zone_for
from tests.core.clock import FakeClock
from tests.core.transport.servers import Connection, answering, raw_server, reply

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.autotask.credentials import secret_name
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import InvalidRequest, ProcessorError
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.model.status import Effect
from autotask_queue.ports import Describing, Probing, QueueProcessor, Reconciling
from autotask_queue.simulator import Simulator, run_simulator

pytestmark = pytest.mark.integration

ZONE_INFO = b'{"zoneName":"Raw","url":"%s/atservicesrest/","webUrl":""}'


def rows(sim: Simulator, entity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sim.state()["entities"][entity]
    return found


async def create_ticket(processor: AutotaskProcessor, **more: Any) -> int:
    result = await processor.process_request(described(processor, make("/Tickets", "POST", TICKET | more)))
    assert result.record_id is not None
    return result.record_id


# ---------------------------------------------------------------------------------------------
# Going well


async def test_a_ticket(processor: AutotaskProcessor, sim: Simulator) -> None:
    request = described(processor, make("/Tickets", "POST", TICKET))
    result = await processor.process_request(request)
    assert result.status_code == 200
    assert result.body == {"itemId": result.record_id}
    ticket = rows(sim, "Tickets")[-1]
    assert ticket["id"] == result.record_id
    assert ticket["title"] == "Printer down"
    assert ticket["externalID"] == request.marker


async def test_note_time_checklist_and_change(processor: AutotaskProcessor, sim: Simulator) -> None:
    ticket = await create_ticket(processor)
    held = next(row for row in rows(sim, "ResourceRoles") if row["isActive"])
    steps: list[tuple[str, str, dict[str, Any], str]] = [
        (f"/Tickets/{ticket}/Notes", "POST",
         {"title": "Called", "description": "Later.", "noteType": 1, "publish": 1}, "TicketNotes"),
        ("/TimeEntries", "POST",
         {"ticketID": ticket, "resourceID": held["resourceID"], "roleID": held["roleID"],
          "startDateTime": "2026-06-03T08:00:00Z", "endDateTime": "2026-06-03T08:30:00Z"}, "TimeEntries"),
        (f"/Tickets/{ticket}/ChecklistItems", "POST", {"itemName": "Reboot"}, "TicketChecklistItems"),
        ("/Tickets", "PATCH", {"id": ticket, "status": 5}, "Tickets"),
    ]  # fmt: skip
    for endpoint, method, data, entity in steps:
        result = await processor.process_request(described(processor, make(endpoint, method, data)))
        assert result.record_id in {row["id"] for row in rows(sim, entity)}
    assert next(row for row in rows(sim, "Tickets") if row["id"] == ticket)["status"] == 5
    assert all(write["applied"] and write["replied"] for write in sim.state()["writes"])


async def test_deleting(processor: AutotaskProcessor, sim: Simulator) -> None:
    ticket = await create_ticket(processor)
    item = await processor.process_request(
        described(processor, make(f"/Tickets/{ticket}/ChecklistItems", "POST", {"itemName": "x"}))
    )
    await processor.process_request(
        described(processor, make(f"/Tickets/{ticket}/ChecklistItems/{item.record_id}", "DELETE"))
    )
    assert item.record_id not in {row["id"] for row in rows(sim, "TicketChecklistItems")}


@pytest.mark.parametrize(
    ("endpoint", "method", "data", "key"),
    [
        ("/Companies", "GET", None, "items"),
        ("/Tickets/query", "POST", {"filter": [{"op": "gt", "field": "id", "value": 0}]}, "items"),
        ('/Tickets/query?search={"filter":[{"op":"exist","field":"id"}]}', "GET", None, "items"),
        ("/Tickets/query/count", "POST", {"filter": [{"op": "exist", "field": "id"}]}, "queryCount"),
        ("/Tickets/entityInformation/fields", "GET", None, "fields"),
        ("/Tickets/entityInformation", "GET", None, "info"),
        ("/Version", "GET", None, "majorVersion"),
        ("/ThresholdInformation", "GET", None, "externalRequestThreshold"),
    ],
)
async def test_reads(processor: AutotaskProcessor, endpoint: str, method: str, data: Any, key: str) -> None:
    result = await processor.process_request(described(processor, make(endpoint, method, data)))
    assert key in result.body


async def test_the_next_page(processor: AutotaskProcessor) -> None:
    data = {"MaxRecords": 5, "filter": [{"op": "exist", "field": "id"}]}
    first = await processor.process_request(make("/Tickets/query", "POST", data))
    url = first.body["pageDetails"]["nextPageUrl"]
    endpoint = url[url.lower().index("/v1.0") :]
    second = await processor.process_request(make(endpoint, "POST", data, effect=Effect.WRITE))
    assert len(second.body["items"]) == 5
    assert second.body["items"] != first.body["items"]


async def test_one_record(processor: AutotaskProcessor) -> None:
    ticket = await create_ticket(processor)
    result = await processor.process_request(make(f"/Tickets/{ticket}"))
    assert result.body["item"]["title"] == "Printer down"


async def test_acting_as_a_technician(sim: Simulator, secrets: MemorySecrets) -> None:
    person = next(row["id"] for row in rows(sim, "Resources") if row["isActive"] and row["licenseType"] != 7)
    zone = zone_for(sim.base_url, sim.credentials.user, impersonate=person)
    processor = AutotaskProcessor({"zone1": zone}, secrets)
    ticket = await create_ticket(processor)
    assert next(row for row in rows(sim, "Tickets") if row["id"] == ticket)["creatorResourceID"] == person
    await processor.close()


async def test_headers_on_the_wire(secrets: MemorySecrets) -> None:
    async with raw_server(answering(reply(b'{"itemId": 7}'))) as server:
        zone = ZoneConfig(url=server.url, impersonate=29682886)
        processor = AutotaskProcessor({"zone1": zone}, secrets)
        with pytest.raises(ProcessorError, match="no user name"):
            await processor.process_request(make("/Tickets", "POST", TICKET))
        assert server.requests == []
        await processor.close()


async def _raw_processor(url: str, secrets: MemorySecrets, **more: Any) -> AutotaskProcessor:
    return AutotaskProcessor({"zone1": zone_for(url, "u@msp.example", **more)}, secrets)


def _autotask(url: str, answer: bytes) -> Any:
    """A raw server that knows its zone and gives every other request one answer."""

    async def behaviour(connection: Connection) -> None:
        while True:
            request = await connection.request()
            info = reply(ZONE_INFO % connection.server.url.encode())
            await connection.send(info if b"/zoneInformation" in request.split(b"\r\n")[0] else answer)

    return behaviour


async def test_impersonation_only_where_it_is_honoured(secrets: MemorySecrets) -> None:
    async with raw_server(_autotask("", reply(b'{"itemId": 7}'))) as server:
        processor = await _raw_processor(server.url, secrets, impersonate=29682886)
        for endpoint, data in (
            ("/Tickets", TICKET),
            ("/Tickets/5/ChecklistItems", {"itemName": "x"}),
        ):
            await processor.process_request(make(endpoint, "POST", data))
        await processor.process_request(
            make("/Tickets", "POST", TICKET, headers={"ImpersonationResourceId": "5"})
        )
        await processor.close()
    _, ticket, item, own = server.requests
    assert b"ImpersonationResourceId: 29682886\r\n" in ticket
    assert b"Impersonation" not in item
    assert b"ImpersonationResourceId: 5\r\n" in own
    assert b"POST /atservicesrest/V1.0/Tickets HTTP/1.1\r\n" in ticket


async def test_stored_headers_cannot_replace_the_sign_in(secrets: MemorySecrets) -> None:
    async with raw_server(_autotask("", reply(b'{"itemId": 7}'))) as server:
        processor = await _raw_processor(server.url, secrets)
        headers = {"secret": "theirs", "APIINTEGRATIONCODE": "theirs", "Host": "evil.example", "X-Mine": "1"}
        await processor.process_request(make("/Tickets", "POST", TICKET, headers=headers))
        await processor.close()
    sent = server.requests[-1]
    assert b"theirs" not in sent
    assert b"evil" not in sent
    assert b"X-Mine: 1" in sent


@pytest.mark.parametrize("answer", [b'{"itemId": "00042"}', b'{"ITEMID": 42}', b' {"itemId":42}\n'])
async def test_the_id_in_every_spelling(secrets: MemorySecrets, answer: bytes) -> None:
    async with raw_server(_autotask("", reply(answer))) as server:
        processor = await _raw_processor(server.url, secrets)
        result = await processor.process_request(make("/Tickets", "POST", TICKET))
        await processor.close()
    assert result.record_id == 42


# ---------------------------------------------------------------------------------------------
# Faults: the class, and whether the write may be there


@pytest.mark.parametrize(
    ("fault", "kind", "truth"),
    [
        ("status_503", FailureClass.SERVER_TRANSIENT, (Applied.UNKNOWN, False)),
        ("html_500", FailureClass.SERVER_TRANSIENT, (Applied.UNKNOWN, False)),
        ("thread_limit", FailureClass.THREAD_LIMIT, (Applied.NO, False)),
        ("hourly_limit", FailureClass.QUOTA_SUSPENDED, (Applied.NO, False)),
        ("hang", FailureClass.TIMEOUT_UNKNOWN, (Applied.UNKNOWN, False)),
        ("drop_before_apply", FailureClass.TIMEOUT_UNKNOWN, (Applied.UNKNOWN, False)),
        ("drop_after_apply", FailureClass.TIMEOUT_UNKNOWN, (Applied.UNKNOWN, True)),
        ("truncate", FailureClass.TIMEOUT_UNKNOWN, (Applied.UNKNOWN, True)),
        ("unauthorized", FailureClass.AUTH, (Applied.NO, False)),
        ("offline", FailureClass.TIMEOUT_UNKNOWN, (Applied.UNKNOWN, False)),
    ],
)
async def test_faults_of_a_write(
    processor: AutotaskProcessor,
    sim: Simulator,
    fault: str,
    kind: FailureClass,
    truth: tuple[Applied, bool],
) -> None:
    applied, there = truth
    await processor.probe("zone1")
    sim.add_fault(fault, route="POST /Tickets$")
    before = len(rows(sim, "Tickets"))
    failure = await failure_of(processor, described(processor, make("/Tickets", "POST", TICKET, timeout=0.6)))
    assert (failure.kind, failure.applied) == (kind, applied)
    assert (len(rows(sim, "Tickets")) > before) is there
    assert failure.remedy


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("status_503", FailureClass.SERVER_TRANSIENT),
        ("html_500", FailureClass.SERVER_TRANSIENT),
        ("truncate", FailureClass.TIMEOUT_UNKNOWN),
        ("thread_limit", FailureClass.THREAD_LIMIT),
    ],
)
async def test_faults_of_a_read(
    processor: AutotaskProcessor, sim: Simulator, fault: str, kind: FailureClass
) -> None:
    sim.add_fault(fault, route="POST /Tickets/query")
    assert (await failure_of(processor, make("/Tickets/query", "POST", {"filter": []}))).kind is kind


@pytest.mark.parametrize("fault", ["hang", "truncate"])
async def test_a_read_without_an_answer_is_not_perhaps_applied(
    processor: AutotaskProcessor, sim: Simulator, fault: str
) -> None:
    await processor.probe("zone1")
    sim.add_fault(fault, route="POST /Tickets/query")
    failure = await failure_of(processor, make("/Tickets/query", "POST", {"filter": []}, timeout=0.6))
    assert failure.kind is FailureClass.TIMEOUT_UNKNOWN
    assert failure.applied is Applied.NO
    assert "may or may not" not in failure.message
    assert failure.remedy == "It only asks for data. It is tried again by itself."


async def test_no_server(processor: AutotaskProcessor, sim: Simulator) -> None:
    sim.add_fault("offline", refuse=True)
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.applied is Applied.NO
    await sim.end_faults()


@pytest.mark.parametrize("fault", ["hang", "html_500", "status_503", "offline", "truncate"])
async def test_trouble_before_sending_is_not_sent(
    processor: AutotaskProcessor, sim: Simulator, fault: str
) -> None:
    """Zone discovery comes first; whatever happens to it, the write itself has not left."""
    sim.add_fault(fault, route="GET /zoneInformation", seconds=1.0)
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    assert failure.applied is Applied.NO
    assert failure.kind is not FailureClass.TIMEOUT_UNKNOWN
    assert sim.state()["writes"] == []


async def test_many_at_once_meet_the_thread_limit_and_are_not_applied(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    sim.add_fault("latency", latency=0.3)
    results = await asyncio.gather(
        *(processor.process_request(make("/Companies")) for _ in range(8)),
        return_exceptions=True,
    )
    refused = [one for one in results if isinstance(one, ProcessorError)]
    assert refused
    assert len(refused) < 8
    assert {one.failure.kind for one in refused} == {FailureClass.THREAD_LIMIT}


async def test_words_of_a_refusal(processor: AutotaskProcessor) -> None:
    failure = await failure_of(
        processor, described(processor, make("/Tickets", "POST", TICKET | {"status": 99}))
    )
    assert failure.kind is FailureClass.VALIDATION
    assert failure.message.startswith("Autotask refused this: Picklist value [99] does not exist for status")
    assert failure.code == "unknown_value"


@pytest.mark.parametrize("as_null", [False, True])
async def test_a_record_that_is_not_there(as_null: bool) -> None:
    async with run_simulator(missing_as_null=as_null) as sim:
        names = {
            "zone1/secret": sim.credentials.secret,
            "zone1/integration_code": sim.credentials.integration_code,
        }
        processor = AutotaskProcessor(
            {"zone1": zone_for(sim.base_url, sim.credentials.user)}, MemorySecrets(names)
        )
        assert (await failure_of(processor, make("/Tickets/999999999"))).kind is FailureClass.NOT_FOUND
        change = make("/Tickets", "PATCH", {"id": 999999999, "status": 1})
        assert (await failure_of(processor, change)).kind is FailureClass.NOT_FOUND
        await processor.close()


async def test_a_write_answered_by_a_redirect_goes_nowhere(secrets: MemorySecrets) -> None:
    moved = reply(b"", status="302 Found", headers="Location: http://127.0.0.1:1/\r\n")
    async with raw_server(_autotask("", moved)) as server:
        processor = await _raw_processor(server.url, secrets)
        failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
        await processor.close()
    assert failure.kind is FailureClass.WRONG_ZONE
    assert failure.applied is Applied.NO


async def test_what_the_server_says_is_redacted(secrets: MemorySecrets) -> None:
    secrets.values["zone1/secret"] = "planted-secret-1"
    echo = b'{"errors": ["Bad: planted-secret-1", "ApiIntegrationCode: whatever-2"]}'
    async with raw_server(_autotask("", reply(echo, status="500 Oops"))) as server:
        processor = await _raw_processor(server.url, secrets)
        failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
        await processor.close()
    assert "planted-secret-1" not in repr(failure)
    assert "whatever-2" not in repr(failure)


# ---------------------------------------------------------------------------------------------
# Requests that never leave


async def test_a_request_without_a_zone(processor: AutotaskProcessor) -> None:
    processor.remove_zone("zone1")
    request = make("/Tickets", "POST", TICKET)
    assert not processor.can_process(request)
    failure = await failure_of(processor, request)
    assert failure.applied is Applied.NO


@pytest.mark.parametrize(
    "request_",
    [
        make("/TicketNotes", "POST", {"title": "x"}),
        make("/Tickets", "PATCH", {"status": 1}),
        make("/Tickets", "POST", None),
    ],
)
async def test_a_request_that_was_stored_wrong_fails_and_is_not_uncertain(
    processor: AutotaskProcessor, request_: Any
) -> None:
    failure = await failure_of(processor, request_)
    assert failure.kind is FailureClass.VALIDATION
    assert failure.applied is Applied.NO
    assert not processor.can_reconcile(request_)


@pytest.mark.parametrize(
    "request_",
    [
        make("/Tickets/local:abc/Notes", "POST", {"title": "x"}),
        make("/TimeEntries", "POST", {"ticketID": "local:abc"}),
        make("/Tickets", "PATCH", {"id": "local:abc", "status": 1}),
        make("/Tickets/local:abc"),
    ],
)
async def test_a_reference_without_a_number_never_leaves(
    processor: AutotaskProcessor, sim: Simulator, request_: Any
) -> None:
    failure = await failure_of(processor, request_)
    assert failure.kind is FailureClass.VALIDATION
    assert failure.applied is Applied.NO
    assert sim.state()["requests"] == 0


# ---------------------------------------------------------------------------------------------
# Secrets


async def test_secrets_are_read_once(
    processor: AutotaskProcessor, secrets: MemorySecrets, zone: ZoneConfig
) -> None:
    await asyncio.gather(*(processor.process_request(make("/Version")) for _ in range(3)))
    assert secrets.asked == ["zone1/secret", "zone1/integration_code"]
    processor.set_zone("zone1", zone)
    await processor.process_request(make("/Version"))
    assert len(secrets.asked) == 4


async def test_a_refused_sign_in_is_read_again(processor: AutotaskProcessor, secrets: MemorySecrets) -> None:
    right = secrets.values["zone1/secret"]
    secrets.values["zone1/secret"] = "wrong-secret-1"
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    assert failure.kind is FailureClass.AUTH
    secrets.values["zone1/secret"] = f" {right}\n"
    await processor.process_request(make("/Version"))


async def test_a_locked_keychain_holds_the_zone(processor: AutotaskProcessor, secrets: MemorySecrets) -> None:
    secrets.locked = True
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    assert (failure.kind, failure.applied) == (FailureClass.AUTH, Applied.NO)
    assert "keychain is locked" in failure.message
    secrets.locked = False
    await processor.process_request(make("/Version"))


@pytest.mark.parametrize("name", ["zone1/secret", "zone1/integration_code"])
async def test_a_missing_secret_is_named(
    processor: AutotaskProcessor, secrets: MemorySecrets, name: str
) -> None:
    del secrets.values[name]
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    assert failure.kind is FailureClass.AUTH
    assert name.partition("/")[2].replace("_", " ") in failure.message


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("keyring:zone1/secret", "zone1/secret"),
        ("session:main/key", "main/key"),
        ("main/key", "main/key"),
        ("keyring:", "zone9/secret"),
        ("", "zone9/secret"),
    ],
)
def test_references_to_secrets(reference: str, name: str) -> None:
    assert secret_name(reference, "zone9", "secret") == name


# ---------------------------------------------------------------------------------------------
# Moving to another zone


async def test_a_tenant_that_moved_is_found_and_the_request_sent_there(secrets: MemorySecrets) -> None:
    async with run_simulator() as new:
        secrets.values["zone1/secret"] = new.credentials.secret
        homes = [b""]

        async def old(connection: Connection) -> None:
            while True:
                request = await connection.request()
                if b"/zoneInformation" in request.split(b"\r\n")[0]:
                    here = f"{connection.server.url}/atservicesrest/".encode()
                    await connection.send(reply(b'{"url": "%s"}' % (homes[0] or here)))
                else:
                    await connection.send(reply(b"", status="401 Unauthorized"))

        async with raw_server(old) as server:
            clock = FakeClock()
            zone = zone_for(server.url, new.credentials.user)
            processor = AutotaskProcessor({"zone1": zone}, secrets, clock=clock)
            first = await failure_of(processor, make("/Tickets", "POST", TICKET))
            assert first.kind is FailureClass.AUTH
            homes[0] = new.base_url.encode()
            second = await failure_of(processor, make("/Tickets", "POST", TICKET))
            assert second.kind is FailureClass.AUTH, "asked at most once in ten minutes"
            await clock.advance(601)
            result = await processor.process_request(make("/Tickets", "POST", TICKET))
            asked = len(server.requests)
            await processor.process_request(make("/Version"))
            await processor.close()
        assert result.record_id is not None
        assert len(server.requests) == asked, "the new address is remembered"
        assert [write["method"] for write in new.state()["writes"]] == ["POST"]
        zones = [one for one in server.requests if b"/zoneInformation" in one.split(b"\r\n")[0]]
        assert len(zones) == 3


async def test_credentials_never_follow_to_a_foreign_host(secrets: MemorySecrets) -> None:
    """A server that answers in Autotask's place names a host of its own."""

    async def liar(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.send(reply(b'{"url": "https://evil.example/atservicesrest/"}'))

    async with raw_server(liar) as server:
        processor = await _raw_processor(server.url, secrets)
        failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
        await processor.close()
    assert failure.applied is Applied.NO
    assert len(server.requests) == 1
    assert not any(b"Secret" in one for one in server.requests)


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "http://webservices3.autotask.net/", "https://webservices.autotask.net/"]
)
async def test_an_address_that_is_not_autotasks(secrets: MemorySecrets, url: str) -> None:
    processor = await _raw_processor(url, secrets)
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    await processor.close()
    assert failure.kind is FailureClass.AUTH
    assert failure.applied is Applied.NO
    assert "address" in failure.message


# ---------------------------------------------------------------------------------------------
# Probes


async def test_a_probe_needs_no_sign_in(
    processor: AutotaskProcessor, secrets: MemorySecrets, sim: Simulator
) -> None:
    secrets.values.clear()
    await processor.probe("zone1")
    sim.add_fault("thread_limit", route="POST")
    await processor.probe("zone1")
    assert secrets.asked == []


async def test_a_zone_that_does_not_know_the_user_answers_all_the_same(
    sim: Simulator, secrets: MemorySecrets
) -> None:
    processor = AutotaskProcessor({"zone1": zone_for(sim.base_url, "nobody@x.example")}, secrets)
    await processor.probe("zone1")
    await processor.close()


@pytest.mark.parametrize("fault", ["status_503", "html_500", "truncate", "offline"])
async def test_a_zone_in_trouble_fails_its_probe(
    processor: AutotaskProcessor, sim: Simulator, fault: str
) -> None:
    await processor.probe("zone1")
    sim.add_fault(fault)
    with pytest.raises(ProcessorError):
        await processor.probe("zone1")
    await sim.end_faults()
    await processor.probe("zone1")


async def test_a_page_in_between_is_no_zone(secrets: MemorySecrets) -> None:
    async with raw_server(answering(reply(b"<html>Welcome to Hotel Wi-Fi</html>"))) as server:
        processor = await _raw_processor(server.url, secrets)
        with pytest.raises(ProcessorError) as caught:
            await processor.probe("zone1")
        await processor.close()
    assert caught.value.failure.kind is FailureClass.LOCAL_OFFLINE
    assert caught.value.failure.code == "captive_portal"


# ---------------------------------------------------------------------------------------------
# Life


async def test_the_time_of_an_attempt_ends_before_the_queues_own(
    processor: AutotaskProcessor, sim: Simulator
) -> None:
    """The queue's limit only says "perhaps sent"; ours knows better, so it must come first."""
    await processor.probe("zone1")
    sim.add_fault("hang", route="POST /Tickets")
    async with asyncio.timeout(0.5):
        failure = await failure_of(processor, make("/Tickets", "POST", TICKET, timeout=0.5))
    assert failure.code == "deadline"


@pytest.mark.parametrize("what", ["the address", "the keychain"])
async def test_an_attempt_that_ends_before_anything_was_sent_says_so(
    processor: AutotaskProcessor,
    sim: Simulator,
    secrets: MemorySecrets,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """Otherwise the queue's own limit comes first, and what surely did not leave is in doubt."""

    async def ask_for_ever(name: str) -> str:
        await asyncio.Event().wait()
        return name

    if what == "the keychain":
        monkeypatch.setattr(secrets, "get", ask_for_ever)
    else:
        sim.add_fault("hang", route="GET /zoneInformation")
    async with asyncio.timeout(0.5):
        failure = await failure_of(processor, make("/Tickets", "POST", TICKET, timeout=0.5))
    assert (failure.kind, failure.applied) == (FailureClass.CONNECT_FAIL, Applied.NO)
    assert sim.state()["writes"] == []


async def test_cancelling_passes_through(processor: AutotaskProcessor, sim: Simulator) -> None:
    sim.add_fault("hang", route="POST /Tickets")
    task = asyncio.create_task(processor.process_request(make("/Tickets", "POST", TICKET)))
    async with asyncio.timeout(10):
        while not sim.state()["writes"]:  # noqa: ASYNC110 - the simulator has no event for it
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_it_is_what_the_queue_looks_for(zone: ZoneConfig, secrets: MemorySecrets) -> None:
    processor = AutotaskProcessor({"zone1": zone}, secrets)
    for protocol in (QueueProcessor, Describing, Reconciling, Probing):
        assert isinstance(processor, protocol)


def test_describing_needs_no_zone(zone: ZoneConfig, secrets: MemorySecrets) -> None:
    processor = AutotaskProcessor({}, secrets)
    assert processor.describe(make("/Tickets", "POST", TICKET)).summary == "Create ticket: Printer down"
    with pytest.raises(InvalidRequest):
        processor.describe(make("/TicketNotes", "POST", TICKET))
