"""What each entity demands of its records beyond types, picklists and references.

Every rule gets the record as it would be after the write and what it was before (None when it is being
created), and raises a `Refusal` with the text the real API uses, where that is known. The `settle_…`
functions fill in what the server itself decides.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from autotask_queue.simulator.documents import Record, stamp
from autotask_queue.simulator.errors import RECORD, bad_reference, invalid, unknown_child_choice
from autotask_queue.simulator.tables import Tables

API_USER_LICENSE = 7
WORK_TYPE = 1
COMPLETE = 5
DEFAULT_CATEGORY = 3
DUE_AFTER = timedelta(hours=8)
MAX_CHECKLIST_ITEMS = 40
MAX_ATTACHMENT_BYTES = 7_000_000
ATTACHMENT_BUDGET_BYTES = 10_000_000
ATTACHMENT_WINDOW = timedelta(minutes=5)


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """In whose name a call writes: a resource, and the API user behind it when it is impersonated."""

    resource_id: int
    impersonator_id: int | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One write: the record after it, before it (None: it is new), and who makes it."""

    tables: Tables
    record: Record
    before: Record | None
    actor: Actor

    def touches(self, *names: str) -> bool:
        """True if one of these fields is new or differs."""
        before = self.before
        return before is None or any(before[name] != self.record[name] for name in names)


Rule = Callable[[Change], None]


def person(tables: Tables, id_: object) -> Record | None:
    """The resource with that id, if it is a person who may work: active, and no API user."""
    resource = tables.get("Resources", id_)
    if resource is None or not resource["isActive"] or resource["licenseType"] == API_USER_LICENSE:
        return None
    return resource


def holds_role(tables: Tables, resource_id: object, role_id: object) -> bool:
    """True if the resource may work in that role."""
    held = tables.where("ResourceRoles", resourceID=resource_id, roleID=role_id, isActive=True)
    return next(held, None) is not None


def _ticket(change: Change) -> None:
    _assignment(change)
    record = change.record
    if change.touches("contactID", "companyID") and record["contactID"] is not None:
        contact = change.tables.get("Contacts", record["contactID"])
        company = change.tables.get("Companies", record["companyID"]) or {}
        allowed = (record["companyID"], company.get("parentCompanyID"))
        if contact is None or contact["companyID"] not in allowed:
            raise invalid("contactID is not associated to the companyID or its Parent Company")
    if change.touches("configurationItemID", "companyID") and record["configurationItemID"] is not None:
        device = change.tables.get("ConfigurationItems", record["configurationItemID"])
        if device is None or device["companyID"] != record["companyID"]:
            raise invalid(
                f"The configurationItemID [{record['configurationItemID']}] is not associated with "
                f"Company [{record['companyID']}]"
            )
    if change.touches("issueType", "subIssueType") and record["subIssueType"] is not None:
        field = change.tables.catalogue.entity("Tickets").field("subIssueType")
        choices = field.picklist if field else ()
        if not any(one.id == record["subIssueType"] and one.parent == record["issueType"] for one in choices):
            raise unknown_child_choice("subIssueType")
    if change.touches("billingCodeID"):
        _work_type(change.tables, record)


def _assignment(change: Change) -> None:
    record = change.record
    if not change.touches("assignedResourceID", "assignedResourceRoleID", "queueID"):
        return
    resource, role = record["assignedResourceID"], record["assignedResourceRoleID"]
    if resource is None and role is None and record["queueID"] is None:
        raise invalid(
            "assignedResourceID, assignedResourceRoleID, and queueID cannot all be empty. Supply a queueID "
            "or both an assignedResourceID and assignedResourceRoleID."
        )
    if (resource is None) != (role is None):
        raise invalid(
            "Data violation: When assigning a Resource, you must assign both a assignedResourceID and "
            "assignedResourceRoleID."
        )
    if resource is not None and change.touches("assignedResourceID", "assignedResourceRoleID"):
        if person(change.tables, resource) is None:
            raise bad_reference("assignedResourceID", "Resource")
        if not holds_role(change.tables, resource, role):
            raise invalid(f'The Ticket "{record["title"]}" has an invalid Resource and Role combination.')


def _work_type(tables: Tables, record: Record) -> None:
    code = tables.get("BillingCodes", record["billingCodeID"])
    if code is not None and code["useType"] != WORK_TYPE:
        raise bad_reference("billingCodeID", "BillingCode")


def _settle_ticket(change: Change) -> None:
    record, now = change.record, change.tables.stamp()
    if change.before is None:
        moment = change.tables.now()
        record["ticketNumber"] = change.tables.ticket_number(moment)
        record["ticketCategory"] = record["ticketCategory"] or DEFAULT_CATEGORY
        record["ticketType"] = record["ticketType"] or 1
        record["dueDateTime"] = record["dueDateTime"] or stamp(moment + DUE_AFTER)
        record["creatorType"] = 1
    if change.touches("status"):
        done = record["status"] == COMPLETE
        record["completedDate"] = record["resolvedDateTime"] = now if done else None
        record["completedByResourceID"] = change.actor.resource_id if done else None
    record["lastActivityPersonType"] = 1
    record["lastActivityResourceID"] = change.actor.resource_id


