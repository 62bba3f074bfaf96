"""Create, PATCH, PUT, DELETE: what comes back, what changes, what is refused in which words."""

import base64
import re
from typing import Any, ClassVar

import httpx
import pytest
from tests.core.simulator.client import TICKET, Api

pytestmark = pytest.mark.integration


async def test_create_answers_with_the_id_alone(api: Api) -> None:
    answer = await api.call("POST", "/Tickets", TICKET)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"itemId": api.rows("Tickets")[-1]["id"]}


async def test_the_server_fills_in_its_fields(api: Api) -> None:
    ids = [await api.create("/Tickets", TICKET) for _ in range(2)]
    first, second = [await api.item(f"/Tickets/{id_}") for id_ in ids]
    assert re.fullmatch(r"T\d{8}\.\d{4}", first["ticketNumber"])
    assert int(second["ticketNumber"][-4:]) == int(first["ticketNumber"][-4:]) + 1
    assert first["ticketNumber"][1:9] == first["createDate"][:10].replace("-", "")
    assert first["createDate"] == first["lastActivityDate"] == first["lastTrackedModificationDateTime"]
    assert (first["ticketCategory"], first["completedDate"]) == (3, None)
    assert first["dueDateTime"] > first["createDate"]
    assert (
        await api.query("Tickets", {"op": "eq", "field": "ticketNumber", "value": first["ticketNumber"]})
    ) == [first]


async def test_ids_keep_rising_after_a_delete(api: Api) -> None:
    first = await api.create("/TimeEntries", api.time_entry())
    await api.done("DELETE", f"/TimeEntries/{first}")
    assert await api.create("/TimeEntries", api.time_entry()) > first


async def test_names_in_any_case_and_numbers_as_text(api: Api) -> None:
    id_ = await api.create(
        "/Tickets", {"CompanyID": "175", "TITLE": "x", "Status": "1", "PRIORITY": 2, "QueueID": "5"}
    )
    ticket = await api.item(f"/Tickets/{id_}")
    assert (ticket["companyID"], ticket["status"], ticket["queueID"]) == (175, 1, 5)
    await api.done("PATCH", "/Tickets", {"ID": str(id_), "STATUS": 8})
    assert (await api.item(f"/Tickets/{id_}"))["status"] == 8


async def test_read_only_and_unknown_properties_are_ignored(api: Api) -> None:
    id_ = await api.create("/Tickets", TICKET | {"id": 0, "ticketNumber": "T1", "nonsense": {"a": 1}})
    ticket = await api.item(f"/Tickets/{id_}")
    assert ticket["ticketNumber"] != "T1"
    assert "nonsense" not in ticket


@pytest.mark.parametrize("name", ["companyID", "title", "status", "priority"])
@pytest.mark.parametrize("value", ["absent", None, ""])
async def test_missing_required_fields(api: Api, name: str, value: str | None) -> None:
    body = {key: text for key, text in TICKET.items() if key != name}
    if value != "absent":
        body[name] = value
    if value == "" and name != "title":
        assert "Conversion failed" in await api.refused("POST", "/Tickets", body)
        return
    text = await api.refused("POST", "/Tickets", body)
    assert text == f"Missing Required Field: {name}. ; on record number [1]."


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"status": 99}, "Picklist value [99] does not exist for status. ; on record number [1]."),
        ({"status": 16}, "Picklist value [16] does not exist for status. ; on record number [1]."),
        ({"companyID": 2**63}, "Value was either too large or too small for an Int64."),
        ({"companyID": 1e300}, "Value was either too large or too small for an Int64."),
        ({"companyID": 1.5}, "Error converting value 1.5 to type 'System.Int32'. Path 'companyID'."),
        ({"companyID": "9" * 50}, f"Conversion failed when converting varchar '{'9' * 50}' to data type int"),
        ({"companyID": "x"}, "Conversion failed when converting varchar 'x' to data type int"),
        ({"estimatedHours": "x"}, "Conversion failed when converting varchar 'x' to data type float"),
        ({"estimatedHours": "nan"}, "Conversion failed when converting varchar 'nan' to data type float"),
        ({"dueDateTime": "soon"}, "Conversion failed when converting varchar 'soon' to data type datetime"),
        (
            {"isVisibleToComanaged": None},
            "Error converting value {null} to type 'System.Boolean'. Path 'isVisibleToComanaged'.",
        ),
        (
            {"estimatedHours": True},
            "Error converting value True to type 'System.Double'. Path 'estimatedHours'.",
        ),
        (
            {"userDefinedFields": 1},
            "Error converting value 1 to type 'System.Collections.Generic.List'. Path 'userDefinedFields'.",
        ),
        ({"title": ["x"]}, "Error converting value ['x'] to type 'System.String'. Path 'title'."),
        (
            {"title": "x" * 256},
            (
                "String value exceeds maximum length (field:title).  "
                "| Error updating entity for record number [1]."
            ),
        ),
        (
            {"companyID": 4711},
            (
                "Reference value on field: companyID of type: Company does not exist or is invalid."
                " ; on record number [1]."
            ),
        ),
        (
            {"subIssueType": 101, "issueType": 12},
            "Value does not exist for child picklist: subIssueType",
        ),
        ({"subIssueType": 121}, "Value does not exist for child picklist: subIssueType"),
        (
            {"queueID": None},
            (
                "assignedResourceID, assignedResourceRoleID, and queueID cannot all be empty. Supply "
                "a queueID or both an assignedResourceID and assignedResourceRoleID."
            ),
        ),
        (
            {"assignedResourceID": 29682886},
            (
                "Data violation: When assigning a Resource, you must assign both a assignedResourceID and "
                "assignedResourceRoleID."
            ),
        ),
        (
            {"userDefinedFields": [{"name": "nope", "value": "x"}]},
            "User-defined field [nope] does not exist for Ticket. ; on record number [1].",
        ),
        ({"userDefinedFields": [{"value": "x"}]}, "Each userDefinedFields entry must have a name."),
    ],
)
async def test_tickets_are_checked(api: Api, change: dict[str, Any], text: str) -> None:
    assert await api.refused("POST", "/Tickets", TICKET | change) == text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"3", b"\xff", b"[" * 100_000])
