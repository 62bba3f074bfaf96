"""The query grammar, page by page."""

import json
from typing import Any, ClassVar

import httpx
import pytest
from tests.core.simulator.client import TICKET, Api

pytestmark = pytest.mark.integration


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


def condition(op: str, field: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"op": op, "field": field, "value": value, **more}


async def same(api: Api, filters: list[Any], keep: Any) -> list[dict[str, Any]]:
    """Asserts that the query finds exactly the tickets that `keep` keeps, by id."""
    found = await api.query("Tickets", *filters)
    expected = [row for row in api.rows("Tickets") if keep(row)]
    assert found == expected
    return found


@pytest.mark.parametrize(
    ("op", "keep"),
    [
        ("eq", lambda value: value == 2),
        ("noteq", lambda value: value != 2),
        ("gt", lambda value: value > 2),
        ("gte", lambda value: value >= 2),
        ("lt", lambda value: value < 2),
        ("lte", lambda value: value <= 2),
        ("EQ", lambda value: value == 2),
    ],
)
async def test_comparisons(api: Api, op: str, keep: Any) -> None:
    assert await same(api, [condition(op, "Priority", 2)], lambda row: keep(row["priority"]))


@pytest.mark.parametrize(
    ("op", "value", "keep"),
    [
        ("beginsWith", "PAPER", lambda text: text.startswith("paper")),
        ("endsWith", "printer", lambda text: text.endswith("printer")),
        ("contains", "Printer", lambda text: "printer" in text),
        ("eq", "laptop WILL not start", lambda text: text == "laptop will not start"),
    ],
)
async def test_text_ignores_case(api: Api, op: str, value: str, keep: Any) -> None:
    await api.create("/Tickets", TICKET | {"title": "Laptop will not start"})
    assert await same(api, [condition(op, "title", value)], lambda row: keep(row["title"].lower()))


async def test_empty_values(api: Api) -> None:
    assigned = await same(
        api, [condition("exist", "assignedResourceID")], lambda row: row["assignedResourceID"] is not None
    )
    free = await same(
        api, [condition("notExist", "assignedResourceID")], lambda row: row["assignedResourceID"] is None
    )
    assert assigned
    assert free
    one = assigned[0]["assignedResourceID"]
    await same(
        api,
        [condition("noteq", "assignedResourceID", one)],
        lambda row: row["assignedResourceID"] not in (None, one),
    )
    assert await api.query("Tickets", condition("eq", "assignedResourceID", None)) == []


async def test_lists(api: Api) -> None:
    await same(api, [condition("in", "status", [1, "8", 7])], lambda row: row["status"] in (1, 8, 7))
    await same(api, [condition("notIn", "status", [1, 8, 7])], lambda row: row["status"] not in (1, 8, 7))
    assert await api.query("Tickets", condition("in", "id", [])) == []


async def test_times_are_compared_as_moments(api: Api) -> None:
    id_ = await api.create("/Tickets", TICKET | {"dueDateTime": "2030-01-01T12:00:00Z"})
    for value, found in [
        ("2030-01-01T12:59:59+01:00", True),
        ("2030-01-01T13:00:01+01:00", False),
        ("2030-01-01T12:00:00", True),
    ]:
        items = await api.query("Tickets", condition("gte", "dueDateTime", value))
        assert (id_ in ids(items)) is found


async def test_yes_and_no(api: Api) -> None:
    inactive = [row["id"] for row in api.rows("Resources") if not row["isActive"]]
    for value in (False, "false"):
        assert ids(await api.query("Resources", condition("eq", "isActive", value))) == inactive
    text = await api.refused("POST", "/Resources/query", {"filter": [condition("eq", "isActive", 0)]})
    assert "System.Boolean" in text


async def test_dates_are_midnight(api: Api) -> None:
    id_ = await api.create("/TimeEntries", api.time_entry(dateWorked="2019-06-03"))
    for value, found in [("2019-06-03", [id_]), ("2019-06-03T00:00:01Z", [])]:
        filters = [condition("gte", "dateWorked", value), condition("lt", "dateWorked", "2019-06-04")]
        assert ids(await api.query("TimeEntries", *filters)) == found


async def test_groups_nest_and_the_top_level_is_and(api: Api) -> None:
    filters = [
        condition("in", "status", [1, 8, 10]),
        {
            "op": "or",
            "items": [
                condition("eq", "priority", 1),
                {
                    "OP": "and",
                    "Items": [condition("exist", "assignedResourceID"), condition("eq", "issueType", 12)],
                },
            ],
        },
    ]
    assert await same(
        api,
        filters,
        lambda row: (
            row["status"] in (1, 8, 10)
            and (row["priority"] == 1 or (row["assignedResourceID"] is not None and row["issueType"] == 12))
        ),
    )