def _time_entry(change: Change) -> None:
    record = change.record
    on_ticket, on_task = record["ticketID"] is not None, record["taskID"] is not None
    if on_ticket and on_task:
        raise invalid(f"A TimeEntry cannot have both a ticketID and a taskID.{RECORD}")
    if not (on_ticket or on_task) and record["internalBillingCodeID"] is None:
        raise invalid(f"Missing Required Field: internalBillingCodeID.{RECORD}")
    if on_ticket and record["roleID"] is None:
        raise invalid("TimeEntries for Tickets must have a roleID.")
    if on_task and record["roleID"] is None:
        raise invalid("TimeEntries for Tasks must have a roleID.")
    if on_ticket and (record["startDateTime"] is None or record["endDateTime"] is None):
        raise invalid("TimeEntries for Service tickets require a start and stop time.")
    if change.touches("resourceID") and person(change.tables, record["resourceID"]) is None:
        raise bad_reference("resourceID", "Resource")
    if record["roleID"] is not None and not holds_role(change.tables, record["resourceID"], record["roleID"]):
        raise invalid("There is no row at position 0.")
    if record["billingCodeID"] is not None and change.touches("billingCodeID"):
        _work_type(change.tables, record)
    _hours(record)


def _hours(record: Record) -> None:
    start, end = record["startDateTime"], record["endDateTime"]
    if start and end and end <= start:
        raise invalid("The endDateTime must be later than the startDateTime.")
    hours = record["hoursWorked"]
    if hours is None and start and end:
        hours = record["hoursWorked"] = round(_between(start, end) / 3600, 4)
    if hours is None or not 0 < hours <= 24:
        raise invalid("hoursWorked must be greater than 0 and less than or equal to 24.")


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _settle_time_entry(change: Change) -> None:
    record = change.record
    if record["dateWorked"] is None:
        worked = record["startDateTime"] or change.tables.stamp()
        record["dateWorked"] = f"{worked[:10]}T00:00:00.000Z"
    if change.before is None:
        record["creatorUserID"] = change.actor.resource_id
    record["lastModifiedUserID"] = change.actor.resource_id
    record["isNonBillable"] = bool(record["isNonBillable"])
    billable = 0.0 if record["isNonBillable"] else record["hoursWorked"] + (record["offsetHours"] or 0)
    record["hoursToBill"] = max(0.0, billable)
    record["timeEntryType"] = 2 if record["ticketID"] else 6 if record["taskID"] else 10


def _checklist_item(change: Change) -> None:
    siblings = sum(1 for _ in change.tables.where("TicketChecklistItems", ticketID=change.record["ticketID"]))
    if change.before is None and siblings >= MAX_CHECKLIST_ITEMS:
        raise invalid(f"A Ticket cannot have more than {MAX_CHECKLIST_ITEMS} checklist items.")


def _settle_checklist_item(change: Change) -> None:
    record = change.record
    if record["position"] is None:
        siblings = change.tables.where("TicketChecklistItems", ticketID=record["ticketID"])
        record["position"] = 1 + max((one["position"] or 0 for one in siblings), default=0)
    record["isCompleted"], record["isImportant"] = bool(record["isCompleted"]), bool(record["isImportant"])
    if change.touches("isCompleted"):
        done = record["isCompleted"]
        record["completedDateTime"] = change.tables.stamp() if done else None
        record["completedByResourceID"] = change.actor.resource_id if done else None


def _attachment(change: Change) -> None:
    record = change.record
    try:
        size = len(base64.b64decode(record["data"], validate=True))
    except (binascii.Error, ValueError):
        raise invalid("The attachment's data is not a valid Base64 string.") from None
    if size > MAX_ATTACHMENT_BYTES:
        raise invalid(f"The attachment is larger than the maximum of {MAX_ATTACHMENT_BYTES} bytes.")
    since = stamp(change.tables.now() - ATTACHMENT_WINDOW)
    recent = sum(
        one["fileSize"] for one in change.tables.rows("TicketAttachments") if one["attachDate"] > since
    )
    if recent + size > ATTACHMENT_BUDGET_BYTES:
        raise invalid(
            f"The attachment limit of {ATTACHMENT_BUDGET_BYTES} bytes per 5 minutes has been exceeded."
        )
    record["fileSize"] = size


def _settle_attachment(change: Change) -> None:
    record = change.record
    record["contentType"] = mimetypes.guess_type(record["fullPath"])[0] or "application/octet-stream"
    record["attachedByResourceID"] = change.actor.resource_id
    record["ticketID"] = record["parentID"]
    record["creatorType"] = 1


def _interval(change: Change) -> None:
    if change.record["endDateTime"] <= change.record["startDateTime"]:
        raise invalid("The endDateTime must be later than the startDateTime.")


def _company(change: Change) -> None:
    if change.touches("ownerResourceID") and person(change.tables, change.record["ownerResourceID"]) is None:
        raise bad_reference("ownerResourceID", "Resource")


def _settle_company(change: Change) -> None:
    if change.record["isActive"] is None:
        change.record["isActive"] = True


CHECKS: dict[str, Rule] = {
    "Tickets": _ticket,
    "TimeEntries": _time_entry,
    "TicketChecklistItems": _checklist_item,
    "TicketAttachments": _attachment,
    "Appointments": _interval,
    "ServiceCalls": _interval,
    "Companies": _company,
}
SETTLEMENTS: dict[str, Rule] = {
    "Tickets": _settle_ticket,
    "TimeEntries": _settle_time_entry,
    "TicketChecklistItems": _settle_checklist_item,
    "TicketAttachments": _settle_attachment,
    "Companies": _settle_company,
}
BUMPS_TICKET = {"TicketNotes": "ticketID", "TimeEntries": "ticketID", "TicketAttachments": "parentID"}
"""Entities whose writes move the `lastActivityDate` of their ticket, and the field that names it."""


def check(entity: str, change: Change) -> None:
    """Applies the entity's rule.

    Raises:
        Refusal: the record breaks it.
    """
    rule = CHECKS.get(entity)
    if rule:
        rule(change)


def settle(entity: str, change: Change) -> None:
    """Fills in what the server decides itself."""
    rule = SETTLEMENTS.get(entity)
    if rule:
        rule(change)