async def test_bodies_that_are_no_object(api: Api, body: bytes) -> None:
    answer = await api.http.post(f"{api.sim.base_url}v1.0/Tickets", headers=api.headers, content=body)
    assert answer.status_code == 500
    assert len(answer.json()["errors"]) == 1


async def test_a_contact_belongs_to_the_company_or_its_parent(api: Api) -> None:
    contact = api.rows("Contacts")[0]
    other = next(row for row in api.rows("Companies") if row["id"] not in (0, contact["companyID"]))
    text = "contactID is not associated to the companyID or its Parent Company"
    assert (
        await api.refused("POST", "/Tickets", TICKET | {"companyID": other["id"], "contactID": contact["id"]})
        == text
    )

    child = next(row for row in api.rows("Companies") if row["parentCompanyID"])
    at_parent = next(row for row in api.rows("Contacts") if row["companyID"] == child["parentCompanyID"])
    ticket = await api.create("/Tickets", TICKET | {"companyID": child["id"], "contactID": at_parent["id"]})

    assert await api.refused("PATCH", "/Tickets", {"id": ticket, "companyID": 0}) == text
    await api.done("PATCH", "/Tickets", {"id": ticket, "companyID": 0, "contactID": None})


async def test_a_device_belongs_to_the_company(api: Api) -> None:
    device = await api.create("/ConfigurationItems", {"companyID": 175, "productID": 5, "isActive": True})
    await api.create("/Tickets", TICKET | {"configurationItemID": device})
    text = await api.refused("POST", "/Tickets", TICKET | {"companyID": 0, "configurationItemID": device})
    assert text == f"The configurationItemID [{device}] is not associated with Company [0]"


async def test_the_role_must_be_held(api: Api) -> None:
    resource, role = api.pair()
    held = {row["roleID"] for row in api.rows("ResourceRoles") if row["resourceID"] == resource}
    other = next(row["id"] for row in api.rows("Roles") if row["id"] not in held)
    body = TICKET | {"queueID": None, "assignedResourceID": resource, "assignedResourceRoleID": role}
    await api.create("/Tickets", body)
    text = await api.refused("POST", "/Tickets", body | {"assignedResourceRoleID": other})
    assert text == 'The Ticket "Printer down" has an invalid Resource and Role combination.'


@pytest.mark.parametrize("who", ["api", "inactive"])
async def test_not_everybody_can_be_assigned(api: Api, who: str) -> None:
    inactive = next(row["id"] for row in api.rows("Resources") if not row["isActive"])
    resource = 29_682_800 if who == "api" else inactive
    body = TICKET | {"assignedResourceID": resource, "assignedResourceRoleID": api.pair()[1]}
    assert "assignedResourceID of type: Resource" in await api.refused("POST", "/Tickets", body)
    entry = api.time_entry(resourceID=resource)
    assert "resourceID of type: Resource" in await api.refused("POST", "/TimeEntries", entry)


