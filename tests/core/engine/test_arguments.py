"""What a caller without a type checker may send: taken as it is meant, or refused by name and not stored."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from autotask_queue import EchoProcessor, Effect, InvalidRequest, QueueManager, QuickSetup, Status

NAN, INF = float("nan"), float("inf")
OWN_ID = "018f0000-0000-7000-8000-000000000001"
SURROGATE = "\ud800"


def nested(depth: int) -> Any:
    inner: Any = 0
    for _ in range(depth):
        inner = [inner]
    return inner


def names(cases: list[tuple[str, Any]]) -> list[str]:
    return [f"{name}-{place}" for place, (name, _) in enumerate(cases)]


@pytest.fixture(params=["memory", "sqlite"])
async def queue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueueManager]:
    """A paused queue."""
    echo = {"echo": EchoProcessor()}
    setup = (
        QuickSetup.memory(processors=echo)
        if request.param == "memory"
        else QuickSetup.sqlite(tmp_path / "queue.db", processors=echo)
    )
    async with setup as made:
        await made.pause()
        yield made


ABSURD: list[tuple[str, Any]] = [
    ("priority", NAN),
    ("priority", True),
    ("priority", "5"),
    ("priority", 11),
    ("scheduled_at", dt.datetime(2030, 1, 1)),  # noqa: DTZ001 - that is the mistake
    ("scheduled_at", dt.datetime(2030, 1, 1, tzinfo=dt.UTC)),
    ("scheduled_at", NAN),
    ("scheduled_at", INF),
    ("scheduled_at", 1_900_000_000_000),
    ("scheduled_at", "tomorrow"),
    ("expires_at", NAN),
    ("expires_at", INF),
    ("expires_at", 5.0),
    ("headers", {"X": 1}),
    ("headers", {1: "x"}),
    ("headers", ["a"]),
    ("headers", {"X": "a\r\nSecret: b"}),
    ("headers", {"X y": "a"}),
    ("headers", {"X": SURROGATE}),
    ("metadata", {1: 2}),
    ("metadata", {"a": object()}),
    ("metadata", {"a": "x" * 9_000_000}),
    ("metadata", [1]),
    ("base", [1]),
    ("depends_on", (1, 2)),
    ("depends_on", OWN_ID),
    ("depends_on", (OWN_ID,)),  # itself
    ("retryable", "yes"),
    ("batchable", 1),
    ("timeout", "5"),
    ("timeout", NAN),
    ("timeout", 0),
    ("timeout", True),
    ("max_retries", 2.5),
    ("max_retries", True),
    ("max_retries", -1),
    ("dedup_key", 5),
    ("lane", 5),
    ("lane", "a" * 1_000),
    ("effect", "maybe"),
    ("request_id", 5),
    ("request_id", "a\nb"),
    ("request_id", ""),
    ("summary", 5),
    ("summary", SURROGATE),
    ("actor", 5),
    ("data", {"a": NAN}),
    ("data", {"a": [1, {"b": INF}]}),
    ("data", {1: 2}),
    ("data", {(1, 2): 3}),
    ("data", {"a": SURROGATE}),
    ("data", nested(900)),
    ("data", nested(100_000)),
    ("data", {"a": "x" * 10_000_000}),
    ("data", object()),
    ("data", {"a": {1}}),
    ("data", {"a": dt.date(2030, 1, 1)}),
    ("endpoint", None),
    ("endpoint", 5),
    ("endpoint", "/a b"),
    ("endpoint", "/" + SURROGATE),
    ("endpoint", "/\0"),
    ("endpoint", "/" + "x" * 5_000),
    ("method", None),
    ("method", "FETCH"),
    ("zone", None),
    ("zone", 5),
    ("zone", "a\nb"),
    ("zone", "*"),
    ("zone", SURROGATE),
]


@pytest.mark.parametrize(("name", "value"), ABSURD, ids=names(ABSURD))
async def test_an_absurd_argument_is_refused_by_its_name_and_nothing_is_stored(
    queue: QueueManager, name: str, value: Any
) -> None:
    arguments: dict[str, Any] = {"endpoint": "/Things", "method": "POST", "zone": "z", "request_id": OWN_ID}
    with pytest.raises(InvalidRequest) as refused:
        await queue.submit(**{**arguments, name: value})
    assert name in refused.value.message
    assert len(refused.value.message) < 400
    assert refused.value.remedy
    assert await queue.count() == 0


EDITABLE = {"data", "endpoint", "method", "headers", "metadata", "priority", "scheduled_at", "expires_at",
            "timeout", "max_retries", "summary"}  # fmt: skip
EDITS = [(name, value) for name, value in ABSURD if name in EDITABLE]


@pytest.mark.parametrize(("name", "value"), EDITS, ids=names(EDITS))
async def test_an_absurd_edit_is_refused_by_its_name_and_changes_nothing(
    queue: QueueManager, name: str, value: Any
) -> None:
    receipt = await queue.submit("/Things", "POST", "z", data={"n": 1})
    before = await queue.get_request(receipt.id)
    with pytest.raises(InvalidRequest) as refused:
        await queue.edit(receipt.id, **{name: value})
    assert name in refused.value.message
    assert await queue.get_request(receipt.id) == before


@pytest.mark.parametrize("when", [NAN, INF, "tomorrow", dt.datetime.now(dt.UTC), 1.9e12])
async def test_an_absurd_time_is_not_scheduled(queue: QueueManager, when: Any) -> None:
    receipt = await queue.submit("/Things", "POST", "z")
    with pytest.raises(InvalidRequest, match="scheduled_at"):
        await queue.reschedule(receipt.id, when)
    assert (await queue.get_request(receipt.id)).status is Status.PENDING


async def test_every_mistake_is_named_at_once(queue: QueueManager) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await queue.submit("Things", "FETCH", "", priority=0, timeout=-1, headers={"X": 1})  # type: ignore[dict-item]
    for name in ("endpoint", "method", "zone", "priority", "timeout", "headers"):
        assert name in refused.value.message


async def test_what_is_meant_plainly_is_taken(queue: QueueManager) -> None:
    own = uuid.uuid4()
    data = {"title": "t", "pair": (1, 2)}
    receipt = await queue.submit(
        "/Things", "post", "z", data=data, effect="read", request_id=own, lane="l", timeout=5,
        headers={"X-Own": "a"}, metadata={"a": [1, None, 2**70]}, summary="  two\nlines  ",
    )  # fmt: skip
    data["title"] = "changed afterwards"
    stored = await queue.get_request(receipt.id)
    assert stored.id == str(own)
    assert stored.effect is Effect.READ
    assert (stored.method, stored.summary, stored.data) == (
        "POST",
        "two lines",
        {"title": "t", "pair": [1, 2]},
    )
    assert stored.metadata == {"a": [1, None, 2**70]}


async def test_a_write_declared_with_a_word_is_a_write(queue: QueueManager) -> None:
    receipt = await queue.submit("/Things/query", "POST", "z", effect="write", lane="l")
    stored = await queue.get_request(receipt.id)
    assert stored.effect is Effect.WRITE, "a word that is only equal would be sent again after a lost reply"
    assert stored.lane == "l"


async def test_an_edit_keeps_the_callers_own_lane_and_words(queue: QueueManager) -> None:
    receipt = await queue.submit("/Things", "POST", "z", lane="mine", summary="My words", data={"n": 1})
    edited = await queue.edit(receipt.id, data={"n": 2})
    assert (edited.lane, edited.summary) == ("mine", "My words")
