"""The built-in catalogue is complete enough to compose with, and consistent in itself."""

import re

import pytest

from autotask_queue.catalogue import Catalogue, Entity, FieldType, UnknownEntity, load_catalogue

WANTED = {
    "Tickets", "TicketNotes", "TimeEntries", "TicketChecklistItems", "TicketAttachments", "Companies",
    "Contacts", "Resources", "Roles", "ResourceRoles", "BillingCodes", "Tasks", "Appointments",
    "ServiceCalls", "ConfigurationItems",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_it_holds_what_a_technician_works_with(catalogue: Catalogue) -> None:
    assert {entity.name for entity in catalogue.entities} == WANTED


def test_it_is_read_once() -> None:
    assert load_catalogue() is load_catalogue()


@pytest.mark.parametrize("name", ["Tickets", "tickets", "TICKETS"])
def test_entities_are_found_in_any_case(catalogue: Catalogue, name: str) -> None:
    assert catalogue.entity(name).name == "Tickets"
    assert name in catalogue


def test_an_unknown_entity_names_the_nearest(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownEntity, match=r"no entity “Ticket”\. Did you mean Tickets\?"):
        catalogue.entity("Ticket")
    with pytest.raises(UnknownEntity, match="Known are Appointments, BillingCodes"):
        catalogue.entity("qqqq")


def test_fields_are_found_in_any_case(catalogue: Catalogue) -> None:
    field = catalogue.entity("Tickets").field("COMPANYID")
    assert field is not None
    assert (field.name, field.label, field.reference) == ("companyID", "Company", "Companies")
    assert catalogue.entity("Tickets").field("nothing") is None


def test_children_know_their_route(catalogue: Catalogue) -> None:
    note = catalogue.child("tickets", "notes")
    assert note is not None
    assert note.name == "TicketNotes"
    assert note.parent is not None
    assert note.parent.field == "ticketID"
    assert catalogue.child("Companies", "Contacts") is catalogue.entity("Contacts")
    assert catalogue.child("Tickets", "TimeEntries") is None


@pytest.mark.parametrize("entity", load_catalogue().entities, ids=lambda entity: entity.name)
def test_each_entity_is_consistent(entity: Entity) -> None:
    names = [field.name for field in entity.fields]
    assert len(names) == len({name.lower() for name in names})
    referred = [
        entity.marker,
        entity.created_field,
        entity.modified_field,
        entity.activity_field,
        *entity.natural_key,
        *entity.display,
        *([entity.parent.field] if entity.parent else []),
        *[field.picklist_parent for field in entity.fields],
    ]
    assert [name for name in referred if name and name not in names] == []
    assert [field.name for field in entity.fields if field.required and field.read_only] == []
    assert entity.label
    assert entity.record


@pytest.mark.parametrize("entity", load_catalogue().entities, ids=lambda entity: entity.name)
def test_labels_are_words_for_people(entity: Entity) -> None:
    for field in entity.fields:
        assert field.label[0].isupper() or field.label[0].isdigit()
        assert not re.search(r"[a-z][A-Z]", field.label.replace("LinkedIn", "")), field.label


@pytest.mark.parametrize("entity", load_catalogue().entities, ids=lambda entity: entity.name)
def test_picklists_are_consistent(entity: Entity) -> None:
    for field in entity.fields:
        ids = [value.id for value in field.picklist]
        assert len(ids) == len(set(ids))
        assert sum(value.is_default for value in field.picklist) <= 1
        kinds = {type(value) for value in ids}
        assert kinds <= {str if field.type is FieldType.STRING else int}
        for value in field.picklist:
            if value.parent is not None:
                parent = entity.field(field.picklist_parent or "")
                assert parent is not None
                assert value.parent in {one.id for one in parent.picklist}


def test_facts_that_the_api_is_known_for(catalogue: Catalogue) -> None:
    tickets = catalogue.entity("Tickets")
    assert [field.name for field in tickets.required] == ["companyID", "title", "status", "priority"]
    assert (tickets.marker, tickets.can_delete, tickets.parent) == ("externalID", False, None)
    title = tickets.field("title")
    assert title is not None
    assert title.max_length == 255
    number = tickets.field("ticketNumber")
    assert number is not None
    assert number.read_only
    unqueryable = {field.name for field in tickets.fields if not field.queryable}
    assert {"creatorType", "lastActivityPersonType"} <= unqueryable
    assert catalogue.entity("TicketNotes").marker is None
    assert catalogue.entity("TimeEntries").can_delete
    assert not catalogue.entity("TicketChecklistItems").impersonation
    active = catalogue.entity("Contacts").field("isActive")
    assert active is not None
    assert active.type is FieldType.INTEGER