async def test_patch_changes_only_what_it_names(api: Api) -> None:
    id_ = await api.create("/Tickets", TICKET | {"description": "keep"})
    before = await api.item(f"/Tickets/{id_}")
    assert await api.done("PATCH", "/Tickets", {"id": id_, "priority": 4}) == {"itemId": id_}
    after = await api.item(f"/Tickets/{id_}")
    moved = {name for name in after if after[name] != before[name]}
    assert moved <= {"priority", "lastActivityDate", "lastTrackedModificationDateTime"}
    assert (after["priority"], after["description"]) == (4, "keep")


async def test_put_empties_what_it_omits(api: Api) -> None:
    id_ = await api.create("/Tickets", TICKET | {"description": "gone", "externalID": "gone too"})
    await api.done("PUT", "/Tickets", TICKET | {"id": id_, "title": "New"})
    after = await api.item(f"/Tickets/{id_}")
    assert (after["title"], after["description"], after["externalID"]) == ("New", None, None)
    assert after["ticketNumber"]
    text = await api.refused("PUT", "/Tickets", {"id": id_, "title": "Newer"})
    assert text.startswith("Missing Required Field: companyID")


async def test_put_takes_back_what_get_gave(api: Api) -> None:
    id_ = await api.create("/Tickets", TICKET)
    before = await api.item(f"/Tickets/{id_}")
    body = {name: value for name, value in before.items() if value is not None}
    await api.done("PUT", "/Tickets", body | {"status": 8})
    after = await api.item(f"/Tickets/{id_}")
    assert after["status"] == 8
    assert after["createDate"] == before["createDate"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_updates_need_a_record(api: Api, method: str) -> None:
    assert (await api.refused(method, "/Tickets", TICKET)).startswith("Missing Required Field: id")
    assert (await api.call(method, "/Tickets", TICKET | {"id": 1})).status_code == 404


async def test_user_defined_fields_change_one_by_one(api: Api) -> None:
    id_ = await api.create(
        "/Tickets", TICKET | {"userDefinedFields": [{"name": "ClientRequestID", "value": 7}]}
    )
    assert (await api.item(f"/Tickets/{id_}"))["userDefinedFields"] == [
        {"name": "ClientRequestID", "value": "7"},
        {"name": "Site Access Code", "value": None},
    ]
    patch = {"id": id_, "userDefinedFields": [{"Name": "site access code", "Value": "x"}]}
    await api.done("PATCH", "/Tickets", patch)
    assert [one["value"] for one in (await api.item(f"/Tickets/{id_}"))["userDefinedFields"]] == ["7", "x"]


async def test_completing_and_reopening(api: Api) -> None:
    id_ = await api.create("/Tickets", TICKET)
    await api.done("PATCH", "/Tickets", {"id": id_, "status": 5})
    done = await api.item(f"/Tickets/{id_}")
    assert done["completedDate"]
    assert done["completedByResourceID"] == 29_682_800
    await api.done("PATCH", "/Tickets", {"id": id_, "status": 8})
    assert (await api.item(f"/Tickets/{id_}"))["completedDate"] is None


class TestNotes:
    NOTE: ClassVar[dict[str, Any]] = {"title": "x", "description": "y", "noteType": 1, "publish": 1}

    async def test_the_parent_comes_from_the_address(self, api: Api) -> None:
        note = await api.create("/Tickets/7850/Notes", self.NOTE)
        assert (await api.item(f"/TicketNotes/{note}"))["ticketID"] == 7850
        await api.create("/Tickets/7850/Notes", self.NOTE | {"ticketID": 7850})

    async def test_another_parent_in_the_body(self, api: Api) -> None:
        text = await api.refused("POST", "/Tickets/7850/Notes", self.NOTE | {"ticketID": 7851})
        assert text == "The ticketID [7851] does not match the parent [7850]. ; on record number [1]."
        note = await api.create("/Tickets/7850/Notes", self.NOTE)
        elsewhere = await api.call("PATCH", "/Tickets/7851/Notes", {"id": note, "title": "moved"})
        assert elsewhere.status_code == 404
        await api.done("PATCH", "/Tickets/7850/Notes", {"id": note, "title": "stays"})
        assert (await api.item(f"/TicketNotes/{note}"))["title"] == "stays"

    async def test_a_parent_that_does_not_exist(self, api: Api) -> None:
        text = await api.refused("POST", "/Tickets/1/Notes", self.NOTE)
        assert text.startswith("Reference value on field: ticketID of type: Ticket does not exist")

    async def test_the_picklist_text(self, api: Api) -> None:
        text = await api.refused("POST", "/Tickets/7850/Notes", self.NOTE | {"noteType": 77})
        assert text == "Picklist value [77] does not exist for noteType. ; on record number [1]."

    @pytest.mark.parametrize("name", ["description", "noteType", "publish"])
    async def test_what_is_required(self, api: Api, name: str) -> None:
        body = {key: value for key, value in self.NOTE.items() if key != name}
        assert (await api.refused("POST", "/Tickets/7850/Notes", body)).startswith(
            f"Missing Required Field: {name}"
        )


class TestTimeEntries:
    async def test_what_the_server_works_out(self, api: Api) -> None:
        id_ = await api.create("/TimeEntries", api.time_entry(offsetHours=0.25))
        entry = await api.item(f"/TimeEntries/{id_}")
        assert entry["hoursWorked"] == 0.5
        assert entry["hoursToBill"] == 0.75
        assert entry["dateWorked"] == "2026-06-03T00:00:00.000Z"
        assert entry["timeEntryType"] == 2
        assert entry["createDateTime"] == entry["lastModifiedDateTime"]

    async def test_a_date_keeps_its_day(self, api: Api) -> None:
        id_ = await api.create("/TimeEntries", api.time_entry(dateWorked="2026-06-03T00:30:00+02:00"))
        assert (await api.item(f"/TimeEntries/{id_}"))["dateWorked"] == "2026-06-03T00:00:00.000Z"

    async def test_times_become_utc(self, api: Api) -> None:
        changes = {"startDateTime": "2026-06-03T10:00:00+02:00", "endDateTime": "2026-06-03T09:00:00"}
        id_ = await api.create("/TimeEntries", api.time_entry(**changes))
        entry = await api.item(f"/TimeEntries/{id_}")
        assert entry["startDateTime"] == "2026-06-03T08:00:00.000Z"
        assert entry["endDateTime"] == "2026-06-03T09:00:00.000Z"

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"roleID": None}, "TimeEntries for Tickets must have a roleID."),
            ({"startDateTime": None}, "TimeEntries for Service tickets require a start and stop time."),
            ({"endDateTime": None}, "TimeEntries for Service tickets require a start and stop time."),
            (
                {"roleID": 4711},
                (
                    "Reference value on field: roleID of type: Role does not exist or is invalid."
                    " ; on record number [1]."
                ),
            ),
            (
                {"endDateTime": "2026-06-03T08:00:00Z"},
                "The endDateTime must be later than the startDateTime.",
            ),
            ({"hoursWorked": 0}, "hoursWorked must be greater than 0 and less than or equal to 24."),
            ({"hoursWorked": 25}, "hoursWorked must be greater than 0 and less than or equal to 24."),
            (
                {"taskID": 3},
                (
                    "Reference value on field: taskID of type: Task does not exist or is invalid."
                    " ; on record number [1]."
                ),
            ),
            ({"ticketID": None}, "Missing Required Field: internalBillingCodeID. ; on record number [1]."),
        ],
    )
    async def test_what_is_refused(self, api: Api, changes: dict[str, Any], text: str) -> None:
        assert await api.refused("POST", "/TimeEntries", api.time_entry(**changes)) == text

    async def test_a_role_that_is_not_held(self, api: Api) -> None:
        resource, _ = api.pair()
        held = {row["roleID"] for row in api.rows("ResourceRoles") if row["resourceID"] == resource}
        other = next(row["id"] for row in api.rows("Roles") if row["id"] not in held)
        text = await api.refused("POST", "/TimeEntries", api.time_entry(roleID=other))
        assert text == "There is no row at position 0."

    async def test_only_work_types(self, api: Api) -> None:
        codes = {row["useType"]: row["id"] for row in api.rows("BillingCodes")}
        await api.create("/TimeEntries", api.time_entry(billingCodeID=codes[1]))
        text = await api.refused("POST", "/TimeEntries", api.time_entry(billingCodeID=codes[2]))
        assert text.startswith("Reference value on field: billingCodeID")

    async def test_time_on_a_task(self, api: Api) -> None:
        task = await api.create("/Projects/12/Tasks", {"title": "x", "status": 1, "taskType": 1})
        on_task = api.time_entry(
            ticketID=None, taskID=task, startDateTime=None, endDateTime=None, hoursWorked=1
        )
        id_ = await api.create("/TimeEntries", on_task)
        assert (await api.item(f"/TimeEntries/{id_}"))["timeEntryType"] == 6
        text = await api.refused("POST", "/TimeEntries", on_task | {"roleID": None})
        assert text == "TimeEntries for Tasks must have a roleID."
        text = await api.refused("POST", "/TimeEntries", on_task | {"ticketID": 7850})
        assert text.startswith("A TimeEntry cannot have both a ticketID and a taskID.")

    async def test_internal_time(self, api: Api) -> None:
        code = next(row["id"] for row in api.rows("BillingCodes") if row["useType"] == 3)
        entry = {"resourceID": api.pair()[0], "internalBillingCodeID": code, "hoursWorked": 2}
        id_ = await api.create("/TimeEntries", entry)
        assert (await api.item(f"/TimeEntries/{id_}"))["timeEntryType"] == 10

    async def test_delete(self, api: Api) -> None:
        id_ = await api.create("/TimeEntries", api.time_entry())
        assert await api.done("DELETE", f"/TimeEntries/{id_}") == {"itemId": id_}
        assert (await api.call("GET", f"/TimeEntries/{id_}")).status_code == 404
        assert (await api.call("DELETE", f"/TimeEntries/{id_}")).status_code == 404


