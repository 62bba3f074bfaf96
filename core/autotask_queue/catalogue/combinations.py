"""What Autotask demands of several fields of a document together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from autotask_queue.catalogue.problems import Document, Draft, Problem, empty, moment

ASSIGNMENT = ("assignedResourceID", "assignedResourceRoleID")
MAX_HOURS_WORKED = 24


def combined(draft: Draft) -> Iterator[Problem]:
    """The problems that no single field shows."""
    match draft.entity.name:
        case "Tickets" | "Tasks":
            yield from _assignment(draft)
        case "TimeEntries":
            yield from _time_entry(draft)
        case "Appointments" | "ServiceCalls":
            yield from _interval(draft.document)
        case _:
            pass


def _assignment(draft: Draft) -> Iterator[Problem]:
    document = draft.document
    resource, role = (not empty(document.get(name)) for name in ASSIGNMENT)
    if resource != role:
        yield Problem(
            field=ASSIGNMENT[1] if resource else ASSIGNMENT[0],
            message="An assigned resource and their role go together; one of the two is missing.",
            remedy="Give both, or neither.",
        )
    elif draft.entity.name != "Tickets" or draft.update or resource:
        return
    elif empty(document.get("queueID")):
        yield Problem(
            field="queueID",
            message="A ticket needs a queue, or an assigned resource with their role.",
            remedy="Choose a queue, or a resource and a role.",
        )


def _time_entry(draft: Draft) -> Iterator[Problem]:
    document = draft.document
    if not draft.update:
        yield from _time_entry_target(document)
    yield from _interval(document)
    hours = document.get("hoursWorked")
    if isinstance(hours, int | float) and not isinstance(hours, bool) and not 0 < hours <= MAX_HOURS_WORKED:
        yield Problem(
            field="hoursWorked",
            message=f"Hours worked is {hours:g}; it must be more than 0 and at most {MAX_HOURS_WORKED}.",
            remedy="Correct the hours, or split the work over several entries.",
        )


def _time_entry_target(document: Document) -> Iterator[Problem]:
    ticket, task = (not empty(document.get(name)) for name in ("ticketID", "taskID"))
    if ticket and task:
        yield Problem(
            field="taskID",
            message="A time entry belongs to a ticket or to a task, not to both.",
            remedy="Leave one of them out.",
        )
    if not (ticket or task):
        if empty(document.get("internalBillingCodeID")):
            yield Problem(
                field="ticketID",
                message="It does not say what the time was spent on.",
                remedy="Choose a ticket or a task; for internal time, an internal work type.",
            )
        return
    if empty(document.get("roleID")):
        yield Problem(
            field="roleID",
            message="Time on a ticket or a task needs the role it was worked in.",
            remedy="Choose one of the resource's roles.",
        )
    for name, label in (("startDateTime", "Start"), ("endDateTime", "End")):
        if ticket and empty(document.get(name)):
            yield Problem(
                field=name,
                message=f"{label} is missing. Time on a ticket needs a start and an end.",
                remedy=f"Fill in {label}.",
            )


def _interval(document: Document) -> Iterator[Problem]:
    start, end = moment(document.get("startDateTime")), moment(document.get("endDateTime"))
    if start and end and end - start <= timedelta():
        yield Problem(
            field="endDateTime",
            message="The end is not after the start.",
            remedy="Correct the start or the end.",
        )
