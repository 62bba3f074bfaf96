"""Where a tenant lives: asked once, remembered, and asked again only when there is a reason."""

from __future__ import annotations

import asyncio

import pytest
from tests.core.autotask.making import (
    TICKET,
    ZONE3,
    MemorySecrets,
    Scripted,
    failure_of,
    json_reply,
    make,
    zone_answer,
)
from tests.core.clock import FakeClock
from typing_extensions import override

from autotask_queue.autotask import AutotaskProcessor
from autotask_queue.autotask.zones import MOVE_INTERVAL, REMEMBERED, ZoneDirectory
from autotask_queue.model.config import ZoneConfig
from autotask_queue.model.errors import ProcessorError
from autotask_queue.model.failure import Applied, FailureClass
from autotask_queue.ports import HttpReply

UNKNOWN = ZoneConfig(user="u@msp.example")
HOME3 = "https://webservices3.autotask.net/atservicesrest/V1.0"
HOME29 = "https://webservices29.autotask.net/atservicesrest/V1.0"


def directory(scripted: Scripted) -> tuple[ZoneDirectory, FakeClock]:
    clock = FakeClock()
    return ZoneDirectory(scripted, monotonic=clock.monotonic), clock


async def test_an_address_is_found_once_however_many_ask() -> None:
    scripted = Scripted({"zoneInformation": ZONE3})
    zones, clock = directory(scripted)
    assert await asyncio.gather(*(zones.home("zone1", UNKNOWN) for _ in range(5))) == [HOME3] * 5
    await clock.advance(REMEMBERED - 1)
    await zones.home("zone1", UNKNOWN)
    assert len(scripted.requests) == 1
    await clock.advance(2)
    await zones.home("zone1", UNKNOWN)
    assert len(scripted.requests) == 2


async def test_a_changed_zone_is_asked_for_again() -> None:
    scripted = Scripted({"zoneInformation": ZONE3})
    zones, _ = directory(scripted)
    await zones.home("zone1", UNKNOWN)
    await zones.home("zone1", ZoneConfig(user="other@msp.example"))
    zones.forget("zone1")
    await zones.home("zone1", ZoneConfig(user="other@msp.example"))
    assert len(scripted.requests) == 3


async def test_an_address_of_autotasks_is_taken_as_it_is() -> None:
    scripted = Scripted({})
    zones, _ = directory(scripted)
    assert await zones.home("zone1", ZoneConfig(url="https://webservices3.autotask.net", user="u@x")) == HOME3
    assert (
        await zones.home("zone2", ZoneConfig(url="http://127.0.0.1:9"))
        == "http://127.0.0.1:9/atservicesrest/V1.0"
    )
    assert scripted.requests == []


async def test_neither_address_nor_user() -> None:
    zones, _ = directory(Scripted({}))
    with pytest.raises(ProcessorError) as caught:
        await zones.home("zone1", ZoneConfig())
    assert caught.value.failure.kind is FailureClass.AUTH


async def test_a_move_is_noticed_once() -> None:
    scripted = Scripted({"zoneInformation": ZONE3})
    zones, clock = directory(scripted)
    home = await zones.home("zone1", UNKNOWN)
    assert await zones.moved("zone1", UNKNOWN, tried=home) is None
    scripted.answers["zoneInformation"] = zone_answer(29)
    assert await zones.moved("zone1", UNKNOWN, tried=home) is None, "too soon to ask again"
    await clock.advance(MOVE_INTERVAL + 1)
    both = await asyncio.gather(*(zones.moved("zone1", UNKNOWN, tried=home) for _ in range(3)))
    assert both == [HOME29] * 3
    assert await zones.home("zone1", UNKNOWN) == HOME29
    assert len(scripted.requests) == 3


@pytest.mark.parametrize("answer", [json_reply({}, 503), json_reply({"url": "https://evil.example/"}), ZONE3])
async def test_no_better_address_means_not_moved(answer: HttpReply) -> None:
    scripted = Scripted({"zoneInformation": ZONE3})
    zones, _ = directory(scripted)
    home = await zones.home("zone1", UNKNOWN)
    scripted.answers["zoneInformation"] = answer
    assert await zones.moved("zone1", UNKNOWN, tried=home) is None
    assert await zones.home("zone1", UNKNOWN) == home


async def test_a_pinned_address_of_a_tenant_that_moved() -> None:
    """The console saves the address it found; a move must not strand what waits."""
    refused = HttpReply(status_code=401, headers={}, body=None, text="", is_json=False, elapsed=0.0)
    scripted = Scripted(
        {
            "zoneInformation": zone_answer(29),
            "webservices3.": refused,
            "webservices29.": json_reply({"itemId": 7}),
        }
    )
    secrets = MemorySecrets({"zone1/secret": "s3cret", "zone1/integration_code": "c0de1"})
    zone = ZoneConfig(url="https://webservices3.autotask.net/atservicesrest/", user="u@x")
    processor = AutotaskProcessor({"zone1": zone}, secrets, transport=scripted)
    result = await processor.process_request(make("/Tickets", "POST", TICKET))
    assert result.record_id == 7
    urls = [request.url for request in scripted.requests]
    assert urls == [
        f"{HOME3}/Tickets",
        "https://webservices.autotask.net/atservicesrest/V1.0/zoneInformation?user=u%40x",
        f"{HOME29}/Tickets",
    ]
    assert not scripted.requests[1].headers, "the question needs no sign-in"
    await processor.close()


async def test_time_used_up_before_sending_is_not_sent() -> None:
    """A keychain that asks its owner may take longer than the attempt has."""
    clock = FakeClock()

    class Slow(MemorySecrets):
        @override
        async def get(self, name: str) -> str | None:
            clock._move(clock.monotonic() + 50)
            return "some-value"

    scripted = Scripted({})
    zone = ZoneConfig(url="https://webservices3.autotask.net/", user="u@x")
    processor = AutotaskProcessor({"zone1": zone}, Slow(), transport=scripted, clock=clock)
    failure = await failure_of(processor, make("/Tickets", "POST", TICKET))
    assert failure.kind is FailureClass.CONNECT_FAIL
    assert failure.applied is Applied.NO
    assert scripted.requests == []