class TestStamps:
    """`lastActivityDate` moves with everything, `lastTrackedModificationDateTime` with edits only."""

    async def moved(self, api: Api, method: str, path: str, body: Any) -> tuple[bool, bool]:
        ticket = api.rows("Tickets")[0]["id"]
        before = await api.item(f"/Tickets/{ticket}")
        await api.done(
            method, path.format(ticket=ticket), {"id": ticket} | body if path == "/Tickets" else body
        )
        after = await api.item(f"/Tickets/{ticket}")
        names = ("lastActivityDate", "lastTrackedModificationDateTime")
        return after[names[0]] > before[names[0]], after[names[1]] > before[names[1]]

    async def test_a_note(self, api: Api) -> None:
        assert await self.moved(api, "POST", "/Tickets/{ticket}/Notes", TestNotes.NOTE) == (True, False)

    async def test_time(self, api: Api) -> None:
        assert await self.moved(api, "POST", "/TimeEntries", api.time_entry()) == (True, False)

    async def test_an_attachment(self, api: Api) -> None:
        body = {
            "title": "t",
            "fullPath": "a.txt",
            "attachmentType": "FILE_ATTACHMENT",
            "publish": 1,
            "data": "eA==",
        }
        assert await self.moved(api, "POST", "/Tickets/{ticket}/Attachments", body) == (True, False)

    async def test_a_checklist_item(self, api: Api) -> None:
        moved = await self.moved(api, "POST", "/Tickets/{ticket}/ChecklistItems", {"itemName": "x"})
        assert moved == (False, False)

    async def test_an_edit(self, api: Api) -> None:
        assert await self.moved(api, "PATCH", "/Tickets", {"title": "Edited"}) == (True, True)

    async def test_an_edit_that_changes_nothing(self, api: Api) -> None:
        same = {"title": api.rows("Tickets")[0]["title"]}
        assert await self.moved(api, "PATCH", "/Tickets", same) == (True, False)


