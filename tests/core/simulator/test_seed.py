"""The invented data: plausible, consistent, the same for the same seed."""

from datetime import UTC, datetime

import pytest

from autotask_queue.catalogue import load_catalogue
from autotask_queue.simulator.rules import Actor, Change, check, holds_role, person
from autotask_queue.simulator.seed import API_USER, seed
from autotask_queue.simulator.tables import Tables

NOON = datetime(2026, 6, 4, 12, 34, 56, tzinfo=UTC)


def tables(number: int = 1) -> Tables:
    made = Tables(load_catalogue(), now=lambda: NOON)
    seed(made, number)
    return made


@pytest.fixture(scope="module")
def made() -> Tables:
    return tables()


def test_there_is_enough_to_work_with(made: Tables) -> None:
    counts = {name: len(rows) for name, rows in made.snapshot().items()}
    assert counts["Companies"] == 30
    assert counts["Contacts"] == 80
    assert counts["Resources"] == 12
    assert counts["Tickets"] == 40
    assert counts["TicketNotes"] == counts["TimeEntries"] > 20
    assert counts["Roles"] == 4
    assert sum(1 for code in made.rows("BillingCodes") if code["useType"] == 1) == 4


def test_the_same_seed_gives_the_same() -> None:
    assert tables(7).snapshot() == tables(7).snapshot()
    assert tables(7).snapshot() != tables(8).snapshot()


@pytest.mark.parametrize("number", range(5))
def test_every_reference_and_choice_is_valid(number: int) -> None:
    made = tables(number)
    catalogue = load_catalogue()
    for entity in catalogue:
        for row in made.rows(entity.name):
            for field in entity.fields:
                value = row[field.name]
                if value is None:
                    assert not (field.required and entity.can_create), (entity.name, field.name)
                elif field.reference in catalogue:
                    assert made.get(str(field.reference), value), (entity.name, field.name, value)
                elif field.picklist:
                    assert any(one.id == value and one.is_active for one in field.picklist)


def test_the_rules_accept_it(made: Tables) -> None:
    for name in ("Tickets", "TimeEntries"):
        for row in made.rows(name):
            check(name, Change(tables=made, record=dict(row), before=None, actor=Actor(resource_id=API_USER)))


def test_nothing_lies_in_the_future(made: Tables) -> None:
    now = made.stamp()
    for name, fields in {
        "Tickets": ("createDate", "lastActivityDate"),
        "TicketNotes": ("createDateTime",),
        "TimeEntries": ("startDateTime", "endDateTime", "createDateTime"),
    }.items():
        assert all(row[field] <= now for row in made.rows(name) for field in fields)


def test_ticket_numbers_are_unique_and_follow_the_day(made: Tables) -> None:
    numbers = [row["ticketNumber"] for row in made.rows("Tickets")]
    assert len(set(numbers)) == 40
    assert numbers == sorted(numbers)
    assert all(
        row["ticketNumber"][1:9] == row["createDate"][:10].replace("-", "") for row in made.rows("Tickets")
    )


def test_the_api_user_is_no_person(made: Tables) -> None:
    assert made.get("Resources", API_USER)
    assert person(made, API_USER) is None
    assert not holds_role(made, API_USER, 29_683_392)