async def test_the_samples_of_the_documentation(api: Api) -> None:
    model = {
        "MaxRecords": 100,
        "IncludeFields": ["id", "ticketNumber", "title", "status", "lastActivityDate"],
        "Filter": [
            {"op": "eq", "field": "companyID", "value": 175},
            {"op": "in", "field": "status", "value": [1, 8, 7]},
            {"op": "eq", "field": "Site Access Code", "udf": True, "value": "Golden"},
        ],
    }
    body = TICKET | {"userDefinedFields": [{"name": "Site Access Code", "value": "golden"}]}
    id_ = await api.create("/Tickets", body)
    (item,) = (await api.done("POST", "/Tickets/query", model))["items"]
    assert set(item) == {"id", "ticketNumber", "title", "status", "lastActivityDate"}
    assert item["id"] == id_


async def test_unknown_operators_are_ignored(api: Api) -> None:
    everything = len(api.rows("Tickets"))
    assert len(await api.query("Tickets", condition("noteExist", "assignedResourceID"))) == everything
    assert (
        len(await api.query("Tickets", condition("ne", "status", 1), condition("gt", "id", 0))) == everything
    )


@pytest.mark.parametrize(
    ("filters", "text"),
    [
        ([condition("eq", "projectNo", 1)], "Unable to find projectNo in the Ticket Entity."),
        ([{"op": "eq", "value": 1}], "Unable to find  in the Ticket Entity."),
        (
            [condition("eq", "creatorType", 1)],
            "The field creatorType of the Ticket Entity is not queryable.",
        ),
        ([condition("eq", "status", "x")], "Conversion failed when converting varchar 'x' to data type int"),
        ([condition("eq", "nope", "x", udf=True)], "Unable to find nope in the Ticket Entity."),
        (
            [
                condition("eq", "ClientRequestID", "x", udf=True),
                {"op": "or", "items": [condition("eq", "site access code", "x", udf=True)]},
            ],
            "You can only query by one user-defined field at a time.",
        ),
        (
            [{"op": "or", "items": [condition("eq", "id", at) for at in range(501)]}],
            "Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions.",
        ),
        (
            [condition("in", "id", list(range(501)))],
            "Invalid query syntax. Queries are limited to 500 or fewer 'OR' conditions.",
        ),
        ([condition("in", "id", 3)], "Invalid query syntax. The value of 'in' must be a list."),
        ([{"op": "or"}], "Invalid query syntax."),
        ([], "Value cannot be null.\r\nParameter name: filters"),
    ],
)
async def test_what_is_refused(api: Api, filters: list[Any], text: str) -> None:
    assert await api.refused("POST", "/Tickets/query", {"filter": filters}) == text


async def test_as_many_conditions_as_allowed(api: Api) -> None:
    found = await api.query("Tickets", condition("in", "id", list(range(7500, 8000))))
    assert len(found) == len(api.rows("Tickets"))


async def test_groups_nested_beyond_reason(api: Api) -> None:
    group: dict[str, Any] = condition("eq", "id", 1)
    for _ in range(60):
        group = {"op": "and", "items": [group]}
    assert await api.refused("POST", "/Tickets/query", {"filter": [group]}) == "Invalid query syntax."


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b"[]", b'{"filter": null}'])
async def test_a_query_without_filter(api: Api, body: bytes) -> None:
    for path in ("query", "query/count", "query/next?paging=x"):
        answer = await api.http.post(
            f"{api.sim.base_url}v1.0/Tickets/{path}", headers=api.headers, content=body
        )
        assert answer.status_code == 500
        assert "errors" in answer.json()
        if "paging" not in path:
            assert "Parameter name: filters" in answer.json()["errors"][0]


@pytest.mark.parametrize("value", [0, 501, 1000, -1, True, "5", 1.5])
async def test_page_sizes_that_are_refused(api: Api, value: object) -> None:
    body = {"filter": [condition("exist", "id")], "MaxRecords": value}
    text = await api.refused("POST", "/Tickets/query", body)
    assert text == "The MaxRecords value must be between 1 and 500."


async def test_unknown_columns_are_refused(api: Api) -> None:
    body = {"filter": [condition("exist", "id")], "IncludeFields": ["id", "nope"]}
    assert await api.refused("POST", "/Tickets/query", body) == "Unable to find nope in the Ticket Entity."


async def test_columns_are_strict(api: Api) -> None:
    items = await api.query("Tickets", condition("exist", "id"), IncludeFields=["TITLE"], MaxRecords=1)
    assert [set(item) for item in items] == [{"title"}]


