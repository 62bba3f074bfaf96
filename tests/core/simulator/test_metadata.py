"""`entityInformation`: what a client learns about fields and picklists."""

import pytest
from tests.core.simulator.client import Api

from autotask_queue.catalogue import FieldType, load_catalogue

pytestmark = pytest.mark.integration


async def test_entity_information(api: Api) -> None:
    info = (await api.done("GET", "/Tickets/entityInformation"))["info"]
    assert info["name"] == "Ticket"
    assert (info["canCreate"], info["canDelete"], info["canQuery"], info["canUpdate"]) == (
        True,
        False,
        True,
        True,
    )
    assert (info["userAccessForCreate"], info["userAccessForDelete"]) == ("All", "None")
    assert info["hasUserDefinedFields"] is True


async def test_picklist_values_are_text_here_and_numbers_in_records(api: Api) -> None:
    fields = (await api.done("GET", "/Tickets/entityInformation/fields"))["fields"]
    status = next(field for field in fields if field["name"] == "status")
    assert status["isPickList"] is True
    assert status["dataType"] == "integer"
    assert status["picklistValues"][0] == {
        "value": "1",
        "label": "New",
        "isDefaultValue": True,
        "sortOrder": 1,
        "parentValue": "",
        "isActive": True,
        "isSystem": True,
    }
    assert [one["isActive"] for one in status["picklistValues"] if one["value"] == "16"] == [False]


async def test_dependent_picklists_and_references(api: Api) -> None:
    fields = {
        field["name"]: field
        for field in (await api.done("GET", "/Tickets/entityInformation/fields"))["fields"]
    }
    assert fields["subIssueType"]["picklistParentValueField"] == "issueType"
    assert {one["parentValue"] for one in fields["subIssueType"]["picklistValues"]} >= {"10", "12"}
    assert (fields["companyID"]["isReference"], fields["companyID"]["referenceEntityType"]) == (
        True,
        "Company",
    )
    assert fields["contractID"]["referenceEntityType"] == "Contract"
    assert (fields["title"]["length"], fields["title"]["isRequired"]) == (255, True)
    assert (fields["ticketNumber"]["isReadOnly"], fields["creatorType"]["isQueryable"]) == (True, False)
    assert fields["title"]["picklistValues"] is None


async def test_user_defined_fields(api: Api) -> None:
    fields = (await api.done("GET", "/Tickets/entityInformation/userDefinedFields"))["fields"]
    assert [field["name"] for field in fields] == ["ClientRequestID", "Site Access Code"]
    assert (await api.done("GET", "/Roles/entityInformation/userDefinedFields")) == {"fields": []}


async def test_children_answer_at_both_addresses(api: Api) -> None:
    for tail in ("", "/fields", "/userDefinedFields"):
        root = await api.done("GET", f"/TicketNotes/entityInformation{tail}")
        assert root == await api.done("GET", f"/Tickets/7850/Notes/entityInformation{tail}")


@pytest.mark.parametrize("entity", load_catalogue().entities, ids=lambda entity: entity.name)
async def test_every_field_is_described(api: Api, entity: object) -> None:
    described = load_catalogue().entity(getattr(entity, "name", ""))
    fields = (await api.done("GET", f"/{described.name}/entityInformation/fields"))["fields"]
    wanted = [field.name for field in described.fields if field.type is not FieldType.ARRAY]
    assert [field["name"] for field in fields] == wanted
