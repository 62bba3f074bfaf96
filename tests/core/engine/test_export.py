"""Exports: all of it, page by page, safe to open in a spreadsheet, and without secrets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.store.conformance.conftest import make_store
from tests.core.store.making import NOW, add, add_one, claim_one, complete, fail, request

from autotask_queue import (
    EXPORT_COLUMNS,
    KNOWN_SECRETS,
    ExportFormat,
    QueueManager,
    Request,
    RequestFilter,
    Sort,
    SortField,
    Status,
)
from autotask_queue.engine import export
from autotask_queue.engine.export import Page, as_page, export_text
from autotask_queue.ports import Store


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.integration)])
async def queue(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[QueueManager]:
    manager = QueueManager(store=make_store(request, tmp_path))
    await manager.initialize(send=False)
    yield manager
    await manager.shutdown()


def store_of(queue: QueueManager) -> Store:
    return queue._engine.ctx.store


async def text_of(queue: QueueManager, query: RequestFilter | None = None, **options: Any) -> str:
    return "".join([text async for text in queue.export(query, **options)])


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


async def test_json_gives_every_request_back(queue: QueueManager) -> None:
    store = store_of(queue)
    await add(store, *(request(data={"n": n, "text": "Drücker\n\u2028\x1b"}) for n in range(450)))
    await complete(store, await claim_one(store, limit=1))
    await fail(store, await claim_one(store, limit=1))
    wanted = await store.find(RequestFilter())
    lines = (await text_of(queue)).split("\n")
    assert lines.pop() == ""
    assert [msgspec.json.decode(line, type=Request) for line in lines] == wanted
    document = json.loads(await text_of(queue, RequestFilter(status=(Status.PENDING,)), form="json"))
    assert document["filter"] == {"status": ["pending"]}
    assert document["exported_at"].endswith("Z")
    assert msgspec.convert(document["requests"], list[Request]) == wanted[2:]


async def test_a_table_has_its_columns_and_nothing_else(queue: QueueManager) -> None:
    store = store_of(queue)
    await add_one(store, data={"title": 'Drücker, "EG"\nneu'}, depends_on=("a", "b"), scheduled_at=NOW + 0.5)
    await add_one(store)
    await fail(store, await claim_one(store, limit=1))
    text = await text_of(queue, form="csv")
    assert text.startswith("\ufeffseq,id,status"), "spreadsheets take it for UTF-8"
    first, second = table(text)
    assert list(first) == list(EXPORT_COLUMNS)
    assert all(EXPORT_COLUMNS.values())
    assert first["created_at"] == "2027-01-15T08:00:00Z"
    assert json.loads(first["data"]) == {"title": 'Drücker, "EG"\nneu'}
    assert (first["depends_on"], first["status"], first["finished_at"]) == ("a b", "held", "")
    assert (second["status"], second["failure"], second["http_status"]) == (
        "failed", "The server was busy.", "503",
    )  # fmt: skip


async def test_an_empty_export_is_whole_too(queue: QueueManager) -> None:
    assert await text_of(queue) == ""
    assert json.loads(await text_of(queue, form="json"))["requests"] == []
    assert table(await text_of(queue, form="csv")) == []
    with pytest.raises(ValueError, match="xml"):
        await text_of(queue, form="xml")


@pytest.mark.parametrize("field", SortField)
async def test_the_filters_order_and_limit_hold(queue: QueueManager, field: SortField) -> None:
    store = store_of(queue)
    await add(store, *(request(priority=1 + n % 5, created_at=NOW + n % 3) for n in range(60)))
    query = RequestFilter(sort=Sort(field=field, direction="desc"), limit=35)
    wanted = [r.id for r in await store.find(query)]
    assert [line["id"] for line in table(await text_of(queue, query, form="csv"))] == wanted


async def test_what_is_added_meanwhile_is_left_out(queue: QueueManager) -> None:
    store = store_of(queue)
    stored = await add(store, *(request() for _ in range(40)))
    for query in (RequestFilter(), RequestFilter(sort=Sort(field=SortField.PRIORITY, direction="desc"))):
        found: list[str] = []
        async for text in queue.export(query):
            found += [msgspec.json.decode(line, type=Request).id for line in text.split("\n") if line]
            await add(store, *(request(priority=1) for _ in range(20)))
            assert len(found) <= 1_000, "an export has an end"
        assert set(found) == {r.id for r in stored}
        stored = await store.find(RequestFilter())


@pytest.mark.parametrize("form", ExportFormat)
async def test_secrets_are_masked(queue: QueueManager, form: ExportFormat) -> None:
    KNOWN_SECRETS.add("correct-horse")
    await add_one(
        store_of(queue),
        summary="sent with correct-horse",
        headers={"X-Api-Key": "battery-staple"},
        metadata={"nested": {"password": "battery-staple"}},
        data={"description": "correct-horse", "ApiIntegrationCode": "battery-staple"},
    )
    text = await text_of(queue, RequestFilter(text="correct-horse"), form=form)
    assert "correct-horse" not in text
    assert "battery-staple" not in text
    assert "[hidden]" in text


async def test_a_million_take_no_more_memory_than_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages grow while requests are small, and shrink when they are large."""
    asked: list[int] = []
    large = "x" * 5_000
    monkeypatch.setattr(export, "PAGE_BYTES", 300_000)

    async def fetch(query: RequestFilter) -> Page:
        assert query.limit is not None
        asked.append(query.limit)
        first = 0 if query.cursor is None else query.cursor.seq
        rows = [
            request(seq=seq, data=large if 2_000 < seq < 2_200 else None)
            for seq in range(first + 1, min(first + query.limit, 4_000) + 1)
        ]
        return Page(requests=rows, newest=4_000)

    count = 0
    most = 0
    async for text, requests in export_text(fetch, RequestFilter(), ExportFormat.JSONL, at=NOW):
        count += requests
        most = max(most, len(text))
    assert count == 4_000
    assert max(asked) == export.MOST_ROWS
    assert most < export.MOST_ROWS * 5_900
    assert min(asked[10:]) < 100, "smaller pages where requests are large"


def test_a_page_fits_into_a_message_but_holds_one_at_least() -> None:
    many = [request(data="x" * 1_000) for _ in range(10)]
    assert 2 <= len(as_page(many, 10, most_bytes=5_000).requests) <= 4
    assert len(as_page(many, 10, most_bytes=10).requests) == 1
    assert as_page([], 10, most_bytes=10).requests == []


# -- spreadsheets

HARMLESS = ["", "Printer", "a=b", "12", "3-4", "(x)", "'=1", "a@b.c", '"="']
FORMULAS = [
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1",
    "＠x",
    "\u00a0=1",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(text: str) -> None:
    assert export._safe(text) == text


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_text(text: str) -> None:
    assert export._safe(text).startswith("'")


@given(st.text(max_size=60))
def test_no_cell_is_a_formula_or_steers_a_terminal(text: str) -> None:
    row = export._row([text, "end"])
    ((cell, end),) = csv.reader(io.StringIO(row, newline=""))
    assert end == "end"
    assert cell.lstrip()[:1] not in {"=", "+", "-", "@", "＝", "＋", "－", "＠"}
    assert not [c for c in cell if c != "\n" and (c < " " or "\x7f" <= c < "\xa0")]
    assert cell.removeprefix("'") == cell or export._FORMULA.match(text) or text.startswith("'")