class TestPages:
    BODY: ClassVar[dict[str, Any]] = {
        "filter": [condition("exist", "id")],
        "MaxRecords": 15,
        "IncludeFields": ["id"],
    }

    async def test_following_with_post(self, api: Api) -> None:
        expected = ids(api.rows("Tickets"))
        url: str | None = "/Tickets/query"
        pages = []
        while url:
            document = await api.done("POST", url, self.BODY)
            pages.append(ids(document["items"]))
            details = document["pageDetails"]
            assert (details["count"], details["requestCount"]) == (len(document["items"]), 15)
            assert (details["prevPageUrl"] is None) is (len(pages) == 1)
            url = details["nextPageUrl"]
        assert [len(page) for page in pages] == [15, 15, 10]
        assert [id_ for page in pages for id_ in page] == expected == sorted(expected)

    async def test_going_back(self, api: Api) -> None:
        first = await api.done("POST", "/Tickets/query", self.BODY)
        second = await api.done("POST", first["pageDetails"]["nextPageUrl"], self.BODY)
        back = await api.done("POST", second["pageDetails"]["prevPageUrl"], self.BODY)
        assert back["items"] == first["items"]
        assert back["pageDetails"]["prevPageUrl"] is None
        assert back["pageDetails"]["nextPageUrl"] == first["pageDetails"]["nextPageUrl"]

    async def test_the_address_is_of_the_shape_known(self, api: Api) -> None:
        document = await api.done("POST", "/Tickets/query", self.BODY)
        start = f"{api.sim.url}/ATServicesRest/V1.0/Tickets/query/next?paging="
        assert document["pageDetails"]["nextPageUrl"].startswith(start)

    async def test_get_is_refused_after_post(self, api: Api) -> None:
        document = await api.done("POST", "/Tickets/query", self.BODY)
        answer = await api.call("GET", document["pageDetails"]["nextPageUrl"])
        assert answer.status_code == 405
        assert answer.json() == {"Message": "The requested resource does not support http method 'GET'."}

    async def test_the_filter_must_be_sent_again(self, api: Api) -> None:
        document = await api.done("POST", "/Tickets/query", self.BODY)
        answer = await api.call("POST", document["pageDetails"]["nextPageUrl"])
        assert answer.status_code == 500
        narrower = self.BODY | {"filter": [condition("eq", "priority", 4)]}
        page = await api.done("POST", document["pageDetails"]["nextPageUrl"], narrower)
        assert len(page["items"]) < 15

    async def test_a_full_last_page_has_no_next(self, api: Api) -> None:
        document = await api.done("POST", "/Tickets/query", self.BODY | {"MaxRecords": 40})
        assert document["pageDetails"]["nextPageUrl"] is None

    async def test_records_that_come_or_go_in_between(self, api: Api) -> None:
        entries = [await api.create("/TimeEntries", api.time_entry()) for _ in range(3)]
        body = {"filter": [condition("gte", "id", entries[0])], "MaxRecords": 1}
        first = await api.done("POST", "/TimeEntries/query", body)
        await api.done("DELETE", f"/TimeEntries/{entries[0]}")
        second = await api.done("POST", first["pageDetails"]["nextPageUrl"], body)
        assert ids(second["items"]) == [entries[1]]

    @pytest.mark.parametrize("token", ["", "x", "!!", "eyJzaXplIjotNX0", "eyJzaXplIjo5OTk5fQ", "bnVsbA"])
    async def test_tokens_that_are_not_ours(self, api: Api, token: str) -> None:
        text = await api.refused("POST", f"/Tickets/query/next?paging={token}", self.BODY)
        assert text == "The paging token is invalid."

    async def test_get_queries(self, api: Api) -> None:
        search = json.dumps(self.BODY)
        answer = await api.call("GET", "/Tickets/query", params={"search": search})
        url = answer.json()["pageDetails"]["nextPageUrl"]
        assert "search=" in url
        assert len((await api.done("GET", url))["items"]) == 15
        count = await api.call("GET", "/Tickets/query/count", params={"search": search})
        assert count.json() == {"queryCount": 40}
        assert (await api.call("GET", "/Tickets/query")).status_code == 500


async def test_more_than_a_page(api: Api) -> None:
    tables = api.sim._tenant.tables
    for _ in range(520):
        tables.insert("TicketNotes", {"ticketID": 7850})
    items = await api.query("TicketNotes", condition("eq", "ticketID", 7850))
    assert len(items) == 500
    counted = await api.done("POST", "/TicketNotes/query/count", {"filter": [condition("exist", "id")]})
    assert counted == {"queryCount": len(api.rows("TicketNotes"))}


async def test_the_last_id_pages_too(api: Api) -> None:
    found: list[int] = []
    while items := await api.query(
        "Contacts", condition("gt", "id", found[-1] if found else 0), MaxRecords=33
    ):
        found += ids(items)
    assert found == ids(api.rows("Contacts"))


async def test_it_is_json_all_the_way(api: Api) -> None:
    body = b'{"filter": [{"op": "eq", "field": "title", "value": "\\ud83d\\ude00 caf\xc3\xa9"}]}'
    await api.create("/Tickets", TICKET | {"title": "😀 café"})
    answer = await api.http.post(f"{api.sim.base_url}v1.0/Tickets/query", headers=api.headers, content=body)
    assert isinstance(answer, httpx.Response)
    assert [item["title"] for item in answer.json()["items"]] == ["😀 café"]
