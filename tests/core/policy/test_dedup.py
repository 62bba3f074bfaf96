"""When two requests are the same."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.core.store.making import read, request

from autotask_queue.model.request import RequestId
from autotask_queue.policy.dedup import digest, flight

QUERY = {"filter": [{"op": "eq", "field": "companyID", "value": 175}], "MaxRecords": 50}


def look(**values: Any) -> Any:
    return read(**{"endpoint": "/Tickets/query", "method": "POST", "data": QUERY, **values})


@pytest.mark.parametrize(
    "same",
    [
        {"data": dict(reversed(QUERY.items()))},
        {"endpoint": "/Tickets/query/"},
        {"priority": 9, "summary": "x", "actor": "anna", "metadata": {"a": 1}, "created_at": 5.0},
        {"expires_at": 9e9, "dedup_key": "k"},
    ],
    ids=["order of fields", "last slash", "words", "times"],
)
def test_the_same_question_is_one_flight(same: dict[str, Any]) -> None:
    assert flight(look(**same)) == flight(look()) is not None


def test_parameters_are_compared_whatever_their_order() -> None:
    one, two = "/Things?b=2&a=1&a=0&c=", "/Things?a=1&c=&a=0&b=2"
    assert flight(look(endpoint=one)) == flight(look(endpoint=two))
    assert flight(look(endpoint=one)) != flight(look(endpoint="/Things?b=2&a=0&a=1&c="))


@pytest.mark.parametrize(
    "other",
    [
        {"zone": "zone2"},
        {"method": "GET"},
        {"endpoint": "/tickets/query"},
        {"endpoint": "/Tickets/query?x=1"},
        {"data": {**QUERY, "MaxRecords": 51}},
        {"data": {**QUERY, "MaxRecords": "50"}},
        {"headers": {"Accept-Language": "de"}},
        {"timeout": 5.0},
        {"max_retries": 0},
        {"retryable": False},
    ],
    ids=str,
)
def test_another_question_is_another_flight(other: dict[str, Any]) -> None:
    assert flight(look(**other)) not in {None, flight(look())}


def test_writes_and_children_are_never_shared() -> None:
    assert flight(request()) is None
    assert flight(look(depends_on=(RequestId("a"),))) is None


def test_a_digest_covers_what_is_sent_and_nothing_else() -> None:
    one = request(data={"a": 1, "b": [1, 2]}, headers={"x": "1"})
    for same in ({"priority": 9}, {"summary": "x"}, {"data": {"b": [1, 2], "a": 1}}, {"dedup_key": "k"}):
        assert digest(msgspec.structs.replace(one, **same)) == digest(one)
    others: tuple[dict[str, Any], ...] = (
        {"zone": "z"},
        {"method": "PUT"},
        {"endpoint": "/T"},
        {"data": {"a": 1}},
        {"data": {"a": 1, "b": [2, 1]}},
        {"headers": {}},
    )
    for other in others:
        assert digest(msgspec.structs.replace(one, **other)) != digest(one)
