"""What can be done to requests, to which of them, and how the result is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autotask_console.text import number, plural, tr
from autotask_queue import BulkResult, Reason, RequestRow, Status

WAITING = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING, Status.HELD})
RETRYABLE = frozenset({Status.FAILED, Status.EXPIRED, Status.RETRYING, Status.HELD})
EDITABLE = WAITING | {Status.FAILED}
MOVABLE = frozenset({Status.PENDING, Status.DEFERRED, Status.RETRYING})


class Verb(StrEnum):
    """In the order of the bulk bar."""

    RETRY = "retry"
    CANCEL = "cancel"
    RESTORE = "restore"
    PRIORITY = "priority"
    RESCHEDULE = "reschedule"
    EDIT = "edit"
    DUPLICATE = "duplicate"
    CURL = "curl"


ONE_ONLY = frozenset({Verb.EDIT, Verb.DUPLICATE, Verb.CURL})

_TITLES: dict[Verb, str] = {
    Verb.RETRY: "Retry",
    Verb.CANCEL: "Cancel",
    Verb.RESTORE: "Restore",
    Verb.PRIORITY: "Priority",
    Verb.RESCHEDULE: "Reschedule…",
    Verb.EDIT: "Edit…",
    Verb.DUPLICATE: "Use again…",
    Verb.CURL: "Copy as cURL",
}


def title(verb: Verb) -> str:
    """The word on its button."""
    return tr(_TITLES[verb])


def may_have_arrived(row: RequestRow) -> bool:
    """Whether nobody knows if it reached Autotask: then only a person who is sure may send it again."""
    return row.status is Status.UNCERTAIN or (
        row.status in {Status.HELD, Status.FAILED} and row.reason in {Reason.CONFIRM, Reason.BY_PERSON}
    )


def undecided(row: RequestRow) -> bool:
    """Whether a person can say what became of it."""
    return may_have_arrived(row) or (row.status is Status.HELD and row.reason is Reason.GONE)


_FITTING: dict[Verb, frozenset[Status]] = {
    Verb.RETRY: RETRYABLE,
    Verb.CANCEL: WAITING,
    Verb.RESTORE: frozenset({Status.CANCELLED}),
    Verb.PRIORITY: WAITING,
    Verb.RESCHEDULE: MOVABLE,
    Verb.EDIT: EDITABLE,
}
"""Where a verb is possible; the others always are."""


def why_not(verb: Verb, row: RequestRow) -> str:
    """Why this cannot be done to this request; empty if it can."""
    if may_have_arrived(row) and verb in {Verb.CANCEL, Verb.RETRY}:
        # "Cancelled" would deny that it may have arrived, and a retry could send it twice.
        return _not_waiting(Status.UNCERTAIN)
    if may_have_arrived(row) and verb is Verb.EDIT and row.status is Status.FAILED:
        return tr("You gave it up while nobody knew whether it had arrived. Say in its details what did.")
    if verb is Verb.RETRY and row.reason is Reason.NO_PROCESSOR and row.status is Status.HELD:
        return tr("It goes out by itself once its zone is signed in.")
    fitting = _FITTING.get(verb)
    if fitting is None or row.status in fitting:
        return ""
    if verb is Verb.RESTORE:
        return tr("It was not cancelled.")
    if verb is Verb.RETRY and row.status in WAITING:
        return tr("It waits for its turn already.")
    if verb is Verb.RESCHEDULE and row.status is Status.HELD:
        return tr("It waits for something of its own first.")
    return _not_waiting(row.status)


def _not_waiting(status: Status) -> str:
    match status:
        case Status.PROCESSING:
            return tr("It is being sent. It cannot be recalled; you can undo it in Autotask.")
        case Status.UNCERTAIN:
            return tr("It may have arrived. Say in its details what became of it.")
        case Status.COMPLETED:
            return tr("It was sent already.")
        case Status.CANCELLED:
            return tr("It was cancelled. Restore it first.")
        case Status.EXPIRED:
            return tr("Its time ran out. Retry it instead.")
        case Status.FAILED:
            return tr("It is not waiting: it failed. Retry it, or edit it.")
        case _:
            return tr("It is not waiting.")


@dataclass(frozen=True, kw_only=True)
class Offer:
    """How a verb is offered for a selection: "Retry 7 of 9", or greyed with the reason as tip."""

    verb: Verb
    title: str
    enabled: bool
    tip: str = ""


def offer(verb: Verb, rows: Sequence[RequestRow], *, count: int, all_matching: bool) -> Offer:
    """Offers `verb` for `count` requests of which `rows` are known here.

    With `all_matching`, or where some are not known here, the queue itself picks those that it fits.
    """
    word = title(verb)
    if count == 0:
        return Offer(verb=verb, title=word, enabled=False, tip=tr("Select a request first."))
    if verb in ONE_ONLY and (all_matching or count != 1):
        return Offer(verb=verb, title=word, enabled=False, tip=tr("Select just one request for this."))
    if all_matching or len(rows) < count:
        return Offer(verb=verb, title=word, enabled=True)
    reasons = [why_not(verb, row) for row in rows]
    fitting = reasons.count("")
    if not fitting:
        return Offer(verb=verb, title=word, enabled=False, tip=_common(reasons))
    if fitting == count:
        return Offer(verb=verb, title=word, enabled=True)
    counted = tr("{verb} {n} of {all}", verb=word.rstrip("…"), n=number(fitting), all=number(count))
    others = next(reason for reason in reasons if reason)
    return Offer(verb=verb, title=counted, enabled=True, tip=tr("The others: {why}", why=others))


def _common(reasons: Sequence[str]) -> str:
    different = list(dict.fromkeys(reasons))
    return different[0] if len(different) == 1 else tr("None of them can be, each for its own reason.")


# -- how it is asked, and how results are said

_ASKS: dict[Verb, tuple[str, str]] = {
    Verb.CANCEL: ("Cancel {n} request", "Cancel {n} requests"),
    Verb.RETRY: ("Retry {n} request", "Retry {n} requests"),
    Verb.RESTORE: ("Restore {n} request", "Restore {n} requests"),
    Verb.PRIORITY: ("Change the priority of {n} request", "Change the priority of {n} requests"),
    Verb.RESCHEDULE: ("Reschedule {n} request", "Reschedule {n} requests"),
}


def deed(verb: Verb, count: int) -> str:
    """A verb and its object, for a button: "Cancel 1 240 requests"."""
    return plural(count, *_ASKS[verb])


_DONE: dict[Verb, tuple[str, str, str]] = {
    Verb.CANCEL: ("Cancelled {n} request.", "Cancelled {n} requests.", "{n} cancelled"),
    Verb.RETRY: ("Queued {n} request again.", "Queued {n} requests again.", "{n} retried"),
    Verb.RESTORE: ("Restored {n} request.", "Restored {n} requests.", "{n} restored"),
    Verb.PRIORITY: (
        "Changed the priority of {n} request.",
        "Changed the priority of {n} requests.",
        "{n} changed",
    ),
    Verb.RESCHEDULE: ("Rescheduled {n} request.", "Rescheduled {n} requests.", "{n} rescheduled"),
}


def result_sentence(verb: Verb, result: BulkResult) -> str:
    """For example "Cancelled 3 requests." or "7 retried, 2 skipped: already sending."."""
    one, many, short = _DONE[verb]
    if not result.skipped:
        return plural(result.changed, one, many)
    why = f": {tr(result.skipped_why)}" if result.skipped_why else ""
    skipped = tr("{n} skipped", n=number(result.skipped))
    if not result.changed:
        return f"{skipped}{why}."
    return f"{tr(short, n=number(result.changed))}, {skipped}{why}."


def too_many_words(most: int) -> str:
    """When a span has come to its end."""
    return tr(
        "{n} rows are selected, as many as by hand. For more, use “Select all matching”.", n=number(most)
    )


def undo_words(count: int) -> str:
    """Completes "Undo …"."""
    return plural(count, "cancel of {n} request", "cancel of {n} requests")


def together(results: Sequence[BulkResult]) -> BulkResult:
    """Several results as one."""
    return BulkResult(
        changed=sum(r.changed for r in results),
        skipped=sum(r.skipped for r in results),
        skipped_why=next((r.skipped_why for r in results if r.skipped_why), ""),
        ids=tuple(i for r in results for i in r.ids),
    )