class TestChecklist:
    async def test_positions_and_completion(self, api: Api) -> None:
        first = await api.create("/Tickets/7850/ChecklistItems", {"itemName": "a"})
        second = await api.create("/Tickets/7850/ChecklistItems", {"itemName": "b"})
        assert (await api.item(f"/TicketChecklistItems/{first}"))["position"] == 1
        item = await api.item(f"/TicketChecklistItems/{second}")
        assert (item["position"], item["isCompleted"], item["completedDateTime"]) == (2, False, None)
        await api.done("PATCH", "/Tickets/7850/ChecklistItems", {"id": second, "isCompleted": True})
        assert (await api.item(f"/TicketChecklistItems/{second}"))["completedDateTime"]
        await api.done("DELETE", f"/Tickets/7850/ChecklistItems/{second}")
        assert [row["id"] for row in api.rows("TicketChecklistItems")] == [first]

    async def test_no_more_than_forty(self, api: Api) -> None:
        for at in range(40):
            await api.create("/Tickets/7850/ChecklistItems", {"itemName": f"item {at}"})
        text = await api.refused("POST", "/Tickets/7850/ChecklistItems", {"itemName": "one too many"})
        assert text == "A Ticket cannot have more than 40 checklist items."


class TestAttachments:
    FILE: ClassVar[dict[str, Any]] = {
        "attachmentType": "FILE_ATTACHMENT",
        "fullPath": "a.txt",
        "title": "t",
        "publish": 1,
        "data": "VGVzdA==",
    }

    async def test_where_the_content_is(self, api: Api) -> None:
        id_ = await api.create("/Tickets/7850/Attachments", self.FILE | {"id": 0})
        below = await api.item(f"/Tickets/7850/Attachments/{id_}")
        assert (below["data"], below["fileSize"], below["contentType"]) == (None, 4, "text/plain")
        assert (await api.done("GET", f"/TicketAttachments/{id_}"))["items"][0]["data"] == "VGVzdA=="
        (listed,) = await api.query("TicketAttachments", {"op": "eq", "field": "parentID", "value": 7850})
        assert (listed["id"], listed["data"]) == (id_, None)
        assert api.rows("TicketAttachments")[0]["data"] is None

    async def test_delete_goes_through_the_parent(self, api: Api) -> None:
        id_ = await api.create("/Tickets/7850/Attachments", self.FILE)
        text = await api.refused("DELETE", f"/Tickets/7851/Attachments/{id_}")
        assert text == "Attachment could not be found."
        await api.done("DELETE", f"/Tickets/7850/Attachments/{id_}")
        assert api.rows("TicketAttachments") == []

    async def test_limits(self, api: Api) -> None:
        def file(size: int) -> dict[str, Any]:
            return self.FILE | {"data": base64.b64encode(b"x" * size).decode()}

        assert "not a valid Base64" in await api.refused(
            "POST", "/Tickets/7850/Attachments", self.FILE | {"data": "?"}
        )
        assert "larger than" in await api.refused("POST", "/Tickets/7850/Attachments", file(7_000_001))
        await api.create("/Tickets/7850/Attachments", file(6_000_000))
        assert "per 5 minutes" in await api.refused("POST", "/Tickets/7850/Attachments", file(5_000_000))
        await api.create("/Tickets/7850/Attachments", file(1_000_000))

    async def test_a_body_beyond_reason_is_cut_off(self, api: Api) -> None:
        with pytest.raises(httpx.TransportError):
            await api.call("POST", "/Tickets/7850/Attachments", self.FILE | {"data": "x" * 20_000_000})


