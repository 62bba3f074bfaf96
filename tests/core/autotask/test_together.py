"""One edit for several of one record, and who may be merged at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.store.making import request

from autotask_queue.autotask.facts import describe
from autotask_queue.autotask.together import merged_edit

values = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
documents = st.lists(st.dictionaries(st.sampled_from(["title", "status", "queueID"]), values), max_size=6)


@given(documents)
def test_bt5_one_edit_leaves_what_one_after_the_other_would(edits: list[dict[str, Any]]) -> None:
    record: dict[str, Any] = {}
    for edit in edits:
        record |= edit
    assert merged_edit(edits) == record


def test_names_are_compared_as_autotask_compares_them() -> None:
    assert merged_edit([{"id": 7, "Status": 1, "title": "a"}, {"ID": 7, "status": 5}]) == {
        "ID": 7, "status": 5, "title": "a",
    }  # fmt: skip


def test_user_defined_fields_are_merged_by_their_names() -> None:
    first = {"id": 7, "userDefinedFields": [{"name": "Rack", "value": "1"}, {"name": "Row", "value": "A"}]}
    second = {"id": 7, "UserDefinedFields": [{"name": "rack", "value": "2"}, {"name": "Room", "value": "x"}]}
    assert merged_edit([first, second])["UserDefinedFields"] == [
        {"name": "rack", "value": "2"}, {"name": "Row", "value": "A"}, {"name": "Room", "value": "x"},
    ]  # fmt: skip
    assert merged_edit([first, {"id": 7, "userDefinedFields": None}])["userDefinedFields"] is None


def word(endpoint: str, method: str, data: Any) -> str | None:
    return describe(request(endpoint=endpoint, method=method, data=data)).batch


def test_edits_of_one_record_have_a_word_in_common() -> None:
    one = word("/Tickets", "PATCH", {"id": 7, "status": 5})
    assert one == word("/tickets", "PATCH", {"ID": "7", "title": "x"}) is not None


@pytest.mark.parametrize(
    ("endpoint", "method", "data"),
    [
        ("/Tickets", "PATCH", {"id": 8, "status": 5}),
        ("/Companies", "PATCH", {"id": 7, "companyName": "x"}),
        ("/Tickets", "PUT", {"id": 7, "status": 5}),
        ("/Tickets", "POST", {"title": "x", "companyID": 0, "status": 1, "priority": 2, "queueID": 5}),
        ("/Tickets/7/Notes", "PATCH", {"id": 7, "description": "x"}),
    ],
    ids=["another record", "another entity", "replaced", "created", "its note"],
)
def test_others_have_not(endpoint: str, method: str, data: Any) -> None:
    assert word(endpoint, method, data) != word("/Tickets", "PATCH", {"id": 7, "status": 5})