async def test_companies_and_contacts(api: Api) -> None:
    owner = api.pair()[0]
    company = await api.create(
        "/Companies", {"companyName": "New", "companyType": 1, "ownerResourceID": owner, "phone": "1"}
    )
    text = await api.refused("PATCH", "/Companies", {"id": company, "ownerResourceID": 29_682_800})
    assert text.startswith("Reference value on field: ownerResourceID of type: Resource")
    assert (await api.item(f"/Companies/{company}"))["isActive"] is True
    contact = await api.create(
        f"/Companies/{company}/Contacts", {"firstName": "A", "lastName": "B", "isActive": 1}
    )
    await api.create("/Tickets", TICKET | {"companyID": company, "contactID": contact})
    await api.done("PATCH", f"/Companies/{company}/Contacts", {"id": contact, "isActive": 0})
    text = await api.refused("POST", "/Tickets", TICKET | {"companyID": company, "contactID": contact})
    assert text.startswith(
        "Reference value on field: contactID of type: Contact does not exist or is invalid."
    )


async def test_the_cheap_entities_work_too(api: Api) -> None:
    times = {"startDateTime": "2026-06-03T08:00:00Z", "endDateTime": "2026-06-03T09:00:00Z"}
    appointment = await api.create("/Appointments", times | {"resourceID": api.pair()[0], "title": "x"})
    await api.done("DELETE", f"/Appointments/{appointment}")
    call = await api.create("/ServiceCalls", times | {"companyID": 175})
    text = await api.refused("PATCH", "/ServiceCalls", {"id": call, "endDateTime": "2026-06-03T07:00:00Z"})
    assert text == "The endDateTime must be later than the startDateTime."
    task = await api.create("/Projects/12/Tasks", {"title": "x", "status": 1, "taskType": 1})
    assert (await api.item(f"/Tasks/{task}"))["projectID"] == 12
